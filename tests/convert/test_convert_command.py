"""`python -m convert` as a user meets it."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convert import read, torch_zip
from convert.__main__ import main

ROOT = Path(__file__).parents[2]


def run(*arguments):
    """The command in a process of its own."""
    words = [sys.executable, "-m", "convert", *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def call(monkeypatch, capsys):
    """The command in this process: its exit status, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["convert", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        output = capsys.readouterr()
        return SimpleNamespace(returncode=caught.value.code, stdout=output.out, stderr=output.err)

    return call


@pytest.fixture
def source(tmp_path, openai_state, entries):
    path = tmp_path / "clip.pt"
    torch_zip.write(path, entries(openai_state), bare=True)
    return path


def test_there_and_back_with_reports(call, source, tmp_path, openai_state, same):
    target, report = tmp_path / "clip.safetensors", tmp_path / "report.json"
    done = run(source, target, "--system", "clip", "--set", "activation=gelu", "--report", report)
    assert (done.returncode, done.stderr) == (0, "")
    assert "clip custom" in done.stdout and f"{len(openai_state) - 2} tensors" in done.stdout
    told = json.loads(report.read_text())
    assert told["counts"] == {"mapped": len(openai_state) - 2, "carried": 2, "dropped": 0}
    assert told["options"]["activation"] == "gelu" and told["source"] == str(source)
    done = call(target, tmp_path / "back.pt", "--system", "clip", "--reverse")
    assert done.returncode == 0, done.stderr
    same(read(tmp_path / "back.pt").tensors, openai_state)
    done = call(target, tmp_path / "mf.safetensors", "--reverse", "--naming", "mindformers")
    assert done.returncode == 0 and "2 (input_resolution, vocab_size)" in done.stdout
    assert "ln_final.gamma" in read(tmp_path / "mf.safetensors").tensors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--system", "clp"], "unknown system 'clp': did you mean 'clip'"),
        (["--system", "lseg"], "looks like a clip checkpoint"),
        (["--system", "clip", "--variant", "RN50"], "those of variant 'custom', not of 'RN50'"),
        (["--system", "clip", "--set", "activation"], "no name=value"),
        (["--system", "clip", "--set", "activation=relu"], "it must be quick_gelu or gelu"),
        (["--system", "clip", "--naming", "openai"], "--naming goes with --reverse"),
        (["--system", "clip", "--reverse"], "convert did not write this file"),
        (["--reverse", "--drop-unused"], "--drop-unused does not go with --reverse"),
        ([], "say whose checkpoint it is"),
    ],
)
def test_mistakes_are_one_line_and_status_2(arguments, message, call, source, tmp_path):
    done = call(source, tmp_path / "out.safetensors", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("convert: error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("clip.pt", "would overwrite the checkpoint"),
        ("out.safetensors", "would overwrite the checkpoint"),
        ("clip.pt/report.json", "cannot be written (Not a directory)"),
        (".", "is a folder"),
    ],
)
def test_a_report_in_a_bad_place_is_told_before_the_work(report, message, call, source, tmp_path):
    before = source.read_bytes()
    arguments = (source, tmp_path / "out.safetensors", "--system", "clip", "--report", tmp_path / report)
    done = call(*arguments)
    assert done.returncode == 2 and message in done.stderr
    assert source.read_bytes() == before and [*tmp_path.iterdir()] == [source]


def test_a_hostile_file(tmp_path, torch_file):
    made = tmp_path / "made"
    path = torch_file(f"cposix\nsystem\n(Vtouch {made}\ntR.".encode())
    done = run(path, tmp_path / "out.safetensors", "--system", "clip")
    assert done.returncode == 2 and "posix.system, which can run code: refused" in done.stderr
    assert not made.exists()


def test_neither_torch_nor_mindspore_is_imported(source, tmp_path):
    code = (
        "import sys\nfrom convert.__main__ import main\n"
        "try:\n    main()\nfinally:\n"
        "    print(*sorted({'torch', 'mindspore'} & set(sys.modules)), file=sys.stderr)"
    )
    words = [sys.executable, "-c", code, source, tmp_path / "o.safetensors", "--system", "clip"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_help_is_quick():
    started = time.perf_counter()
    assert "--system" in run("--help").stdout
    assert time.perf_counter() - started < 5  # half a second on a quiet machine


MEMORY_LIMIT = 1 << 30


@pytest.mark.slow
def test_the_largest_lseg_checkpoint_in_bounded_memory(tmp_path):
    """1.7 GB by the fill rule, written, converted and read back tensor by tensor."""
    from convert import Entry
    from ms_ovs.parity.fill import fill

    case = ROOT / "tests/reference/lseg/vitl16_384/state_dict.json"
    specs = {spec["name"]: spec for spec in json.loads(case.read_text())}
    codes = {"float32": "F32", "int64": "I64"}

    def values(spec):
        if "value" in spec:
            return np.array(spec["value"], spec["dtype"]).reshape(spec["shape"])
        return fill(spec["name"], spec["shape"], spec["dtype"])

    tensors = {
        name: Entry(codes[spec["dtype"]], tuple(spec["shape"]), lambda spec=spec: values(spec))
        for name, spec in specs.items()
    }
    source, target = tmp_path / "lseg.ckpt", tmp_path / "lseg.safetensors"
    torch_zip.write(source, tensors, hyper_parameters={"arch_option": 0})
    assert source.stat().st_size > 1.6e9
    # A process counts the pages of the one that forked it, here the tests': so a small one stands between.
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'convert', *sys.argv[1:]])\n"
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, file=sys.stderr)\n"
        "sys.exit(done.returncode)"
    )
    for arguments in ([source, target, "--system", "lseg"], [target, tmp_path / "back.ckpt", "--reverse"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stderr.split("peak")[1]) < MEMORY_LIMIT
    back = read(tmp_path / "back.ckpt").tensors
    assert back.keys() == tensors.keys()
    for name in [*tensors][::50]:
        assert back[name].read().tobytes() == tensors[name].read().tobytes()
