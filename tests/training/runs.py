"""Configs of trainings small enough for a test, on an embedded benchmark of a few scenes."""

from pathlib import Path

import pytest
import yaml

TEXT = {"embed_dim": 16, "width": 64, "heads": 2, "layers": 1}
CLIP = {
    "embed_dim": 16,
    "image_resolution": 32,
    "vision_patch_size": 16,
    "vision_width": 64,
    "vision_layers": 1,
    "text_width": 64,
    "text_heads": 2,
    "text_layers": 1,
}
LSEG = {
    "image": {"patch_size": 16, "width": 64, "layers": 4, "heads": 1, "grid": 2},
    "text": TEXT,
    "hooks": [0, 1, 2, 3],
    "widths": [8, 8, 8, 8],
    "resample": [4, 2, 1, -2],
    "features": 8,
    "base_size": 32,
    "crop_size": 32,
}
MIT = {"widths": [8, 16, 40, 64], "depths": [1, 1, 1, 1], "drop_path": 0.1}
STUDENT = {"variant": "custom", "options": {"backbone": MIT, "head": "segformer"}}
STUDENT_GROUPS = [
    {"pattern": "teacher.*", "frozen": True},
    {"pattern": "text_embeddings", "frozen": True},
    {"pattern": "head.*", "lr_factor": 10},
    {"pattern": "*"},
]


@pytest.fixture(scope="session")
def few_shapes(tmp_path_factory):
    """The folder of an embedded benchmark of 16 labelled scenes for training."""
    from ms_ovs.data import shapes

    return shapes.write(
        tmp_path_factory.mktemp("data") / "shapes", train=16, val=4, captions=24, size=32
    ).root


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    """A checkpoint of a CLIP that knows nothing."""
    from convert import Entry, safetensors
    from ms_ovs import create_model
    from ms_ovs.models import saving

    path = tmp_path_factory.mktemp("clip") / "clip.safetensors"
    arrays = saving.tensors(create_model("clip", variant="ViT-B/16", seed=1, **CLIP))
    entries = {name: Entry.of(array) for name, array in arrays.items()}
    safetensors.write(path, entries, saving.metadata("clip", "ViT-B/16", CLIP))
    return path


def clip_config(root: Path, out: Path, **changes) -> dict:
    """Training a CLIP for four steps of four pairs."""
    return {
        "task": "clip",
        "out": str(out),
        "model": {"variant": "ViT-B/16", "options": CLIP},
        "data": {"captions": str(root / "captions.jsonl"), "held_out": 8},
        "steps": 4,
        "batch_size": 4,
        "optimizer": {"name": "adamw", "lr": 1e-3, "weight_decay": 0.1},
        "schedule": {"name": "cosine", "warmup": 2},
        "validation": {"every": 4, "batch_size": 4, "best": "retrieval"},
        **changes,
    }


def lseg_config(root: Path, clip: Path, out: Path, **changes) -> dict:
    """Training an LSeg for four steps of four scenes."""
    shapes = {"preset": "shapes", "root": str(root)}
    return {
        "task": "lseg",
        "out": str(out),
        "model": {"variant": "clip_vitl16_384", "options": LSEG, "text": str(clip)},
        "data": {"train": shapes, "validation": shapes, "base_size": 32, "crop_size": 32},
        "steps": 4,
        "batch_size": 4,
        "optimizer": {"name": "sgd", "lr": 0.05, "weight_decay": 1e-4},
        "groups": [{"pattern": "text.*", "frozen": True}, {"pattern": "*"}],
        "schedule": {"name": "poly"},
        "validation": {"every": 4, "batch_size": 4, "best": "miou", "pictures": 2},
        **changes,
    }


def student_config(root: Path, clip: Path, out: Path, *, data: dict | None = None, **changes) -> dict:
    """Training a MaskCLIP+ for two steps of two scenes; `data` over its own, which has all words."""
    shapes = {"preset": "shapes", "root": str(root)}
    return {
        "task": "maskclip_plus",
        "out": str(out),
        "model": {**STUDENT, "teacher": str(clip)},
        "data": {
            "train": shapes,
            "validation": shapes,
            "labels": str(root / "labels.txt"),
            "templates": "none",
            "hide_ignored": True,
            "scale": [32, 32],
            "crop_size": 32,
            **(data or {}),
        },
        "steps": 2,
        "batch_size": 2,
        "optimizer": {"name": "adamw", "lr": 1e-3},
        "groups": STUDENT_GROUPS,
        "schedule": {"name": "poly", "power": 1.0},
        "validation": {"every": 2, "batch_size": 4, "best": "miou", "pictures": 1},
        **changes,
    }


def saved(config: dict, path: Path) -> Path:
    """A config as a file."""
    path.write_text(yaml.safe_dump(config))
    return path
