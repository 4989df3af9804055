import pytest


@pytest.fixture(params=["ours", "mindspore"])
def kernels(request, monkeypatch):
    """Cells with our own kernels, then those of a machine without a C++ compiler."""
    from ms_ovs.nn import kernels

    if request.param == "mindspore":
        monkeypatch.setattr(kernels, "LIBRARY", kernels.LIBRARY.with_name("not_built"))
    elif not kernels.LIBRARY.exists():
        pytest.skip("the installation found no C++ compiler")
    return request.param
