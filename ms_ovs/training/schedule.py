"""Learning rate over time, as a factor of the base rate: plain functions, evaluated outside the graph."""


def poly(done: float, *, power: float) -> float:
    """(1 - done)^power, where `done` is the finished share of training, 0 to 1."""
    return (1 - done) ** power
