"""Entry point of `ms-ovs`: gathers the verbs."""

import typer

from ms_ovs import command
from ms_ovs.cli import benchmark, data, parity, predict, train, vocab
from ms_ovs.cli import eval as evaluation

app = typer.Typer(
    name="ms-ovs",
    help="Open-vocabulary segmentation on MindSpore.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("predict")(predict.predict)
app.command("train")(train.train)
app.command("eval")(evaluation.evaluate)
app.command("parity")(parity.parity)
app.command("benchmark", context_settings=benchmark.FORWARDED)(benchmark.benchmark)
app.add_typer(vocab.app, name="vocab")
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line; exit 2 with one line on stderr where the user's input is at fault."""
    command.run(app, "ms-ovs")
