"""The other side of training: `transformers`' DPTForSemanticSegmentation of LSeg's size, on PyTorch."""

import os

import torch
from torch import nn
from torch.nn import functional as F
from transformers import DPTConfig, DPTForSemanticSegmentation

from benchmarks import recipe
from benchmarks.worker import Probe
from ms_ovs.models.lseg.variants import VARIANTS, LSegConfig


def step(variant: str, size: int, batch: int) -> Probe:
    """A step of the network on one batch."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    network = _network(VARIANTS[variant], size).train()
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.RATE, momentum=recipe.MOMENTUM, weight_decay=recipe.DECAY
    )
    image, target = map(torch.from_numpy, recipe.batch(batch, size))
    target = target.long()

    def run() -> float:
        logits = network(pixel_values=image).logits
        loss = F.cross_entropy(logits, target, ignore_index=recipe.IGNORE)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return Probe({"run": run}, {"labels": recipe.LABELS})


def _network(ours: LSegConfig, size: int) -> DPTForSemanticSegmentation:
    """DPT with LSeg's tower, taps, maps and decoder, batch norm and all; attention is the default (fused)."""
    vit = ours.image
    config = DPTConfig(
        image_size=size,
        patch_size=vit.patch_size,
        hidden_size=vit.width,
        intermediate_size=4 * vit.width,
        num_hidden_layers=vit.layers,
        num_attention_heads=vit.heads,
        layer_norm_eps=vit.norm_epsilon,
        backbone_out_indices=list(ours.hooks),
        reassemble_factors=[factor if factor > 0 else 1 / -factor for factor in ours.resample],
        neck_hidden_sizes=list(ours.widths),
        fusion_hidden_size=ours.features,
        use_batch_norm_in_fusion_residual=True,
        use_bias_in_fusion_residual=False,
        use_auxiliary_head=False,
        num_labels=recipe.LABELS,
    )
    network = DPTForSemanticSegmentation(config)
    # DPT's own head, a 3×3 convolution at half of the input, is three times the work of LSeg's; this is
    # as much
    network.head.head = nn.Sequential(
        nn.Conv2d(ours.features, ours.text.embed_dim, 1),
        nn.Conv2d(ours.text.embed_dim, recipe.LABELS, 1),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    )
    return network
