"""The split files of the few-shot sets, as HSNet distributes them: which images an episode may take."""

from collections.abc import Sequence
from pathlib import Path

from ms_ovs.data.pickles import unpickle
from ms_ovs.errors import UserError
from ms_ovs.vocab.files import read_lines


def pascal_pairs(path: Path, classes: Sequence[int]) -> list[tuple[str, int]]:
    """(image, class id) of the lines "2007_000033__01" of a split file, where classes count from 1."""
    pairs = []
    for number, line in enumerate(read_lines(path, "split file"), 1):
        name, found, stored = line.partition("__")
        if not found or not stored.isdecimal() or int(stored) - 1 not in classes:
            known = ", ".join(str(n + 1) for n in classes)
            raise UserError(
                f"split file {str(path)!r}, line {number} is {line!r}; "
                f"it must be image__class, the class one of {known}"
            )
        pairs.append((name, int(stored) - 1))
    if not pairs:
        raise UserError(f"split file {str(path)!r} is empty: copy it again from HSNet's repository")
    return pairs


def coco_images(path: Path, classes: Sequence[int]) -> dict[int, list[str]]:
    """{class id: paths of images below the root} of a split file; every class of the fold has some."""
    try:
        found = unpickle(path.read_bytes())
        images = {class_id: [str(name) for name in found[class_id]] for class_id in classes}
    except OSError as error:
        raise UserError(f"split file {str(path)!r} cannot be read ({error.strerror})") from None
    except Exception as error:  # a damaged pickle raises anything
        raise UserError(
            f"split file {str(path)!r} is no table of images by class ({error!r}): copy it again from HSNet"
        ) from None
    if bare := [class_id for class_id, names in images.items() if not names]:
        raise UserError(f"split file {str(path)!r} has no image of class {bare[0]}: copy it again from HSNet")
    return images
