"""`Segmenter` and `Segmentation` around a model that knows colours."""

import json

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops
from PIL import Image

from ms_ovs import api, segmentation
from ms_ovs.api import Segmenter
from ms_ovs.errors import UserError
from ms_ovs.segmentation import Segmentation
from ms_ovs.vocab import labels as vocabularies


@pytest.fixture
def segmenter(colour_model):
    return Segmenter("weights.safetensors", cache=False)


def near(shares, expected):
    np.testing.assert_allclose(shares, expected, atol=0.02)  # the resize blurs the stripes' edges


def test_label_map_names_and_shares(segmenter, flag):
    result = segmenter(flag, "blue, red, green")
    assert result.names == ("blue", "red", "green")
    assert result.label_map.shape == (60, 90) and result.label_map.dtype == np.int32
    np.testing.assert_array_equal(result.label_map[0, [0, 50, 89]], [1, 2, 0])
    near(result.shares, [1 / 6, 1 / 3, 1 / 2])
    assert sum(result.shares) == pytest.approx(1)
    np.testing.assert_array_equal(result.image, flag)
    assert [name for name, _ in result.top(2)] == ["green", "red"]


def test_the_score_of_a_class_is_the_maximum_over_its_synonyms(segmenter, flag):
    result = segmenter(flag, "green|blue, red|crimson")
    assert result.names == ("green", "red")
    near(result.shares, [2 / 3, 1 / 3])
    assert set(np.unique(result.label_map)) == {0, 1}


def test_absent_classes_have_no_share_and_are_not_at_the_top(segmenter, flag):
    result = segmenter(flag[:, :30], ["red", "blue"])
    assert result.shares == (1.0, 0.0)
    assert result.top(5) == [("red", 1.0)]


def test_photographs_may_be_files_or_pictures(segmenter, flag, tmp_path):
    Image.fromarray(flag).save(tmp_path / "flag.png")
    expected = segmenter(flag, "red, green, blue").label_map
    for photo in (tmp_path / "flag.png", str(tmp_path / "flag.png"), Image.fromarray(flag)):
        np.testing.assert_array_equal(segmenter(photo, "red, green, blue").label_map, expected)


def test_labels_may_be_a_file_or_a_vocabulary(segmenter, flag, tmp_path):
    (tmp_path / "labels.txt").write_text("red\ngreen\n")
    for labels in (tmp_path / "labels.txt", vocabularies.parse("red, green")):
        assert segmenter(flag, labels).names == ("red", "green")


def test_words_are_encoded_once_and_again_when_they_change(colour_model, flag):
    segmenter = Segmenter("weights.safetensors", cache=False)
    for _ in range(3):
        segmenter(flag, "red, green")
    assert colour_model.encoded == 1
    segmenter(flag, "red, blue")
    assert colour_model.encoded == 2


@pytest.mark.parametrize(
    ("settings", "calls", "long_side"),
    [
        ({}, 2, 52),
        ({"whole": True}, 1, 48),
        ({"long_side": "native"}, 6, 90),
        ({"long_side": 64}, 2, 64),
        ({"long_side": "64"}, 2, 64),
        ({"scales": (0.5, 1.0), "flip": True}, 6, 52),
    ],
)
def test_windows(colour_model, flag, settings, calls, long_side):
    result = Segmenter("weights.safetensors", cache=False, **settings)(flag, "red, green, blue")
    assert colour_model.calls == [(1, 3, 48, 48)] * calls
    assert result.record["windows"]["calls"] == calls and result.record["windows"]["batch"] == 1
    assert result.record["windows"]["long_side"] == long_side
    near(result.shares, [1 / 3, 1 / 2, 1 / 6])


@pytest.mark.parametrize(("batch", "calls"), [(2, 4), (3, 2), (4, 2)])
def test_windows_in_batches(colour_model, flag, monkeypatch, batch, calls):
    monkeypatch.setattr(api.ms, "get_context", lambda key: ms.GRAPH_MODE)
    plain = Segmenter("weights.safetensors", cache=False, long_side="native")(flag, "red, green")
    colour_model.calls.clear()
    segmenter = Segmenter("weights.safetensors", cache=False, long_side="native", batch=batch)
    segmenter.compile("red, green")
    assert colour_model.compiled == [((batch, 3, 48, 48), (2, 3))]
    result = segmenter(flag, "red, green")
    np.testing.assert_array_equal(result.label_map, plain.label_map)
    assert colour_model.calls == [(batch, 3, 48, 48)] * calls, "2 rows of 3 windows"
    assert result.record["windows"]["batch"] == batch and result.record["windows"]["calls"] == calls


def test_at_its_own_size_every_pixel_is_right(colour_model, flag):
    result = Segmenter("weights.safetensors", cache=False, long_side="native")(flag, "red, green, blue")
    assert result.shares == pytest.approx((1 / 3, 1 / 2, 1 / 6), abs=1e-12)


def test_templates_are_filled_in(colour_model, flag, tmp_path):
    (tmp_path / "prompts.txt").write_text("a photo of a {}.\n{}\n")
    segmenter = Segmenter("w.safetensors", cache=False, templates=str(tmp_path / "prompts.txt"))
    near(segmenter(flag, "red, green, blue").shares, [1 / 3, 1 / 2, 1 / 6])


