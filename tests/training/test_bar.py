"""What stands on the screen, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from ms_ovs.training import bar as module
from ms_ovs.training.bar import Bar, short


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands unless it is moved: `clock[0] += seconds`."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, _environ={"TERM": "xterm"})


def test_lines_where_there_is_no_terminal(clock):
    screen = console(False)
    bar = Bar(screen, 600, start=90, every=50)
    bar.doing("compiling the graph …")
    for step in range(91, 601):
        bar.step(step, loss=step / 1000, lr=1e-3, speed=310.4)
        clock[0] += 10
    bar.note("[bold] stays")
    bar.close()
    assert screen.file.getvalue().splitlines() == [
        "compiling the graph …",
        "step 91/600  loss 0.091  lr 1.0e-03  310 images/s  left -:--:--",
        *[
            f"step {step}/600  loss 0.{step}  lr 1.0e-03  310 images/s  left {left}"
            for step, left in [
                (141, "1:16:30"),
                (191, "1:08:10"),
                (241, "0:59:50"),
                (291, "0:51:30"),
                (341, "0:43:10"),
                (391, "0:34:50"),
                (441, "0:26:30"),
                (491, "0:18:10"),
                (541, "0:09:50"),
                (591, "0:01:30"),
                (600, "0:00:00"),
            ]
        ],
        "[bold] stays",
    ]


def test_long_lines_stay_whole(clock):
    screen = console(False)
    Bar(screen, 1).note("x" * 500)
    assert screen.file.getvalue() == "x" * 500 + "\n"


def test_steps_of_which_little_is_known(clock):
    screen = console(False)
    bar = Bar(screen, 9, every=1)
    bar.step(1)
    bar.step(2, loss=float("nan"), lr=0.0, speed=0.25)
    bar.step(3, loss=float("inf"), speed=None)
    assert screen.file.getvalue().splitlines() == [
        "step 1/9  left -:--:--",
        "step 2/9  loss nan  lr 0.0e+00  0.2 images/s  left 0:00:00",
        "step 3/9  loss inf  0.2 images/s  left 0:00:00",
    ]


def test_speed_is_that_of_most_steps(clock):
    screen = console(False)
    bar = Bar(screen, 9, every=1)
    for step, speed in enumerate((100, 101, 3, 100, 102), 1):
        bar.step(step, speed=speed)
    assert "  100 images/s  " in screen.file.getvalue().splitlines()[-1]


def test_a_bar_on_a_terminal(clock):
    screen = console(True)
    bar = Bar(screen, 600, every=1)
    bar.doing("compiling the graph …")
    bar._progress.refresh()
    assert "compiling the graph …" in screen.file.getvalue()
    for step in (1, 2, 600):
        bar.step(step, loss=1.5)
        clock[0] += 1
    bar.note("noted")
    bar.close()
    shown = screen.file.getvalue()
    assert "━" in shown and "noted\n" in shown
    assert "step 600/600  loss 1.500  left 0:00:00" in shown.splitlines()[-2]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.000"), (0.01, "0.010"), (0.00999, "9.990e-03"), (-12.3456, "-12.346"), (1e4, "1.000e+04")],
)
def test_short(value, text):
    assert short(value) == text
