"""torch's zip files, against torch itself; damaged and hostile ones."""

import argparse
import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from convert import Entry, read, torch_zip
from ms_ovs.errors import UserError

torch = pytest.importorskip("torch")


class Callback:
    """As Lightning's, a class that is a key in the file."""


class AttributeDict(dict):
    """As Lightning's."""


def module_of(state):
    """A module tree whose state dict has these names; integers become buffers."""
    root = torch.nn.Module()
    for name, tensor in state.items():
        *path, leaf = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module._modules[part]
        tensor = torch.from_numpy(tensor)
        if tensor.is_floating_point():
            module.register_parameter(leaf, torch.nn.Parameter(tensor))
        else:
            module.register_buffer(leaf, tensor)
    return root


def as_torch(state):
    return OrderedDict((name, torch.from_numpy(array)) for name, array in state.items())


def test_state_dict(tmp_path, openai_state, same):
    torch.save(as_torch(openai_state), tmp_path / "clip.pt")
    same(read(tmp_path / "clip.pt").tensors, openai_state)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("state", ["openai_state", "resnet_state"])
def test_torchscript_archive(state, tmp_path, same, request):
    state = request.getfixturevalue(state)
    module = module_of(state)
    module.visual.mask = torch.ones(3)  # an attribute, but no part of the state
    torch.jit.save(torch.jit.script(module), tmp_path / "clip.pt")
    same(read(tmp_path / "clip.pt").tensors, state)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_lightning_checkpoint(protocol, tmp_path, lseg_state, same):
    content = {
        "epoch": 3,
        "pytorch-lightning_version": "1.4.9",
        "callbacks": {Callback: {"best_model_score": torch.tensor(0.5), "dirpath": tmp_path}},
        "optimizer_states": [{"state": {0: {"momentum_buffer": torch.ones(2, 2)}}, "param_groups": []}],
        "lr_schedulers": [{"base_lrs": [0.1], "_callback": Callback()}],
        "state_dict": as_torch(lseg_state),
        "hparams_name": "kwargs",
        "hyper_parameters": AttributeDict(arch_option=1, dataset=argparse.Namespace(name="ade20k")),
    }
    torch.save(content, tmp_path / "lseg.ckpt", pickle_protocol=protocol)
    source = read(tmp_path / "lseg.ckpt")
    same(source.tensors, lseg_state)
    assert source.hyper_parameters == {"arch_option": 1, "dataset": {"name": "ade20k"}}


def test_every_way_to_hold_a_tensor(tmp_path):
    base = torch.arange(24.0).reshape(4, 6)
    state = {
        "turned": base.t(),
        "rows": base[1:3],
        "stepped": base[:, ::2],
        "shared": base,
        "parameter": torch.nn.Parameter(base * 2),
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "flags": torch.tensor([True, False]),
        **{
            str(t): torch.arange(5).to(t)
            for t in (torch.float64, torch.half, torch.int8, torch.uint8, torch.int16)
        },
    }
    state["parameter"].note = "kept as state"
    torch.save(state, tmp_path / "all.pt")
    tensors = read(tmp_path / "all.pt").tensors
    assert tensors.keys() == state.keys()
    for name, tensor in state.items():
        array = tensors[name].read()
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, tensor.detach().numpy(), strict=True)


def test_bfloat16(tmp_path):
    values = torch.tensor([1.0, -2.5, 3.140625], dtype=torch.bfloat16)
    torch.save({"w": values}, tmp_path / "b.pt")
    entry = read(tmp_path / "b.pt").tensors["w"]
    assert entry.dtype == "BF16"
    np.testing.assert_array_equal(entry.numbers(), values.float().numpy())


def test_torch_reads_what_we_write(tmp_path, openai_state):
    tensors = {name: Entry.of(array) for name, array in openai_state.items()}
    hyper = {
        "arch_option": 1,
        "names": ["a", None],
        "rate": 0.5,
        "deep": {"big": 2**70, "flag": True},
        "t": (1,),
    }
    torch_zip.write(tmp_path / "w.ckpt", tensors, hyper_parameters=hyper)
    for mmap in (False, True):
        loaded = torch.load(tmp_path / "w.ckpt", weights_only=True, mmap=mmap)
        assert loaded["hyper_parameters"] == hyper
        assert list(loaded["state_dict"]) == list(openai_state)
        for name, array in openai_state.items():
            np.testing.assert_array_equal(loaded["state_dict"][name].numpy(), array, strict=True)


