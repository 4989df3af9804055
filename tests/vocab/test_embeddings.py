"""Pooling, batching and caching of class embeddings, with a fake encoder that counts its work."""

import time

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.vocab import embeddings, labels, templates
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.tokenizer import Tokenizer

WIDTH = 24


class FakeEncoder:
    """An embedding that depends on the ids up to the end of text alone; remembers shapes and rows."""

    def __init__(self):
        self.shapes, self.rows = [], []

    def __call__(self, tokens):
        assert tokens.dtype == np.int32
        self.shapes.append(tokens.shape)
        out = []
        for row in tokens:
            ids = row[: row.argmax() + 1]
            self.rows.append(tuple(ids.tolist()))
            places = np.arange(1, len(ids) + 1)
            out.append(np.sin(ids[:, None] * places[:, None] * np.arange(1, WIDTH + 1)).sum(0))
        return np.array(out, np.float32)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer()


@pytest.fixture(autouse=True)
def default_cache(monkeypatch, tmp_path, tokenizer):
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path / "default"))


@pytest.fixture
def run(tokenizer):
    def call(words, names="none", encode=None, weights_hash="w", **options):
        vocabulary = words if isinstance(words, labels.Vocabulary) else labels.parse(words)
        encode = encode or FakeEncoder()
        return embed(
            encode,
            vocabulary,
            tokenizer=tokenizer,
            templates=templates.get(names) if isinstance(names, str) else names,
            weights_hash=weights_hash,
            **options,
        )

    return call


def test_bare_labels_are_the_encoders_output_of_length_1_unless_told_otherwise(run, tokenizer):
    labels = "cat, grass|lawn, a much longer label than the others"
    raw = FakeEncoder()(tokenizer(["cat", "grass", "lawn", "a much longer label than the others"]))
    got = run(labels, cache=False, normalised=False)
    assert got.dtype == np.float32 and got.shape == (4, WIDTH)
    np.testing.assert_array_equal(got, raw)
    unit = raw / np.linalg.norm(raw.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(run(labels, cache=False), unit, atol=1e-6)


def test_pooling_per_synonym(run, tokenizer):
    got = run("cat, grass|lawn", "vild_14", cache=False)
    for row, word in zip(got, ["cat", "grass", "lawn"], strict=True):
        each = FakeEncoder()(tokenizer([t.replace("{}", word) for t in templates.get("vild_14")])).astype(
            np.float64
        )
        mean = (each / np.linalg.norm(each, axis=1, keepdims=True)).mean(0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-6)


def test_one_template_is_normalised(run):
    got = run("cat", ("a {}",), cache=False)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)


def test_each_prompt_is_encoded_once_in_few_shapes(run):
    """847 classes × 14 templates: work grows with the different prompts, graphs do not."""
    vocabulary = labels.parse("ade20k_847")
    encode = FakeEncoder()
    got = run(vocabulary, "vild_14", encode, cache=False)
    assert got.shape == (1281, WIDTH) and np.isfinite(got).all()
    prompts = {t.replace("{}", word) for word in vocabulary.words for t in templates.get("vild_14")}
    padding = len(encode.rows) - len(prompts)
    assert 0 <= padding < 32 * len(set(encode.shapes))
    assert len(set(encode.shapes)) <= 4
    assert sum(n * length for n, length in encode.shapes) < 16 * len(prompts)


def test_repeated_words_share_their_row(run):
    encode = FakeEncoder()
    got = run("lseg/ade20k_150", encode=encode, cache=False)
    np.testing.assert_array_equal(got[58], got[130])
    assert len(encode.rows) == 160 and set(encode.shapes) == {(32, 6)}


def test_too_long_label_names_it(run):
    with pytest.raises(UserError, match="word word .* tokens long"):
        run("cat, " + "word " * 80)


def test_cache_is_used_and_exact(run, tmp_path):
    first, again = FakeEncoder(), FakeEncoder()
    a = run("cat, dog|hound", "vild_14", first)
    b = run("cat, dog|hound", "vild_14", again)
    assert first.rows and not again.rows
    np.testing.assert_array_equal(a, b)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in files] == [tmp_path / "default" / "embeddings"]
    np.testing.assert_array_equal(np.load(files[0]), a)


@pytest.mark.parametrize(
    "change",
    [
        dict(weights_hash="other"),
        dict(words="dog, cat"),
        dict(words="cat, dogs"),
        dict(names="vild_14"),
        dict(names=("{} x", "{}")),
        dict(names=("{}", "{} x")),
    ],
)
def test_cache_key(run, change, tmp_path):
    options = dict(words="cat, dog", names=("{}", "y {}"), cache=tmp_path)
    run(**options)
    encode = FakeEncoder()
    run(**{**options, **change}, encode=encode)
    assert encode.rows


def test_cache_key_knows_the_rule_of_pooling(run, monkeypatch):
    run("cat")
    monkeypatch.setattr(embeddings, "POOLING_VERSION", embeddings.POOLING_VERSION + 1)
    encode = FakeEncoder()
    run("cat", encode=encode)
    assert encode.rows


def test_cache_false_leaves_nothing(run, tmp_path):
    run("cat", cache=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "spoil",
    [lambda d: b"", lambda d: d[:50], lambda d: d[:200] + bytes([d[200] ^ 1]) + d[201:], lambda d: d + b"x"],
    ids=["empty", "cut", "flipped bit", "longer"],
)
def test_damaged_cache_file_is_made_again(run, spoil, tmp_path, caplog):
    good = run("cat, dog", cache=tmp_path)
    (path,) = (tmp_path / "embeddings").iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    np.testing.assert_array_equal(run("cat, dog", cache=tmp_path), good)
    assert "damaged" in caplog.text
    unused = FakeEncoder()
    run("cat, dog", cache=tmp_path, encode=unused)
    assert not unused.rows, "the file was mended"


def test_cache_that_cannot_be_written_is_not_fatal(run, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.touch()
    assert run("cat", cache=blocked).shape == (1, WIDTH)
    assert "not cached" in caplog.text


def test_nothing_half_written(run, tmp_path):
    def failing(tokens):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("cat", encode=failing, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_progress_bar_only_for_long_work(run, monkeypatch, capsys):
    many = [f"label {i}" for i in range(100)]
    run(many, cache=False)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(embeddings, "PATIENCE", 0.0)
    run(many, cache=False, progress=False)
    assert capsys.readouterr().err == ""
    encode = FakeEncoder()

    def slow(tokens):
        time.sleep(0.01)
        return encode(tokens)

    run(many, encode=slow, cache=False)
    assert capsys.readouterr().err == "", "not a terminal"
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    run(many, encode=slow, cache=False)
    out, err = capsys.readouterr()
    assert "encoding words" in err and out == ""
