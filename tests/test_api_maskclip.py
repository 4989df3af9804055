"""`Segmenter` with MaskCLIP: files of tiny networks, from conversion to label maps."""

import numpy as np
import pytest

from convert import Entry, convert_file, safetensors, torch_zip
from convert.metadata import describe
from ms_ovs import api, create_model
from ms_ovs.api import Segmenter, own_protocol
from ms_ovs.errors import UserError
from ms_ovs.models.maskclip.global_prediction import GlobalPrediction
from ms_ovs.models.maskclip.model import MaskCLIP
from ms_ovs.models.maskclip.variants import of_clip
from ms_ovs.models.saving import metadata, tensors
from tests.convert.conftest import TINY_RESNET, TINY_VIT, drawn, state_of
from tests.tiny import TINY

WORDS = ["cat", "dog", "a green sofa"]


@pytest.fixture(autouse=True)
def tokens(monkeypatch):
    """A tokenizer of 99 symbols for a context of 9: one id for each of the last letters."""

    def tokenize(texts, context_length=9):
        rows = np.zeros((len(texts), context_length), np.int32)
        for row, text in zip(rows, texts, strict=True):
            ids = [1, *(ord(letter) % 90 + 2 for letter in text[2 - context_length :]), 98]
            row[: len(ids)] = ids
        return rows

    monkeypatch.setattr(api, "Tokenizer", lambda merges: tokenize)


@pytest.fixture(params=["vit", "resnet"])
def clip_file(request, tmp_path, entries):
    """A whole tiny CLIP as OpenAI would write it."""
    from convert.tables import clip as tables

    vit = request.param == "vit"
    table, config = (tables.VIT_TABLE, TINY_VIT) if vit else (tables.RESNET_TABLE, TINY_RESNET)
    torch_zip.write(tmp_path / "clip.pt", entries(state_of(table, config)), bare=True)
    return tmp_path / "clip.pt"


@pytest.fixture
def entries():
    return lambda state: {name: Entry.of(array) for name, array in state.items()}


@pytest.fixture
def checkpoint(clip_file):
    """The MaskCLIP that opens it."""
    target = clip_file.with_name("maskclip.safetensors")
    convert_file(clip_file, target, system="maskclip", options={"scale": [64, 48]})
    return target


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def segmenter(checkpoint, mode="pynative", **settings):
    templates = checkpoint.with_name("prompts.txt")
    templates.write_text("a {}\nthe {}.\n")
    return Segmenter(checkpoint, **{"cache": False, "mode": mode, "templates": templates, **settings})


def scores(subject, photo):
    """What the protocol gets from the network for the photograph at its own size."""
    from ms_ovs.data.transforms import IMAGENET_MEAN, IMAGENET_STD, normalise

    subject.encode(WORDS)
    pixels = normalise(photo, IMAGENET_MEAN, IMAGENET_STD)[None]
    return subject._network(photo, subject._embeddings)(pixels)


@pytest.mark.parametrize(
    ("mode", "clip_file"),
    [
        ("graph", "vit"),
        pytest.param("graph", "resnet", marks=pytest.mark.slow),
        ("pynative", "vit"),
        ("pynative", "resnet"),
    ],
    indirect=True,
)
def test_from_a_clip_file_to_a_label_map(checkpoint, photo, mode):
    subject = segmenter(checkpoint, mode=mode, templates=None)
    subject.check(WORDS)
    subject.compile(WORDS)
    assert not subject.one_size and subject.templates == "maskclip_85"
    told = []
    result = subject(photo, WORDS, progress=lambda *now: told.append(now))
    assert result.label_map.shape == (60, 90) and result.names == tuple(WORDS) and told == [(1, 1)]
    assert result.record["windows"] == {
        "scale": [64, 48],
        "size": [43, 64],
        "scales": [1.0],
        "flip": False,
        "batch": 1,
        "calls": 1,
    }
    other = subject(photo[:, :50], WORDS)
    assert other.label_map.shape == (60, 50) and other.record["windows"]["size"] == [58, 48]


def test_the_label_map_is_that_of_the_scores_resized_twice(checkpoint, photo):
    from ms_ovs.data.mmseg import resized
    from ms_ovs.data.transforms import IMAGENET_MEAN, IMAGENET_STD, normalise
    from ms_ovs.evaluation.whole import Resized, Rows

    subject = segmenter(checkpoint)
    result = subject(photo, WORDS)
    model = subject._model
    pixels = normalise(resized(photo, (43, 64)), IMAGENET_MEAN, IMAGENET_STD)[None]
    scores = model(api.ms.Tensor(pixels), subject._embeddings).asnumpy()[0]
    scores = Resized(Rows(scores), (60, 90), False).all()
    best = np.sort(scores, 0)
    sure = best[-1] - best[-2] > 1e-5
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(result.label_map[sure], scores.argmax(0)[sure])


def test_words_are_unit_vectors_whatever_the_templates(checkpoint):
    for templates in (None, "none", "vild_14"):
        subject = segmenter(checkpoint, templates=templates)
        subject.encode(WORDS)
        np.testing.assert_allclose(np.linalg.norm(subject._embeddings.asnumpy(), axis=1), 1, rtol=1e-5)


def test_options_go_before_those_of_the_file(checkpoint, photo):
    plain = segmenter(checkpoint)
    smooth = segmenter(checkpoint, options={"ks_thresh": 1.0, "ks_axis": "channels"})
    smooth.load()
    assert smooth._model.config.ks_thresh == 1.0 and smooth._model.config.ks_axis == "channels"
    assert np.abs(scores(plain, photo) - scores(smooth, photo)).max() > 1e-3
    with pytest.raises(UserError, match="unknown option of maskclip 'ks'"):
        segmenter(checkpoint, options={"ks": 1.0}).load()


