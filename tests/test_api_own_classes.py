"""A segmenter whose network has the classes of its training: labels are their names."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from ms_ovs import create_model
from ms_ovs.api import Segmenter
from ms_ovs.errors import UserError
from ms_ovs.models.saving import metadata, tensors
from tests.tiny import WORDLESS

NAMES = "sky, tree|bush, road, car, other"


@pytest.fixture
def segformer(tmp_path, monkeypatch):
    """The path of a converted tiny SegFormer of 5 classes, on a machine without CLIP's vocabulary."""

    def none(merges):
        raise UserError("no vocabulary here")

    monkeypatch.setattr("ms_ovs.api.Tokenizer", none)
    system, variant, options, _ = WORDLESS["segformer"]
    path = tmp_path / "segformer.safetensors"
    model = create_model(system, variant=variant, seed=3, **options)
    save_file(tensors(model), path, metadata(system, variant, options))
    return path


def photo():
    return np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)


def test_channels_are_the_classes(segformer, mode):
    segmenter = Segmenter(segformer, mode=mode)
    vocabulary = segmenter.check(NAMES)
    segmenter.compile(vocabulary)
    result = segmenter(photo(), vocabulary)
    assert result.names == ("sky", "tree", "road", "car", "other")
    assert result.label_map.shape == (50, 70) and set(np.unique(result.label_map)) <= set(range(5))
    assert sum(result.shares) == pytest.approx(1)
    assert result.record["checkpoint"]["system"] == "segformer"
    swapped = segmenter(photo(), "a, b, c, d, e")
    np.testing.assert_array_equal(swapped.label_map, result.label_map)


@pytest.mark.parametrize("loaded", [False, True])
def test_another_number_of_labels_is_refused(segformer, loaded):
    segmenter = Segmenter(segformer)
    if loaded:
        segmenter.load()
    for ask in (segmenter.check, segmenter.encode, lambda labels: segmenter(photo(), labels)):
        with pytest.raises(
            UserError, match="4 labels for .*segformer.safetensors, which has 5 classes of its"
        ):
            ask("sky, tree, road, car")


def test_a_backbone_cannot_segment(tmp_path):
    from convert import safetensors
    from convert.tensors import Entry

    path = tmp_path / "mit.safetensors"
    described = {"format": "ms_ovs", "system": "mit", "variant": "mit_b0", "options": "{}"}
    safetensors.write(path, {"x": Entry.of(np.zeros(3, np.float32))}, described)
    with pytest.raises(UserError, match="checkpoint of 'mit', here one of 'lseg' or .*'segformer' is needed"):
        Segmenter(path).check("a, b")
