"""Words in pictures: that the font has their letters, that they fit, and shares as text."""

import unicodedata

from PIL import ImageFont

LEAST_SHARE = 0.001  # a smaller one is only said to be below it
NAME_WIDTH = 16  # font heights; a longer name ends in an ellipsis
NO_LABEL = "no label"


def percent(share: float) -> str:
    """A fraction in words: "12.3 %"; what would round to nothing is "< 0.1 %"."""
    return f"{share:.1%}".replace("%", " %") if share >= LEAST_SHARE / 2 else "< 0.1 %"


def readable(text: str, font: ImageFont.FreeTypeFont, otherwise: str) -> str:
    """`text` on one line; without accents, or else `otherwise`, where the font lacks its letters."""
    missing = bytes(font.getmask("\uffff"))
    text = " ".join(text.split())
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for candidate in (text, plain):
        if not any(bytes(font.getmask(letter)) == missing for letter in set(candidate)):
            return candidate
    return otherwise


def fit(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """`text`, cut with an ellipsis where it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"
