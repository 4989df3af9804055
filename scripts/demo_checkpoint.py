"""Write an LSeg checkpoint as the authors' training writes it, with weights made up by the fill rule.

Names, shapes and file format are real; the numbers are drawn from the tensors' names and know nothing.
"""

import sys
from pathlib import Path

from convert import torch_zip
from convert.progress import bar
from ms_ovs.parity.case import Case

CASE = Path(__file__).parents[1] / "tests" / "reference" / "lseg" / "vitb32_384"


def main(target: Path) -> None:
    """Write the checkpoint, tensor by tensor."""
    case = Case.open(CASE)
    weights = case.weights()
    total = sum(entry.nbytes for entry in weights.values())
    target.parent.mkdir(parents=True, exist_ok=True)
    with bar() as progress:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress("writing", done, total)

        torch_zip.write(target, weights, hyper_parameters=dict(case.arguments), advance=advance)
    print(f"{target}: {len(weights)} tensors, {total / 2**20:.0f} MiB")


main(Path(sys.argv[1]))
