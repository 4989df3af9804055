"""When labels are completed, and by whom."""

import pytest
from pydantic import ValidationError

from ms_ovs.training.stages import Stages, StageSettings

ZERO_SHOT = {"guided": (1, 3), "self_training": (4, None)}


def who(stages, forwards):
    """Who completes the labels of each of the next forwards."""
    found = []
    for _ in range(forwards):
        assert not (stages.guided and stages.self_training)
        found.append("teacher" if stages.guided else "student" if stages.self_training else "none")
        stages.passed()
    return found


def test_the_counter_is_raised_before_the_stage_is_decided():
    assert who(Stages(StageSettings(**ZERO_SHOT)), 5) == ["teacher"] * 3 + ["student"] * 2
    assert who(Stages(StageSettings(guided=(2, 3))), 5) == ["none", "teacher", "teacher", "none", "none"]
    assert who(Stages(StageSettings(guided=None)), 2) == ["none"] * 2


def test_the_order_may_be_the_other_way_round():
    stages = Stages(StageSettings(guided=(2, None), self_training=(1, 1)))
    assert who(stages, 3) == ["student", "teacher", "teacher"]


def test_the_teacher_teaches_for_ever_by_default():
    stages = Stages(StageSettings())
    stages.counter = 10**6
    assert who(stages, 1) == ["teacher"]


def test_validation_counts_as_the_authors_program_does():
    stages = Stages(StageSettings(**ZERO_SHOT))
    assert who(stages, 1) == ["teacher"]
    stages.evaluated(2)  # two images: forwards 2 and 3 are gone
    assert who(stages, 1) == ["student"]
    assert stages.counter == 4


def test_a_resumed_training_counts_anew():
    stages = Stages(StageSettings(**ZERO_SHOT))
    stages.resumed(100)
    assert stages.counter == 0 and who(stages, 1) == ["teacher"]


def test_counting_steps_ignores_validation_and_survives_a_resumption():
    stages = Stages(StageSettings(**ZERO_SHOT, count="steps"))
    stages.evaluated(50)
    assert stages.counter == 0
    stages.resumed(3)
    assert who(stages, 1) == ["student"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"guided": (1, None), "self_training": (5, None)}, "the ranges overlap"),
        ({"guided": (1, 5), "self_training": (5, None)}, r"guided is \[1, 5\], self_training \[5, null\]"),
        ({"guided": (3, 9), "self_training": (1, 3)}, "end the first before the second"),
        ({"guided": (0, 9)}, "guided is .0, 9.: give a first forward from 1 on"),
        ({"self_training": (4, 3)}, "a last from it on"),
    ],
)
def test_ranges_that_make_no_sense(given, message):
    with pytest.raises(ValidationError, match=message):
        StageSettings(**given)
