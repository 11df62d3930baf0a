"""ONNX Runtime's quantizer in all its forms: our integers against what it computes for its files.

Operator by operator at most 1 step of difference. The outputs differ by at most 1 as well, but
where such a difference is weighed and summed by the exact operators behind it; 1 arises
* in ONNX Runtime's float32 products, next to half a step;
* at ties, which it rounds to even (means of pools, blended pixels: often exactly halfway);
* in its Resize of bytes, which drops the fraction of blended pixels;
* in Softmax, computed in steps of 1/256 and rescaled to the file's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from mcucc.errors import UnsupportedError
from tests.frontends.drawn import Case, Tally, at_an_end, between_layers, cases_of, kinds
from tests.frontends.drawn_networks import FAMILIES, family, networks
from tests.frontends.quantizer import FORMS, Unquantizable, compare

EVERY_FORM = list(FORMS)
FOUR_FORMS = ("QDQ int8 per channel", "QDQ uint8", "QOperator int8", "QOperator uint8 per channel")
IN_FLOAT = (
    r"computes in float|the input has no quantization|rounded in \d+ ways|none of its own"
    r"|computed in steps of"
)
# What a kind is refused for between two quantized layers.
REFUSALS = {
    "Add of activations": r"only equal ones are combined",
    "AveragePool": r"has two meanings|does not fit into a padded",
    "ConvTranspose": r"pixels where \d+ are reached|cut off, the kernel has|its weights are float",
    "MatMul": r"several scales within one output channel|weights are not symmetric",
    "MatMul of a constant and an activation": (
        r"several scales within one output channel|weights are not symmetric"
    ),
    "MaxPool": r"has two meanings|does not fit into a padded",
    "Pow": r"computes in float",  # the square on the way to a cube
    "ReduceMax": r"only over the picture",
    "ReduceMean": r"only over the picture",
    "Resize linear": r"antialias|align_corners with the factors|computed in steps of",
    "Sub of activations": r"only equal ones are combined|computes in float",
    "Sum": r"computes in float",
}
# The families that no form, or not every form, is compiled of: the quantizer leaves floats in them.
LEFT_IN_FLOAT = {
    "abs_last",
    "batch_norm_first",
    "decomposed_gelu",
    "difference_last",
    "elu_last",
    "erf_last",
    "extrema_last",
    "hardswish_last",
    "normalised_input",
    "normalised_last",
    "only_a_mean",
    "slope_a_channel_last",
    "square_last",
    "transposed_last",
}


def judge(cases: Iterable[tuple[Case, str]], folder: Path, reasons: str) -> Tally:
    """Quantize and compare each case in its form; every refusal must be for one of `reasons`."""
    tally = Tally()
    for case, form in cases:
        target = folder / "quantized.onnx"
        label = f"{case.label}, {form}: {case.net.chosen}"
        try:
            FORMS[form].quantize(case.save(folder), target, case.net.size)
            found = compare(target, case.net.size)
        except Unquantizable:
            tally.note(case.net, "unquantizable")
        except UnsupportedError as error:
            for problem in error.problems:
                assert re.search(reasons or "^$", problem.why), f"{label} {error}"
            tally.note(case.net, "refused")
        else:
            assert found.verdict != "wrong", f"{label} {found}"
            tally.note(case.net, found.verdict)
    return tally


def drawn(name: str, count: int, seed: int, *, ends: bool = False) -> Iterable[tuple[Case, str]]:
    """Networks of a kind, each in the next form."""
    first = seed + sum(map(ord, name))
    wrap = at_an_end if ends else between_layers
    for index, case in enumerate(cases_of(kinds()[name], count, seed, wrap)):
        yield case, EVERY_FORM[(first + 5 * index) % len(EVERY_FORM)]


def families(form: int) -> Iterable[tuple[Case, str]]:
    """Every family, in one of the four forms each."""
    for index, name in enumerate(FAMILIES):
        yield family(name), FOUR_FORMS[(index + form) % len(FOUR_FORMS)]


@pytest.mark.parametrize("part", [0, 1])
def test_some_families(part: int, tmp_path: Path) -> None:
    """A quarter of the small networks, each in one form."""
    some = list(families(part))[part::8]
    tally = judge(some, tmp_path, rf"{IN_FLOAT}|its weights are float")
    assert tally.outcomes["refused"] < len(some) / 3
    assert tally.outcomes["equal"] > len(some) / 3


@pytest.mark.slow
@pytest.mark.parametrize("form", range(len(FOUR_FORMS)))
def test_families(form: int, tmp_path: Path) -> None:
    """All small networks; only those are refused that the quantizer leaves in floats."""
    for case, name in families(form):
        tally = judge([(case, name)], tmp_path, rf"{IN_FLOAT}|its weights are float")
        left = case.label in LEFT_IN_FLOAT or (case.label == "transposed" and "QOp" in name)
        assert left or not tally.outcomes["refused"], f"{case.label} {name}"
        assert not tally.outcomes["unquantizable"], f"{case.label} {name}"


@pytest.mark.slow
@pytest.mark.parametrize("name", kinds())
def test_kinds_between_layers(name: str, tmp_path: Path) -> None:
    """Drawn attributes in all forms in turn; most are compared, none is wrong."""
    tally = judge(drawn(name, 6, 1), tmp_path, REFUSALS.get(name, ""))
    compared = tally.outcomes.total() - tally.outcomes["unquantizable"] - tally.outcomes["refused"]
    assert compared >= 3, tally.outcomes


@pytest.mark.slow
def test_kinds_at_an_end(tmp_path: Path) -> None:
    """First, last or alone; refused where the quantizer leaves an end in floats."""
    total = Tally()
    for name in kinds():
        reasons = "|".join(filter(None, [IN_FLOAT, REFUSALS.get(name, "")]))
        total.outcomes += judge(drawn(name, 2, 3, ends=True), tmp_path, reasons).outcomes
    assert total.outcomes["refused"] < total.outcomes.total() / 2
    assert total.outcomes["equal"] > total.outcomes.total() / 4


@pytest.mark.slow
def test_networks(tmp_path: Path) -> None:
    """Two to five parts: branches, shared weights, outputs in the middle, in all forms in turn."""
    cases = [
        (case, EVERY_FORM[(5 * index) % len(EVERY_FORM)])
        for index, case in enumerate(networks(63, 1))
    ]
    tally = judge(cases, tmp_path, IN_FLOAT)
    assert not tally.never_drawn()
    assert tally.outcomes["refused"] < len(cases) / 4
    assert tally.outcomes["equal"] + tally.outcomes["within 1"] > len(cases) / 2
