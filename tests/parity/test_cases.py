"""Every recorded case, through the same door as `ms-ovs parity`."""

from pathlib import Path

import pytest

from ms_ovs.parity.adapters import ADAPTERS
from ms_ovs.parity.case import find_cases
from ms_ovs.parity.compare import INFORMATION
from ms_ovs.parity.runner import run

CASES = [case for case in find_cases([Path(__file__).parents[1] / "reference"]) if case.kind in ADAPTERS]
# some of each kind for every day, of large networks in the mode that compiles nothing, but one; the rest with
# `slow`. Graphs of small networks are held against theirs in tests/models and, for CLIP, against PyTorch's
EVERY_DAY = {
    "clip/preprocess": ("graph", "pynative"),
    "clip/tokenizer": ("graph", "pynative"),
    "clip/rn50": ("pynative",),
    "clip/vit_b32": ("pynative",),
    "lseg/vitb32_384": ("pynative",),
    "maskclip/convert_mit_b0": ("graph",),
    "segformer/mit_b0": ("pynative",),
    "maskclip/class_weight": ("graph",),
    "maskclip/convert": ("graph",),
    "maskclip/key_smoothing": ("graph",),
    "maskclip/metrics": ("graph",),
    "maskclip/pipeline": ("graph",),
    "maskclip/prompt_denoising": ("graph",),
    "maskclip/slide_inference": ("graph",),
    "metrics/panoptic": ("graph",),
    "metrics/semantic": ("graph",),
}


# a minute and more, where the other mode, or another case of the same network, is run as well
LONG = {
    "clip/rn101": ("graph",),
    "clip/vit_b16": ("graph",),
    "lseg/rn50x16_vitl16": ("graph",),
    "lseg/train_step_vitb32": ("pynative",),
    "lseg/vitb32_384_arch1": ("graph",),
    "lseg/vitb32_384_arch1_tanh": ("graph",),
    "lseg/vitb32_384_arch2_depth1": ("graph",),
    "lseg/vitl16_384": ("graph",),
    "lseg/zs_vitl16": ("graph",),
    "maskclip/rn50": ("graph",),
    "maskclip/text_embeddings": ("graph",),
    "maskclip_plus/deeplabv2_r101": ("graph", "pynative"),
    "maskclip_plus/distill": ("graph", "pynative"),
    "maskclip_plus/segformer_b0": ("graph",),
    "maskclip_plus/zero_shot_context60": ("pynative",),
    "maskclip_plus/zero_shot_voc20": ("pynative",),
    "maskclip_plus/zero_shot_voc21_background": ("graph", "pynative"),
    "segformer/mit_b5": ("graph",),
}
LARGE = ("maskclip_plus", "train_step")  # gradients of full-size networks


def cases_and_modes():
    for case in CASES:
        for mode in ("graph", "pynative"):
            wanted = {
                "slow": mode not in EVERY_DAY.get(case.name, ()),
                "long": mode in LONG.get(case.name, ()),
                "large": any(part in case.name for part in LARGE),
            }
            marks = [getattr(pytest.mark, name) for name, holds in wanted.items() if holds]
            yield pytest.param(mode, case, id=f"{case.name}-{mode}", marks=marks)


@pytest.mark.parametrize(("mode", "case"), cases_and_modes(), indirect=["mode"])
def test_case(mode, case):
    result = run(case)
    missed = [row for row in result.rows if row.status not in ("met", INFORMATION)]
    assert result.passed, missed
    # a tenth of the tolerance, except behind the regularisation block, where the spread of the
    # logits is a thirtieth of that of its input, and for counts, where single pixels weigh more;
    # key smoothing sharpens scores a hundredfold, weights of tau 0.25 shrink the spread of most classes
    # to nothing, the five norms of means differ in their fourth digit, and training amplifies rounding
    amplified = any(
        part in case.name
        for part in ("arch2", "key_smoothing", "class_weight", "text_embeddings", "maskclip_plus")
    )
    judged = [row for row in result.rows if row.status != INFORMATION and not row.note]
    assert amplified or all(row.error <= case.tolerance / 10 for row in judged)


def test_all_kinds_are_here():
    assert {case.kind for case in CASES} == set(ADAPTERS)
