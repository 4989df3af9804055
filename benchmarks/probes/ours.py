"""Our side, on MindSpore."""

import tempfile
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn, ops

from benchmarks import flops, recipe, words
from benchmarks.worker import Probe
from ms_ovs import runtime
from ms_ovs.models import create_model
from ms_ovs.vocab import labels as vocabularies
from ms_ovs.vocab import templates as prompts
from ms_ovs.vocab.batching import lengths
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.tokenizer import Tokenizer

MATMUL = (1024, 1024, 4096)  # rows, inputs, outputs: an MLP of ViT-L
TEXT_PARTS = 3  # 150 texts of 77 positions at once take 12 GB in MindSpore, and as long


class _Product(nn.Cell):
    def construct(self, a, b):
        return ops.matmul(a, b)


def _normal(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).standard_normal(shape, np.float32))


def matmul() -> Probe:
    """A large matrix product, the rate that floors are computed with."""
    runtime.setup()
    rows, inputs, outputs = MATMUL
    product, a, b = _Product(), _normal(rows, inputs), _normal(inputs, outputs)
    return Probe({"run": lambda: product(a, b).asnumpy()}, {"flops": 2 * rows * inputs * outputs})


def image_tower(variant: str, batch: int) -> Probe:
    """Images through CLIP's image tower."""
    runtime.setup()
    model = create_model("clip", variant=variant, seed=0)
    image = _normal(batch, 3, model.config.image_resolution, model.config.image_resolution)
    work = batch * flops.clip_image(model.config)
    return Probe({"run": lambda: model.image(image).asnumpy()}, {"flops": work})


def text_tower(variant: str) -> Probe:
    """The 150 short labels from strings to embeddings, without the cache."""
    runtime.setup()
    model = create_model("clip", variant=variant, seed=0)
    tokenizer, vocabulary = Tokenizer(), words.short_labels()

    def run() -> np.ndarray:
        return embed(
            model.encode_text,
            vocabulary,
            tokenizer=tokenizer,
            templates=prompts.BARE,
            weights_hash="",
            cache=False,
            progress=False,
        )

    work = flops.clip_text(model.config.text, lengths(words.short_tokens()).tolist())
    return Probe({"run": run}, {"labels": len(vocabulary), "flops": work})


def lseg(variant: str, size: int) -> Probe:
    """One image through LSeg, with ready class embeddings or with the text at all 77 positions first."""
    runtime.setup()
    model = create_model("lseg", variant=variant, seed=0)
    tokens = words.short_tokens()
    image, ready = _normal(1, 3, size, size), _normal(len(tokens), model.config.text.embed_dim)

    def encoded() -> Tensor:
        parts = np.split(tokens, TEXT_PARTS)
        return Tensor(np.concatenate([model.encode_text(part) for part in parts]))

    return Probe(
        {
            "ready": lambda: model(image, ready).asnumpy(),
            "text_each_time": lambda: model(image, encoded()).asnumpy(),
        },
        {"labels": len(tokens), "flops": flops.lseg(model.config, size, len(tokens))},
    )


class _Logits(nn.Cell):
    """What the peer gives: the scores before they are enlarged to the size of the image."""

    def __init__(self, model: nn.Cell):
        super().__init__(auto_prefix=False)
        self.model = model
        self.place = model.TAPS.index("logits")

    def construct(self, image):
        return self.model.stages(image)[self.place]


def segformer(variant: str, size: int) -> Probe:
    """One image through SegFormer, to its logits."""
    runtime.setup()
    model = create_model("segformer", variant=variant, seed=0, classes=recipe.LABELS)
    logits, image = _Logits(model), _normal(1, 3, size, size)
    facts = {"labels": recipe.LABELS, "flops": flops.segformer(model.config, size)}
    return Probe({"run": lambda: logits(image).asnumpy()}, facts)


def vocabulary(variant: str, labels: str, templates: str, count: int | None) -> Probe:
    """A vocabulary from strings to pooled embeddings: made, and found in the cache."""
    runtime.setup()
    model = create_model("clip", variant=variant, seed=0)
    tokenizer, sentences = Tokenizer(), prompts.get(templates)
    chosen = words.first(vocabularies.parse(labels), count)
    folder = tempfile.TemporaryDirectory()  # lives as long as the actions

    def found() -> np.ndarray:
        return embed(
            model.encode_text,
            chosen,
            tokenizer=tokenizer,
            templates=sentences,
            weights_hash="",
            cache=Path(folder.name),
            progress=False,
        )

    def made() -> np.ndarray:
        for file in Path(folder.name).rglob("*.npy"):
            file.unlink()
        return found()

    filled = {prompts.fill(template, word) for word in chosen.words for template in sentences}
    work = flops.clip_text(model.config.text, lengths(tokenizer(sorted(filled))).tolist())
    facts = {"classes": len(chosen), "templates": len(sentences), "prompts": len(filled), "flops": work}
    return Probe({"made": made, "found": found}, facts)
