"""`ms-ovs benchmark --sets` with real networks: their scores, their settings, and classes of their own."""

import json

import pytest
from safetensors.numpy import save_file

from ms_ovs import create_model
from ms_ovs.models.saving import metadata, tensors
from ms_ovs.vocab.merges import find_merges
from tests.cli.refusals import one_line
from tests.tiny import CLIP_TEXT, WORDLESS

LSEG = {
    "image": [1, 1, 1, 1],
    "widths": [64, 128, 256, 512],
    "features": 16,
    "base_size": 64,
    "crop_size": 64,
    "text": {"embed_dim": 32, "width": 64, "heads": 2, "layers": 1, "activation": "gelu"},
}
# with CLIP's own vocabulary
CLIP = CLIP_TEXT | {"vocab_size": 49408, "context_length": 77, "text_heads": 1, "text_layers": 1}
CLIP |= {"image_resolution": 32, "vision_layers": 1, "vision_width": 64}

pytestmark = pytest.mark.usefixtures("pynative")  # a graph would take longer than the tests


@pytest.fixture
def network(tmp_path):
    """The path of a network with random weights."""

    def write(system, variant, options):
        path = tmp_path / f"{system}.safetensors"
        model = create_model(system, variant=variant, seed=1, **options)
        save_file(tensors(model), path, metadata(system, variant, options))
        return path

    return write


@pytest.fixture
def run(ms_ovs, two_sets, tmp_path, monkeypatch):
    """Score a checkpoint on VOC and the shapes; returns (status, stderr, benchmark.json)."""
    monkeypatch.setenv("MS_OVS_MERGES", str(find_merges()))
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path / "cache"))

    def run(checkpoint, *arguments, sets="pas20,shapes"):
        given = ["--checkpoint", checkpoint, "--root", two_sets, "--out", tmp_path / "out", "--sets", sets]
        status, _, err = ms_ovs("benchmark", *given, "--mode", "pynative", *arguments)
        written = tmp_path / "out/benchmark.json"
        return status, err, json.loads(written.read_text("utf-8")) if written.exists() else None

    return run


def test_scores_are_those_of_eval(run, network, ms_ovs, two_sets, tmp_path):
    path = network("lseg", "custom", LSEG)
    status, err, found = run(path, "--protocol", "single", sets="shapes,pc59")
    assert status == 0 and "pascal_context_59 is not scored: absent" in err
    row = found["sets"]["shapes"]
    assert row["data"]["images"] == 3 and 0 <= row["scores"]["pixel_accuracy"] < 0.5
    assert row["checkpoint"]["variant"] == "custom"
    alone = ["--checkpoint", path, "--data", two_sets / "shapes", "--out", tmp_path / "eval"]
    assert ms_ovs("eval", *alone, "--protocol", "single", "--mode", "pynative")[0] == 0
    assert row["scores"] == json.loads((tmp_path / "eval/scores.json").read_text("utf-8"))["scores"]


def test_settings_of_the_network_are_told_and_count(run, tmp_path):
    clip, maskclip = tmp_path / "clip.pt", tmp_path / "maskclip.safetensors"
    opened(clip, maskclip)
    plain = run(maskclip, sets="shapes")[2]["sets"]["shapes"]
    smoothed = ("--option", "ks_thresh=1.0", "--class-weights", clip)
    status, err, found = run(maskclip, *smoothed, sets="shapes")
    assert status == 0 and "is of other options, class_weights: shapes is scored anew" in err
    row = found["sets"]["shapes"]
    assert row["identity"]["options"] == {"ks_thresh": 1.0} and len(row["identity"]["class_weights"]) == 64
    assert row["protocol"]["name"] == plain["protocol"]["name"] == "single"
    table = (tmp_path / "out/benchmark.md").read_text("utf-8")
    assert "- options ks_thresh=1.0\n- class weights by the CLIP of sha256 `" in table


def opened(clip, maskclip):
    """A CLIP as OpenAI would write it, and the MaskCLIP that opens it."""
    from convert import Entry, convert_file, reverse_tensors, torch_zip

    ours = tensors(create_model("clip", variant="ViT-B/16", seed=2, **CLIP))
    about = metadata("clip", "ViT-B/16", CLIP)
    theirs = reverse_tensors({name: Entry.of(array) for name, array in ours.items()}, about).tensors
    torch_zip.write(clip, theirs, bare=True)
    convert_file(clip, maskclip, system="maskclip", options={"scale": [48, 48]})


def test_sets_of_other_classes_than_the_networks_own_are_left_out(run, network):
    system, variant, options, _ = WORDLESS["segformer"]
    path = network(system, variant, options | {"classes": 20})
    status, err, found = run(path)
    reason = "it has 34 classes, the checkpoint 20 of its own"
    assert status == 0 and f"shapes is not scored: {reason}" in err
    assert list(found["sets"]) == ["voc_20"] and found["left_out"] == {"shapes": reason}
    status, err, _ = run(path, sets="shapes")
    assert status == 2 and "no data set fits" in one_line(err) and "name one of 20 classes" in one_line(err)
