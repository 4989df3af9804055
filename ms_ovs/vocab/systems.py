"""What each system puts into its prompts: its list of names, its templates, and its way with synonyms.

Facts of the released code; sources in `lists/README.md` and `prompts/README.md`.
"""

from dataclasses import dataclass
from typing import Literal

from ms_ovs.errors import choose
from ms_ovs.vocab import datasets, labels, templates
from ms_ovs.vocab.labels import Vocabulary

BACKGROUND = "background"
_WITHOUT_BACKGROUND = {"voc_21": "voc_20", "pascal_context_60": "pascal_context_59"}


@dataclass(frozen=True)
class PromptStyle:
    """How a system turns the words of a class into rows of text embeddings.

    - `lists` is the folder of its own label lists.
    - `templates` is a name for `ms_ovs.vocab.templates.get`.
    - `synonyms`: "dropped" leaves the first; "whole" makes one phrase of all, commas included; "columns"
      gives each a row of its own, and the class scores as its best one.
    - `pooling`: "none" takes the text encoder's output; "mean" divides the embedding of each prompt by its
      2-norm, takes the mean over the templates of one word, and divides by its 2-norm. It is what
      `ms_ovs.vocab.embeddings.embed` does with these templates.
    - `no_object`: "others" is a class of this name before all others, "learned" a trained vector, divided by
      its 2-norm, behind all others. Neither is among the words here.
    """

    lists: str
    templates: str
    synonyms: Literal["dropped", "whole", "columns"]
    pooling: Literal["none", "mean"]
    no_object: Literal["others", "learned"] | None


STYLES = {
    "lseg": PromptStyle("lseg", "none", "dropped", "none", None),
    "lseg_zero_shot": PromptStyle("lseg", "none", "dropped", "none", "others"),
    "maft": PromptStyle("maft", "vild_14", "whole", "mean", "learned"),
    "maft_plus": PromptStyle("maft_plus", "vild_14", "columns", "mean", "learned"),  # FC-CLIP as well
    "maskclip": PromptStyle("maskclip", "maskclip_85", "dropped", "mean", None),
}


@dataclass(frozen=True)
class Prompts:
    """The words and templates of a system, how it treats them, and which list the words are from."""

    vocabulary: Vocabulary
    templates: tuple[str, ...]
    style: PromptStyle
    source: str


def prompts(names: str, system: str) -> Prompts:
    """What `system` (of `STYLES`) reads for `names`.

    `names` is a data set of `ms_ovs.vocab.datasets`, for which the system's own list is taken if it has one,
    or any other labels that `ms_ovs.vocab.labels.parse` takes. A set with background for which the system has
    no list is the word "background" before its list for the set without. (MaskCLIP+ has no such word: it
    trains a vector there.) Raises `UserError` for an unknown system, and what `parse` refuses.
    """
    style = STYLES[choose("system", system, STYLES)]
    if names in datasets.NAMES:
        vocabulary, source = _words(names, style.lists)
    else:
        vocabulary, source = labels.parse(names), names
    return Prompts(_treated(vocabulary, style.synonyms), templates.get(style.templates), style, source)


def _words(dataset: str, folder: str) -> tuple[Vocabulary, str]:
    """The list of a system for a data set, and what it is called."""
    own = f"{folder}/{dataset}"
    if own in labels.builtin():
        return labels.parse(own), own
    without = f"{folder}/{_WITHOUT_BACKGROUND.get(dataset)}"
    if without in labels.builtin():
        rest = labels.parse(without)
        both = Vocabulary((BACKGROUND, *rest.names), ((BACKGROUND,), *rest.synonyms))
        return both, f"{BACKGROUND} and {without}"
    return datasets.get(dataset).vocabulary, dataset


def _treated(vocabulary: Vocabulary, synonyms: str) -> Vocabulary:
    if synonyms == "columns":
        return vocabulary
    if synonyms == "whole":
        return Vocabulary.of(", ".join(group) for group in vocabulary.synonyms)
    return Vocabulary.of(vocabulary.names)
