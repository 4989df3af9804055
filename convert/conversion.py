"""Tensors by the reference's names → tensors by ours, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convert import recognise, variants
from convert.metadata import CONVERTER_VERSION, FORMAT, describe, described, origin
from convert.options import BLOCK_OPTIONS, Options, checked
from convert.report import Report
from convert.rules import CARRIED, Step
from convert.steps import check_names, check_tensors, names_error, run
from convert.tensors import Entry
from ms_ovs.errors import UserError

__all__ = ["FORMAT", "Conversion", "convert_tensors", "described", "reverse_tensors"]


@dataclass
class Conversion:
    """The tensors under their new names, still unread, with the metadata of the file to be."""

    tensors: dict[str, Entry]
    metadata: dict[str, str]
    report: Report


def convert_tensors(
    tensors: Mapping[str, Entry],
    *,
    system: str,
    variant: str | None = None,
    options: Mapping[str, Any] | None = None,
    recorded: Mapping[str, Any] | None = None,
    drop_unused: bool = False,
    source_sha256: str = "",
) -> Conversion:
    """Rename a reference's tensors to ours, after checking names, shapes and dtypes; no value is read.

    `variant` is found from the shapes when not given. `options` are the user's word on what shapes do not
    tell (`convert.options.SETTABLE`), `recorded` the file's own, which counts where the user says nothing.
    `drop_unused` leaves out what the network never uses. Raises `UserError`.
    """
    prefix = recognise.prefix_of(tensors)
    inside = {name.removeprefix(prefix): name for name in tensors if name.startswith(prefix)}
    outside = [name for name in tensors if not name.startswith(prefix)]
    table = recognise.table_for(inside, system)
    plan = table.plan(inside)
    used = [step for step in plan.steps if not step.rule.carried]
    unused = [name for step in plan.steps if step.rule.carried for name in step.sources]
    made = run(used, {name: tensors[full] for name, full in inside.items()})

    shapes = {name: entry.shape for name, entry in made.items()}
    options = _merged(system, shapes, options, recorded)
    variant, config = variants.settle(system, shapes, variant, options)
    expected = variants.expected(config)
    label = f"{system} {variant}"
    check_names(table, plan, inside, expected, label, outside=outside)
    check_tensors(used, made, expected, label)

    if not drop_unused:
        made.update({CARRIED + name: tensors[inside[name]] for name in unused})
    differing = variants.differences(variant, config)
    report = Report(
        system=system,
        variant=variant,
        options=differing,
        naming=table.naming,
        source_prefix=prefix,
        source_sha256=source_sha256,
        converter_version=CONVERTER_VERSION,
        mapped=[_row(step, made) for step in used],
        carried=[] if drop_unused else unused,
        dropped=unused if drop_unused else [],
        tensor_bytes=sum(entry.nbytes for entry in made.values()),
    )
    metadata = describe(
        variant,
        config,
        naming=table.naming,
        source_prefix=prefix,
        source_sha256=source_sha256,
        dropped=report.dropped,
    )
    return Conversion(made, metadata, report)


def reverse_tensors(
    tensors: Mapping[str, Entry], metadata: Mapping[str, str], *, naming: str | None = None
) -> Conversion:
    """The way back: our names → the reference's, with the prefix that the source had.

    `naming` asks for other names than the source's ("transformers", "mindformers", …); what only the
    source's naming knows is then left out. Names for a part of a network leave out the rest. Raises
    `UserError` for a file that convert did not write.
    """
    if metadata.get("format") != FORMAT:
        raise UserError(
            "convert did not write this file (no ms_ovs metadata): --reverse starts from a file that it wrote"
        )
    system, variant, options = described(metadata)
    source_naming, prefix, absent = origin(metadata)
    expected = variants.expected(variants.config_of(system, variant, options))
    own = {name: entry for name, entry in tensors.items() if not name.startswith(CARRIED)}
    label = f"{system} {variant}"
    if own.keys() != expected.keys():
        stray, missing = (
            [name for name in a if name not in b] for a, b in ((own, expected), (expected, own))
        )
        raise names_error(label, stray, missing, list(expected))

    # Of several tables in one naming (CLIP's ViT and ResNet) the one that knows these names.
    naming = naming or source_naming
    plans = [(table, table.turned.plan(tensors)) for table in recognise.tables_of(system, naming)]
    table, plan = min(plans, key=lambda found: len(found[1].stray))
    other = naming != source_naming
    left = [name for name in plan.stray if table.partial or (other and name.startswith(CARRIED))]
    if lost := [name for name in plan.stray if name not in left] + plan.lacking:
        raise UserError(f"{naming} has no names for {len(lost)} tensors of {label}, such as {lost[0]!r}")
    if not plan.steps:
        raise UserError(
            f"{naming} has no names for any tensor of {label}: leave --naming out, or give another"
        )
    made = run(plan.steps, tensors)
    used = [step for step in plan.steps if not step.rule.carried]
    check_tensors(used, own, expected, label, of_sources=True)
    report = Report(
        system=system,
        variant=variant,
        options=options,
        naming=naming,
        source_prefix="" if other else prefix,
        direction="to the reference's names",
        converter_version=CONVERTER_VERSION,
        mapped=[_row(step, made) for step in used],
        carried=[name for step in plan.steps if step.rule.carried for name in step.targets],
        dropped=[*absent, *(name.removeprefix(CARRIED) for name in left)],
        tensor_bytes=sum(entry.nbytes for entry in made.values()),
    )
    named = {report.source_prefix + name: entry for name, entry in made.items()}
    return Conversion(named, {"format": "pt"}, report)


def _merged(
    system: str,
    shapes: Mapping[str, tuple[int, ...]],
    options: Mapping[str, Any] | None,
    recorded: Mapping[str, Any] | None,
) -> Options:
    """The user's options over those that the file records."""
    own = dict(recorded or {})
    if system == "lseg" and "head_block.conv.weight" not in shapes:
        # The zero-shot nets take arch_option and build no block.
        own = {name: value for name, value in own.items() if name not in BLOCK_OPTIONS}
    return {**checked(system, own), **checked(system, options)}


def _row(step: Step, made: Mapping[str, Entry]) -> dict[str, Any]:
    first = made[step.targets[0]]
    return {
        "source": list(step.sources),
        "target": list(step.targets),
        "hook": step.rule.hook.name,
        "dtype": first.dtype,
        "shape": list(first.shape),
    }
