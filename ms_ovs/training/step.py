"""One training step as one compiled graph."""

from mindspore import nn, ops, value_and_grad


class NetworkWithLoss(nn.Cell):
    """The loss of a dense network on a batch: images, class embeddings and targets in, a number out."""

    def __init__(self, network: nn.Cell, loss: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network
        self.loss = loss

    def construct(self, image, text, target):
        return self.loss(self.network(image, text), target)


class TrainStep(nn.Cell):
    """Loss, gradients and update: `step(lr, *batch)` → (loss, 2-norm of all gradients)."""

    def __init__(self, objective: nn.Cell, optimizer: nn.Cell):
        super().__init__(auto_prefix=False)
        self.objective = objective
        self.optimizer = optimizer
        self.differentiate = value_and_grad(objective, None, optimizer.parameters)

    def construct(self, lr, *batch):
        loss, gradients = self.differentiate(*batch)
        squares = 0.0
        for gradient in gradients:
            squares = squares + (gradient * gradient).sum()
        loss = ops.depend(loss, self.optimizer(gradients, lr))
        return loss, ops.sqrt(squares)
