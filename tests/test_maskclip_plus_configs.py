"""The recipes of MaskCLIP+: each fits its files, and the authors' numbers are theirs."""

import json
from pathlib import Path

import pytest

from convert.tables import maskclip_plus as tables
from ms_ovs import config
from ms_ovs.models.maskclip_plus.variants import VARIANTS
from ms_ovs.models.registry import create_model
from ms_ovs.training.groups import group
from ms_ovs.training.schedule import factor_at
from ms_ovs.training.tasks import schema_of
from ms_ovs.vocab import datasets, labels
from tests.tiny import MASKCLIP_PLUS

ROOT = Path(__file__).parents[1] / "configs/maskclip_plus"
PATHS = [path for path in sorted(ROOT.glob("*.yaml")) if not path.stem.endswith(("_eval", "tiny"))]
CASE = Path(__file__).parent / "reference/maskclip_plus/segformer_b0/case.json"


def recipe(name, *overrides):
    return config.load(ROOT / f"{name}.yaml", schema_of, overrides)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_recipe_fits_its_files_and_words(path):
    found = recipe(path.stem)
    model, data = found.model, found.data
    variant = VARIANTS[model.variant]
    assert path.stem.startswith(model.variant) and found.out == f"runs/maskclip_plus/{path.stem}"
    teacher = model.teacher.removeprefix("checkpoints/clip_").removesuffix(".safetensors")
    assert model.variant.startswith(f"{teacher}_")
    kind = {"segformer": "mit_b", "deeplabv2": "resnet", "deeplabv3plus": "resnet101"}[variant.head]
    assert model.backbone.startswith(f"checkpoints/{kind}")
    assert model.backbone[-14:-12] == {"segformer": model.variant[-2:]}.get(
        variant.head, model.backbone[-14:-12]
    )
    known = datasets.get(data.train.preset)
    background = bool(model.options.get("background"))
    assert len(labels.parse(data.labels)) + background == len(known.vocabulary)
    if data.suppressed == "all":
        assert found.stages.guided == (1, None) and found.stages.self_training is None
        assert found.validation.best == "miou"
    else:
        assert tuple(data.suppressed) == known.unseen or data.train.preset == "voc_20"
        last = found.stages.guided[1]
        assert found.stages.self_training == (last + 1, None) and last + 1 == found.steps // 10
        assert found.validation.best == "harmonic_miou"
    assert list(data.scale) == list(model.options.get("scale", variant.scale))
    assert found.validation.every == found.checkpoints.every


def test_the_zero_shot_classes_of_voc_without_background():
    assert (
        tuple(recipe("rn50_deeplabv2_r101_voc20_zero_shot").data.suppressed) == datasets.get("voc_20").unseen
    )


def test_numbers_of_the_authors_recipe():
    found = recipe("vit_b16_deeplabv2_r101_context59")
    optimizer = found.optimizer
    assert (optimizer.name, found.base_lr, optimizer.momentum, optimizer.weight_decay) == (
        "sgd",
        0.01,
        0.9,
        5e-4,
    )
    assert (found.steps, found.batch_size, found.clip_norm, found.accumulate) == (4000, 4, None, 1)
    assert all(rule.decay_factor == 1 and rule.lr_factor == 1 for rule in found.groups)
    data = found.data
    assert (data.scale, data.crop_size, data.smallest, data.largest) == ((520, 520), 480, 0.5, 2.0)
    assert (data.most_share, data.mirror, data.distort) == (0.75, 0.5, True)
    assert (found.completion.pd_thresh, found.completion.ks_thresh, found.completion.conf_thresh) == (0, 0, 0)
    last = factor_at(found.schedule, 3999, steps=4000, steps_per_epoch=1, base_lr=0.01) * 0.01
    assert last == pytest.approx(1e-4, rel=0.1) and last > 1e-4
    context = recipe("rn50_deeplabv3plus_r101_context60_zero_shot")
    assert (context.base_lr, context.optimizer.weight_decay, context.steps) == (0.004, 1e-4, 40000)
    assert context.stages.guided == (1, 3999)


def test_numbers_of_the_published_table():
    # batch, rate, decay of the runs on one card
    published = {
        "rn50_deeplabv2_r101_context59": (8, 0.005, 2.5e-4),
        "vit_b16_deeplabv2_r101_context59_class_weight": (8, 0.005, 2.5e-4),
        "vit_b16_segformer_b5_context59": (8, 2.4e-5, 4e-3),
        "rn50_segformer_b5_context59": (6, 6e-5, 4e-3),
    }
    for name, numbers in published.items():
        found = recipe(f"{name}_one_card")
        assert (found.batch_size, found.base_lr, found.optimizer.weight_decay) == numbers
    for teacher, tau in (("rn50", 0.25), ("vit_b16", 1.0)):
        found = recipe(f"{teacher}_deeplabv2_r101_context59_class_weight")
        assert found.class_weight.clip == "checkpoints/clip_vit_b16.safetensors"
        assert VARIANTS[found.model.variant].tau == tau


@pytest.mark.parametrize(
    ("name", "tiny"),
    [
        ("vit_b16_deeplabv2_r101_context59", "plus_deeplabv2"),
        ("rn50_deeplabv3plus_r101_context60_zero_shot", "plus_deeplabv3plus"),
        ("vit_b16_segformer_b0_context59", "plus_segformer"),
        ("rn50_segformer_b5_context60_zero_shot", "plus_segformer"),
    ],
)
def test_groups_sort_the_parameters_of_the_network(name, tiny):
    system, variant, options, _ = MASKCLIP_PLUS[tiny]
    found = recipe(name)
    network = create_model(system, variant=variant, seed=None, **options)
    members = group(network, found.groups)
    sorted_ = {parameter.name for one in members for parameter in one.parameters}
    assert sorted_ == {
        p.name for p in network.get_parameters() if p.name.startswith(("backbone.", "head."))
    } - {p.name for p in network.get_parameters() if ".moving_" in p.name}


def test_adamw_decays_what_the_authors_program_decays():
    network = create_model("maskclip_plus", variant="vit_b16_segformer_b0", seed=None)
    found = group(network, recipe("vit_b16_segformer_b0_context59").groups)
    (table, _) = tables.TABLES
    still, fast = set(), set()
    for members in found:
        for parameter in members.parameters:
            names = table.sources_of(parameter.name)
            still |= set(names) if members.settings.decay_factor == 0 else set()
            fast |= set(names) if members.settings.lr_factor == 10 else set()
    said = json.loads(CASE.read_text())["config"]["optimizer"]
    assert still == set(said["parameters_without_decay"])
    assert fast and all(name.startswith("decode_head.") for name in fast)
    assert {members.settings.lr_factor for members in found} == {1, said["decode_head_lr_multiplier"]}
