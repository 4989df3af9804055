"""From a reference's weights to a model that computes with them, and what is refused on the way."""

import json

import mindspore as ms
import numpy as np
import pytest

from convert import Entry
from convert import safetensors as writer
from ms_ovs import create_model
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import fill, load_model
from tests.tiny import TINY

IMAGE = ms.Tensor(np.random.default_rng(0).standard_normal((1, 3, 64, 64)).astype(np.float32))
WORDS = ms.Tensor(np.random.default_rng(1).standard_normal((3, 24)).astype(np.float32))


def save(path, model, *, system, variant, options, dtype=np.float32, **changes):
    """A converted checkpoint of the model's weights."""
    tensors = {
        name: Entry.of(parameter.asnumpy().astype(dtype)) for name, parameter in model.parameters_and_names()
    }
    tensors["carried.head.weight"] = Entry.of(np.ones(3, np.float32))
    metadata = {"format": "ms_ovs", "system": system, "variant": variant, "options": json.dumps(options)}
    writer.write(path, tensors, metadata | changes)


@pytest.fixture
def lseg(tmp_path):
    """(path, model) of a tiny LSeg."""
    system, variant, options, _ = TINY["lseg_vit"]
    model = create_model(system, variant=variant, seed=5, **options)
    path = tmp_path / "tiny.safetensors"
    save(path, model, system=system, variant=variant, options=options)
    return path, model


def test_loaded_model_computes_the_same(pynative, lseg):
    path, model = lseg
    loaded, checkpoint = load_model(path, system="lseg")
    assert (checkpoint.system, checkpoint.variant) == ("lseg", "clip_vitl16_384")
    assert len(checkpoint.sha256) == 64
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded(IMAGE, WORDS).asnumpy(), model(IMAGE, WORDS).asnumpy())


def test_half_precision_is_widened(tmp_path):
    system, variant, options, _ = TINY["clip_vit"]
    model = create_model(system, variant=variant, seed=5, **options)
    path = tmp_path / "half.safetensors"
    save(path, model, system=system, variant=variant, options=options, dtype=np.float16)
    loaded, _ = load_model(path)
    for ours, theirs in zip(loaded.get_parameters(), model.get_parameters(), strict=True):
        assert ours.dtype == ms.float32
        np.testing.assert_array_equal(ours.asnumpy(), theirs.asnumpy().astype(np.float16))


def test_filling_a_used_model_changes_its_output(mode):
    # a graph, too, has to take the new weights
    system, variant, options, shape = TINY["clip_vit"]
    image = ms.Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    model, other = (create_model(system, variant=variant, seed=seed, **options) for seed in (5, 6))
    before = model(image, WORDS).asnumpy()
    entries = {name: Entry.of(p.asnumpy()) for name, p in other.parameters_and_names()}
    fill(model, entries, origin="test")
    after = model(image, WORDS).asnumpy()
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_array_equal(after, other(image, WORDS).asnumpy())


def test_refused(tmp_path, lseg):
    path, model = lseg
    with pytest.raises(UserError, match="checkpoint of 'lseg', here one of 'clip' is needed"):
        load_model(path, system="clip")
    with pytest.raises(UserError, match="there is no such file"):
        load_model(tmp_path / "absent.safetensors")
    system, variant, options, _ = TINY["lseg_vit"]
    foreign = tmp_path / "foreign.safetensors"
    save(foreign, model, system=system, variant=variant, options=options, format="pt")
    with pytest.raises(UserError, match="was not written by the converter"):
        load_model(foreign)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="not a whole .safetensors file"):
        load_model(cut)
    unknown = tmp_path / "unknown.safetensors"
    save(unknown, model, system="lsag", variant=variant, options=options)
    with pytest.raises(UserError, match="unknown system 'lsag'"):
        load_model(unknown)
    vague = tmp_path / "vague.safetensors"
    save(vague, model, system=system, variant=variant, options=[1])
    with pytest.raises(UserError, match=r"vague.safetensors: the ms_ovs metadata is damaged"):
        load_model(vague)
    wider = tmp_path / "wider.safetensors"
    save(wider, model, system=system, variant=variant, options={**options, "features": 24})
    with pytest.raises(UserError, match=r"decoder.reduce1.weight has shape \(16, 8, 3, 3\)"):
        load_model(wider)


def test_missing_and_stray_names_leave_the_model_untouched(lseg):
    _, model = lseg
    before = model.head.bias.asnumpy()
    entries = {name: Entry.of(p.asnumpy() + 1) for name, p in model.parameters_and_names()}
    entries["head.biass"] = entries.pop("head.bias")
    with pytest.raises(UserError, match=r"1 tensors are missing, first head.bias \(nearest.*head.biass\)"):
        fill(model, entries, origin="test")
    np.testing.assert_array_equal(model.head.bias.asnumpy(), before)
