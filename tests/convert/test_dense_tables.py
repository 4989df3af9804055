"""SegFormer, Mix Transformers and ResNets: every name both ways, and one naming into the other."""

import json

import numpy as np
import pytest

from convert import Entry, convert_file, convert_tensors, read, reverse_file, reverse_tensors, variants
from convert.tables import heads, mit, resnet, segformer
from ms_ovs.backbones.variants import MIT, RESNET
from ms_ovs.errors import UserError
from tests.convert.conftest import drawn
from tests.tiny import WORDLESS

CASES = {
    "segformer/mit_b0": ("segformer", "mit_b0", {"classes": 59}),
    "segformer/mit_b5": ("segformer", "mit_b5", {}),
    "maskclip/convert_mit_b0": ("mit", "mit_b0", {}),
}
# kind of `WORDLESS` → the tables that have names for it
TABLES = {
    "segformer": [segformer.TABLE],
    "mit": [mit.NVIDIA, mit.MMSEGMENTATION],
    "resnet_v1c": [resnet.OPENMMLAB],
    "resnet": [resnet.TORCHVISION],
}
STATES = [(name, table) for name, tables in TABLES.items() for table in tables]


def config_of(name):
    system, variant, options, _ = WORDLESS[name]
    return variants.config_of(system, variant, options)


def state_of(table, config, dtype="float32"):
    """A state dict with the table's names for a network of this size, batch counts and classifier too."""
    shapes = variants.expected(config)
    ours = {name: Entry.of(np.broadcast_to(np.zeros((), dtype), shape)) for name, shape in shapes.items()}
    state = {}
    for step in table.turned.plan(ours).steps:
        theirs = step.rule.hook.apply([ours[name] for name in step.sources], len(step.targets))
        for name, entry in zip(step.targets, theirs, strict=True):
            state[name] = drawn(name, entry.shape, dtype)
            if name.endswith("running_var"):
                count = name.replace("running_var", "num_batches_tracked")
                state[count] = np.array(7, np.int64)
    carried = {"nvidia": "head", "openmmlab": "fc", "torchvision": "fc"}.get(table.naming)
    return state | ({f"{carried}.weight": drawn("head", (3, 4))} if carried else {})


def kinds(tensors):
    return {name: (entry.dtype, entry.shape) for name, entry in tensors.items()}


@pytest.mark.parametrize("case", CASES)
def test_every_reference_name_there_and_back(case, reference_state):
    system, variant, options = CASES[case]
    source = reference_state(case)
    done = convert_tensors(source, system=system)
    assert (done.metadata["variant"], done.report.options) == (variant, options)
    assert "activation" not in done.metadata, "there is no CLIP inside"
    own = {name: entry.shape for name, entry in done.tensors.items() if not name.startswith("carried.")}
    assert own == variants.expected(variants.config_of(system, variant, options))
    assert kinds(reverse_tensors(done.tensors, done.metadata).tensors) == kinds(source)


@pytest.mark.parametrize(("name", "table"), STATES, ids=lambda value: getattr(value, "naming", value))
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_there_and_back_bit_for_bit(name, table, dtype, entries, same):
    source = state_of(table, config_of(name), dtype)
    done = convert_tensors(entries(source), system=table.system)
    assert done.metadata["source_naming"] == table.naming
    met = variants.config_of(table.system, done.metadata["variant"], json.loads(done.metadata["options"]))
    assert variants.expected(met) == variants.expected(config_of(name))
    same(reverse_tensors(done.tensors, done.metadata).tensors, source)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_there_and_back(tmp_path, suffix, entries, same):
    from convert import torch_zip

    source = state_of(mit.NVIDIA, config_of("mit"))
    torch_zip.write(tmp_path / "mit.pth", entries(source), bare=True)
    convert_file(tmp_path / "mit.pth", tmp_path / "mit.safetensors", system="mit")
    reverse_file(tmp_path / "mit.safetensors", tmp_path / f"back{suffix}")
    same(read(tmp_path / f"back{suffix}").tensors, source)


def test_nvidias_names_become_mmsegmentations(entries):
    source = state_of(mit.NVIDIA, config_of("mit"))
    done = convert_tensors(entries(source), system="mit")
    named = reverse_tensors(done.tensors, done.metadata, naming="mmsegmentation")
    assert named.report.dropped == ["head.weight"]

    def got(name):
        return named.tensors[name].read()

    for part in ("weight", "bias"):
        fused = [source[f"block2.1.attn.{layer}.{part}"] for layer in ("q", "kv")]
        np.testing.assert_array_equal(got(f"layers.1.1.1.attn.attn.in_proj_{part}"), np.concatenate(fused))
    fc1 = source["block3.0.mlp.fc1.weight"]
    np.testing.assert_array_equal(got("layers.2.1.0.ffn.layers.0.weight"), fc1[:, :, None, None])
    for theirs, ours in {
        "patch_embed4.proj.weight": "layers.3.0.projection.weight",
        "patch_embed4.norm.bias": "layers.3.0.norm.bias",
        "block1.0.attn.proj.weight": "layers.0.1.0.attn.attn.out_proj.weight",
        "block1.0.attn.sr.weight": "layers.0.1.0.attn.sr.weight",
        "block1.0.attn.norm.weight": "layers.0.1.0.attn.norm.weight",
        "block1.0.norm2.weight": "layers.0.1.0.norm2.weight",
        "block1.0.mlp.dwconv.dwconv.weight": "layers.0.1.0.ffn.layers.1.weight",
        "norm2.bias": "layers.1.2.bias",
    }.items():
        np.testing.assert_array_equal(got(ours), source[theirs])
    again = convert_tensors(named.tensors, system="mit")
    assert again.tensors.keys() == done.tensors.keys() - {"carried.head.weight"}


