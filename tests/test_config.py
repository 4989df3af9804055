"""Settings from files: what is known is taken, all else is one clear line."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator, model_validator

from ms_ovs.config import PredictSettings, Settings, load, resolve, save
from ms_ovs.errors import UserError, choose

CONFIGS = sorted((Path(__file__).parents[1] / "configs" / "lseg").glob("*_photos.yaml"))


class Optimizer(Settings):
    lr: float = 0.1
    momentum: float = 0.9
    name: str = "sgd"

    @field_validator("name")
    @classmethod
    def _known(cls, name):
        return choose("optimizer", name, ["sgd", "adamw"])

    @model_validator(mode="after")
    def _sense(self):
        if self.lr == 0:
            raise ValueError("lr 0 teaches nothing")
        return self


class Group(Settings):
    pattern: str
    lr_factor: float = 1.0


class Folder(Settings):
    kind: Literal["folder"]
    image_dir: str


class Shapes(Settings):
    kind: Literal["shapes"]
    seed: int = 0


class Train(Settings):
    task: str = "lseg"
    steps: int = 10
    size: int | str = 480
    scales: tuple[float, ...] = (1.0,)
    optimizer: Optimizer = Optimizer()
    groups: list[Group] = Field(default_factory=list)
    data: Annotated[Folder | Shapes, Field(discriminator="kind")] | None = None
    named: dict[str, Group] = Field(default_factory=dict)
    table: dict[int, int] | None = None


@pytest.fixture
def write(tmp_path):
    """Writes {name: text} and gives the path of the last."""

    def written(**texts):
        for name, text in texts.items():
            path = tmp_path / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return path

    return written


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_valid(path):
    assert load(path, PredictSettings).model_fields_set


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labls: cat", r"unknown key 'labls' in config .*c.yaml: did you mean 'labels'"),
        ("whole: 3", "c.yaml: whole: Input should be a valid boolean, not 3"),
        ("long_side: 1.5", "long_side: Input should be a valid integer or a valid string, not 1.5"),
        ("labels: [a", "is not YAML"),
        ("labels: a\nlabels: b", "is not YAML .*key 'labels' twice.*line 1"),
        ("just words", "holds no 'key: value' lines"),
        ("", "holds no 'key: value' lines"),
        ("inherit: 3", "inherit: give a file name or a list of them, not 3"),
        ("inherit: c.yaml", r"c.yaml inherits itself \(.*c.yaml → .*c.yaml\)"),
        ("inherit: gone.yaml", "gone.yaml, which .*c.yaml inherits, cannot be read"),
    ],
)
def test_errors_are_one_line(write, text, message):
    with pytest.raises(UserError, match=message) as caught:
        load(write(c=text), PredictSettings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "optimizer: {momentun: 1}",
            r"'momentun' in optimizer of config .*c.yaml: did you mean 'momentum'\? ",
        ),
        ("groups: [{pattern: a}, {patern: b}]", "'patern' in groups.1 of config .*: did you mean 'pattern'"),
        ("named: {a: {patern: b}}", "'patern' in named.a of config .*: did you mean 'pattern'"),
        (
            "data: {kind: folder, image_dri: a}",
            "'image_dri' in data of .*did you mean 'image_dir'.* are kind, im",
        ),
        ("data: {kind: shapes, image_dir: a}", "'image_dir' in data of config .*: known are kind, seed"),
        ("data: {kind: forms}", "c.yaml: data: Input tag 'forms'"),
        ("optimizer: {lr: fast}", "c.yaml: optimizer.lr: Input should be a valid number, not 'fast'"),
        ("optimizer: {lr: 0}", "c.yaml: optimizer: lr 0 teaches nothing$"),
        ("optimizer: {name: sdg}", "c.yaml: unknown optimizer 'sdg': did you mean 'sgd'"),
        ("groups: [{lr_factor: 1}]", "c.yaml: groups.0.pattern: is missing"),
        ("steps: 3.0", "steps: Input should be a valid integer, not 3.0"),
        ("steps: yes", "steps: Input should be a valid integer, not True"),
        ("steps: '3'", "steps: Input should be a valid integer, not '3'"),
        ("task: 2026-01-01\nsteps: 2026-01-01", "steps: Input should be a valid integer"),
        (f"steps: {'x' * 500}", "not 'x{79} …$"),
    ],
)
def test_errors_at_depth(write, text, message):
    with pytest.raises(UserError, match=message) as caught:
        load(write(c=text), Train)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"config .*none.yaml cannot be read"):
        load(tmp_path / "none.yaml", PredictSettings)


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "1.0e-4", "+1e-04", ".0001", "100e-6"])
def test_floats_as_people_write_them(write, text):
    assert load(write(c=f"optimizer: {{lr: {text}}}"), Train).optimizer.lr == 1e-4


def test_whole_numbers_and_lists_do(write):
    settings = load(write(c="optimizer: {lr: 1}\nscales: [1, 5e-1]\ntable: {0: 255}"), Train)
    assert type(settings.optimizer.lr) is float and settings.scales == (1.0, 0.5)
    assert settings.table == {0: 255}


def test_files_build_on_one_another(write):
    path = write(
        **{
            "base": "steps: 5\noptimizer: {lr: 1, momentum: 0.5}\nscales: [1, 2]",
            "sub/other": "inherit: ../base.yaml\noptimizer: {lr: 2}\nsize: small",
            "third": "size: large\ntask: clip",
            "last": "inherit: [sub/other.yaml, third.yaml, base.yaml]\nscales: [3]\ntask: last",
        }
    )
    assert resolve(path) == {
        "steps": 5,
        "optimizer": {"lr": 1, "momentum": 0.5},
        "scales": [3],
        "size": "large",
        "task": "last",
    }
    assert resolve(path.parent / "sub/other.yaml")["optimizer"] == {"lr": 2, "momentum": 0.5}


def test_circles_of_several_files(write):
    path = write(a="inherit: b.yaml", b="inherit: c.yaml", c="inherit: a.yaml")
    with pytest.raises(UserError, match=r"inherits itself \(.*c.yaml → .*a.yaml → .*b.yaml → .*c.yaml\)"):
        resolve(path)


def test_errors_name_the_file_that_says_it(write):
    path = write(base="optimizer: {momentun: 1}", c="inherit: base.yaml\noptimizer: {lr: 1}\nsteps: a")
    with pytest.raises(UserError, match=r"'momentun' in optimizer of config .*base.yaml: "):
        load(path, Train)
    path = write(base="steps: a", c="inherit: base.yaml\ntask: lseg")
    with pytest.raises(UserError, match=r"base.yaml: steps: "):
        load(path, Train)


def test_overrides(write):
    path = write(c="x: &group {pattern: a}\ngroups: [*group, *group]\ntable: {0: 1}\nnone:")
    overrides = [
        "groups.1.lr_factor=2",
        "optimizer.lr=1e-4",
        "table.0=7",
        "none.a.b=[1, x]",
        "task=",
        "o={a: 1}",
    ]
    overrides += ["o.b=x=y", "o={c: 2}"]
    assert resolve(path, overrides) == {
        "x": {"pattern": "a"},
        "groups": [{"pattern": "a"}, {"pattern": "a", "lr_factor": 2}],
        "table": {0: 7},
        "none": {"a": {"b": [1, "x"]}},
        "optimizer": {"lr": 1e-4},
        "task": None,
        "o": {"a": 1, "b": "x=y", "c": 2},
    }


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", "setting 'steps': write key=value"),
        ("=3", "write key=value"),
        ("optimizer..lr=3", "write key=value"),
        ("groups.1.lr_factor=2", "setting 'groups.1.*': '1' is no number in a list of 1"),
        ("groups.x=2", "'x' is no number in a list of 1"),
        ("steps.x=2", "there is no 'x' in 3; give"),
        ("steps=[", r"setting 'steps=\[' is not YAML"),
        ("steps=many", "setting 'steps=many': steps: Input should be a valid integer, not 'many'"),
        ("optimizer.momentun=1", "'momentun' in optimizer of setting 'optimizer.momentun=1': did you mean"),
        ("groups.0={lr_facto: 1}", "'lr_facto' in groups.0 of setting 'groups.0=.*': did you mean"),
    ],
)
def test_overrides_that_will_not_do(write, override, message):
    path = write(c="steps: 3\ngroups: [{pattern: a}]")
    with pytest.raises(UserError, match=message):
        load(path, Train, [override])


def test_the_values_choose_the_schema(write):
    def schema(values):
        return {"lseg": Train, "data": Shapes}[choose("task", values.get("task", "data"), ["lseg", "data"])]

    assert load(write(c="task: lseg"), schema) == Train()
    assert load(write(c="kind: shapes"), schema) == Shapes(kind="shapes")
    with pytest.raises(UserError, match="c.yaml: unknown task 'lsg': did you mean 'lseg'"):
        load(write(c="task: lseg"), schema, ["task=lsg"])


def test_saved_settings_load_as_equal_ones(tmp_path):
    settings = Train(
        task="1e-4",
        size="ein Wört: no",
        scales=(0.5, float("inf")),
        optimizer=Optimizer(lr=1e-7, momentum=1 / 3),
        groups=[Group(pattern="*", lr_factor=1e22), Group(pattern="yes")],
        data=Folder(kind="folder", image_dir="012"),
        named={"a": Group(pattern="null")},
        table={0: 255, -1: 3},
    )
    save(settings, tmp_path / "new" / "saved.yaml")
    assert load(tmp_path / "new" / "saved.yaml", Train) == settings
    assert "lr: 1.0e-07" in (tmp_path / "new" / "saved.yaml").read_text()
    save(Train(), tmp_path / "plain.yaml")
    assert load(tmp_path / "plain.yaml", Train) == Train()
    with pytest.raises(UserError, match=r"config .*c.yaml cannot be written \("):
        save(settings, tmp_path / "plain.yaml" / "c.yaml")
