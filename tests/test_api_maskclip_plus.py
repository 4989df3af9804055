"""Photographs and a student of MaskCLIP+: its words are in the checkpoint."""

import numpy as np
import pytest

from convert import Entry, safetensors
from ms_ovs import create_model
from ms_ovs.api import Segmenter, own_protocol
from ms_ovs.errors import UserError
from ms_ovs.models import saving
from tests.tiny import MASKCLIP_PLUS

pytestmark = pytest.mark.usefixtures("pynative")
PHOTO = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
NAMES = "cat, dog, grass, sky, tree"


def checkpoint(folder, name):
    system, variant, options, _ = MASKCLIP_PLUS[name]
    options = {**options, "scale": (64, 64)}
    model = create_model(system, variant=variant, seed=2, **options)
    rows = np.random.default_rng(1).standard_normal(model.text_embeddings.shape).astype(np.float32)
    tensors = saving.tensors(model) | {"text_embeddings": rows}
    path = folder / f"{name}.safetensors"
    entries = {name: Entry.of(array) for name, array in tensors.items()}
    safetensors.write(path, entries, saving.metadata(system, variant, options))
    return path, model, rows


def test_a_student_segments_without_a_text_tower(tmp_path):
    path, _, _ = checkpoint(tmp_path, "plus_segformer")
    found = Segmenter(path, mode="pynative")(PHOTO, NAMES)
    assert found.label_map.shape == (50, 70) and len(np.unique(found.label_map)) > 1
    assert found.names == ("cat", "dog", "grass", "sky", "tree")
    assert found.record["windows"]["size"] == [46, 64]
    assert own_protocol(path) == "single"


def test_another_number_of_words_is_one_line(tmp_path):
    path, _, _ = checkpoint(tmp_path, "plus_segformer")
    with pytest.raises(UserError, match="2 labels for .*, which has 5 classes of its own: give the names"):
        Segmenter(path, mode="pynative")(PHOTO, "cat, dog")


def test_a_background_is_a_label(tmp_path):
    path, _, _ = checkpoint(tmp_path, "plus_deeplabv3plus")
    segmenter = Segmenter(path, mode="pynative")
    assert segmenter(PHOTO, f"background, {NAMES}").label_map.max() <= 5
    with pytest.raises(UserError, match="5 labels for .*, which has 6 classes of its own"):
        segmenter(PHOTO, NAMES)
