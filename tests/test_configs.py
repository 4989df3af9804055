"""Every config of the repository is read by its schema; the authors' recipe has their numbers."""

from pathlib import Path

import pytest

from ms_ovs import config
from ms_ovs.cli.eval_settings import EvalSettings
from ms_ovs.data.fewshot import FewShotSettings
from ms_ovs.models.registry import create_model
from ms_ovs.training.groups import group
from ms_ovs.training.schedule import factor_at
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.tasks import TASKS, schema_of

ROOT = Path(__file__).parents[1] / "configs"
PATHS = sorted(ROOT.rglob("*.yaml"))
RECIPE = ROOT / "lseg/vitl16_ade20k.yaml"


def schema(values: dict) -> type[config.Settings]:
    """What a config is for, by the keys that only one command has."""
    if "task" in values:
        return schema_of(values)
    if "few_shot" in values:
        return FewShotSettings
    return EvalSettings if "data" in values else config.PredictSettings


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", PATHS, ids=names(PATHS))
def test_every_config_is_read_by_its_schema(path, tmp_path):
    settings = config.load(path, schema)
    config.save(settings, tmp_path / "saved.yaml")
    assert config.load(tmp_path / "saved.yaml", type(settings)) == settings


def test_every_task_has_a_config():
    assert {config.resolve(path).get("task") for path in PATHS} >= TASKS.keys()


def test_runs_have_folders_of_their_own():
    found = [config.load(path, schema) for path in PATHS]
    trained = [settings.out for settings in found if isinstance(settings, TrainSettings)]
    shared = {out for out in trained if trained.count(out) > 1}
    # an Ascend config is another device's for the same run
    pairs = {out for out in shared if trained.count(out) == 2}
    assert shared == pairs == {"runs/lseg_vitb32_ade20k", "runs/lseg_vitl16_ade20k"}


def test_numbers_of_the_authors_recipe():
    recipe = config.load(RECIPE, schema_of)
    optimizer = recipe.optimizer
    assert (recipe.task, recipe.model.variant, recipe.data.train.preset) == (
        "lseg",
        "clip_vitl16_384",
        "ade20k_150",
    )
    assert recipe.base_lr == pytest.approx(0.00025) and recipe.batch_size == 1
    assert (optimizer.name, optimizer.momentum, optimizer.weight_decay) == ("sgd", 0.9, 1e-4)
    assert (recipe.epochs, recipe.steps, recipe.stop_after, recipe.accumulate) == (240, None, None, 2)
    assert (recipe.schedule.name, recipe.schedule.power, recipe.schedule.per) == ("poly", 0.9, "epoch")
    assert (recipe.schedule.warmup, recipe.clip_norm, recipe.ema_decay) == (0, None, None)
    assert recipe.sync_batch_norm and recipe.precision.level == "O0"
    assert recipe.validation.best == "pixel_accuracy" and recipe.validation.every == 1
    data = recipe.data
    assert (data.base_size, data.crop_size, data.smallest, data.largest, data.mirror) == (
        520,
        480,
        0.5,
        2.0,
        0.5,
    )
    assert (data.templates, data.labels) == ("none", None)
    factors = [factor_at(recipe.schedule, step, steps=2400, steps_per_epoch=10) for step in (0, 9, 10, 2399)]
    assert factors == pytest.approx([1, 1, (239 / 240) ** 0.9, (1 / 240) ** 0.9])


def test_the_rate_follows_the_batch_of_a_process_alone():
    def rate(*overrides, path=RECIPE):
        return config.load(path, schema_of, overrides).base_lr

    assert rate("batch_size=4") == pytest.approx(0.001)
    assert rate("accumulate=8") == rate()
    assert rate(path=ROOT / "lseg/vitb32_ade20k.yaml") == pytest.approx(0.001)
    # a query and a support image are their batch of 1
    assert rate(path=ROOT / "lseg/zs_rn101_pascal5i.yaml") == pytest.approx(0.004 / 16)


VIT = {"patch_size": 16, "width": 64, "layers": 4, "heads": 1, "grid": 2}
SMALL = {
    "vitl16_ade20k": {"image": VIT, "hooks": [0, 1, 2, 3]},
    "vitb32_ade20k": {"image": VIT | {"patch_size": 32}, "hooks": [0, 1, 2, 3]},
    "zs_rn101_pascal5i": {"image": [1, 1, 1, 1], "widths": [32, 64, 128, 256]},
    "zs_vitl16_fss1000": {"image": VIT, "hooks": [0, 1, 2, 3]},
}
TEXT = {"embed_dim": 16, "width": 64, "heads": 2, "layers": 1, "vocab_size": 200, "context_length": 16}


@pytest.mark.parametrize("name", SMALL)
def test_groups_of_the_recipe_sort_the_parameters_of_the_network(name):
    recipe = config.load(ROOT / f"lseg/{name}.yaml", schema_of)
    network = create_model(
        "lseg", variant=recipe.model.variant, seed=None, text=TEXT, features=8, **SMALL[name]
    )
    text = {parameter.name for parameter in network.text.get_parameters()}
    learns = {parameter.name for parameter in network.trainable_params()} - text
    found = group(network, recipe.groups)
    factors = {p.name: members.settings.lr_factor for members in found for p in members.parameters}
    # the authors' `pretrained` is the image tower and what reads it out, `scratch` all behind it
    slow = {name for name in learns if name.startswith(("image.", "reassemble"))}
    fast = learns - slow
    assert text and slow and fast and factors.keys() == slow | fast
    assert {factors[name] for name in slow} == {1} and {factors[name] for name in fast} == {10}
    assert all(members.settings.decay_factor == 1 for members in found)


def test_ascend_configs_differ_in_what_the_device_asks_for():
    for name in ("vitl16_ade20k", "vitb32_ade20k"):
        plain = config.resolve(ROOT / f"lseg/{name}.yaml")
        ascend = config.resolve(ROOT / f"lseg/{name}_ascend.yaml")
        changed = {key for key in ascend if ascend[key] != plain.get(key)}
        assert changed == {"device", "workers", "precision"} and ascend["device"] == "Ascend"
