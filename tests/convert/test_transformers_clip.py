"""A CLIPModel of transformers itself, saved its own way."""

import pytest

from convert import convert_file, read, reverse_file


def test_clip_model(tmp_path, same):
    transformers = pytest.importorskip("transformers")
    tower = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 1}
    config = transformers.CLIPConfig(
        text_config=tower | {"vocab_size": 99, "max_position_embeddings": 16, "hidden_act": "gelu"},
        vision_config=tower | {"image_size": 32, "patch_size": 16, "hidden_act": "gelu"},
        projection_dim=24,
    )
    model = transformers.CLIPModel(config)
    model.save_pretrained(tmp_path / "hub")
    report = convert_file(tmp_path / "hub", tmp_path / "clip.safetensors", system="clip")
    assert report.options["activation"] == "gelu" and report.options["embed_dim"] == 24
    assert report.options["image_resolution"] == 32
    ours = read(tmp_path / "clip.safetensors").tensors
    weight = model.text_projection.weight.detach().numpy()
    assert (ours["text.projection"].read() == weight.T).all()
    reverse_file(tmp_path / "clip.safetensors", tmp_path / "back.safetensors")
    same(read(tmp_path / "back.safetensors").tensors, {k: v.numpy() for k, v in model.state_dict().items()})
