"""A checkpoint in the authors' own format, written without torch."""

from pathlib import Path

from benchmarks.worker import Probe
from convert import torch_zip
from ms_ovs.parity.case import Case


def source(case: str, path: str) -> Probe:
    """Writes the weights of a reference case, made by its fill rule, to `path`."""
    opened = Case.open(Path(case))
    hyper = {"backbone": opened.arguments["backbone"]}
    return Probe({"run": lambda: torch_zip.write(Path(path), opened.weights(), hyper_parameters=hyper)})
