"""Networks small enough to write to disk, by the references' names."""

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from convert import Entry, variants
from convert.tables import clip as clip_tables
from convert.tables import clip_transformers, lseg
from ms_ovs.clip.variants import CLIPConfig, TextConfig
from ms_ovs.models.lseg import variants as lseg_variants

CASES = Path(__file__).parents[1] / "reference"
CODES = {"float32": "F32", "float16": "F16", "int64": "I64"}


def drawn(name, shape, dtype="float32"):
    """Numbers that belong to a name, so that a swap of two tensors shows."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
    return np.asarray(numbers * (100 if dtype == "int64" else 1), dtype)


def state_of(table, config, mixed=False):
    """A state dict with the table's names for all that a network of this size needs.

    `mixed` makes float16 of what has more than one axis, as in OpenAI's archives.
    """
    state = {}
    for target, shape in variants.expected(config).items():
        (step,) = table.turned.plan([target]).steps
        dtype = "float16" if mixed and len(shape) > 1 else "float32"
        ours = Entry.of(np.broadcast_to(np.zeros((), dtype), shape))
        theirs = step.rule.hook.apply([ours], len(step.targets))
        for name, entry in zip(step.targets, theirs, strict=True):
            state[name] = drawn(name, entry.shape, dtype)
    return state


@pytest.fixture(scope="session")
def reference_state():
    """The tensors of a reference case, by name, as entries that are all zeros when read."""

    def load(case):
        return {
            spec["name"]: Entry(
                CODES[spec["dtype"]],
                tuple(spec["shape"]),
                lambda spec=spec: np.zeros(spec["shape"], spec["dtype"]),
            )
            for spec in json.loads((CASES / case / "state_dict.json").read_text())
        }

    return load


TINY_VIT = CLIPConfig(
    embed_dim=24,
    image_resolution=32,
    vision_layers=2,
    vision_width=64,
    vision_patch_size=16,
    text_width=64,
    text_heads=1,
    text_layers=3,
    context_length=9,
    vocab_size=99,
)
TINY_RESNET = CLIPConfig(
    embed_dim=24,
    image_resolution=32,
    vision_layers=(1, 2, 1, 1),
    vision_width=8,
    vision_patch_size=None,
    text_width=64,
    text_heads=1,
    text_layers=2,
    context_length=9,
    vocab_size=99,
)
SCALARS = {name: np.array(n, np.int64) for name, n in [("input_resolution", 32), ("vocab_size", 99)]}


@pytest.fixture
def openai_state():
    """A tiny ViT CLIP as in OpenAI's archives: half of it float16, with their integer scalars."""
    return state_of(clip_tables.VIT_TABLE, TINY_VIT, mixed=True) | SCALARS


@pytest.fixture
def resnet_state():
    """A tiny ResNet CLIP with its batch counts."""
    state = state_of(clip_tables.RESNET_TABLE, TINY_RESNET)
    counts = {
        name.replace("running_var", "num_batches_tracked"): np.array(k, np.int64)
        for k, name in enumerate(state)
        if name.endswith("running_var")
    }
    return state | counts


@pytest.fixture
def transformers_state():
    """A tiny CLIPModel."""
    return state_of(clip_transformers.TABLE, TINY_VIT)


@pytest.fixture
def lseg_state(monkeypatch):
    """A tiny LSeg with a regularisation block and all that its network never uses, `net.` in front."""
    config = lseg_variants.LSegConfig(
        image=lseg_variants.ViTConfig(patch_size=32, width=8, layers=4, heads=2, grid=2),
        text=TextConfig(embed_dim=6, width=64, heads=1, layers=2, context_length=9, vocab_size=99),
        hooks=(0, 1, 2, 3),
        widths=(4, 4, 8, 8),
        resample=(4, 2, 1, -2),
        arch_option=1,
        features=5,
    )
    monkeypatch.setitem(lseg_variants.VARIANTS, "tiny", config)
    state = state_of(lseg.TABLE, config)
    real = json.loads((CASES / "lseg/vitb32_384_arch1/state_dict.json").read_text())
    for spec in real:
        name = spec["name"].removeprefix("net.")
        if any(rule.carried for rule, _, _ in lseg.TABLE.matches(name)):
            state[name] = drawn(name, [min(n, 3) for n in spec["shape"]], spec["dtype"])
    return {f"net.{name}": array for name, array in state.items()}


@pytest.fixture(scope="session")
def entries():
    """Arrays → entries."""
    return lambda state: {name: Entry.of(array) for name, array in state.items()}


@pytest.fixture(scope="session")
def same():
    """Whether entries hold exactly these arrays: names, dtypes, shapes and bits."""

    def compare(tensors, state):
        assert tensors.keys() == state.keys()
        for name, array in state.items():
            read = tensors[name].read()
            assert (read.dtype, read.shape) == (array.dtype, array.shape), name
            assert read.tobytes() == array.tobytes(), name

    return compare


@pytest.fixture
def torch_file(tmp_path):
    """Write a zip in torch's layout around any pickle."""

    def write(pickle, name="hostile.pt", compression=zipfile.ZIP_STORED, **records):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("archive/data.pkl", pickle)
            for record, data in records.items():
                archive.writestr(f"archive/{record.replace('__', '/')}", data)
        return path

    return write
