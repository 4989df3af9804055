"""Every recorded case, through the same door as `ms-ovs parity`."""

from pathlib import Path

import pytest

from ms_ovs.parity.adapters import ADAPTERS
from ms_ovs.parity.case import find_cases
from ms_ovs.parity.compare import INFORMATION
from ms_ovs.parity.runner import run

CASES = [case for case in find_cases([Path(__file__).parents[1] / "reference"]) if case.kind in ADAPTERS]
# one of each kind for every day; the others, and pynative mode of what is large, with `slow`
EVERY_DAY = {
    "clip/preprocess",
    "clip/tokenizer",
    "clip/rn50",
    "clip/vit_b32",
    "lseg/vitb32_384",
    "lseg/zs_rn101",
}


def cases_and_modes():
    for case in CASES:
        for mode in ("graph", "pynative"):
            daily = case.name in EVERY_DAY and (mode == "graph" or case.name.startswith("clip"))
            yield pytest.param(
                mode, case, id=f"{case.name}-{mode}", marks=[] if daily else [pytest.mark.slow]
            )


@pytest.mark.parametrize(("mode", "case"), cases_and_modes(), indirect=["mode"])
def test_case(mode, case):
    result = run(case)
    missed = [row for row in result.rows if row.status not in ("met", INFORMATION)]
    assert result.passed, missed
    # a tenth of the tolerance, except behind the regularisation block, where the spread of the
    # logits is a thirtieth of that of its input, and for counts, where single pixels weigh more
    amplified = "arch2" in case.name
    judged = [row for row in result.rows if row.status != INFORMATION and not row.note]
    assert amplified or all(row.error <= case.tolerance / 10 for row in judged)


def test_all_kinds_are_here():
    assert {case.kind for case in CASES} == set(ADAPTERS)