@pytest.mark.parametrize("variant", MIT)
def test_sizes_are_told_by_the_shapes(variant):
    shapes = variants.expected(MIT[variant])
    assert variants.settle("mit", shapes, None, {}) == (variant, MIT[variant])


@pytest.mark.parametrize("variant", RESNET)
def test_resnets_are_told_by_the_shapes(variant):
    shapes = variants.expected(RESNET[variant])
    assert variants.settle("resnet", shapes, None, {}) == (variant, RESNET[variant])


def test_heads_are_told_by_the_user(entries):
    source = entries(state_of(segformer.TABLE, config_of("segformer")))
    done = convert_tensors(source, system="segformer", options={"heads": [2, 4, 10, 16], "scale": [80, 64]})
    written = json.loads(done.metadata["options"])
    config = variants.config_of("segformer", done.metadata["variant"], written)
    assert config.backbone.heads == (2, 4, 10, 16) and config.scale == (80, 64)
    assert (config.features, config.classes) == (16, 5)
    with pytest.raises(UserError, match=r"3 heads do not divide the width 8: .* --set heads=\[1,2,5,8\]"):
        convert_tensors(source, system="segformer", options={"heads": [3, 2, 5, 8]})
    with pytest.raises(UserError, match="option heads is 4; it must be four whole numbers from 1 on"):
        convert_tensors(source, system="segformer", options={"heads": 4})


def test_a_missing_part_of_a_fused_tensor_is_named(entries):
    source = entries(state_of(mit.MMSEGMENTATION, config_of("mit")))
    del source["layers.1.1.0.attn.attn.in_proj_weight"]
    with pytest.raises(UserError, match=r"missing: 'layers.1.1.0.attn.attn.in_proj_weight'"):
        convert_tensors(source, system="mit")
    source = entries(state_of(mit.MMSEGMENTATION, config_of("mit")))
    source["layers.1.1.0.attn.attn.in_proj_bias"] = Entry.of(np.zeros(47, np.float32))
    with pytest.raises(UserError, match=r"in_proj_bias': rows of q, k and v were expected .* shape \(47,\)"):
        convert_tensors(source, system="mit")


def test_files_of_the_other_kind(entries):
    nvidia = entries(state_of(mit.NVIDIA, config_of("mit")))
    with pytest.raises(UserError, match="looks like a mit checkpoint .nvidia names., not segformer"):
        convert_tensors(nvidia, system="segformer")
    plain = entries(state_of(resnet.TORCHVISION, config_of("resnet")))
    plain["stem.0.weight"] = plain.pop("conv1.weight")
    with pytest.raises(UserError, match="1 stray and 1 missing tensors for resnet"):
        convert_tensors(plain, system="resnet")


# by mmsegmentation's names, as student checkpoints have them under decode_head.decode_module
UNIT = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked")
SEPARABLE = tuple(f"{half}_conv.{part}" for half in ("depthwise", "pointwise") for part in UNIT)
HEADS = {
    "all_mlp": {**{f"convs.{k}": UNIT for k in range(4)}, "fusion_conv": UNIT},
    "deeplab_v2": {f"aspp_modules.{k}": UNIT for k in range(4)},
    "deeplab_v3_plus": {
        **dict.fromkeys(("image_pool.1", "aspp_modules.0", "bottleneck", "c1_bottleneck"), UNIT),
        **dict.fromkeys(("aspp_modules.1", "aspp_modules.2", "aspp_modules.3"), SEPARABLE),
        **dict.fromkeys(("sep_bottleneck.0", "sep_bottleneck.1"), SEPARABLE),
    },
}


@pytest.mark.parametrize("name", HEADS)
def test_names_of_the_heads(name):
    from convert.rules import CARRIED, Table
    from ms_ovs.nn.all_mlp_head import AllMLPHead
    from ms_ovs.nn.aspp import DeepLabV2Head, DeepLabV3PlusHead

    cell = {
        "all_mlp": lambda: AllMLPHead((4, 6, 8, 10), features=12),
        "deeplab_v2": lambda: DeepLabV2Head(8, features=5),
        "deeplab_v3_plus": lambda: DeepLabV3PlusHead(6, 8, features=5),
    }[name]()
    table = Table("head", "mmsegmentation", getattr(heads, name)("decode_module.", "head."))
    plan = table.plan(f"decode_module.{unit}.{part}" for unit, parts in HEADS[name].items() for part in parts)
    assert not plan.stray and not plan.lacking
    targets = {target for step in plan.steps for target in step.targets if not target.startswith(CARRIED)}
    assert targets == {f"head.{name}" for name, _ in cell.parameters_and_names()}
