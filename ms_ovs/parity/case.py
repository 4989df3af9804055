"""A reference case: what was run, on which weights and inputs, and the numbers that came out.

The format is described in `tests/reference/README.md`; weights and inputs are rebuilt from names.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from convert import Entry
from ms_ovs.errors import UserError
from ms_ovs.parity.fill import fill, make_input

SAFETENSORS_DTYPES = {"float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32"}


@dataclass(frozen=True)
class Case:
    """A folder with `case.json`, `outputs.npz` and mostly `state_dict.json`."""

    folder: Path
    spec: Mapping

    @classmethod
    def open(cls, folder: str | Path) -> "Case":
        """Read `case.json`; a `UserError` says what is wrong with the folder."""
        folder = Path(folder)
        try:
            spec = json.loads((folder / "case.json").read_text())
        except OSError:
            raise UserError(f"{folder} holds no case.json; name the folder of a reference case") from None
        except ValueError as error:
            raise UserError(f"{folder / 'case.json'} is not JSON ({error})") from None
        if not isinstance(spec, dict) or "kind" not in spec:
            raise UserError(f"{folder / 'case.json'} names no 'kind'; every case needs one")
        return cls(folder, spec)

    @property
    def name(self) -> str:
        """The last two folders, such as "lseg/vitb32_384"."""
        return "/".join(self.folder.resolve().parts[-2:])

    @property
    def kind(self) -> str:
        """Which adapter serves the case."""
        return self.spec["kind"]

    @property
    def arguments(self) -> Mapping:
        """The arguments of the reference's class."""
        return self.spec["reference"]["arguments"]

    @property
    def tolerance(self) -> float:
        """The largest error allowed; 0 where the case asks for exact results."""
        tolerance = self.spec["tolerance"]
        return 0.0 if tolerance == "exact" else float(tolerance["error"])

    @property
    def descriptions(self) -> Mapping[str, str]:
        """One sentence for every output."""
        return self.spec["outputs"]

    @cached_property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """The stored samples and their strides; of a tokenizer case the rows of ids."""
        if "file" in self.spec:
            return {"ids": self._token_rows()}
        try:
            with np.load(self.folder / "outputs.npz") as file:
                return dict(file)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.folder / 'outputs.npz'} cannot be read ({error})") from None

    def strings(self) -> list[str]:
        """The texts of a tokenizer case."""
        return [entry["text"] for entry in self._token_entries()]

    def _token_entries(self) -> list[dict]:
        return json.loads((self.folder / self.spec["file"].split(":")[0]).read_text())

    def _token_rows(self) -> np.ndarray:
        entries = self._token_entries()
        rows = np.zeros((len(entries), self.arguments["context_length"]), np.int32)
        for row, entry in zip(rows, entries, strict=True):
            row[: len(entry["ids"])] = entry["ids"]
        return rows

    def input(self, name: str) -> np.ndarray:
        """The input called `name`, such as "input:image", by the fill rule."""
        return make_input(name, self.spec["inputs"][name])

    def weights(self) -> dict[str, Entry]:
        """The reference's checkpoint by the fill rule; a tensor is made when it is read."""
        folder = self.folder
        if "state_dict_of" in self.spec:
            folder = folder.parent / Path(self.spec["state_dict_of"]).name
        entries = json.loads((folder / "state_dict.json").read_text())
        return {entry["name"]: _entry(entry) for entry in entries}

    def outputs_by_input(self) -> dict[str, dict[str, str]]:
        """{input: {tap: output}} for outputs that belong to one of several inputs.

        A description says "(for input:X)" where a case has several; the tap is then what follows
        the prefix of the output's name. Without it, everything belongs to the first input.
        """
        first = next(iter(self.spec["inputs"]))
        grouped: dict[str, dict[str, str]] = {name: {} for name in self.spec["inputs"]}
        for output, description in self.descriptions.items():
            found = re.search(r"\(for (input:\w+)\)", description)
            owner = found.group(1) if found else first
            grouped[owner][output.rsplit(".", 1)[-1]] = output
        return grouped


def _entry(spec: Mapping) -> Entry:
    shape, dtype = tuple(spec["shape"]), spec["dtype"]
    if "value" in spec:
        return Entry.of(np.array(spec["value"], dtype).reshape(shape))
    return Entry(SAFETENSORS_DTYPES[dtype], shape, partial(fill, spec["name"], shape, dtype))


def find_cases(paths: list[Path]) -> list[Case]:
    """The cases at or below the given folders, in the order of their names."""
    cases = []
    for path in paths:
        if (path / "case.json").is_file():
            cases.append(Case.open(path))
            continue
        below = sorted(path.rglob("case.json"))
        if not below:
            raise UserError(f"no case.json in or below {path}; name the folder of a reference case")
        cases.extend(Case.open(file.parent) for file in below)
    return cases
