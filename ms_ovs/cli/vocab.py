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
        str, typer.Option(help="Prompt templates by name, or a file with one a line.")
    ] = "none",
) -> None:
    """Print the classes, their synonyms, and how long the prompts are in tokens."""
    from ms_ovs.vocab import batching
    from ms_ovs.vocab import labels as vocabularies
    from ms_ovs.vocab import templates as prompts
    from ms_ovs.vocab.tokenizer import CONTEXT_LENGTH, Tokenizer

    vocabulary = vocabularies.parse(labels)
    sentences = [prompts.fill(t, word) for word in vocabulary.words for t in prompts.get(templates)]
    lengths = batching.lengths(Tokenizer()(sentences))
    for number, group in enumerate(vocabulary.synonyms):
        typer.echo(f"{number:>4}  {' | '.join(group)}")
    longest = sentences[int(lengths.argmax())]
    typer.echo(
        f"{len(vocabulary)} classes, {len(vocabulary.words)} words, {len(sentences)} prompts; "
        f"the longest has {lengths.max()} of {CONTEXT_LENGTH} tokens: {longest!r}"
    )
