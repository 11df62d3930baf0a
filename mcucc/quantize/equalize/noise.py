"""The noise at the network's outputs as a function of the factors, and its least.

To first order (shared scales of a quantization group g, rows j of the dense layers that read it):

    N(k) = sum_g (R_g / 255)^2 / 12 * sum_c S_c / k_c^2
         + sum_j (max_c |w_jc| / k_c / L)^2 / 12 * sum_c k_c^2 G_jc,

R_g = max_c k_c h_c - min_c k_c l_c with 0 inside, L the steps of the layer's grid (127, int4's 7),
S and G what rounding errors of activations and weights cost (mcucc/quantize/sensitivity.py). The
weights that make a channel, and those of depthwise layers, have scales of their own: no factor
changes their noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.numerics.weights import INT8
from mcucc.quantize.equalize.classes import FIXED, Numbers

DoubleArray = npt.NDArray[np.float64]
ACTIVATION_LEVELS = 255
STEPS, RATE = 300, 0.05
DECAY = (0.9, 0.999)
TINY = 1e-12
STARTS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Without sensitivities: what did best of the powers (mcunet-320kb, 21.9 dB; 1 gave 20.9).
BLIND = 0.5


@dataclass(frozen=True, eq=False)
class Rounded:
    """The channels of one quantization: their classes, ranges and sensitivities, (M,) each."""

    classes: Numbers
    low: DoubleArray
    high: DoubleArray
    sensitivity: DoubleArray

    @property
    def full(self) -> DoubleArray:
        """The factors that make all ranges as wide as the widest, (M,)."""
        width = self.high - self.low
        widest = float(width.max(initial=0.0))
        factors: DoubleArray = np.where(width > 0, widest / np.where(width > 0, width, 1.0), 1.0)
        return factors


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer: the classes of its inputs (I,), peaks |w| and sensitivities (J, I).

    `levels` are the steps from 0 to the largest weight of its grid.
    """

    classes: Numbers
    peak: DoubleArray
    sensitivity: DoubleArray
    levels: int = INT8.largest


@dataclass(frozen=True, eq=False)
class Part:
    """Classes that no range and no layer shares with others; `fixed`: one is bound to k = 1."""

    classes: Numbers
    fixed: bool
    rounded: tuple[Rounded, ...]
    dense: tuple[Dense, ...]


def parts_of(count: int, rounded: Sequence[Rounded], dense: Sequence[Dense]) -> list[Part]:
    """The classes 0 to count - 1 in parts, their arrays renumbered; FIXED is the last number."""
    label = np.arange(count)
    for classes in [*(r.classes for r in rounded), *(d.classes for d in dense)]:
        used = classes[classes != FIXED]
        if used.size:  # all labels of an item become one
            label[np.isin(label, label[used])] = label[used].min()
    parts = []
    for name in np.unique(label):
        members = np.flatnonzero(label == name)
        place = np.full(count + 1, members.size)
        place[members] = np.arange(members.size)
        mine = [r for r in rounded if _belongs(r.classes, label, name)]
        read = [d for d in dense if _belongs(d.classes, label, name)]
        parts.append(
            Part(
                members,
                any(FIXED in item.classes for item in mine)
                or any(FIXED in d.classes for d in read),
                tuple(Rounded(place[r.classes], r.low, r.high, r.sensitivity) for r in mine),
                tuple(replace(d, classes=place[d.classes]) for d in read),
            )
        )
    return parts


def _belongs(classes: Numbers, label: Numbers, name: int) -> bool:
    used = classes[classes != FIXED]
    return bool(used.size) and label[used[0]] == name


def full_factors(part: Part) -> DoubleArray:
    """The largest factors (n,) that widen no range."""
    factors = np.full(part.classes.size + 1, np.inf)
    for item in part.rounded:
        np.minimum.at(factors, item.classes, item.full)
    free = factors[:-1]
    found: DoubleArray = np.where(np.isfinite(free), free, 1.0)
    return found


def least_noise(part: Part) -> DoubleArray:
    """The factors (n,) of the least N found: the best power of `full_factors`, then Adam on log k.

    Kingma and Ba 2015, with a rate that falls linearly to 0.
    """
    full = np.log(full_factors(part))
    best, x = min(((noise(part, full * power)[0], full * power) for power in STARTS), key=_first)
    found = x
    if not part.dense:  # the largest factors are the best
        return np.exp(found)
    first, second = np.zeros_like(x), np.zeros_like(x)
    for step in range(STEPS):
        cost, slope = noise(part, x)
        if cost < best:
            best, found = cost, x
        slope = slope / max(cost, np.finfo(np.float64).tiny)  # of log N: no unit
        first = DECAY[0] * first + (1 - DECAY[0]) * slope
        second = DECAY[1] * second + (1 - DECAY[1]) * slope * slope
        mean, spread = (
            m / (1 - d ** (step + 1)) for m, d in zip((first, second), DECAY, strict=True)
        )
        x = x - RATE * (1 - step / STEPS) * mean / (np.sqrt(spread) + TINY)
    return np.exp(found)


def _first(pair: tuple[float, DoubleArray]) -> float:
    return pair[0]


def noise(part: Part, x: DoubleArray) -> tuple[float, DoubleArray]:
    """N at log k = x (n,), and its slope."""
    k = np.append(np.exp(x), 1.0)
    slope = np.zeros_like(k)
    total = 0.0
    for item in part.rounded:
        total += _rounding(item, k, slope)
    for layer in part.dense:
        total += _weights(layer, k, slope)
    return total, slope[:-1]


def _rounding(item: Rounded, k: DoubleArray, slope: DoubleArray) -> float:
    """The noise of rounding activations; adds its slope."""
    mine = k[item.classes]
    tops, bottoms = mine * item.high, mine * item.low
    top, bottom = int(tops.argmax()), int(bottoms.argmin())
    width = max(tops[top], 0.0) - min(bottoms[bottom], 0.0)
    step = width / ACTIVATION_LEVELS
    each = item.sensitivity / mine**2
    whole = float(each.sum())
    slope += _spread(item.classes, -(step**2) / 6 * each, slope.size)
    pull = step * whole / 6 / ACTIVATION_LEVELS
    slope[item.classes[top]] += pull * max(tops[top], 0.0)
    slope[item.classes[bottom]] -= pull * min(bottoms[bottom], 0.0)
    return float(step**2 / 12 * whole)


def _weights(layer: Dense, k: DoubleArray, slope: DoubleArray) -> float:
    """The noise of rounding the weights that read; adds its slope."""
    mine = k[layer.classes]
    scaled = layer.peak / mine
    largest = scaled.argmax(axis=1)
    squares = (scaled.max(axis=1) / layer.levels) ** 2 / 12  # (J,)
    each = layer.sensitivity * mine**2
    whole = each.sum(axis=1)
    slope += _spread(layer.classes, 2 * (squares[:, None] * each).sum(axis=0), slope.size)
    slope -= _spread(layer.classes[largest], 2 * squares * whole, slope.size)
    return float((squares * whole).sum())


def _spread(classes: Numbers, values: DoubleArray, size: int) -> DoubleArray:
    sums: DoubleArray = np.bincount(classes, values, minlength=size).astype(np.float64)
    return sums


def blind_factors(part: Part) -> DoubleArray:
    """The factors (n,) where nothing is known of sensitivities."""
    factors: DoubleArray = full_factors(part) ** BLIND
    return factors
