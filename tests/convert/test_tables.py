"""Every name of the reference cases, both ways; and what happens to names that do not fit."""

import numpy as np
import pytest

from convert import Entry, convert_tensors, reverse_tensors
from convert.tables import TABLES, clip, lseg
from ms_ovs.errors import UserError

BLOCK = {"arch_option": 1, "block_depth": 2, "activation": "tanh"}
CASES = {
    "clip/rn50": "RN50",
    "clip/rn101": "RN101",
    "clip/vit_b32": "ViT-B/32",
    "clip/vit_b16": "ViT-B/16",
    "lseg/vitl16_384": "clip_vitl16_384",
    "lseg/vitb32_384": "clip_vitb32_384",
    "lseg/vitb32_384_arch1": "clip_vitb32_384",
    "lseg/rn50x16_vitl16": "clipRN50x16_vitl16_384",
    "lseg/zs_vitl16": "clip_vitl16_384",
    "lseg/zs_rn101": "clip_resnet101",
}


def kinds(tensors):
    return {name: (entry.dtype, entry.shape) for name, entry in tensors.items()}


@pytest.mark.parametrize("case", CASES)
def test_every_reference_name_there_and_back(case, reference_state):
    source = reference_state(case)
    options = BLOCK if "arch1" in case else {}
    done = convert_tensors(source, system=case.split("/")[0], options=options)
    assert done.metadata["variant"] == CASES[case]
    assert done.report.options == options
    steps = done.report.mapped
    assert sum(len(step["source"]) for step in steps) + len(done.report.carried) == len(source)
    back = reverse_tensors(done.tensors, done.metadata)
    assert kinds(back.tensors) == kinds(source)


@pytest.mark.parametrize("case", CASES)
def test_exactly_one_rule_takes_a_name(case, reference_state):
    names = [name.removeprefix("net.") for name in reference_state(case)]
    table = {"rn50": clip.RESNET_TABLE, "rn101": clip.RESNET_TABLE}.get(case[5:], clip.VIT_TABLE)
    table = lseg.TABLE if case.startswith("lseg") else table
    assert all(len(table.matches(name)) == 1 for name in names)


def test_target_names(reference_state):
    done = convert_tensors(reference_state("lseg/vitl16_384"), system="lseg")
    rows = {step["source"][0]: step["target"][0] for step in done.report.mapped}
    assert rows["clip_pretrained.token_embedding.weight"] == "text.token_embedding"
    assert (
        rows["clip_pretrained.transformer.resblocks.11.attn.in_proj_bias"] == "text.blocks.11.attn.qkv.bias"
    )
    assert rows["pretrained.model.pos_embed"] == "image.position_embedding"
    assert rows["pretrained.act_postprocess1.4.weight"] == "reassemble1.resample.weight"
    assert (
        rows["scratch.refinenet3.resConfUnit1.bn2.running_var"] == "decoder.fusion3.unit1.bn2.moving_variance"
    )
    assert "carried.scratch.refinenet4.resConfUnit1.conv1.weight" in done.tensors
    assert "carried.pretrained.model.norm.weight" in done.tensors


def test_drop_unused(reference_state):
    done = convert_tensors(reference_state("lseg/zs_rn101"), system="lseg", drop_unused=True)
    assert not any(name.startswith("carried.") for name in done.tensors)
    assert "clip_pretrained.logit_scale" in done.report.dropped
    back = reverse_tensors(done.tensors, done.metadata)
    assert back.report.dropped == done.report.dropped
    assert "net.scratch.head1.weight" in back.tensors


def test_stray_and_missing_names_with_their_neighbours(reference_state):
    source = reference_state("clip/vit_b32")
    source["visual.ln_pst.weight"] = source.pop("visual.ln_post.weight")
    source["visual.transformer.resblocks.12.ln_1.weight"] = source["ln_final.weight"]
    del source["text_projection"]
    with pytest.raises(UserError) as caught:
        convert_tensors(source, system="clip")
    text = str(caught.value)
    assert text.startswith("2 stray and 2 missing tensors for clip ViT-B/32; stray: ")
    assert "'visual.ln_pst.weight' (nearest: 'visual.ln_post.weight')" in text
    assert "'visual.transformer.resblocks.12.ln_1.weight'" in text and "'text_projection'" in text
    assert "\n" not in text