def test_progress_is_told(segmenter, flag):
    told = []
    segmenter(flag, "red, green", progress=lambda *now: told.append(now))
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("mode", "compiled"), [(ms.GRAPH_MODE, [((1, 3, 48, 48), (2, 3))]), (ms.PYNATIVE_MODE, [])]
)
def test_compile_before_the_first_photograph(colour_model, segmenter, monkeypatch, mode, compiled):
    monkeypatch.setattr(api.ms, "get_context", lambda key: mode)
    segmenter.compile("red, green")
    assert colour_model.compiled == compiled
    assert colour_model.calls == []


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"whole": True, "long_side": 600}, "contradict"),
        ({"long_side": "big"}, "32 to 20000"),
        ({"long_side": 31}, "32 to 20000"),
        ({"long_side": "99.5"}, "32 to 20000"),
        ({"long_side": 10**9}, "32 to 20000"),
        ({"templates": "imagenet_81"}, "imagenet_80"),
        ({"scales": ()}, "at least one"),
        ({"scales": (1.0, 0.0)}, "above 0"),
        ({"batch": 0}, "1 or more"),
    ],
)
def test_impossible_settings(colour_model, settings, rule):
    with pytest.raises(UserError, match=rule):
        Segmenter("weights.safetensors", **settings)


def test_check_finds_long_labels_without_a_model(colour_model):
    with pytest.raises(UserError, match="too long"):
        Segmenter("weights.safetensors").check(["red", "x" * 99])


def test_a_checkpoint_that_does_not_exist(monkeypatch, colour_model, flag):
    monkeypatch.undo()
    monkeypatch.setattr(api, "Tokenizer", lambda merges: None)
    with pytest.raises(UserError, match=r"none\.safetensors: there is no such file"):
        Segmenter("none.safetensors").load()


def test_weights_that_are_not_numbers(colour_model, segmenter, flag, monkeypatch):
    monkeypatch.setattr(colour_model.config, "std", (0.5, 0.5, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"), pytest.raises(UserError, match="not finite"):
        segmenter(flag, "red, green")


def test_record_and_summary(segmenter, flag, tmp_path):
    Image.fromarray(flag).save(tmp_path / "flag.png")
    summary = segmenter(tmp_path / "flag.png", "red|crimson, green, blue").summary()
    assert summary["photo"] == "flag.png"
    assert (summary["height"], summary["width"]) == (60, 90)
    assert summary["checkpoint"] == {"sha256": "c0ffee", "system": "lseg", "variant": "colours"}
    assert summary["synonyms"] == [["red", "crimson"], ["green"], ["blue"]]
    assert summary["templates"] == "none" and summary["windows"]["crop_size"] == 48
    assert summary["versions"]["mindspore"] == ms.__version__ and summary["seconds"] >= 0
    assert [row["name"] for row in summary["classes"]] == ["red", "green", "blue"]
    assert sum(row["share"] for row in summary["classes"]) == pytest.approx(1)


def test_save(segmenter, flag, tmp_path):
    result = segmenter(flag, "red, green, blue")
    paths = result.save(tmp_path / "new" / "folder", "flag")
    assert [path.name for path in paths] == ["flag_labels.png", "flag_overlay.png", "flag.json"]
    assert sorted(paths) == sorted((tmp_path / "new" / "folder").iterdir())
    np.testing.assert_array_equal(np.array(Image.open(paths[0])), result.label_map)
    assert Image.open(paths[1]).width > 90
    assert json.loads(paths[2].read_text("utf-8")) == result.summary()


def test_save_into_a_file_is_an_error(flag, tmp_path):
    (tmp_path / "file").touch()
    result = Segmentation(np.zeros((60, 90), np.int32), ("red",), (1.0,), flag)
    with pytest.raises(UserError, match="cannot write"):
        result.save(tmp_path / "file", "flag")


def test_a_failing_disk_leaves_no_part_of_a_file(flag, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    result = Segmentation(np.zeros((60, 90), np.int32), ("red",), (1.0,), flag)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        result.save(tmp_path, "flag")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_when_a_picture_cannot_be_made(flag, tmp_path, monkeypatch):
    monkeypatch.setattr(segmentation.viz, "overlay", lambda *args, **options: 1 / 0)
    result = Segmentation(np.zeros((60, 90), np.int32), ("red",), (1.0,), flag)
    with pytest.raises(ZeroDivisionError):
        result.save(tmp_path, "flag")
    assert list(tmp_path.iterdir()) == []


class TinyCell(nn.Cell):
    """The colour model as a cell."""

    def __init__(self, like):
        super().__init__()
        self.config, self.encode_text = like.config, like.encode_text

    def construct(self, image, text):
        return ops.matmul(text, image.reshape(3, -1)).reshape(1, -1, 48, 48)


@pytest.mark.parametrize("mode", [ms.GRAPH_MODE, ms.PYNATIVE_MODE])
def test_a_cell_in_memory_in_both_modes(colour_model, flag, mode):
    before = ms.get_context("mode")
    ms.set_context(mode=mode)
    try:
        segmenter = Segmenter.from_model(TinyCell(colour_model), sha256="0", cache=False, long_side="native")
        segmenter.compile("red, green, blue")
        result = segmenter(flag, "red, green, blue")
    finally:
        ms.set_context(mode=before)
    assert result.shares == pytest.approx((1 / 3, 1 / 2, 1 / 6), abs=1e-12)
    assert result.record["checkpoint"]["sha256"] == "0"
