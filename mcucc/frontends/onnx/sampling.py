"""Where the outputs of a Resize lie between its inputs, as fractions; what each mode reads there.

Source: ONNX operator specification, Resize.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, lcm

import numpy as np
import numpy.typing as npt

from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.resize_bilinear import Sampling

Positions = npt.NDArray[np.int64]
HALF, ZERO = Fraction(1, 2), Fraction(0)
MOST_PHASES = 8
WHERE = (
    *("align_corners", "asymmetric", "half_pixel", "half_pixel_symmetric"),
    *("pytorch_half_pixel", "tf_half_pixel_for_nn"),
)
NEAREST = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


def coordinates(node: OnnxNode, length: int, size: int, factor: Fraction) -> tuple[Fraction, ...]:
    """(step, offset): output r lies at input r * step + offset."""
    where = node.text("coordinate_transformation_mode", "half_pixel")
    if factor == 1 and size == length and where in WHERE:
        return Fraction(1), ZERO  # ONNX Runtime asks no formula there; only one would say otherwise
    if where == "align_corners":
        return (Fraction(length - 1, size - 1) if size > 1 else ZERO), ZERO
    if where == "asymmetric":
        return 1 / factor, ZERO
    if where == "tf_half_pixel_for_nn":
        return 1 / factor, HALF / factor
    if where == "half_pixel" or (where == "pytorch_half_pixel" and size > 1):
        return 1 / factor, HALF / factor - HALF
    if where == "pytorch_half_pixel":
        return ZERO, ZERO
    if where == "half_pixel_symmetric":
        shift = Fraction(length, 2) * (1 - Fraction(size) / (factor * length))
        return 1 / factor, HALF / factor - HALF + shift
    raise UnsupportedNode(f"coordinates {where!r}")


def linear(node: OnnxNode, length: int, size: int, factor: Fraction) -> Sampling:
    """The two inputs around each output, and their weights."""
    if length == 1:
        return Sampling.repeated(size)
    return _sampling(size, *coordinates(node, length, size, factor))


@dataclass(frozen=True, eq=False)
class Nearest:
    """Inputs read one for each output: `positions`, the same by a formula over the axis with its
    ends repeated so often before and behind.
    """

    formula: Sampling
    before: int
    behind: int
    positions: Positions

    def repeats(self, length: int) -> int:
        """How often each input is read in turn; 0 where that is not so."""
        times, rest = divmod(self.positions.size, length)
        in_turn = np.arange(self.positions.size) // max(times, 1)
        return times if not rest and (self.positions == in_turn).all() else 0


def nearest(node: OnnxNode, length: int, size: int, factor: Fraction) -> Nearest:
    """What each output reads."""
    mode = node.text("nearest_mode", "round_prefer_floor")
    if mode not in NEAREST:
        raise UnsupportedNode(f"nearest_mode {mode!r}")
    step, offset = coordinates(node, length, size, factor)
    # Every rounding is a floor: that of x - 1/2 upwards is of x + 1/2, less the finest fraction.
    finest = Fraction(1, 2 * lcm(step.denominator, offset.denominator))
    offset += {
        "floor": ZERO,
        "ceil": 1 - finest,
        "round_prefer_floor": HALF - finest,
        "round_prefer_ceil": HALF,
    }[mode]
    free = np.array([floor(r * step + offset) for r in range(size)], np.int64)
    before, behind = max(0, -int(free[0])), max(0, int(free[-1]) - length + 1)
    formula = _sampling(size, step, offset + before)
    return Nearest(formula, before, behind, np.clip(free, 0, length - 1))


@dataclass(frozen=True, eq=False)
class Phases:
    """Filters of outputs that take turns: (phases, taps), over the axis with its ends repeated so
    often before and behind.
    """

    weights: npt.NDArray[np.float64]
    before: int
    behind: int


def cubic(node: OnnxNode, length: int, size: int, factor: Fraction, alpha: float) -> Phases:
    """Four inputs around each output, weighted by Keys' kernel of `alpha`; borders repeated.

    UnsupportedNode where outputs do not take turns within MOST_PHASES.
    """
    step, offset = coordinates(node, length, size, factor)
    phases, stride = factor.numerator, factor.denominator
    if step * factor != 1 or phases > MOST_PHASES or stride > MOST_PHASES or size % phases:
        raise UnsupportedNode(
            f"cubic from {length} to {size} pixels; factors of up to {MOST_PHASES} phases are "
            "compiled, and whole ones of them"
        )
    places = [step * phase + offset for phase in range(phases)]
    first, last = (floor(each(places)) for each in (min, max))
    weights = np.zeros((phases, last + 2 - (first - 1) + 1))
    for phase, place in enumerate(places):
        tap, part = floor(place) - first, float(place - floor(place))
        weights[phase, tap : tap + 4] = [_keys(abs(part - at), alpha) for at in (-1, 0, 1, 2)]
    before = max(0, 1 - first)
    begin = first - 1 + before  # of the padded axis: what lies before the first filter is cut
    weights = np.concatenate([np.zeros((phases, begin)), weights], axis=1)
    whole = (size // phases - 1) * stride + weights.shape[1]
    return Phases(weights, before, whole - before - length)


def _keys(distance: float, alpha: float) -> float:
    """Keys 1981, "Cubic convolution interpolation for digital image processing", equation 4."""
    x = distance
    if x <= 1:
        return (alpha + 2) * x**3 - (alpha + 3) * x**2 + 1
    return alpha * (x**3 - 5 * x**2 + 8 * x - 4)


def _sampling(size: int, step: Fraction, offset: Fraction) -> Sampling:
    unit = lcm(step.denominator, offset.denominator)
    return Sampling.of(size, max(int(step * unit), 1), unit, int(offset * unit))
