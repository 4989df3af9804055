"""The way from archives to scores: what every data set must stand."""

from dataclasses import replace

from typer.testing import CliRunner

from ms_ovs.cli.main import app
from ms_ovs.data import named
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.prepare.datasets import DATASETS, prepare
from ms_ovs.evaluation.evaluate import evaluate


def with_counts(monkeypatch, name, **counts):
    """Let so few pairs be the right number for the data set `name`, and its archives have any sum."""
    recipe = DATASETS[name]
    sources = tuple(
        replace(source, sha1=None) if hasattr(source, "sha1") else source for source in recipe.sources
    )
    monkeypatch.setitem(DATASETS, name, replace(recipe, sources=sources, counts=counts))


def prepared(monkeypatch, name, sources, root, *, splits=None, **counts):
    """Prepare a data set that has `counts` pairs."""
    with_counts(monkeypatch, name, **counts)
    return prepare(name, sources, root, splits=splits)


def opened(name, root, split="validation"):
    """The data set as it is found by its name."""
    return FolderDataset(named.settings_of(name, root, split))


def checked(name, root, split="validation"):
    """The status and output of `ms-ovs data check`."""
    result = CliRunner().invoke(
        app, ["data", "check", name, "--root", str(root), "--split", split, "--workers", "0"]
    )
    return result.exit_code, result.output


def perfect_score(data):
    """The scores of a predictor that knows the truth, and says class 0 where there is none."""
    truths = iter([data.target(index) for index in range(len(data))])
    done = evaluate(lambda image, progress: next(truths).clip(0), data, data.vocabulary.names)
    assert (done.images, done.failed) == (len(data), 0)
    return done.scores
