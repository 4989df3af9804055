"""MaskCLIP+: every name of the authors' checkpoints, both ways."""

import json

import numpy as np
import pytest

from convert import Entry, convert_tensors, reverse_tensors, variants
from convert.tables import maskclip_plus as tables
from ms_ovs import create_model
from ms_ovs.errors import UserError
from ms_ovs.models import saving
from tests.convert.conftest import drawn
from tests.tiny import MASKCLIP_PLUS

SYSTEM = "maskclip_plus"
CASES = {
    "deeplabv2_r101": ("vit_b16_deeplabv2_r101", {}),
    "segformer_b0": ("vit_b16_segformer_b0", {}),
    "distill": ("vit_b16_deeplabv2_r101", {}),
    "zero_shot_voc20": ("rn50_deeplabv2_r101", {"classes": 20}),
    "zero_shot_voc21_background": ("rn50_deeplabv2_r101", {"classes": 20, "background": True}),
    "zero_shot_context60": ("rn50_deeplabv3plus_r101", {"background": True}),
}


def kinds(tensors):
    return {name: (entry.dtype, entry.shape) for name, entry in tensors.items()}


@pytest.mark.parametrize("case", CASES)
def test_every_reference_name_there_and_back(case, reference_state):
    source = reference_state(f"maskclip_plus/{case}")
    done = convert_tensors(source, system=SYSTEM)
    assert (done.metadata["variant"], done.report.options) == CASES[case]
    own = {name: entry.shape for name, entry in done.tensors.items() if not name.startswith("carried.")}
    assert own == variants.expected(variants.config_of(SYSTEM, *CASES[case]))
    assert "carried.decode_head._iter_counter" in done.tensors
    back = reverse_tensors(done.tensors, done.metadata)
    assert kinds(back.tensors) == kinds(source)


def state_of(name):
    """A checkpoint of the authors' layout of a small size, with what it carries along."""
    system, variant, options, _ = MASKCLIP_PLUS[name]
    shapes = variants.expected(variants.config_of(system, variant, options))
    table = tables.TABLES["deeplabv3plus" in name]
    ours = {name: Entry.of(np.broadcast_to(np.float32(0), shape)) for name, shape in shapes.items()}
    state = {"decode_head._iter_counter": np.array(1999, np.int64)}
    for step in table.turned.plan(ours).steps:
        theirs = step.rule.hook.apply([ours[source] for source in step.sources], len(step.targets))
        for target, entry in zip(step.targets, theirs, strict=True):
            state[target] = drawn(target, entry.shape)
            if target.endswith("running_var"):
                state[target.replace("running_var", "num_batches_tracked")] = np.array(7, np.int64)
    if "segformer" in name:
        state["decode_head.decode_module.conv_seg.weight"] = drawn("w", (5, 24, 1, 1))
        state["decode_head.decode_module.conv_seg.bias"] = drawn("b", (5,))
        # of a student that learnt with class weights
        state["decode_head.clip_model.visual.proj"] = drawn("p", (4, 3))
        state["decode_head.logit_scale"] = drawn("s", ())
    return state


@pytest.mark.parametrize("name", MASKCLIP_PLUS)
def test_there_and_back_bit_for_bit(name, entries, same):
    source = state_of(name)
    done = convert_tensors(entries(source), system=SYSTEM)
    options = json.loads(done.metadata["options"])
    met = variants.config_of(SYSTEM, done.metadata["variant"], options)
    system, variant, known, _ = MASKCLIP_PLUS[name]
    assert variants.expected(met) == variants.expected(variants.config_of(system, variant, known))
    same(reverse_tensors(done.tensors, done.metadata).tensors, source)


@pytest.mark.parametrize("name", MASKCLIP_PLUS)
def test_a_trained_student_goes_by_the_authors_names(name):
    system, variant, options, _ = MASKCLIP_PLUS[name]
    model = create_model(system, variant=variant, seed=1, **options)
    metadata = saving.metadata(system, variant, options)
    arrays = {name: Entry.of(array) for name, array in saving.tensors(model).items()}
    back = reverse_tensors(arrays, metadata)
    dropped = {name for name in state_of(name) if "clip_model" not in name and "logit_scale" not in name}
    assert back.tensors.keys() | set(back.report.dropped) == dropped


def test_options_and_another_size(entries):
    source = state_of("plus_deeplabv2")
    done = convert_tensors(entries(source), system=SYSTEM, options={"norm_feat": True, "scale": [64, 32]})
    found = variants.config_of(SYSTEM, done.metadata["variant"], json.loads(done.metadata["options"]))
    assert found.norm_feat and found.scale == (64, 32)
    with pytest.raises(UserError, match="option norm_feat is 1; it must be true or false"):
        convert_tensors(entries(source), system=SYSTEM, options={"norm_feat": 1})
    source["decode_head.text_embeddings"] = drawn("t", (5, 23))
    with pytest.raises(UserError, match="the class embeddings have width 23, the image features 24"):
        convert_tensors(entries(source), system=SYSTEM)
    del source["decode_head.text_embeddings"]
    with pytest.raises(UserError, match="there are no class embeddings"):
        convert_tensors(entries(source), system=SYSTEM)