def test_torch_reads_every_dtype_that_we_write(tmp_path):
    kinds = [
        torch.float64,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    ]
    state = {str(kind): torch.arange(6).reshape(2, 3).to(kind) for kind in kinds}
    torch.save(state, tmp_path / "a.pt")
    torch_zip.write(tmp_path / "b.pt", read(tmp_path / "a.pt").tensors, bare=True)
    loaded = torch.load(tmp_path / "b.pt", weights_only=True)
    assert all(loaded[name].dtype == t.dtype and torch.equal(loaded[name], t) for name, t in state.items())


@pytest.mark.parametrize("zipped", [True, False])
def test_a_raw_state_dict_of_the_old_format(zipped, tmp_path, openai_state, same):
    torch.save(as_torch(openai_state), tmp_path / "old.pth", _use_new_zipfile_serialization=zipped)
    same(read(tmp_path / "old.pth").tensors, openai_state)


def test_the_old_format_without_torch(tmp_path, monkeypatch):
    torch.save({"w": torch.ones(2)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(UserError, match="old, non-zip format, which only torch reads: install torch"):
        read(tmp_path / "old.pth")


def test_the_old_format_runs_nothing(tmp_path, monkeypatch):
    class Runs:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'made'}",)

    torch.save({"w": Runs()}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match=r"torch cannot read this .*system") as caught:
        read(tmp_path / "old.pth")
    assert "weights_only" not in str(caught.value)  # torch's advice to load it with code and all
    assert not (tmp_path / "made").exists()


def test_a_dtype_that_is_not_for_weights_here(tmp_path):
    torch.save({"w": torch.ones(3, dtype=torch.float8_e4m3fn)}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"shape \(3,\) is of none of the dtypes for weights: torch.float64"):
        read(tmp_path / "w.pt")


# --- what does not hold a state dict ---


def test_a_tensor_is_no_state_dict(tmp_path):
    torch.save(torch.ones(3), tmp_path / "t.pt")
    with pytest.raises(UserError, match="holds a single tensor, no state dict"):
        read(tmp_path / "t.pt")


def test_a_whole_module_is_no_state_dict(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "m.pt")
    with pytest.raises(UserError, match=r"holds a torch.nn.modules.linear.Linear, no state dict"):
        read(tmp_path / "m.pt")


def test_something_else_in_the_place_of_a_tensor(tmp_path):
    torch.save({"state_dict": {"a": torch.ones(1), "b": Callback()}}, tmp_path / "m.ckpt")
    with pytest.raises(UserError, match=r"in the place of tensor 'b' stands a .*Callback: refused"):
        read(tmp_path / "m.ckpt")


def test_a_hostile_call_beside_the_tensors(tmp_path):
    class Runs:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'made')!r}, 'w')",)

    torch.save({"state_dict": {"a": torch.ones(1)}, "callbacks": [{"x": Runs()}]}, tmp_path / "m.ckpt")
    with pytest.raises(UserError, match=r"__builtin__.exec, which can run code: refused"):
        read(tmp_path / "m.ckpt")
    assert not (tmp_path / "made").exists()


# --- zip files that lie ---


def tensor_pickle(numel=4, shape=(4,), strides=(1,), offset=0, storage="FloatStorage", key="0"):
    """The pickle of {"w": tensor}, as torch would write it for these numbers."""

    def word(value):
        if isinstance(value, tuple):
            return b"(" + b"".join(map(word, value)) + b"t"
        if isinstance(value, str):
            return b"X" + len(value).to_bytes(4, "little") + value.encode()
        return pickle.dumps(value, 2)[2:-1]

    persistent = b"(" + word("storage") + f"ctorch\n{storage}\n".encode() + word(key) + word("cpu")
    persistent += word(numel) + b"tQ"
    view = word(offset) + word(shape) + word(strides) + b"\x89N"
    return b"\x80\x02}" + word("w") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + persistent + view + b"tRs."


FOUR = np.arange(4, dtype=np.float32).tobytes()


