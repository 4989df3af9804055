"""What a file for `ms-ovs eval --config` may say."""

from ms_ovs.config import Settings


class EvalSettings(Settings):
    """Options of `ms-ovs eval`, as in its help; scales may be a list of numbers."""

    checkpoint: str | None = None
    predictions: str | None = None
    save_predictions: str | None = None
    data: str | None = None
    root: str | None = None
    split: str | None = None
    splits: str | None = None
    out: str | None = None
    labels: str | None = None
    protocol: str | None = None
    scales: str | list[float] | None = None
    flip: bool | None = None
    unseen: str | None = None
    fold: int | None = None
    batch: int | None = None
    pictures: int | None = None
    strict: bool | None = None
    templates: str | None = None
    option: list[str] | None = None
    class_weights: str | None = None
    device: str | None = None
    fallback: bool | None = None
    mode: str | None = None
    merges: str | None = None
