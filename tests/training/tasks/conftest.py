"""All tests of the tasks run without compiling."""

import pytest


@pytest.fixture(autouse=True)
def _pynative(pynative):
    pass
