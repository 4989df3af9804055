"""Names that were nearly right."""

import pytest

from ms_ovs.errors import UserError, choose, nearest


def test_letter_case_does_not_hide_a_name():
    assert nearest("cpu", ["CPU", "Ascend"]) == ["CPU"]
    assert nearest("VIT-b/31", ["RN50", "ViT-B/32", "ViT-L/14"]) == ["ViT-B/32"]
    with pytest.raises(UserError, match="unknown device 'cpu': did you mean 'CPU'[?] known are CPU, Ascend"):
        choose("device", "cpu", ["CPU", "Ascend"])


def test_nothing_like_it():
    assert nearest("zebra", ["CPU", "GPU"]) == []
