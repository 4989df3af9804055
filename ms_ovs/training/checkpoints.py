"""Checkpoints of a run on disk: each is a folder that is whole or absent, with sums that tell damage.

RUN/checkpoints/step_00000100/ holds model.safetensors (what `ms_ovs.models.checkpoint.load_model` reads),
state.safetensors (what training needs besides), state.json and SHA256SUMS (for `sha256sum -c`). One process
writes; any number may read.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert import safetensors
from convert.readers import sha256
from convert.tensors import Entry
from ms_ovs.errors import UserError
from ms_ovs.files import write_whole

FOLDER = "checkpoints"
MODEL, STATE, FACTS, SUMS = "model.safetensors", "state.safetensors", "state.json", "SHA256SUMS"
FILES = (MODEL, STATE, FACTS)
HIDDEN = ".unfinished."  # begins the names of folders that are being written or removed

log = logging.getLogger(__name__)


class Arrays(Mapping[str, np.ndarray]):
    """The arrays of a file by name, each read when it is asked for and not kept.

    `entries` holds the same in the form that `ms_ovs.models.checkpoint.fill` takes.
    """

    def __init__(self, path: Path):
        """Raises `UserError` for anything but a whole .safetensors file."""
        self.entries, _ = safetensors.read(path)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.entries[name].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Saved:
    """A checkpoint that is as it was written; it must stay on disk while arrays are read from it.

    `facts` are those given to `write`, and the step.
    """

    path: Path
    step: int
    model: Arrays
    state: Arrays
    facts: dict[str, Any]


def write(
    folder: str | Path,
    step: int,
    *,
    model: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
    state: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
) -> Path:
    """Write the checkpoint of `step` (≥ 0) into the run's folder and give its path.

    `metadata` goes into the model's file, `facts` (JSON values, NumPy's scalars and arrays) into state.json.
    The mappings are asked for each array twice, for its shape and when it is written, so that they may make
    arrays on demand. The checkpoint appears when all of it is on disk: a process that is killed leaves the
    others whole, and what it leaves half-written goes with the next write. One of the same step is replaced.
    Raises `UserError` where the disk is full or cannot be written; nothing is left of it then.
    """
    place = Path(folder) / FOLDER
    target = place / f"step_{step:08d}"
    new = place / f"{HIDDEN}{target.name}"
    with _told(target):
        place.mkdir(parents=True, exist_ok=True)
        _tidy(place)
        try:
            new.mkdir()
            safetensors.write(new / MODEL, _entries(model), metadata)
            safetensors.write(new / STATE, _entries(state), {})
            write_whole(new / FACTS, json.dumps({**facts, "step": step}, indent=1, default=_plain) + "\n")
            write_whole(new / SUMS, "".join(f"{sha256(new / name)}  {name}\n" for name in FILES))
            _sync(new)
            _hide(target)
            new.rename(target)
            _sync(place)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        _tidy(place)
    return target


def latest(folder: str | Path) -> Saved | None:
    """The checkpoint of the highest step whose sums hold, open; warns of damaged ones. None without any."""
    for path in _found(Path(folder) / FOLDER):
        try:
            return read(path)
        except UserError as error:
            log.warning("passed over: %s", error)
    return None


def read(path: str | Path) -> Saved:
    """Open a checkpoint, after holding its files against their sums. Raises `UserError` for a damaged one."""
    path = Path(path)
    if fault := _fault(path):
        raise UserError(
            f"checkpoint {path} cannot be used: {fault}; give another one, such as RUN/{FOLDER}/step_00000100"
        )
    facts = json.loads((path / FACTS).read_text("utf-8"))
    return Saved(path, facts["step"], Arrays(path / MODEL), Arrays(path / STATE), facts)


def prune(folder: str | Path, keep: int, newest: Path | None = None) -> None:
    """Remove all checkpoints of a run but those of the `keep` (≥ 1) highest steps.

    With `newest`, the one just written, those of higher steps do not count and stay: they were damaged when
    the run went on from an earlier one, and must not push out what is whole.
    """
    if keep < 1:
        raise ValueError(f"keep {keep}: at least one checkpoint must stay")
    place = Path(folder) / FOLDER
    with _told(place, "removed"):
        found = _found(place)
        for path in found[found.index(newest) if newest else 0 :][keep:]:
            _hide(path)
            _tidy(place)


def export(checkpoint: str | Path, target: str | Path) -> None:
    """Put a checkpoint's model to `target`, such as RUN/best.safetensors, whole, with `target`.sha256 beside.

    It stays when the checkpoint is pruned, and takes no room of its own while the checkpoint is there, if
    the file system has hard links. Raises `UserError` where it cannot be written; an old target then stays.
    """
    source, target = Path(checkpoint) / MODEL, Path(target)
    new, sums = target.with_name(f".{target.name}.new"), target.with_name(f"{target.name}.sha256")
    with _told(target):
        digest = _sums(Path(checkpoint))[MODEL]
        target.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)  # of a process that was killed
        try:
            _link(source, new)
            _sync(new)
            sums.unlink(missing_ok=True)  # rather none than one that is wrong, if this is killed now
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)  # also where target was the same file already: nothing moves then
        write_whole(sums, f"{digest}  {target.name}\n")
        _sync(target.parent)


def _link(source: Path, target: Path) -> None:
    """A second name for the file, or a copy where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _entries(arrays: Mapping[str, np.ndarray]) -> dict[str, Entry]:
    def entry(name: str) -> Entry:
        known = Entry.of(arrays[name])
        return Entry(known.dtype, known.shape, lambda: arrays[name])

    return {name: entry(name) for name in arrays}


def _found(place: Path) -> list[Path]:
    """The checkpoints in a folder, those of higher steps first."""
    paths = place.iterdir() if place.is_dir() else ()
    steps = {int(found[1]): path for path in paths if (found := re.fullmatch(r"step_(\d{8,})", path.name))}
    return [steps[step] for step in sorted(steps, reverse=True)]


def _sums(path: Path) -> dict[str, str]:
    """{file: SHA-256} as the checkpoint says."""
    lines = (path / SUMS).read_text("utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _fault(path: Path) -> str:
    """What is wrong with a checkpoint; empty if nothing is."""
    name = SUMS
    try:
        sums = _sums(path)
        for name in FILES:
            if sums.get(name) != sha256(path / name):
                return f"{name} is not what {SUMS} says"
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})"
    return ""


def _hide(path: Path) -> None:
    """Give a checkpoint, if it is there, up to `_tidy`: no half of it is ever met under its name."""
    if path.exists():
        path.rename(path.with_name(f"{HIDDEN}old.{path.name}"))


def _tidy(place: Path) -> None:
    """Remove what killed processes left, and what `_hide` hid."""
    for path in place.glob(f"{HIDDEN}*"):
        shutil.rmtree(path)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON value: {value!r}")


@contextmanager
def _told(path: Path, done: str = "written") -> Iterator[None]:
    """Tell of an `OSError` as what the user can mend."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise UserError(
            f"checkpoint {path} cannot be {done} ({why}): make room or name another folder"
        ) from error
