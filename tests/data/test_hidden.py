"""Labels that are hidden from training."""

import numpy as np
import pytest

from ms_ovs.data.hidden import HIDDEN, HiddenLabels, check_hidden
from ms_ovs.errors import UserError

TARGET = np.array([[0, 1, 2], [-1, 2, 3]], np.int32)
IMAGE = np.zeros((2, 3, 3), np.uint8)
SAMPLES = [(IMAGE, TARGET)]


def target(*given, **options):
    return HiddenLabels(SAMPLES, *given, **options)[0][1].tolist()


def test_some_classes_or_all():
    assert target([2, 0]) == [[HIDDEN, 1, HIDDEN], [-1, HIDDEN, 3]]
    assert target("all") == [[HIDDEN] * 3, [-1, HIDDEN, HIDDEN]]
    assert target([]) == TARGET.tolist()


def test_what_is_ignored_may_be_hidden_too():
    assert target([2], ignored=True) == [[0, 1, HIDDEN], [HIDDEN, HIDDEN, 3]]


def test_samples_are_numbered_if_asked_and_stay_as_they_are():
    image, hidden, number = HiddenLabels(SAMPLES, "all", numbered=True)[0]
    assert image is IMAGE and number == 0 and hidden.dtype == np.int32
    assert TARGET[0, 0] == 0 and len(HiddenLabels(SAMPLES, "all")) == 1


def test_a_class_that_should_be_hidden():
    check_hidden(TARGET, [4, 5])
    check_hidden(TARGET, [])
    with pytest.raises(UserError, match="class 2 is suppressed and occurs in an annotation"):
        check_hidden(TARGET, [2, 9])
