"""The tokenizer against the reference's ids, and against a plain-Python BPE on random words."""

import json
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.vocab.merges import find_merges, read_merges
from ms_ovs.vocab.tokenizer import Tokenizer, clean

CASE = Path(__file__).parents[1] / "reference" / "clip" / "tokenizer"
ENTRIES = json.loads((CASE / "tokens.json").read_text())


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer()


def test_all_strings_of_the_reference_case(tokenizer):
    assert len(ENTRIES) == json.loads((CASE / "case.json").read_text())["strings"]
    rows = tokenizer([entry["text"] for entry in ENTRIES], truncate=True)
    assert rows.dtype == np.int32 and rows.shape == (len(ENTRIES), 77)
    for entry, row in zip(ENTRIES, rows, strict=True):
        expected = entry["ids"] + [0] * (77 - len(entry["ids"]))
        assert row.tolist() == expected, entry["text"]


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.get("too_long")], ids=lambda e: str(e["length"]))
def test_too_long_names_text_length_limit_and_mend(tokenizer, entry):
    with pytest.raises(UserError) as caught:
        tokenizer(["cat", entry["text"]])
    message = str(caught.value)
    assert entry["text"][:30] in message and len(message) < 200 and "\n" not in message
    assert f"{entry['length']} tokens" in message and "limit is 77" in message and "fewer words" in message


def test_the_limit_itself_is_allowed(tokenizer):
    row = tokenizer("word " * 75)[0]
    assert (row != 0).all() and row[-1] == tokenizer.end


def test_other_context_length(tokenizer):
    assert tokenizer("a photo of a cat", context_length=7).tolist() == [
        [49406, 320, 1125, 539, 320, 2368, 49407]
    ]
    assert tokenizer("a photo of a cat", 5, truncate=True).tolist() == [[49406, 320, 1125, 539, 49407]]
    with pytest.raises(UserError, match="limit is 6"):
        tokenizer("a photo of a cat", context_length=6)


def test_one_string_many_and_none(tokenizer):
    assert (tokenizer("cat") == tokenizer(["cat"])).all()
    assert (tokenizer(("cat", "dog"))[1] == tokenizer("dog")[0]).all()
    assert tokenizer([]).shape == (0, 77)


def test_special_tokens_inside_signs(tokenizer):
    # "!<|" is one run of signs: the special token is only seen where a word begins
    joined = tokenizer("!<|endoftext|>")[0].tolist()
    assert joined.count(49407) == 1
    spaced = tokenizer("! <|endoftext|>")[0].tolist()
    assert spaced[:4] == [49406, 256, 49407, 49407]


def test_contraction_ignores_case_beyond_ascii(tokenizer):
    # U+017F folds to "s": the original's expression takes it for the contraction, one word of two letters
    assert tokenizer("it'\u017f")[0].tolist() != tokenizer("it' \u017f")[0].tolist()


def test_lone_surrogate_does_not_fail(tokenizer):
    assert tokenizer("a \ud800 b")[0, 0] == 49406


def test_clean():
    assert clean("  A &amp;amp; B\t\n C ") == "a & b c"


def test_vocabulary_size_and_ends(tokenizer):
    assert (tokenizer.start, tokenizer.end) == (49406, 49407)
    assert tokenizer._engine.get_vocab_size() == 49408


def test_engine_is_built_once(tokenizer):
    assert Tokenizer()._engine is tokenizer._engine


def test_random_words_against_plain_bpe(tokenizer):
    """The library merges pair by pair with a queue, the paper's way is round by round: same result."""
    ranks = {pair: rank for rank, pair in enumerate(read_merges(find_merges()))}
    generator = random.Random(0)
    alphabets = ("abcdefghijklmnopqrstuvwxyz", "aeinorst", "ab", "!?.-")
    words = ["".join(generator.choices(a, k=generator.randint(1, 14))) for a in alphabets for _ in range(250)]
    for word, row in zip(words, tokenizer(words), strict=True):
        expected = [tokenizer._engine.token_to_id(symbol) for symbol in _plain_bpe(word, ranks)]
        assert row[1 : 1 + len(expected) + 1].tolist() == [*expected, 49407], word


def _plain_bpe(word, ranks):
    symbols = [*word[:-1], word[-1] + "</w>"]
    while pairs := [pair for pair in pairwise(symbols) if pair in ranks]:
        best, merged = min(pairs, key=ranks.get), []
        while symbols:
            take = 2 if tuple(symbols[:2]) == best else 1
            merged.append("".join(symbols[:take]))
            symbols = symbols[take:]
        symbols = merged
    return symbols
