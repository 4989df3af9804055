"""Tables of a run that grows: CSV files, whole to the last row whatever ends the run."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ms_ovs.errors import UserError
from ms_ovs.files import write_whole

Number = float | int | None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell of an `OSError` as what the user can mend."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"log {path} cannot be written ({error.strerror or error}): make room or name another folder"
        ) from error


class Table:
    """A CSV file with a header, whose first column is `step`."""

    def __init__(self, path: str | Path, columns: Sequence[str], *, after_step: float = math.inf):
        """Open for appending; rows of steps beyond `after_step` go, and a row that was left half-written.

        Raises `UserError` for a file with other columns, and where the file cannot be written.
        """
        self.path, self.columns = Path(path), tuple(columns)
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not cut(self.path, after_step):
                header = io.StringIO()
                csv.writer(header, lineterminator="\n").writerow(self.columns)
                write_whole(self.path, header.getvalue())
            self._file = self.path.open("a", newline="", encoding="utf-8")
        with self.path.open(encoding="utf-8") as file:
            met = tuple(next(csv.reader(file)))
        if met != self.columns:
            self.close()
            raise UserError(
                f"log {self.path} has columns {', '.join(met)}, now they are {', '.join(self.columns)}: "
                "give a new run folder"
            )

    def append(self, step: int, **values: Number) -> None:
        """Add a row; what is left out stays empty. Raises `UserError` where it cannot be written."""
        if stray := values.keys() - set(self.columns):
            raise ValueError(f"{self.path.name} has no column {min(stray)!r}")
        row = {"step": step, **values}
        text = ",".join(_cell(row.get(column)) for column in self.columns)
        with writing(self.path):
            self._file.write(text + "\n")
            self._file.flush()

    def cut(self, after_step: float) -> None:
        """Drop the rows of steps beyond `after_step`."""
        with writing(self.path):
            self._file.close()
            cut(self.path, after_step)
            self._file = self.path.open("a", newline="", encoding="utf-8")

    def close(self) -> None:
        """Close the file."""
        with writing(self.path):
            self._file.close()


def cut(path: Path, after_step: float) -> bool:
    """Drop rows of a table beyond a step, and a half-written last one. False if there is no table."""
    text = path.read_text("utf-8", errors="replace") if path.is_file() else ""
    lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    if not lines:
        return False
    kept = [line for line in lines[1:] if _step_of(line) <= after_step]
    if (whole := lines[0] + "".join(kept)) != text:
        write_whole(path, whole)
    return True


def _cell(value: Number) -> str:
    if value is None:
        return ""
    whole = isinstance(value, bool | int | np.bool_ | np.integer)
    return str(int(value)) if whole else f"{float(value):.8g}"


def _step_of(line: str) -> float:
    """The step of a table's row; NaN, which is in no range, for a damaged one."""
    try:
        return int(line.split(",", 1)[0])
    except ValueError:
        return math.nan
