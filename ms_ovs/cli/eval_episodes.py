"""`ms-ovs eval` on a few-shot set."""

from pathlib import Path

from ms_ovs.cli.eval_data import OpenedEpisodes
from ms_ovs.cli.eval_show import finish, with_bar

SYSTEM = "lseg"


def score(
    console,
    opened: OpenedEpisodes,
    out: Path,
    *,
    checkpoint: Path,
    batch: int,
    strict: bool,
    templates: str | None,
    device: str,
    fallback: bool,
    mode: str,
    merges: Path | None,
) -> None:
    """Score the episodes by LSeg's protocol; the main process prints and writes."""
    from ms_ovs.vocab import templates as prompts
    from ms_ovs.vocab.tokenizer import Tokenizer

    templates = templates or "none"  # LSeg's own
    filled, tokenizer, data = prompts.get(templates), Tokenizer(merges), opened.data
    names = tuple(data.vocabulary.names[class_id] for class_id in data.class_ids)
    with console.status("starting MindSpore …"):
        from ms_ovs import distributed, runtime
        from ms_ovs.api import versions
        from ms_ovs.data.transforms import Squeezed
        from ms_ovs.evaluation import episodes
        from ms_ovs.evaluation.episode_report import EpisodeReport
        from ms_ovs.models.checkpoint import load_model

        device = runtime.setup(device, mode, fallback=fallback)
        world = distributed.join()
    with console.status("loading the model …"):
        model, found = load_model(checkpoint, system=SYSTEM)
    pairs = episodes.word_pairs(
        model.encode_text, names, tokenizer=tokenizer, templates=filled, weights_hash=found.sha256
    )
    size = model.config.crop_size

    def evaluate(progress):
        return episodes.evaluate_episodes(
            episodes.foreground(model, pairs),
            data,
            Squeezed(size, model.config.mean, model.config.std),
            batch=batch,
            rank=world.rank,
            ranks=world.ranks,
            strict=strict,
            progress=progress,
        )

    evaluation = with_bar(console, len(data), "episodes", evaluate).together(world)
    if not world.main:
        return
    report = EpisodeReport(
        evaluation,
        names,
        checkpoint={"sha256": found.sha256, "system": found.system, "variant": found.variant},
        data=opened.name,
        few_shot=opened.few_shot,
        fold=opened.fold,
        protocol={"name": episodes.PROTOCOL, "size": size, "words": [episodes.OTHERS, "label"]},
        details={"templates": templates, "versions": versions(), "device": device, "batch": batch},
    )
    finish(console, report, out, "episodes")