def test_a_file_made_by_hand(torch_file):
    assert read(torch_file(tensor_pickle(), data__0=FOUR)).tensors["w"].read().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"shape": (5,)}, "does not fit its storage"),
        ({"offset": 1}, "does not fit its storage"),
        ({"shape": (2, 2), "strides": (3, 1)}, "does not fit its storage"),
        ({"shape": (2**40,), "strides": (0,)}, "does not fit its storage"),
        ({"shape": (2**30, 2**30), "strides": (0, 0)}, "does not fit its storage"),
        ({"numel": 5}, "should have 20 bytes and has 16"),
        ({"numel": 2**60}, "should have"),
        ({"shape": (-4,)}, "no sizes"),
        ({"strides": (-1,)}, "no sizes"),
        ({"offset": -1}, "no sizes"),
        ({"strides": (1, 1)}, "no sizes"),
        ({"shape": ("4",)}, "no sizes"),
        ({"storage": "ComplexFloatStorage"}, "is a torch.ComplexFloatStorage"),
        ({"key": "1"}, "data/1 is missing"),
        ({"key": "../data.pkl"}, "is missing"),
    ],
)
def test_tensors_that_do_not_fit_their_storage(numbers, message, torch_file):
    with pytest.raises(UserError, match=message):
        read(torch_file(tensor_pickle(**numbers), data__0=FOUR))


def test_a_storage_of_no_type_that_would_take_for_ever_to_print(torch_file):
    doubled = b"]" + b"".join(b"q\x00](h\x00h\x00e" for _ in range(80))
    with pytest.raises(UserError, match="no storage"):
        read(torch_file(b"\x80\x02(U\x07storage" + doubled + b"U\x010U\x03cpuK\x04tQ."))


def test_module_trees_that_never_end(torch_file):
    module = b"c__torch__\nM\n)\x81q\x00}(U\x01ah\x00U\x01bh\x00ub."
    with pytest.raises(UserError, match="more modules than any network has"):
        read(torch_file(b"\x80\x02" + module, **{"constants.pkl": b""}))


def test_values_that_are_compressed_are_refused(torch_file):
    bomb = torch_file(
        tensor_pickle(numel=1 << 22, shape=(1 << 22,)),
        compression=zipfile.ZIP_DEFLATED,
        data__0=bytes(1 << 24),
    )
    assert bomb.stat().st_size < 1 << 16
    with pytest.raises(UserError, match=r"compressed .* zip bomb"):
        read(bomb)


def test_a_pickle_that_unpacks_far_too_large(torch_file):
    with pytest.raises(UserError, match="zip bomb"):
        read(torch_file(b"N" * (1 << 24), compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(UserError, match="more than 67108864: refused"):
        read(torch_file(os.urandom(1 << 10) * (66 << 10)))


def test_entries_that_lie_about_their_size(torch_file):
    path = torch_file(tensor_pickle(numel=1 << 20, shape=(1 << 20,)), data__0=FOUR)
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\x01\x02")
    for at in (20, 24):
        data[central + at : central + at + 4] = (1 << 22).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(UserError, match="overlap or overstate"):
        read(path)


def test_a_flipped_bit_in_the_values(torch_file):
    path = torch_file(tensor_pickle(), data__0=FOUR)
    data = bytearray(path.read_bytes())
    data[data.index(FOUR) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="data/0 does not match its checksum"):
        read(path).tensors["w"].read()


def test_an_entry_twice(torch_file, tmp_path):
    path = torch_file(tensor_pickle(), data__0=FOUR)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("archive/data/0", FOUR)
    with pytest.raises(UserError, match="'archive/data/0' stands twice"):
        read(path)


def test_big_endian_values(torch_file):
    with pytest.raises(UserError, match="big-endian"):
        read(torch_file(tensor_pickle(), data__0=FOUR, byteorder=b"big"))


def test_a_zip_that_torch_did_not_write(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UserError, match="not one that torch wrote"):
        read(tmp_path / "x.pt")


@pytest.mark.parametrize("kept", [0, 1, 30, 200, -1])
def test_truncated_files(kept, tmp_path):
    torch.save({"w": torch.ones(100)}, tmp_path / "a.pt")
    data = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(data[:kept])
    with pytest.raises(UserError, match=r"a\.pt: .*(empty|cut-off|no checkpoint)"):
        read(tmp_path / "a.pt")


def test_random_damage_is_always_one_clear_error(torch_file):
    """Whatever byte is wrong, in the pickle or around it: a UserError or right values, never a crash."""
    draw = np.random.default_rng(0)
    for trial in range(400):
        pickled = bytearray(tensor_pickle())
        if trial % 2:
            pickled[draw.integers(len(pickled))] = draw.integers(256)
        path = torch_file(bytes(pickled), data__0=FOUR)
        if not trial % 2:
            data = bytearray(path.read_bytes())
            data[draw.integers(len(data))] = draw.integers(256)
            path.write_bytes(data)
        try:
            for entry in read(path).tensors.values():
                entry.read()
        except UserError as error:
            assert "\n" not in str(error)
