"""The moving average of the weights, kept beside them and used in their place for evaluation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from ms_ovs.training.maps import drawn_near


class MovingAverage(nn.Cell):
    """average ← decay · average + (1 - decay) · w, once for every call; starts at the weights as they are.

    `parameters` are those that learn: statistics of batch norm are averages already. The averages are the
    parameters `average.NAME`. What a call returns is for `ops.depend`.
    """

    def __init__(self, parameters: Sequence[Parameter], *, decay: float):
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.averages = ParameterTuple(
            Parameter(Tensor(p.asnumpy()), name=f"average.{p.name}", requires_grad=False) for p in parameters
        )
        self.share = 1 - decay
        self.map = ops.HyperMap()

    @property
    def states(self) -> list[Parameter]:
        """The averages: a resumed training needs them beside the weights."""
        return list(self.averages)

    def construct(self):
        return self.map(ops.partial(drawn_near, self.share), self.averages, self.parameters)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Within the block the network has the averages, and these hold its weights; then all is as before.

        Changes values in place, so that compiled networks see it, in both modes. Train no step meanwhile.
        """
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        # by assignment, not set_data, which cuts cells that are compiled in PyNative mode off from their
        # parameters; through NumPy, since there a Tensor made of a Parameter may share its memory
        for parameter, average in zip(self.parameters, self.averages, strict=True):
            weight = Tensor(parameter.asnumpy().copy())
            ops.assign(parameter, average)
            ops.assign(average, weight)
