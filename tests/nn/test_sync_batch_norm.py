"""Batch norm over processes: alone it is MindSpore's; two processes equal one that has both halves.

Started by `msrun` (see the last test), this file is one of two processes.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn

from ms_ovs.nn.bottleneck import Bottleneck
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import batch_norm
from ms_ovs.nn.sync_batch_norm import SyncBatchNorm2d, synchronise

RNG = np.random.default_rng(0)
# far from zero mean, where careless formulas lose digits
X = (RNG.standard_normal((4, 3, 5, 6)) * [[[[1]], [[5]], [[0.1]]]] + [[[[10]], [[0]], [[-30]]]]).astype(
    np.float32
)
WEIGHT = RNG.standard_normal(X.shape).astype(np.float32)
VECTORS = {
    name: RNG.uniform(0.5, 2, 3).astype(np.float32)
    for name in ("gamma", "beta", "moving_mean", "moving_variance")
}


class Loss(nn.Cell):
    """Σ y · weight after the norm `bn`: its gradient reaches the input and the norm's parameters."""

    def __init__(self):
        super().__init__()
        self.x = Parameter(X)
        self.bn = batch_norm(3)
        for name, value in VECTORS.items():
            getattr(self.bn, name).set_data(Tensor(value))

    def construct(self, weight):
        y = self.bn(self.x)
        return (y * weight).sum(), y


def results(net, weight, steps=2):
    """Output, gradients of input, gamma and beta, and running statistics after two passes."""
    net.set_train(True)
    differentiate = ms.value_and_grad(
        net, None, ParameterTuple([net.x, net.bn.gamma, net.bn.beta]), has_aux=True
    )
    for _ in range(steps):
        (_, y), gradients = differentiate(Tensor(weight))
    return [t.asnumpy() for t in (y, *gradients, net.bn.moving_mean, net.bn.moving_variance)]


def alone(x):
    """The sum over one process."""
    return x


def twice(x):
    """The sum over two processes that have the same."""
    return x + x


def sync_loss():
    net = Loss()
    net.insert_child_to_cell("bn", SyncBatchNorm2d(net.bn, ranks=1, reduce=alone))
    return net


def test_alone_it_is_the_usual_norm(mode):
    ours, theirs = results(sync_loss(), WEIGHT), results(Loss(), WEIGHT)
    for name, mine, peer in zip(("y", "x", "gamma", "beta", "mean", "variance"), ours, theirs, strict=True):
        scale = np.abs(peer).max()
        np.testing.assert_allclose(mine, peer, atol=2e-5 * scale, err_msg=name)


def test_evaluation_is_that_of_the_usual_norm(mode):
    for net in (ours := sync_loss(), theirs := Loss()):
        net.set_train(False)
    np.testing.assert_allclose(
        ours(Tensor(WEIGHT))[1].asnumpy(), theirs(Tensor(WEIGHT))[1].asnumpy(), rtol=1e-6
    )
    np.testing.assert_array_equal(ours.bn.moving_mean.asnumpy(), VECTORS["moving_mean"])


class Nested(nn.Cell):
    """Norms as attributes, in a sequence and deeper down."""

    def __init__(self):
        super().__init__()
        self.stem = nn.SequentialCell(conv2d(3, 4, 1), batch_norm(4), nn.ReLU())
        self.block = Bottleneck(4, 2, stride=2, pooled=False)

    def construct(self, x):
        return self.block(self.stem(x))


def test_synchronise_replaces_every_norm_and_keeps_the_parameters(mode, monkeypatch):
    monkeypatch.setattr("ms_ovs.nn.sync_batch_norm.ops.AllReduce", lambda: twice)
    net, peer = Nested().set_train(), Nested().set_train()
    before = dict(net.parameters_and_names())
    order = [p.name for p in net.get_parameters()]
    synchronise(net, 2)
    kinds = [type(cell) for _, cell in net.cells_and_names()]
    assert nn.BatchNorm2d not in kinds and kinds.count(SyncBatchNorm2d) == 5
    after = dict(net.parameters_and_names())
    assert before.keys() == after.keys() and all(before[name] is after[name] for name in before)
    assert sorted(p.name for p in net.get_parameters()) == sorted(order)
    # two processes with the same images normalise as one does: the sequence, too, runs the new norms
    for network in (net, peer):
        for parameter in network.get_parameters():
            if parameter.ndim == 4:
                parameter.set_data(
                    Tensor(np.random.default_rng(1).standard_normal(parameter.shape), ms.float32)
                )
    x = Tensor(X)
    np.testing.assert_allclose(net(x).asnumpy(), peer(x).asnumpy(), atol=1e-4)
    ours, theirs = (n.stem[1].moving_variance.asnumpy() for n in (net, peer))
    count = X.shape[0] * X.shape[2] * X.shape[3]
    assert not np.array_equal(ours, np.ones(4))
    # n / (n - 1) differs: there are twice as many pixels
    np.testing.assert_allclose((ours - 0.9) * (2 * count - 1) / 2, (theirs - 0.9) * (count - 1), rtol=1e-4)


def test_one_process_keeps_its_norms():
    net = Nested()
    synchronise(net, 1)
    assert type(net.stem[1]) is nn.BatchNorm2d


def test_two_processes_equal_one_with_both_halves(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(sys.executable).parent
    launch = [folder / "msrun", "--worker_num=2", "--local_worker_num=2", "--master_addr=127.0.0.1",
              f"--master_port={port}", f"--log_dir={tmp_path}", "--join=True"]  # fmt: skip
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*launch, __file__, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=120
    )
    logs = "\n".join(log.read_text() for log in tmp_path.glob("worker_*.log"))
    assert done.returncode == 0, done.stdout + logs
    whole = results(Loss(), WEIGHT)
    for execution in ("graph", "pynative"):
        halves = [np.load(tmp_path / f"{execution}{rank}.npz") for rank in (0, 1)]
        first, second = ([half[f"arr_{i}"] for i in range(6)] for half in halves)
        images = [np.concatenate(pair) for pair in zip(first[:2], second[:2], strict=True)]
        together = [*images, first[2] + second[2], first[3] + second[3], *first[4:]]
        for name, mine, one in zip(
            ("y", "x", "gamma", "beta", "mean", "variance"), together, whole, strict=True
        ):
            np.testing.assert_allclose(
                mine, one, atol=2e-5 * np.abs(one).max(), err_msg=f"{execution} {name}"
            )
        for mine, other in zip(first[4:], second[4:], strict=True):
            np.testing.assert_array_equal(mine, other)


def work(folder):
    """One of two processes: its half of the batch, in both modes."""
    from mindspore import communication

    from ms_ovs import runtime

    runtime.setup("CPU", "graph")
    communication.init()
    rank = communication.get_rank()
    half = slice(2 * rank, 2 * rank + 2)
    for execution in ("graph", "pynative"):
        runtime.setup("CPU", execution)
        net = Loss()
        net.x = Parameter(X[half], name="x")
        synchronise(net, communication.get_group_size())
        np.savez(Path(folder) / f"{execution}{rank}.npz", *results(net, WEIGHT[half]))


if __name__ == "__main__":
    work(*sys.argv[1:])
