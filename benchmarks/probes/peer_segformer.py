"""The other side of SegFormer: `transformers`' SegformerForSemanticSegmentation, on PyTorch."""

import os

import torch
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from benchmarks import recipe
from benchmarks.worker import Probe
from ms_ovs.models.segformer import variants


def forward(variant: str, size: int) -> Probe:
    """One image to its logits, on the grid of stage 1."""
    network = _network(variants.VARIANTS[variant]).eval()
    image = torch.randn(1, 3, size, size)

    @torch.no_grad()
    def run():
        return network(pixel_values=image).logits

    return Probe({"run": run})


def step(variant: str, size: int, batch: int) -> Probe:
    """A step of the network on one batch; the logits are enlarged to the targets, as ours are."""
    network = _network(variants.VARIANTS[variant]).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.ADAMW_RATE, weight_decay=recipe.ADAMW_DECAY)
    image, target = map(torch.from_numpy, recipe.batch(batch, size))
    target = target.long()

    def run() -> float:
        logits = network(pixel_values=image).logits
        logits = F.interpolate(logits, size=target.shape[1:], mode="bilinear", align_corners=False)
        loss = F.cross_entropy(logits, target, ignore_index=recipe.IGNORE)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return Probe({"run": run}, {"labels": recipe.LABELS})


def _network(ours: variants.SegFormerConfig) -> SegformerForSemanticSegmentation:
    """The network of our size with random weights; attention is the library's default.

    Its head, NVIDIA's, has linear layers with biases where ours has batch norm and ReLU: less work.
    """
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    mit = ours.backbone
    config = SegformerConfig(
        hidden_sizes=list(mit.widths),
        depths=list(mit.depths),
        num_attention_heads=list(mit.heads),
        sr_ratios=list(mit.reductions),
        patch_sizes=list(mit.kernels),
        strides=list(mit.strides),
        mlp_ratios=[mit.mlp_ratio] * 4,
        drop_path_rate=mit.drop_path,
        classifier_dropout_prob=ours.dropout,
        decoder_hidden_size=ours.features,
        num_labels=recipe.LABELS,
    )
    return SegformerForSemanticSegmentation(config)
