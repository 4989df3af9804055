"""Counts of an evaluation that is under way, in a file: one that was killed goes on from there.

The counts are whole numbers, so what was interrupted ends with those of a run that was not.
"""

import json
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np

from ms_ovs.errors import UserError
from ms_ovs.evaluation.evaluate import Evaluation, Failure
from ms_ovs.files import replacing

_DAMAGE = (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)

EVERY = 30.0  # seconds from one saving to the next


class Partial:
    """The file `path` with the counts so far of what `identity`, which JSON can hold, tells apart."""

    def __init__(self, path: Path, identity: Mapping[str, Any]):
        self.path, self.identity = path, dict(identity)
        self._saved = time.monotonic()

    def load(self, blank: Evaluation, images: int) -> Evaluation:
        """The evaluation to go on with: that of the file, or `blank` where there is none.

        `images` is how many there are to score. Raises `UserError` for a file that is damaged or of something
        else.
        """
        try:
            with np.load(self.path) as file:
                counts, said = file["counts"], json.loads(file["said"].tobytes())
            if others := differing(self.identity, said["identity"]):
                raise UserError(f"{self.path} is of other {others}")
            failures = [Failure(*row) for row in said["failures"]]
            begun = replace(blank.summed(counts), failures=failures, seconds=float(said["seconds"]))
            if counts.dtype != np.int64 or counts.min() < 0 or begun.images + begun.failed > images:
                raise ValueError(f"its counts are not those of {images} images")
        except FileNotFoundError:
            return blank
        except _DAMAGE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"{self.path} is damaged ({reason})") from None
        return begun

    def keep(self, result: Evaluation) -> None:
        """Save `result` if that was not done for `EVERY` seconds."""
        if time.monotonic() - self._saved >= EVERY:
            self.save(result)

    def save(self, result: Evaluation) -> None:
        """Write the counts, whole or not at all. Raises `OSError` where that cannot be."""
        said = {
            "identity": self.identity,
            "failures": [astuple(failure) for failure in result.failures],
            "seconds": result.seconds,
        }
        with replacing(self.path) as file:
            text = np.frombuffer(json.dumps(said).encode(), np.uint8)
            np.savez_compressed(file, counts=result.counts, said=text)
        self._saved = time.monotonic()


def differing(identity: Mapping[str, Any], met: Any) -> str:
    """What tells two identities apart, by name: "checkpoint, labels"; empty if nothing does."""
    met = met if isinstance(met, dict) else {}
    return ", ".join(name for name in {**identity, **met} if identity.get(name) != met.get(name))
