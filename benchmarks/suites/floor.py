"""The time below which no program of the same arithmetic can go here."""

import statistics

from benchmarks.rounds import Rounds, Turn
from benchmarks.side import Side

PRODUCT = "product"


def turn(product: Side) -> Turn:
    """Some large matrix products."""
    return product.turn(calls=5)


def seconds(side: Side, product: Side, measured: Rounds) -> float:
    """The operations of a side's work at the rate of the matrix products of the same rounds."""
    rate = product.facts["flops"] / statistics.median(measured.seconds(PRODUCT))
    return side.facts["flops"] / rate
