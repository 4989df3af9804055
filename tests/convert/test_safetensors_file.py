"""The .safetensors reader and writer, against the library."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from convert import Entry, read, safetensors
from ms_ovs.errors import UserError

STATE = {
    "half": np.arange(3, dtype=np.float16),
    "count": np.array(7, np.int64),
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 4), np.float32),
}


def raw(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_written_files_are_the_librarys(tmp_path, entries, same):
    path = tmp_path / "a.safetensors"
    safetensors.write(path, entries(STATE), {"format": "ms_ovs", "options": '{"a": "ü"}'})
    loaded = load_file(path)
    assert loaded.keys() == STATE.keys()
    for name, array in STATE.items():
        np.testing.assert_array_equal(loaded[name], array, strict=True)
    source = read(path)
    same(source.tensors, {name: np.array(array, order="C") for name, array in STATE.items()})
    assert source.metadata == {"format": "ms_ovs", "options": '{"a": "ü"}'}


def test_the_librarys_files_are_read(tmp_path, same):
    state = {name: np.array(array, order="C") for name, array in STATE.items()}
    save_file(state, tmp_path / "a.safetensors")
    same(read(tmp_path / "a.safetensors").tensors, state)


def test_bfloat16_bits_pass_through(tmp_path):
    bits = np.array([0x3F80, 0xC020], np.uint16)
    safetensors.write(tmp_path / "b.safetensors", {"w": Entry.of(bits, "BF16")}, {})
    entry = read(tmp_path / "b.safetensors").tensors["w"]
    assert entry.dtype == "BF16" and entry.read().tolist() == bits.tolist()
    assert entry.numbers().tolist() == [1.0, -2.5]


def test_values_start_at_multiples_of_their_size(tmp_path, entries):
    safetensors.write(tmp_path / "a.safetensors", entries(STATE), {})
    data = (tmp_path / "a.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    assert all(header[name]["data_offsets"][0] % STATE[name].itemsize == 0 for name in STATE)


def test_a_failure_while_writing_leaves_nothing(tmp_path, entries):
    def fails():
        raise UserError("the source is damaged")

    broken = entries(STATE) | {"last": Entry("BOOL", (1,), fails)}
    path = tmp_path / "a.safetensors"
    with pytest.raises(UserError):
        safetensors.write(path, broken, {})
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"before")
    with pytest.raises(UserError):
        safetensors.write(path, broken, {})
    assert [item.name for item in tmp_path.iterdir()] == [path.name] and path.read_bytes() == b"before"


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"w": F32}, b"1234"),
        ({"w": F32 | {"shape": [2**40]}}, b"12345678"),
        ({"w": F32 | {"data_offsets": [0, 2**40]}}, b"12345678"),
        ({"w": F32, "v": F32}, b"12345678"),
        (b'{"w": {"dtype": "F32"', b""),
        ({"w": F32 | {"dtype": "F4711"}}, b"12345678"),
    ],
)
def test_damaged_files(header, data, tmp_path):
    with pytest.raises(UserError, match=r"not a whole .safetensors file"):
        read(raw(tmp_path / "a.safetensors", header, data))


def test_a_name_twice(tmp_path):
    text = f'{{"w": {json.dumps(F32)}, "w": {json.dumps(F32)}}}'.encode()
    with pytest.raises(UserError, match="'w' stands twice"):
        read(raw(tmp_path / "a.safetensors", text, b"12345678"))


def test_dtypes_that_no_network_has(tmp_path):
    with pytest.raises(UserError, match="'w' has dtype U32"):
        read(raw(tmp_path / "a.safetensors", {"w": F32 | {"dtype": "U32"}}, b"12345678"))


def test_a_file_that_shrinks_while_it_is_read(tmp_path, entries):
    path = tmp_path / "a.safetensors"
    safetensors.write(path, entries({"w": np.ones(9, np.float32)}), {})
    entry = read(path).tensors["w"]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match="became shorter"):
        entry.read()
