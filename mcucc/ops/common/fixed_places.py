"""Places in sixteenths of a pixel from bytes: one sum of products in 64 bits, rounded once.

    place = (base * 2^(s - 12) + sum of gain * T(byte) + 2^(s - 1)) >> s

T is a function of a byte as an integer: the byte less its zero point, times 2^16, or a table of
256, of which the largest has 30 bits. Gains are what a unit of T is worth in sixteenths of a pixel,
times 2^s; bases have 2^-16 of a pixel. A number that would move a place by more than 2^13 pixels is
cut there: int16 saturates at 2048 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mcucc.ir.tensor import Quant
from mcucc.numerics.elementary import exp
from mcucc.numerics.fixed_point import IntArray
from mcucc.ops.common.detection import SUBPIXELS, Curve
from mcucc.ops.common.record import INT16_LEAST, INT16_MOST, Reals

BASE_BITS = 16  # of a pixel
BASE_SHIFT = BASE_BITS - 4  # of a sixteenth
FAR = 2.0**13  # pixels
TABLE_BITS = 30
BIN_BITS = 16  # behind the point of an expected bin, and of a byte without a table
SUM_BITS = 62
LARGEST_SHIFT = 40
INT32 = 2**31 - 1
BIN_POWER_BITS = 20  # of the largest exponential: sum i e(q_i) of 64 bins fits 32 bits
MOST_BINS = 64
SHARE_BITS = 20
BYTES = np.arange(-128, 128, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ByteFunction:
    """T(q) = table[q + 128], or (q - zero) * 2^16 without a table; T * unit is f of the real value.

    `largest` bounds |T|.
    """

    table: IntArray | None
    zero: int
    unit: float
    largest: int

    @staticmethod
    def of(curve: Curve, quant: Quant, gains: Sequence[float]) -> ByteFunction:
        """`curve` of a tensor's real values, as far as any of `gains` keeps it within FAR."""
        scale, zero = quant.per_tensor_scale, quant.zero_point
        if curve is Curve.IDENTITY:
            return ByteFunction(None, zero, math.ldexp(scale, -BIN_BITS), 255 << BIN_BITS)
        least = min((abs(gain) for gain in gains if gain), default=1.0)
        real = np.clip(curve.of(real_values(quant)), -FAR / least, FAR / least)
        _, exponent = math.frexp(float(np.abs(real).max()))
        bits = TABLE_BITS - exponent
        table = np.floor(np.ldexp(real, bits) + 0.5).astype(np.int64)
        return ByteFunction(table, 0, 2.0**-bits, int(np.abs(table).max()))

    @staticmethod
    def of_bins(bins: int) -> ByteFunction:
        """The expected bin, which is computed of `bins` bytes: 16 bits behind the point."""
        return ByteFunction(None, 0, 2.0**-BIN_BITS, bins << BIN_BITS)

    @staticmethod
    def unused() -> ByteFunction:
        """Numbers that a form has not."""
        return ByteFunction(None, 0, 1.0, 0)

    @staticmethod
    def one() -> ByteFunction:
        """T is 1, whatever the byte."""
        return ByteFunction(None, 0, 1.0, 1)

    @staticmethod
    def fine_one() -> ByteFunction:
        """T is 2^16, whatever the byte: its gains leave those of another function their bits."""
        return ByteFunction(None, 0, 2.0**-BIN_BITS, 1 << BIN_BITS)

    def values(self, q: IntArray) -> IntArray:
        """T of bytes."""
        return (q - self.zero) << BIN_BITS if self.table is None else self.table[q + 128]


def real_values(quant: Quant) -> Reals:
    """What each byte stands for, from -128 on."""
    values: Reals = (BYTES - quant.zero_point).astype(np.float64) * quant.per_tensor_scale
    return values


def shift_of(bases: Reals, terms: Sequence[tuple[Reals, ByteFunction]]) -> int:
    """The largest shift with which gains fit int32 and no sum leaves 62 bits; ValueError for none.

    `terms` are all gains of a function, in pixels; a sum has at most one of each.
    """
    largest = float(np.abs(bases).max(initial=0.0)) * SUBPIXELS + 1.0
    shift = LARGEST_SHIFT
    for gains, function in terms:
        gain = float(np.abs(gains).max(initial=0.0)) * SUBPIXELS * function.unit
        largest += gain * function.largest
        if gain > 0:
            shift = min(shift, math.frexp(INT32 / gain)[1] - 2)
    shift = min(shift, SUM_BITS - math.frexp(largest)[1] - 1)
    if shift < BASE_SHIFT:
        raise ValueError("anchors are too unlike each other, or their numbers too large, for int32")
    return shift


def bases_of(pixels: Reals) -> IntArray:
    """Pixels as bases; ValueError beyond 32767."""
    if float(np.abs(pixels).max(initial=0.0)) >= 2**15:
        raise ValueError("an anchor lies more than 32767 pixels away")
    return np.floor(np.ldexp(pixels, BASE_BITS) + 0.5).astype(np.int64)


def gains_of(pixels: Reals, function: ByteFunction, shift: int) -> IntArray:
    """Gains of a function in units of a sum."""
    factor = Fraction(function.unit) * SUBPIXELS * 2**shift
    made = [math.floor(Fraction(float(gain)) * factor + Fraction(1, 2)) for gain in pixels.flat]
    return np.array(made, np.int64).reshape(pixels.shape)


def places(sums: IntArray, shift: int) -> IntArray:
    """Sums, their base of 2^-shift included, as sixteenths of a pixel."""
    rounded = (sums + (np.int64(1) << (shift - 1))) >> shift
    clipped: IntArray = np.clip(rounded, INT16_LEAST, INT16_MOST)
    return clipped


def power_table(scale: float, bits: int) -> IntArray:
    """exp(-scale * d) for d = 0 .. 255, times 2^bits."""
    table = exp(-scale * np.arange(256, dtype=np.float64)) * 2.0**bits
    return np.floor(table + 0.5).astype(np.int64)


def expected_bin(q: IntArray, powers: IntArray) -> IntArray:
    """sum i e(q_i) / sum e(q_i) over the last axis, rounded down, 16 bits behind the point."""
    e = powers[q.max(axis=-1, keepdims=True) - q]
    weighted: IntArray = (e * np.arange(q.shape[-1])).sum(axis=-1)
    expected: IntArray = (weighted << BIN_BITS) // e.sum(axis=-1)
    return expected
