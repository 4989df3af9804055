"""The other side: `transformers`' CLIPModel of the same size, on PyTorch."""

import os

import torch
from transformers import CLIPConfig, CLIPModel

from benchmarks import words
from benchmarks.worker import Probe
from ms_ovs.clip.variants import VARIANTS
from ms_ovs.vocab import labels as vocabularies
from ms_ovs.vocab import templates as prompts
from ms_ovs.vocab.tokenizer import Tokenizer


def _model(variant: str) -> CLIPModel:
    """The network with random weights; attention is the library's default (fused)."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    ours = VARIANTS[variant]
    config = CLIPConfig(
        projection_dim=ours.embed_dim,
        text_config={
            "vocab_size": ours.vocab_size,
            "hidden_size": ours.text_width,
            "intermediate_size": 4 * ours.text_width,
            "num_hidden_layers": ours.text_layers,
            "num_attention_heads": ours.text_heads,
            "max_position_embeddings": ours.context_length,
            "projection_dim": ours.embed_dim,
            "hidden_act": ours.activation,
        },
        vision_config={
            "hidden_size": ours.vision_width,
            "intermediate_size": 4 * ours.vision_width,
            "num_hidden_layers": ours.vision_layers,
            "num_attention_heads": ours.vision_heads,
            "image_size": ours.image_resolution,
            "patch_size": ours.vision_patch_size,
            "projection_dim": ours.embed_dim,
            "hidden_act": ours.activation,
        },
    )
    return CLIPModel(config).eval()


@torch.no_grad()
def _texts(model: CLIPModel, tokens: torch.Tensor):
    return model.get_text_features(input_ids=tokens)


def image_tower(variant: str, batch: int) -> Probe:
    """Images through `get_image_features`."""
    model = _model(variant)
    resolution = VARIANTS[variant].image_resolution
    image = torch.randn(batch, 3, resolution, resolution)

    @torch.no_grad()
    def run():
        return model.get_image_features(pixel_values=image)

    return Probe({"run": run})


def text_tower(variant: str) -> Probe:
    """The 150 short labels in one batch: at the full context, as CLIP and LSeg run them, and trimmed."""
    model = _model(variant)
    tokens = words.short_tokens()
    full, trimmed = torch.tensor(tokens), torch.tensor(tokens[:, : words.longest(tokens)])
    return Probe(
        {"full": lambda: _texts(model, full), "trimmed": lambda: _texts(model, trimmed)},
        {"longest": trimmed.shape[1]},
    )


def vocabulary(variant: str, labels: str, templates: str, sample: int) -> Probe:
    """`sample` prompts of a vocabulary at the full context, in one batch."""
    model = _model(variant)
    filled = [
        prompts.fill(template, word)
        for word in vocabularies.parse(labels).words
        for template in prompts.get(templates)
    ]
    tokens = torch.tensor(Tokenizer()(filled[:sample]))
    return Probe({"run": lambda: _texts(model, tokens)})
