"""A checkpoint file → a converted file, and back; the target appears whole or not at all."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from convert import safetensors, torch_zip, variants
from convert.conversion import Conversion, convert_tensors, reverse_tensors
from convert.gather import read_parts
from convert.options import BLOCK_OPTIONS, recorded
from convert.readers import read, sha256
from convert.report import Report
from ms_ovs.errors import UserError, choose
from ms_ovs.files import check_place

# Hears what is being done, how many bytes of it are now done, and how many there are in all.
Progress = Callable[[str, int, int], None]
TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
PARTED = "maskclip"  # the system whose authors spread a network over several files
LAYOUTS = {
    "mmseg": "mmcv",
    "backbone": "mmcv",
    "weights": "nested",
    "text": "lone",
}  # of torch files, by naming


def convert_file(
    source: str | Path,
    target: str | Path,
    *,
    system: str,
    variant: str | None = None,
    options: Mapping[str, Any] | None = None,
    drop_unused: bool = False,
    others: Sequence[str | Path] = (),
    progress: Progress = lambda what, count, total: None,
) -> Report:
    """Convert a reference's checkpoint to an ms_ovs .safetensors file, tensor by tensor.

    `others` are further files of the same MaskCLIP (`convert.gather`), the other arguments as for
    `convert_tensors`; the recorded SHA-256 is that of `source`. Raises `UserError`; the target is then as
    it was.
    """
    started = time.perf_counter()
    source, target = Path(source), Path(target)
    _check_target(source, target, (".safetensors",))
    if others and system != PARTED:
        raise UserError(f"further files go with --system {PARTED}, not {system}: give one file")
    if system == PARTED:
        opened, tensors = read_parts(source, [Path(other) for other in others])
    else:
        opened = read(source)
        tensors = opened.tensors
    if opened.metadata.get("format") == "ms_ovs":
        raise UserError(f"{source}: already converted; --reverse leads back to the reference's names")
    try:
        # Names and shapes first: an unfit file is refused before it is read through.
        conversion = convert_tensors(
            tensors,
            system=system,
            variant=variant,
            options=options,
            recorded=recorded(opened, system),
            drop_unused=drop_unused,
        )
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    size = opened.path.stat().st_size
    digest = sha256(opened.path, lambda count: progress("checksum", count, size))
    conversion.metadata["source_sha256"] = conversion.report.source_sha256 = digest
    return _write(conversion, source, target, started, progress)


def reverse_file(
    source: str | Path,
    target: str | Path,
    *,
    system: str | None = None,
    naming: str | None = None,
    progress: Progress = lambda what, count, total: None,
) -> Report:
    """Bring a converted file back to the reference's names, as .safetensors or torch zip (.pt, .pth, .ckpt).

    LSeg's torch files are laid out as Lightning's, with the options among the hyper-parameters, and the
    authors' namings of MaskCLIP as theirs; others hold the state dict alone. `system` is only checked.
    Raises `UserError`; the target is then as it was.
    """
    started = time.perf_counter()
    source, target = Path(source), Path(target)
    _check_target(source, target, (".safetensors", *TORCH_SUFFIXES))
    opened = read(source)
    met = opened.metadata.get("system")
    if met and system and choose("system", system, variants.VARIANTS) != met:
        raise UserError(f"{source}: the file is of system {met}, not {system}")
    try:
        conversion = reverse_tensors(opened.tensors, opened.metadata, naming=naming)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    return _write(conversion, source, target, started, progress)


def _write(conversion: Conversion, source: Path, target: Path, started: float, progress: Progress) -> Report:
    report = conversion.report

    def advance(count: int) -> None:
        progress("tensors", count, report.tensor_bytes)

    try:
        if target.suffix == ".safetensors":
            safetensors.write(target, conversion.tensors, conversion.metadata, advance)
        elif report.system == "lseg":
            config = variants.config_of(report.system, report.variant, report.options)
            hyper = {"backbone": report.variant, **{name: getattr(config, name) for name in BLOCK_OPTIONS}}
            torch_zip.write(target, conversion.tensors, hyper_parameters=hyper, advance=advance)
        else:
            layout = LAYOUTS.get(report.naming, "bare")
            torch_zip.write(target, conversion.tensors, layout=layout, advance=advance)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}; give another place") from error
    report.source, report.target = str(source), str(target)
    report.seconds = time.perf_counter() - started
    return report


def _check_target(source: Path, target: Path, suffixes: tuple[str, ...]) -> None:
    if target.suffix not in suffixes:
        raise UserError(f"{target}: the target must end in {' or '.join(suffixes)}")
    check_place(target, "target")
    if target.exists() and source.exists() and target.samefile(source):
        raise UserError(f"{target}: source and target are one file; give the target another name")
