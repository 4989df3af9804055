"""Signals that end a training after the step it is at."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Told:
    """Whether somebody told the training to end: SIGTERM, or Ctrl-C."""

    def __init__(self):
        self.yes = False

    def __call__(self, number, frame) -> None:
        """The first signal is noted, a second Ctrl-C ends at once."""
        if self.yes and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.yes = True


@contextmanager
def told_to_end() -> Iterator[Told]:
    """Within the block signals are noted; after it they do what they did before."""
    told = Told()
    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