def test_long_sides(checkpoint, photo):
    for long_side, size in (("native", [60, 90]), (45, [30, 45])):
        subject = segmenter(checkpoint, long_side=45 if long_side == 45 else long_side)
        assert subject.record(WORDS, 60, 90)["windows"]["size"] == size
    assert own_protocol(checkpoint) == "single"


def test_views_are_summed(checkpoint, photo):
    result = segmenter(checkpoint, scales=(1.0, 1.5), flip=True)(photo, WORDS)
    assert result.record["windows"]["calls"] == 4


@pytest.mark.parametrize("source", ["clip.pt", "clip.safetensors", "maskclip.safetensors"])
def test_class_weights(checkpoint, clip_file, photo, source):
    convert_file(clip_file, clip_file.with_name("clip.safetensors"), system="clip")
    subject = segmenter(checkpoint, class_weights=clip_file.with_name(source), options={"tau": 0.01})
    weighed, plain = scores(subject, photo), scores(segmenter(checkpoint), photo)
    prediction = GlobalPrediction(clip_file)
    words = prediction.encode(
        subject.check(WORDS), tokenizer=subject._tokenizer, templates=subject._prompts, cache=False
    )
    weights = prediction.weights(photo, words, 0.01)
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(weighed, plain * weights[:, :, None, None], rtol=1e-3, atol=1e-5)
    assert (np.linalg.norm(words, axis=1) < 0.9999).all(), "means keep their lengths"
    assert len(subject(photo, WORDS).record["class_weights"]) == 64


def test_class_weights_want_a_whole_clip(tmp_path, checkpoint, photo):
    with pytest.raises(UserError, match=r"class weights need a whole CLIP, which .* does not give"):
        fixed = fixed_words(checkpoint, tmp_path)
        segmenter(checkpoint, class_weights=fixed).load()


def test_class_weights_by_a_clip_of_ones_own_size(tmp_path, photo):
    options = TINY["clip_resnet"][2] | {"mean": (0.5,) * 3, "activation": "gelu"}
    clip = create_model("clip", variant="RN50", seed=1, **options)
    path = tmp_path / "clip.safetensors"
    write(path, tensors(clip), metadata("clip", "RN50", options))
    prediction = GlobalPrediction(path)
    assert prediction.clip.config == clip.config, "heads, activation and mean, which no shape tells"
    # a MaskCLIP's file tells less of the CLIP that it was made of
    path = tmp_path / "maskclip.safetensors"
    about = {"naming": "openai", "source_prefix": "", "source_sha256": "0" * 64, "dropped": ()}
    carried = {
        "logit_scale": "carried.logit_scale",
        "image.attnpool.positional_embedding": "carried.visual.attnpool.positional_embedding",
    }
    arrays = {carried.get(name, name): array for name, array in tensors(clip).items()}
    write(path, arrays, describe("custom", of_clip(clip.config), **about))
    with pytest.raises(UserError, match=r"which .*maskclip.* does not give: its sizes are not those"):
        GlobalPrediction(path)


def write(path, arrays, about):
    """A checkpoint."""
    safetensors.write(path, {name: Entry.of(array) for name, array in arrays.items()}, about)


def fixed_words(checkpoint, folder):
    """A network with fixed embeddings of three classes, out of the authors' parts."""
    from convert import reverse_file

    reverse_file(checkpoint, folder / "weights.pth", naming="weights")
    text = drawn("text", (3, 24))
    torch_zip.write(folder / "text.pth", {"text": Entry.of(text)}, layout="lone")
    target = folder / "fixed.safetensors"
    convert_file(folder / "weights.pth", target, system="maskclip", others=[folder / "text.pth"])
    return target


def test_fixed_words(checkpoint, tmp_path, photo):
    subject = segmenter(fixed_words(checkpoint, tmp_path))
    result = subject(photo, "sky|heaven, sea, sand")
    assert result.names == ("sky", "sea", "sand") and set(np.unique(result.label_map)) <= {0, 1, 2}
    np.testing.assert_array_equal(subject._model.text_embeddings.asnumpy(), drawn("text", (3, 24)))
    with pytest.raises(UserError, match=r"2 labels for .*, which has 3 classes of its own"):
        segmenter(tmp_path / "fixed.safetensors").check(["sky", "sea"])


def test_one_photograph_at_a_time(checkpoint):
    with pytest.raises(UserError, match="batch 2: this network takes one photograph at a time"):
        segmenter(checkpoint, batch=2).load()


def test_class_weights_are_maskclips(colour_model):
    with pytest.raises(UserError, match="class weights are MaskCLIP's"):
        Segmenter("w.safetensors", class_weights="clip.pt").load()


def test_damaged_weights(checkpoint, photo):
    subject = segmenter(checkpoint)
    subject.load()
    assert isinstance(subject._model, MaskCLIP)
    *_, parameter = subject._model.image.get_parameters()
    parameter.set_data(api.ms.Tensor(np.full(parameter.shape, np.nan, np.float32)))
    with pytest.raises(UserError, match="not finite numbers"):
        subject(photo, WORDS)


def test_in_memory(photo):
    from tests.tiny import MASKCLIP

    system, variant, options, _ = MASKCLIP["maskclip_resnet"]
    text = options["text"] | {"vocab_size": 99, "context_length": 9}
    model = create_model(system, variant=variant, **{**options, "text": text, "scale": (80, 64)})
    settings = {"cache": False, "mode": "pynative"}
    subject = Segmenter.from_model(model, sha256="00", system=system, variant=variant, **settings)
    assert subject(photo, WORDS).record["windows"]["size"] == [53, 80]