def test_long_lists_are_cut(reference_state):
    source = {name: e for name, e in reference_state("clip/vit_b32").items() if "resblocks.3." not in name}
    with pytest.raises(UserError, match=r"0 stray and 24 missing.* and 16 more"):
        convert_tensors(source, system="clip", variant="ViT-B/32")


def test_a_wrong_shape_is_named_with_both_shapes(reference_state):
    source = reference_state("clip/vit_b32")
    source["visual.proj"] = Entry.of(np.zeros((768, 511), np.float32))
    with pytest.raises(UserError, match=r"'visual.proj' has shape \(768, 511\); .*ViT-B/32 has \(768, 512\)"):
        convert_tensors(source, system="clip")


def test_integers_are_no_weights(reference_state):
    source = reference_state("clip/vit_b32")
    source["visual.proj"] = Entry.of(np.zeros((768, 512), np.int32))
    with pytest.raises(UserError, match=r"'visual.proj' has dtype I32"):
        convert_tensors(source, system="clip")


def test_another_variant_than_was_said(reference_state):
    with pytest.raises(UserError, match="those of variant 'RN50', not of 'RN101'"):
        convert_tensors(reference_state("clip/rn50"), system="clip", variant="RN101")
    with pytest.raises(UserError, match="unknown variant of clip 'RN5': did you mean 'RN50'"):
        convert_tensors(reference_state("clip/rn50"), system="clip", variant="RN5")


@pytest.mark.parametrize(
    ("case", "system", "message"),
    [
        ("clip/rn50", "lseg", "looks like a clip checkpoint"),
        ("lseg/zs_rn101", "clip", "looks like a lseg checkpoint .* --system lseg"),
        ("clip/rn50", "clp", "unknown system 'clp': did you mean 'clip'"),
    ],
)
def test_another_system(case, system, message, reference_state):
    with pytest.raises(UserError, match=message):
        convert_tensors(reference_state(case), system=system)


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("sem_seg_head.predictor.query_feat.weight", "detectron2"),
        ("decode_head.conv.bias", "MMSeg"),
        ("standin.weight", "0 of 1 tensor names are known"),
    ],
)
def test_strangers_are_recognised(name, who):
    with pytest.raises(UserError, match=who):
        convert_tensors({name: Entry.of(np.zeros(3, np.float32))}, system="clip")


def test_the_block_needs_its_options(reference_state):
    source = reference_state("lseg/vitb32_384_arch1")
    with pytest.raises(UserError, match="arch_option, block_depth, activation: give --set arch_option=1"):
        convert_tensors(source, system="lseg")
    with pytest.raises(UserError, match="arch_option 0 has no regularisation block"):
        convert_tensors(source, system="lseg", options=BLOCK | {"arch_option": 0})
    done = convert_tensors(source, system="lseg", recorded=BLOCK, options={"arch_option": 2})
    assert done.report.options == BLOCK | {"arch_option": 2}


def test_without_the_block_the_files_own_options_do_not_count(reference_state):
    source = reference_state("lseg/vitb32_384")
    assert convert_tensors(source, system="lseg", recorded=BLOCK).report.options == {}
    with pytest.raises(UserError, match=r"missing: 'scratch.head_block.depthwise.depthwise.weight'"):
        convert_tensors(source, system="lseg", options=BLOCK)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arch_option": 3}, "arch_option is 3; it must be 0 or 1 or 2"),
        ({"activation": "gelu"}, "lrelu or tanh or relu"),
        ({"block_dept": 1}, "did you mean 'block_depth'"),
        ({"block_depth": True}, "a whole number from 0 on"),
    ],
)
def test_options_are_checked(options, message, reference_state):
    with pytest.raises(UserError, match=message):
        convert_tensors(reference_state("lseg/vitb32_384"), system="lseg", options=options)


