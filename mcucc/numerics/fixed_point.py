"""Fixed-point arithmetic of the contract: int32 accumulators, one multiplier and shift per channel.

    y = clamp(round(acc * M) + z_y, lo, hi),   M = multiplier * 2^-shift

Two named rounding profiles turn `acc * M` into an integer (docs/design/numerics.md):
`single` rounds the exact product once, half up; `double` is the pair of roundings of the LiteRT
reference kernels, TensorFlow Lite Micro and CMSIS-NN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Int8Array = npt.NDArray[np.int8]
IntegerArray = npt.NDArray[np.signedinteger[Any]]  # activations: int8 or int16
INT8, INT16 = np.dtype(np.int8), np.dtype(np.int16)

INT8_MIN, INT8_MAX = -128, 127
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


class Rounding(Enum):
    """How the product of accumulator and multiplier becomes an integer."""

    SINGLE = "single"
    DOUBLE = "double"


@dataclass(frozen=True)
class Clamp:
    """A fused activation as an interval of real values; either end may be infinite."""

    lo: float = -math.inf
    hi: float = math.inf

    def intersect(self, other: Clamp) -> Clamp:
        """The clamp that equals this one followed by `other`."""
        return Clamp(min(max(self.lo, other.lo), other.hi), max(min(self.hi, other.hi), other.lo))

    def apply(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Clamp real values."""
        clamped: npt.NDArray[np.float32] = np.clip(x, self.lo, self.hi).astype(np.float32)
        return clamped

    def pullback(
        self, output: npt.NDArray[np.float32], gradient: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """`gradient` where the clamped value lies between the ends, 0 where it is at one."""
        if self == NO_CLAMP:
            return gradient
        passed: npt.NDArray[np.float32] = gradient * ((output > self.lo) & (output < self.hi))
        return passed

    def to_integers(
        self, scale: float, zero_point: int, interval: tuple[int, int] = (INT8_MIN, INT8_MAX)
    ) -> tuple[int, int]:
        """What is left of `interval` in quantized units, rounded half away from zero as LiteRT."""
        lo, hi = interval
        if self.lo > -math.inf:
            lo = max(lo, zero_point + round_half_away(self.lo / scale))
        if self.hi < math.inf:
            hi = min(hi, zero_point + round_half_away(self.hi / scale))
        return lo, hi

    def __str__(self) -> str:
        names = {(-math.inf, math.inf): "none", (0.0, math.inf): "relu", (0.0, 6.0): "relu6"}
        return names.get((self.lo, self.hi), f"clamp({self.lo:g},{self.hi:g})")


NO_CLAMP = Clamp()
RELU = Clamp(lo=0.0)
RELU6 = Clamp(lo=0.0, hi=6.0)


def round_half_away(value: float) -> int:
    """Round to nearest, ties away from zero (C's `lround`)."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def round_half_up(values: npt.ArrayLike) -> IntArray:
    """Round to nearest, ties towards plus infinity."""
    return np.floor(np.asarray(values, dtype=np.float64) + 0.5).astype(np.int64)


def fixed_point(real: float, bits: int = 31) -> tuple[int, int]:
    """`real` >= 0 as (multiplier, shift) with real ~ multiplier * 2^-shift.

    The multiplier has `bits` significant bits (LiteRT's QuantizeMultiplier for 31), 0 stays 0.
    Factors too small to move any int32 accumulator become 0, as in LiteRT.
    Raises ValueError for a negative, infinite or absurdly large factor.
    """
    if not 0.0 <= real < 2.0**30:
        raise ValueError(f"requantization factor {real} is outside [0, 2^30)")
    if real == 0.0:
        return 0, bits
    mantissa, exponent = math.frexp(real)
    multiplier = round_half_away(mantissa * 2**bits)
    if multiplier == 2**bits:
        multiplier //= 2
        exponent += 1
    shift = bits - exponent
    if shift > 62:
        return 0, bits
    return multiplier, shift


@dataclass(frozen=True, eq=False)
class Requant:
    """Per-channel factors `multiplier * 2^-shift` and the profile they are applied with.

    Shapes: multiplier and shift are (channels,) or (1,) for one factor for all channels.
    """

    multiplier: IntArray
    shift: IntArray
    rounding: Rounding

    @staticmethod
    def from_real(
        factors: Sequence[float] | npt.NDArray[np.float64], rounding: Rounding
    ) -> Requant:
        """The fixed-point form of real factors M (docs/quantization.md, "The one rounding")."""
        pairs = [fixed_point(float(factor)) for factor in np.atleast_1d(np.asarray(factors))]
        return Requant(
            np.array([pair[0] for pair in pairs], dtype=np.int64),
            np.array([pair[1] for pair in pairs], dtype=np.int64),
            rounding,
        )

    @staticmethod
    def of_means(ratio: float, counts: Sequence[int]) -> Requant:
        """Factors ratio / count as LiteRT's reference MEAN has them, applied in `double`.

        The division joins the multiplier of `ratio`, truncated.
        """
        multiplier, shift = fixed_point(ratio)
        extra = [min(count.bit_length() - 1, 32, 62 - shift) for count in counts]
        pairs = zip(counts, extra, strict=True)
        return Requant(
            np.array([(multiplier << left) // count for count, left in pairs], dtype=np.int64),
            np.array([shift + left for left in extra], dtype=np.int64),
            Rounding.DOUBLE,
        )

    @staticmethod
    def of_unsigned_means(counts: Sequence[int]) -> Requant:
        """Factors 1 / count for sums of as many bytes (0..255): halves are rounded up.

        The multiplier is rounded up, so that a half is never below one; its error moves a mean of
        at most 255 by less than 2^-22, too little to make a half of another sum of 2^20 bytes.
        """
        shifts = [30 + (count - 1).bit_length() for count in counts]
        pairs = zip(counts, shifts, strict=True)
        return Requant(
            np.array([-(-(1 << shift) // count) for count, shift in pairs], dtype=np.int64),
            np.array(shifts, dtype=np.int64),
            Rounding.SINGLE,
        )

    def apply(self, acc: IntArray) -> IntArray:
        """round(acc * M) over the last axis, in int64; `acc` must hold int32 values."""
        if self.rounding is Rounding.SINGLE:
            return (acc * self.multiplier + (np.int64(1) << (self.shift - 1))) >> self.shift
        return _double_rounding(acc, self.multiplier, self.shift)


def _double_rounding(acc: IntArray, multiplier: IntArray, shift: IntArray) -> IntArray:
    """LiteRT's MultiplyByQuantizedMultiplier: a rounding high multiply, then a rounding shift.

    Factors above 1 shift the accumulator left first; where LiteRT leaves int32 overflow undefined,
    it saturates here.
    """
    left = np.maximum(31 - shift, 0)
    right = np.maximum(shift - 31, 0)
    product = np.clip(acc << left, INT32_MIN, INT32_MAX) * multiplier
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    # C's division truncates towards zero, where >> floors.
    total = product + nudge
    high = np.where(total >= 0, total >> 31, -((-total) >> 31))
    mask = (np.int64(1) << right) - 1
    threshold = (mask >> 1) + (high < 0)
    rounded: IntArray = (high >> right) + ((high & mask) > threshold)
    return rounded


def saturate_int8(values: IntArray, lo: int = INT8_MIN, hi: int = INT8_MAX) -> Int8Array:
    """Clamp to [lo, hi] and narrow to int8."""
    return np.clip(values, lo, hi).astype(np.int8)


def saturate(values: IntArray, lo: int, hi: int, dtype: np.dtype[Any]) -> IntegerArray:
    """Clamp to [lo, hi], which `dtype` holds, and narrow to it."""
    return np.clip(values, lo, hi).astype(dtype)


def check_int32(name: str, lo: float, hi: float) -> None:
    """Raise ValueError when an accumulator of `name` may leave int32."""
    if lo < INT32_MIN or hi > INT32_MAX:
        raise ValueError(f"{name}: the accumulator may reach [{lo:.0f}, {hi:.0f}], beyond int32")
