"""A reference case: what was run, on which weights and inputs, and the numbers that came out.

The format is described in `tests/reference/README.md`; weights and inputs are rebuilt from names.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from convert import Entry
from ms_ovs.errors import UserError, choose
from ms_ovs.parity import schema
from ms_ovs.parity.fill import fill, make_input

TOLERANCES = ("float32_cpu", "float outputs", "error")  # in words where a case has one of the others
INFORMATION = "FOR INFORMATION"  # begins the description of an output that is not judged
_UNREADABLE = (OSError, ValueError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)


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
        if not isinstance(spec, dict) or not isinstance(spec.get("kind"), str):
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
        """The arguments of the reference's class, where the case has any."""
        return self.spec.get("reference", {}).get("arguments", {})

    @property
    def tolerance(self) -> float:
        """The largest error allowed; 0 where the case asks for exact results.

        A sentence ends with it: "counts exact; ratios 1e-6"; of several it is the one for float32.
        """
        tolerance = self.spec["tolerance"]
        if tolerance == "exact":
            return 0.0
        if isinstance(tolerance, str):
            return float(tolerance.split()[-1])
        return float(next(tolerance[name] for name in TOLERANCES if name in tolerance))

    @property
    def descriptions(self) -> Mapping[str, str]:
        """One sentence for every output; some cases have it as `what`, beside the shape."""
        said = self.spec["outputs"].items()
        return {output: text if isinstance(text, str) else text["what"] for output, text in said}

    @cached_property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """The stored samples and their strides; of a tokenizer case the rows of ids."""
        if "file" in self.spec:
            return {"ids": self._token_rows()}
        try:
            with np.load(self._outputs) as file:
                return dict(file)
        except _UNREADABLE as error:
            raise UserError(f"{self._outputs} cannot be read ({error})") from None

    def check_arrays(self) -> None:
        """Raise `UserError` unless every output that is judged has numbers, and fitting strides."""
        for output, description in self.descriptions.items():
            if description.startswith(INFORMATION):
                continue
            stored = self.arrays.get(output)
            if stored is None:
                raise UserError(f"{self._outputs} lacks {output!r}, which case.json lists")
            if stored.dtype.kind not in "biuf" or not stored.size:
                raise UserError(
                    f"{self._outputs}: {output!r} holds no numbers ({stored.dtype} {stored.shape})"
                )
            stride = self.arrays.get(f"{output}.stride", np.ones(stored.ndim, int))
            if stride.dtype.kind not in "iu" or stride.shape != (stored.ndim,) or (stride < 1).any():
                raise UserError(
                    f"{self._outputs}: the stride of {output!r} is {stride.tolist()}; it must be "
                    f"{stored.ndim} whole numbers from 1 on, one for each axis"
                )

    @property
    def _outputs(self) -> Path:
        return self.folder / "outputs.npz"

    def strings(self) -> list[str]:
        """The texts of a tokenizer case."""
        return [entry.text for entry in self._tokens]

    @cached_property
    def _tokens(self) -> list[schema.Tokens]:
        return schema.read(self.folder / self.spec["file"].split(":")[0], list[schema.Tokens])

    def _token_rows(self) -> np.ndarray:
        length = self.arguments["context_length"]
        rows = np.zeros((len(self._tokens), length), np.int64)
        for row, entry in zip(rows, self._tokens, strict=True):
            if len(entry.ids) > length:
                raise UserError(
                    f"{self.folder}: {entry.text!r} has {len(entry.ids)} ids, the context {length}"
                )
            row[: len(entry.ids)] = entry.ids
        return rows

    def input(self, name: str) -> np.ndarray:
        """The input called `name`, such as "input:image", by the fill rule."""
        return make_input(name, self.spec["inputs"][choose("input", name, self.spec["inputs"])])

    def weights(self) -> dict[str, Entry]:
        """The reference's checkpoint by the fill rule; a tensor is made when it is read."""
        folder = self.folder
        if "state_dict_of" in self.spec:
            folder = folder.parent / Path(self.spec["state_dict_of"]).name
        path = folder / "state_dict.json"
        entries = schema.read(path, list[schema.TensorSpec])
        tensors = {entry.name: _entry(entry, path) for entry in entries}
        if len(tensors) < len(entries):
            raise UserError(
                f"{path} lists {len(entries) - len(tensors)} tensors twice: one of the two must go"
            )
        return tensors

    def outputs_by_input(self) -> dict[str, dict[str, str]]:
        """{input: {output: tap}} for outputs that belong to one of several inputs.

        A description says "(for input:X)" where a case has several; the tap is then what follows
        the prefix of the output's name. Without it, everything belongs to the first input.
        """
        first = next(iter(self.spec["inputs"]))
        grouped: dict[str, dict[str, str]] = {name: {} for name in self.spec["inputs"]}
        for output, description in self.descriptions.items():
            found = re.search(r"\(for (input:[^)]+)\)", description)
            owner = choose("input", found.group(1), grouped) if found else first
            grouped[owner][output] = output.rsplit(".", 1)[-1]
        return grouped


def _entry(spec: schema.TensorSpec, path: Path) -> Entry:
    shape = tuple(spec.shape)
    if spec.value is not None:
        try:
            return Entry.of(np.array(spec.value, spec.dtype).reshape(shape))
        except (ValueError, TypeError, OverflowError) as error:
            raise UserError(f"{path}: the value of {spec.name!r} does not fit ({error})") from None
    code = Entry.of(np.empty(0, spec.dtype)).dtype
    return Entry(code, shape, partial(fill, spec.name, shape, spec.dtype))


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
