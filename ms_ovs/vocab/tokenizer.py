"""CLIP's tokenizer: text to ids, byte-level BPE with 49408 symbols.

Cleaning and splitting are done by the libraries that the original (repository openai/CLIP) uses, `ftfy` and
`regex`, so that unusual Unicode falls the same way; merging is done by `tokenizers`.
"""

import functools
import html
from collections.abc import Sequence
from pathlib import Path

import ftfy
import numpy as np
import regex
from tokenizers import AddedToken, models, pre_tokenizers
from tokenizers import Tokenizer as Engine

from ms_ovs.errors import UserError
from ms_ovs.vocab.merges import find_merges, read_merges

__all__ = ["CONTEXT_LENGTH", "Tokenizer", "clean", "find_merges"]

CONTEXT_LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
SPACE = regex.compile(r"\s+")
WORD = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>"  # special tokens typed out
    r"|'s|'t|'re|'ve|'m|'ll|'d"  # English contractions
    r"|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+",  # letters; one digit; other signs
    regex.IGNORECASE,
)


def clean(text: str) -> str:
    """`text` as CLIP reads it: broken encoding and HTML entities mended, blanks collapsed, lower case."""
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return SPACE.sub(" ", text).strip().lower()


class Tokenizer:
    """Turns texts into rows of ids. `merges` is the merges file; without it `find_merges` looks for one.

    Raises `UserError` when there is none.
    """

    def __init__(self, merges: str | Path | None = None):
        self._engine = _engine(find_merges(merges))
        self.start = self._engine.token_to_id(START)
        self.end = self._engine.token_to_id(END)

    def __call__(
        self, texts: str | Sequence[str], context_length: int = CONTEXT_LENGTH, truncate: bool = False
    ) -> np.ndarray:
        """int32 (N, context_length): start, the ids of each text, end, then zeros.

        A text that is too long raises `UserError`; with `truncate` its row is cut and ends with the end id.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        rows = np.zeros((len(texts), context_length), np.int32)
        for row, text, ids in zip(rows, texts, self._encode(texts), strict=True):
            ids = [self.start, *ids, self.end]
            if len(ids) > context_length:
                if not truncate:
                    raise UserError(
                        f"text {_shorten(text)!r} is {len(ids)} tokens long with its start and end, "
                        f"the limit is {context_length}: use fewer words"
                    )
                ids = [*ids[: context_length - 1], self.end]
            row[: len(ids)] = ids
        return rows

    def _encode(self, texts: list[str]) -> list[list[int]]:
        words = [WORD.findall(clean(text)) for text in texts]
        encodings = self._engine.encode_batch_fast(words, is_pretokenized=True, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


def _shorten(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


@functools.cache
def _engine(path: Path) -> Engine:
    """The BPE of a merges file, to be fed with words."""
    merges = read_merges(path)
    byte_symbols = _byte_symbols()
    symbols = [
        *byte_symbols,
        *(symbol + WORD_END for symbol in byte_symbols),
        *map("".join, merges),
        START,
        END,
    ]
    vocabulary = {symbol: number for number, symbol in enumerate(symbols)}
    engine = Engine(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=WORD_END))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    # A special token is always a word of its own here: no other word of WORD mixes letters with signs.
    engine.add_special_tokens([AddedToken(symbol, normalized=False) for symbol in (START, END)])
    return engine


def _byte_symbols() -> list[str]:
    """The printable stand-ins of the 256 bytes, in the order of CLIP's ids.

    Bytes that Latin-1 prints come first and stand for themselves; the others follow as U+0100, U+0101, ….
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [*map(chr, printable), *(chr(0x100 + n) for n in range(256 - len(printable)))]
