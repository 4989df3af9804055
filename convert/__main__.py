"""`python -m convert`: the command line of the converter."""

from pathlib import Path
from typing import Annotated

import typer

from ms_ovs import command
from ms_ovs.errors import UserError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Checkpoint file, or a folder from the Hub.")],
    target: Annotated[
        Path, typer.Argument(help="A .safetensors file; with --reverse also .pt, .pth, .ckpt.")
    ],
    system: Annotated[
        str | None, typer.Option(help="Whose checkpoint it is: clip, lseg, segformer, mit, …")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="The size; the shapes tell it when not given.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What shapes do not tell, e.g. arch_option=1."),
    ] = None,
    drop_unused: Annotated[
        bool, typer.Option("--drop-unused", help="Leave out tensors that the network never uses.")
    ] = False,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="From a converted file back to the reference's names.")
    ] = False,
    with_: Annotated[
        list[Path] | None,
        typer.Option("--with", metavar="FILE", help="A further file of the same MaskCLIP: weights, text."),
    ] = None,
    naming: Annotated[
        str | None,
        typer.Option(
            help="With --reverse, other names: openai, transformers, mindformers; "
            "of MaskCLIP mmseg, weights, backbone, text."
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the full report as JSON to this file.")] = None,
) -> None:
    """Convert a reference's checkpoint to an ms_ovs file, or back, tensor by tensor. Needs no torch."""
    from convert.files import convert_file, reverse_file
    from convert.options import parse
    from convert.progress import bar
    from ms_ovs.files import check_place, write_whole

    forward_only = {"--variant": variant, "--set": set_, "--drop-unused": drop_unused, "--with": with_}
    if reverse and (given := [name for name, value in forward_only.items() if value]):
        raise UserError(f"{given[0]} does not go with --reverse: the converted file knows it")
    if not reverse and naming:
        raise UserError("--naming goes with --reverse: a source's names are found from the file")
    if not reverse and system is None:
        raise UserError("say whose checkpoint it is: --system clip or --system lseg")
    if report:
        check_place(report, "report")
        if report.absolute() in (source.absolute(), target.absolute()):
            raise UserError(f"report {str(report)!r} would overwrite the checkpoint: name another file")
    with bar() as progress:
        if reverse:
            done = reverse_file(source, target, system=system, naming=naming, progress=progress)
        else:
            done = convert_file(
                source,
                target,
                system=system,
                variant=variant,
                options=parse(set_ or []),
                drop_unused=drop_unused,
                others=with_ or (),
                progress=progress,
            )
    if report:
        write_whole(report, done.to_json() + "\n")
    print(done.summary())


def main() -> None:
    """Run the command line; exit 2 with one line on stderr where the user's input is at fault."""
    command.run(app, "python -m convert")


if __name__ == "__main__":
    main()