def test_without_the_lightning_prefix(reference_state):
    source = {name.removeprefix("net."): entry for name, entry in reference_state("lseg/zs_vitl16").items()}
    done = convert_tensors(source, system="lseg")
    assert done.metadata["source_prefix"] == ""
    assert reverse_tensors(done.tensors, done.metadata).tensors.keys() == source.keys()


def test_a_name_outside_the_prefix_is_stray(reference_state):
    source = reference_state("lseg/zs_vitl16")
    source["criterion.weight"] = source["net.scratch.head1.bias"]
    with pytest.raises(UserError, match=r"1 stray and 0 missing.*'criterion.weight'"):
        convert_tensors(source, system="lseg")


def test_metadata(reference_state):
    done = convert_tensors(reference_state("lseg/zs_vitl16"), system="lseg", source_sha256="ab")
    expected = {
        "format": "ms_ovs",
        "system": "lseg",
        "options": "{}",
        "source_sha256": "ab",
        "source_prefix": "net.",
    }
    assert expected.items() <= done.metadata.items()
    assert (done.metadata["activation"], done.metadata["norm_epsilon"]) == ("quick_gelu", "1e-05")


def test_a_custom_clip_records_all_its_sizes(openai_state, entries):
    done = convert_tensors(entries(openai_state), system="clip", options={"activation": "gelu"})
    assert done.metadata["variant"] == "custom" and done.metadata["activation"] == "gelu"
    assert done.report.options["vision_layers"] == 2 and done.report.options["text_layers"] == 3


@pytest.mark.parametrize("state", ["openai_state", "resnet_state", "transformers_state"])
def test_there_and_back_bit_for_bit(state, entries, same, request):
    source = request.getfixturevalue(state)
    done = convert_tensors(entries(source), system="clip")
    same(reverse_tensors(done.tensors, done.metadata).tensors, source)


def test_namings_of_one_network_agree(transformers_state, entries, same):
    ours = convert_tensors(entries(transformers_state), system="clip")
    q = transformers_state["text_model.encoder.layers.1.self_attn.q_proj.weight"]
    np.testing.assert_array_equal(ours.tensors["text.blocks.1.attn.qkv.weight"].read()[:, :64], q.T)
    projection = transformers_state["visual_projection.weight"]
    np.testing.assert_array_equal(ours.tensors["image.projection"].read(), projection.T)
    for naming in ("openai", "mindformers"):
        named = reverse_tensors(ours.tensors, ours.metadata, naming=naming)
        again = convert_tensors(named.tensors, system="clip")
        assert again.metadata["source_naming"] == naming
        same(again.tensors, {name: entry.read() for name, entry in ours.tensors.items()})


def test_mindformers_names(openai_state, entries):
    done = convert_tensors(entries(openai_state), system="clip")
    named = reverse_tensors(done.tensors, done.metadata, naming="mindformers")
    assert {
        "token_embedding.embedding_table",
        "ln_final.gamma",
        "visual.transformer.resblocks.0.attn.in_proj.weight",
        "transformer.resblocks.2.ln_2.beta",
        "visual.proj",
    } <= named.tensors.keys()
    assert named.report.dropped == ["input_resolution", "vocab_size"]


def test_a_naming_without_the_network(resnet_state, entries):
    done = convert_tensors(entries(resnet_state), system="clip")
    with pytest.raises(UserError, match=r"transformers has no names for \d+ tensors"):
        reverse_tensors(done.tensors, done.metadata, naming="transformers")
    with pytest.raises(UserError, match="unknown naming of clip 'hf'"):
        reverse_tensors(done.tensors, done.metadata, naming="hf")


def test_reverse_wants_a_whole_converted_file(openai_state, entries):
    done = convert_tensors(entries(openai_state), system="clip")
    with pytest.raises(UserError, match="convert did not write this file"):
        reverse_tensors(done.tensors, {})
    del done.tensors["image.projection"]
    with pytest.raises(UserError, match=r"0 stray and 1 missing.*'image.projection'"):
        reverse_tensors(done.tensors, done.metadata)


def test_no_table_has_two_rules_for_one_target():
    for table in TABLES:
        targets = [target for rule in table.rules for target in rule.targets]
        assert len(targets) == len(set(targets))
