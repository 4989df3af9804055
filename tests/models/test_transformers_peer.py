"""A live check against PyTorch: transformers' CLIPModel with random weights, through the converter."""

import json

import numpy as np
import pytest
import torch
from mindspore import Tensor
from transformers import CLIPConfig, CLIPModel

from convert import Entry, convert_tensors
from ms_ovs import create_model
from ms_ovs.models.checkpoint import fill

TEXT = {"vocab_size": 300, "max_position_embeddings": 20, "num_hidden_layers": 3, "eos_token_id": 299}


@pytest.fixture
def peer(request):
    """CLIP with an activation; (its name, the model)."""
    width = {
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_attention_heads": 2,
        "hidden_act": request.param,
    }
    vision = {"num_hidden_layers": 2, "patch_size": 16, "image_size": 64, **width}
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={**TEXT, **width}, vision_config=vision, projection_dim=48, logit_scale_init_value=2.0
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():  # initial biases are zeros and would hide a missing one
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return request.param, model


@pytest.mark.parametrize(
    ("mode", "peer"),
    [
        ("graph", "quick_gelu"),
        pytest.param("graph", "gelu", marks=pytest.mark.slow),
        ("pynative", "quick_gelu"),
        ("pynative", "gelu"),
    ],
    indirect=True,
)
def test_clip_equals_transformers(mode, peer):
    activation, theirs = peer
    entries = {name: Entry.of(tensor.numpy()) for name, tensor in theirs.state_dict().items()}
    conversion = convert_tensors(entries, system="clip", options={"activation": activation})
    ours = create_model("clip", variant="custom", seed=None, **json.loads(conversion.metadata["options"]))
    fill(ours, conversion.tensors, origin="transformers")

    rng = np.random.default_rng(0)
    image = rng.standard_normal((2, 3, 64, 64)).astype(np.float32)
    ids = rng.integers(1, 299, (4, 20)).astype(np.int32)
    ids[:, -1] = 299
    with torch.no_grad():
        output = theirs(input_ids=torch.from_numpy(ids).long(), pixel_values=torch.from_numpy(image))
    text = ours.encode_text(ids)
    np.testing.assert_allclose(
        text / np.linalg.norm(text, axis=-1, keepdims=True), output.text_embeds, atol=2e-5
    )
    logits = ours(Tensor(image), Tensor(text)).asnumpy()
    np.testing.assert_allclose(logits, output.logits_per_image, rtol=1e-4, atol=1e-4)
