"""`ms-ovs vocab`: CLIP's vocabulary file, and a look at the labels before they are used."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The words: CLIP's vocabulary file, labels and prompts.", no_args_is_help=True)


@app.command()
def install(
    source: Annotated[
        Path | None,
        typer.Option("--from", help="The file, or a wheel of open_clip_torch, instead of a download by pip."),
    ] = None,
) -> None:
    """Fetch CLIP's vocabulary file with your own pip (1.4 MB, no torch), check it and cache it."""
    from ms_ovs.vocab import merges

    typer.echo(f"CLIP's vocabulary is at {merges.install(source)}")


@app.command()
def show(
    labels: Annotated[
        str, typer.Argument(help='Labels ("cat, grass|lawn, other"), a label file, or a list as "voc_20".')
    ],
    templates: Annotated[
        str | None,
        typer.Option(
            help="Prompt templates by name, or a file with one a line.",
            show_default="those of the system, or none",
        ),
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="Show what this system reads: lseg, maft, … (`ms-ovs vocab list`).")
    ] = None,
) -> None:
    """Print the classes, their synonyms, and how long the prompts are in tokens."""
    from ms_ovs.vocab import batching, datasets
    from ms_ovs.vocab import labels as vocabularies
    from ms_ovs.vocab import templates as prompts
    from ms_ovs.vocab.systems import prompts as prompts_of
    from ms_ovs.vocab.tokenizer import CONTEXT_LENGTH, Tokenizer

    read = prompts_of(labels, system) if system else None
    vocabulary = read.vocabulary if read else vocabularies.parse(labels)
    used = templates or (read.style.templates if read else "none")
    sentences = [prompts.fill(t, word) for word in vocabulary.words for t in prompts.get(used)]
    lengths = batching.lengths(Tokenizer()(sentences))
    for number, group in enumerate(vocabulary.synonyms):
        typer.echo(f"{number:>4}  {' | '.join(group)}")
    longest = sentences[int(lengths.argmax())]
    typer.echo(
        f"{len(vocabulary)} classes, {len(vocabulary.words)} words, {len(sentences)} prompts; "
        f"the longest has {lengths.max()} of {CONTEXT_LENGTH} tokens: {longest!r}"
    )
    if read:
        synonyms, pooling, no_object = _treatment(read.style)
        treated = f"{synonyms}, {pooling}, no-object: {no_object}"
        typer.echo(f"{system}: words of {read.source}, templates {used}; {treated}")
    if labels in datasets.NAMES:
        typer.echo(_facts(datasets.get(labels)))


@app.command("list")
def list_all() -> None:
    """Tables of what there is: label lists, prompt templates, and the systems that use them."""
    from rich.console import Console

    console = Console()
    for table in (_lists(), _templates(), _systems()):
        console.print(table)


SYNONYMS = {"dropped": "first synonym", "whole": "synonyms as one phrase", "columns": "maximum over synonyms"}
POOLING = {"none": "no pooling", "mean": "mean over templates"}
NO_OBJECT = {None: "none", "others": '"others", first', "learned": "learned, last"}


def _treatment(style) -> tuple[str, str, str]:
    return SYNONYMS[style.synonyms], POOLING[style.pooling], NO_OBJECT[style.no_object]


def _facts(known) -> str:
    """What is known of a data set's classes, in a line."""
    said = [f"{len(known.raw_ids)} ids in its annotations" if known.raw_ids else "masks without classes"]
    if known.things is not None:
        said.append(f"{sum(known.things)} things, {len(known.things) - sum(known.things)} stuff")
    if known.unseen:
        names = ", ".join(known.vocabulary.names[number] for number in known.unseen)
        said.append(f"unseen in the zero-shot protocol: {names}")
    return f"data set: {'; '.join(said)}"


def _table(title: str, *columns: str, numbers: int = 0):
    """An empty table; its last `numbers` columns are aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, column in enumerate(columns):
        right = place >= len(columns) - numbers
        table.add_column(column, justify="right" if right else "left", no_wrap=right or not place)
    return table


def _lists():
    """Lists by data set: classes and words, and the words in the variants of the systems."""
    from ms_ovs.vocab.labels import builtin, parse
    from ms_ovs.vocab.systems import STYLES

    folders = tuple(dict.fromkeys(style.lists for style in STYLES.values()))
    columns = ("list", "classes", "words", *(f"{folder}/" for folder in folders))
    table = _table("Label lists; words in the variants SYSTEM/LIST", *columns, numbers=len(columns) - 1)
    for name in builtin():
        if "/" not in name:
            whole = parse(name)
            variants = (f"{folder}/{name}" for folder in folders)
            words = (str(len(parse(own).words)) if own in builtin() else "–" for own in variants)
            table.add_row(name, str(len(whole)), str(len(whole.words)), *words)
    return table


def _templates():
    from ms_ovs.vocab import templates
    from ms_ovs.vocab.systems import STYLES

    table = _table("Prompt templates", "templates", "lines", "systems")
    for name in templates.builtin():
        users = [system for system, style in STYLES.items() if style.templates == name]
        table.add_row(name, str(len(templates.get(name))), ", ".join(users) or "–")
    return table


def _systems():
    from ms_ovs.vocab.systems import STYLES

    table = _table("Systems", "system", "templates", "synonyms", "pooling", "no-object")
    for name, style in STYLES.items():
        table.add_row(name, style.templates, *_treatment(style))
    return table
