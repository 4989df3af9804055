"""`ms-ovs benchmark --sets`: score a checkpoint on several data sets, and go on where it was interrupted."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ms_ovs.cli import eval_images
from ms_ovs.cli.benchmark_data import Found, find, names_of
from ms_ovs.cli.eval_data import Opened

Say = Callable[[str], None]


class Task(NamedTuple):
    """A data set to score: with which words, what its scores depend on, and the folder for them."""

    name: str
    opened: Opened
    vocabulary: Any
    identity: dict[str, Any]
    place: Path


def score(
    console,
    *,
    checkpoint: Path,
    sets: str,
    root: Path,
    out: Path,
    protocol: str | None,
    strict: bool,
    **settings: Any,
) -> None:
    """Score what there is of the sets, and write a table; `settings` are those of `ms_ovs.api.Segmenter`."""
    from rich.console import Console

    from ms_ovs.evaluation.benchmark import Benchmark
    from ms_ovs.evaluation.evaluate import ViewProtocol
    from ms_ovs.files import check_place

    names = names_of(sets)
    if protocol is not None:
        ViewProtocol.of(protocol)  # a slip is told before anything is read
    check_place(out / "any", "result")
    found, absent = find(names, root)
    with console.status("starting MindSpore …"):
        from ms_ovs import distributed
        from ms_ovs.api import Segmenter, own_protocol

        views = ViewProtocol.of(protocol or own_protocol(checkpoint))
        segmenter = Segmenter(checkpoint, scales=views.scales, flip=views.flip, **settings)
        fitting, unfit = _fitting(found, segmenter)
        tasks = _tasks(fitting, out, segmenter, views)
        world = distributed.join()

    def say(text: str) -> None:
        if world.main:
            print(f"ms-ovs: {text}", file=console.file)

    left_out = {**{name: f"absent: {gap}" for name, gap in absent.items()}, **unfit}
    for name, reason in left_out.items():
        say(f"{name} is not scored: {reason}")
    rows = {}
    for task in tasks:
        row = _scored_before(task, say) if world.main else None
        if not _agreed(world, row is not None):
            row = _score(console, segmenter, world, task, views.name, strict, say)
        if world.main:
            rows[task.name] = row
            Benchmark(rows, left_out).save(out)  # after every set, so that a later failure costs nothing
    if world.main:
        Benchmark(rows, left_out).print(Console())


def _fitting(found: dict[str, Found], segmenter) -> tuple[dict[str, Found], dict[str, str]]:
    """The sets that a checkpoint with fixed classes has the classes for, and why it has not for the others.

    Raises `UserError` where none is left.
    """
    from ms_ovs.errors import UserError

    own = segmenter.own_classes
    counts = {name: len(one.opened.data.vocabulary) for name, one in found.items()}
    unfit = {
        name: f"it has {count} classes, the checkpoint {own} of its own"
        for name, count in counts.items()
        if own not in (None, count)
    }
    if len(unfit) == len(found):
        told = "; ".join(f"{name}: {reason}" for name, reason in unfit.items())
        raise UserError(f"no data set fits {segmenter.checkpoint} ({told}): name one of {own} classes")
    return {name: one for name, one in found.items() if name not in unfit}, unfit


def _tasks(found: dict[str, Found], out: Path, segmenter, views) -> list[Task]:
    """What is to be done, with words that fit the network."""
    from convert import read
    from ms_ovs.api import versions
    from ms_ovs.models.checkpoint import identify

    source = read(segmenter.checkpoint)
    system, *_ = identify(source)
    common = {
        "checkpoint": source.sha256,
        "protocol": {"name": views.name, "scales": list(views.scales), "flip": views.flip},
        "templates": str(segmenter.templates),
        **segmenter.settings,
        "device": segmenter.device,
        "versions": versions(),
    }
    tasks = []
    for name, one in found.items():
        vocabulary, words = _words(name, system, one.opened)
        segmenter.check(vocabulary)
        own = {"words": words, "labels": _digest(vocabulary.synonyms), "data": one.fingerprint}
        tasks.append(Task(name, one.opened, vocabulary, {**common, **own}, out / name))
    return tasks


def _score(console, segmenter, world, task: Task, protocol: str, strict: bool, say: Say):
    """Score a set, or what is left of it; the main process writes and returns the row of the table."""
    from ms_ovs.evaluation.benchmark import SCORES_FILE, Row
    from ms_ovs.evaluation.partial import Partial
    from ms_ovs.evaluation.report import Report

    partial = Partial(task.place / f"partial-{world.rank}-of-{world.ranks}.npz", task.identity)
    begun = _begun(partial, task, world, say)
    shares = {"rank": world.rank, "ranks": world.ranks, "strict": strict}
    run = eval_images.run(
        console, segmenter, task.vocabulary, task.opened, **shares, begun=begun, after=partial.keep
    )
    evaluation = run.together(world)
    if not world.main:
        return None
    origin = eval_images.origin(segmenter, task.vocabulary, protocol)
    origin["details"]["identity"] = task.identity
    groups = {"unseen": task.opened.unseen, "seen": task.opened.seen}
    Report(evaluation, data=task.opened.name, **groups, **origin).save(task.place)
    for path in task.place.glob("*partial-*-of-*.npz*"):  # and what was killed while it was written
        path.unlink(missing_ok=True)
    if evaluation.failed:
        say(f"{evaluation.failed} images were left out; {task.place / SCORES_FILE} lists them")
    return Row.read(task.place / SCORES_FILE)


def _begun(partial, task: Task, world, say: Say):
    """The evaluation to go on with: that of an interrupted run, or an empty one."""
    from ms_ovs.errors import UserError
    from ms_ovs.evaluation.evaluate import Evaluation
    from ms_ovs.evaluation.semantic import SemanticScores

    blank = Evaluation(SemanticScores(task.vocabulary.names))
    share = len(range(world.rank, len(task.opened.data), world.ranks))
    others = [path for path in task.place.glob("partial-0-of-*.npz") if path != partial.path]
    if others and world.main:
        say(f"{others[0]} is of another number of processes, which is not gone on with")
    try:
        begun = partial.load(blank, share)
    except UserError as error:
        say(f"{error}: {task.name} is begun anew")
        return blank
    if done := begun.images + begun.failed:
        say(f"{task.name} goes on after {done} of {share} images")
    return begun


def _scored_before(task: Task, say: Say):
    """The row of a set whose scores are there and would come out again."""
    from ms_ovs.evaluation.benchmark import SCORES_FILE, Row
    from ms_ovs.evaluation.partial import differing

    path = task.place / SCORES_FILE
    row = Row.read(path)
    others = "" if row is None else differing(task.identity, row.identity)
    if row and not others:
        say(f"{task.name} was scored before, see {path}")
        return row
    if path.exists():
        reason = f"is of other {others}" if row else "is damaged or of no benchmark"
        say(f"{path} {reason}: {task.name} is scored anew")
    return None


def _words(name: str, system: str, opened: Opened):
    """The words that a system reads for a set, and the list they are from."""
    from ms_ovs.errors import UserError
    from ms_ovs.vocab import datasets
    from ms_ovs.vocab.systems import STYLES, prompts

    known = opened.data.vocabulary
    if system not in STYLES or name not in datasets.NAMES:
        return known, "the data set's"
    found = prompts(name, system)
    if len(found.vocabulary) != len(known):
        raise UserError(
            f"{name} has {len(known)} classes here, the list {found.source} {len(found.vocabulary)}: "
            "score it by ms-ovs eval with --labels"
        )
    return found.vocabulary, found.source


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _agreed(world, said: bool) -> bool:
    """What the main process says, to all: its files may not be theirs."""
    import numpy as np

    return bool(world.sum(np.array([int(said and world.main)], np.int64))[0])
