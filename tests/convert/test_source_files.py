"""Opening any source, and whole conversions from file to file."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from convert import convert_file, convert_tensors, read, reverse_file, torch_zip
from convert import safetensors as writer
from ms_ovs.errors import UserError


def ascontiguous(state):
    return {name: np.array(array, order="C") for name, array in state.items()}


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".ckpt"])
def test_lseg_there_and_back(suffix, tmp_path, lseg_state, entries, same):
    torch_zip.write(
        tmp_path / "a.ckpt", entries(lseg_state), hyper_parameters={"kwargs": {"activation": "tanh"}}
    )
    options = {"arch_option": 2, "block_depth": 3}
    heard = []
    report = convert_file(
        tmp_path / "a.ckpt",
        tmp_path / "b.safetensors",
        system="lseg",
        options=options,
        progress=lambda what, count, total: heard.append((what, count, total)),
    )
    assert report.options == options | {"activation": "tanh"}
    assert report.source_sha256 == hashlib.sha256((tmp_path / "a.ckpt").read_bytes()).hexdigest()
    for stage in ("checksum", "tensors"):
        counts, totals = zip(*[(count, total) for what, count, total in heard if what == stage], strict=True)
        assert sum(counts) == totals[0]
    reverse_file(tmp_path / "b.safetensors", tmp_path / f"c{suffix}")
    back = read(tmp_path / f"c{suffix}")
    same(back.tensors, lseg_state)
    if suffix != ".safetensors":  # a Lightning file again, which says its options itself
        assert back.hyper_parameters["arch_option"] == 2
        again = convert_file(tmp_path / f"c{suffix}", tmp_path / "d.safetensors", system="lseg")
        assert again.options == report.options


def test_clip_goes_back_to_a_bare_state_dict(tmp_path, openai_state, entries, same):
    torch_zip.write(tmp_path / "a.pt", entries(openai_state), bare=True)
    convert_file(tmp_path / "a.pt", tmp_path / "b.safetensors", system="clip")
    reverse_file(tmp_path / "b.safetensors", tmp_path / "c.pt")
    same(read(tmp_path / "c.pt").tensors, openai_state)
    torch = pytest.importorskip("torch")
    assert torch.load(tmp_path / "c.pt", weights_only=True).keys() == openai_state.keys()


def test_converted_files_keep_the_sources_dtypes(tmp_path, openai_state, entries):
    torch_zip.write(tmp_path / "a.pt", entries(openai_state), bare=True)
    convert_file(tmp_path / "a.pt", tmp_path / "b.safetensors", system="clip")
    loaded = load_file(tmp_path / "b.safetensors")
    assert loaded["text.projection"].dtype == np.float16 and loaded["text.ln_final.gamma"].dtype == np.float32
    np.testing.assert_array_equal(loaded["text.projection"], openai_state["text_projection"])
    assert loaded["carried.input_resolution"] == 32


def test_a_folder_from_the_hub(tmp_path, transformers_state, same):
    text = {"hidden_act": "gelu", "num_attention_heads": 2, "layer_norm_eps": 1e-6}
    image = {"hidden_act": "gelu", "num_attention_heads": 1, "layer_norm_eps": 1e-6, "hidden_size": 64}
    save_file(ascontiguous(transformers_state), tmp_path / "model.safetensors")

    def configure(text, image):
        config = {"model_type": "clip", "text_config": text, "vision_config": image}
        (tmp_path / "config.json").write_text(json.dumps(config))

    configure(text, image)
    target = tmp_path / "out" / "clip.safetensors"
    report = convert_file(tmp_path, target, system="clip")
    assert report.naming == "transformers"
    found = {name: report.options[name] for name in ("activation", "text_heads", "norm_epsilon")}
    assert found == {"activation": "gelu", "text_heads": 2, "norm_epsilon": 1e-6}
    assert read(target).metadata["activation"] == "gelu"
    for changed, message in [
        ({"num_attention_heads": 2}, "2 image heads"),
        ({"hidden_act": "relu"}, "'relu' for images"),
    ]:
        configure(text, image | changed)
        with pytest.raises(UserError, match=message):
            convert_file(tmp_path, target, system="clip")
    (tmp_path / "config.json").unlink()
    assert convert_file(tmp_path, target, system="clip").options["activation"] == "quick_gelu"


def test_converting_twice(tmp_path, openai_state, entries):
    torch_zip.write(tmp_path / "a.pt", entries(openai_state), bare=True)
    convert_file(tmp_path / "a.pt", tmp_path / "b.safetensors", system="clip")
    with pytest.raises(UserError, match="already converted"):
        convert_file(tmp_path / "b.safetensors", tmp_path / "c.safetensors", system="clip")
    with pytest.raises(UserError, match="of system clip, not lseg"):
        reverse_file(tmp_path / "b.safetensors", tmp_path / "c.pt", system="lseg")
    with pytest.raises(UserError, match="no ms_ovs metadata"):
        reverse_file(tmp_path / "a.pt", tmp_path / "c.pt")


@pytest.mark.parametrize(
    "damage", [{"variant": None}, {"options": "[1]"}, {"options": "{"}, {"dropped": "3"}]
)
def test_damaged_metadata(damage, tmp_path, openai_state, entries):
    done = convert_tensors(entries(openai_state), system="clip")
    metadata = {name: text for name, text in (done.metadata | damage).items() if text is not None}
    writer.write(tmp_path / "a.safetensors", done.tensors, metadata)
    with pytest.raises(UserError, match=r"a\.safetensors: the ms_ovs metadata is damaged"):
        reverse_file(tmp_path / "a.safetensors", tmp_path / "b.pt")
    assert not (tmp_path / "b.pt").exists()


def test_targets_that_will_not_do(tmp_path, openai_state, entries):
    source = tmp_path / "a.safetensors"
    save_file(ascontiguous(openai_state), source)
    before = source.read_bytes()
    (tmp_path / "link.safetensors").symlink_to(source)
    (tmp_path / "folder.safetensors").mkdir()
    for name, message in {
        "a.safetensors": "one file",
        "link.safetensors": "one file",
        "b.ckpt": "must end in .safetensors",
        "folder.safetensors": "is a folder",
        "a.safetensors/b.safetensors": "cannot be written",
    }.items():
        with pytest.raises(UserError, match=message):
            convert_file(source, tmp_path / name, system="clip")
    assert source.read_bytes() == before


def test_a_failed_conversion_leaves_the_old_target(tmp_path, openai_state, entries):
    source, target = tmp_path / "a.pt", tmp_path / "b.safetensors"
    torch_zip.write(source, entries(openai_state), bare=True)
    data = bytearray(source.read_bytes())
    values = openai_state["visual.proj"].tobytes()
    data[data.index(values)] ^= 1
    source.write_bytes(data)
    target.write_bytes(b"before")
    with pytest.raises(UserError, match="checksum"):
        convert_file(source, target, system="clip")
    assert target.read_bytes() == b"before"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.pt", "b.safetensors"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b"hello", "no checkpoint: give a .pt"),
        (b"PK\x03\x04 and no more", "damaged or cut-off"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x1f\x8b\x08\0 packed", "packed by gzip: unpack it first"),
        (b"<!DOCTYPE html><html>404", "a web page, not the file itself"),
        (b"\x02\0\0\0\0\0\0\0{}", "holds no tensors"),
    ],
)
def test_what_is_no_checkpoint(content, message, tmp_path):
    path = tmp_path / "x.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"x\.ckpt: .*{message}"):
        read(path)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(UserError, match=r"folder without model\.safetensors"):
        read(tmp_path)
