"""Looking into a model: its named intermediate results."""

from mindspore import nn


class Taps(nn.Cell):
    """`taps.named(…)` gives the results that `model.TAPS` names, by name, computed in one graph."""

    def __init__(self, model: nn.Cell):
        super().__init__(auto_prefix=False)
        self.model = model

    def construct(self, *inputs):
        return self.model.stages(*inputs)

    def named(self, *inputs) -> dict:
        """{name: Tensor} for the inputs of the model."""
        return dict(zip(self.model.TAPS, self(*inputs), strict=True))


class GridScores(nn.Cell):
    """The `scores` of a model on its own grid as a cell, for those who resize them themselves."""

    def __init__(self, model: nn.Cell):
        super().__init__(auto_prefix=False)
        self.model = model

    def construct(self, *inputs):
        return self.model.scores(*inputs)
