"""Our side of evaluation, on MindSpore."""

import numpy as np
from mindspore import Tensor

from benchmarks import flops, photos, recipe
from benchmarks.worker import Probe
from ms_ovs import runtime
from ms_ovs.evaluation.evaluate import ViewProtocol, windowed
from ms_ovs.models import create_model


def photograph(variant: str, protocol: str) -> Probe:
    """A photograph to its label map by a protocol, words encoded before; and one window, which compiles."""
    runtime.setup()
    model = create_model("lseg", variant=variant, seed=0)
    draws = np.random.default_rng(0)
    text = Tensor(draws.standard_normal((recipe.LABELS, model.config.text.embed_dim), np.float32))
    image = np.asarray(photos.photograph(draws))

    def network(windows: np.ndarray) -> np.ndarray:
        return model(Tensor(windows), text).asnumpy()

    windows = ViewProtocol.of(protocol).windows(model.config)
    predict = windowed(network, windows)
    crop, calls = model.config.crop_size, windows.calls(*image.shape[:2])
    return Probe(
        {
            "window": lambda: network(np.zeros((1, 3, crop, crop), np.float32)),
            "run": lambda: predict(image, None),
        },
        {
            "labels": recipe.LABELS,
            "windows": calls,
            "flops": calls * flops.lseg(model.config, crop, recipe.LABELS),
        },
    )
