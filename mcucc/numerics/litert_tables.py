"""The interpolated tables of LiteRT's int16 LOGISTIC, TANH and SOFTMAX, and the functions.

An int16 has too many values for a table of all. LOGISTIC and TANH read 256 unsigned 16-bit values
of the logistic function at distances of 1/24, SOFTMAX 513 of exp and of a reciprocal; between two
entries all are lines. An entry is moved by half of what a line is off at the middle. Every element
of every drawn case equals LiteRT's reference kernels (tests/numerics/test_litert_tables.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from mcucc.numerics.fixed_point import (
    IntArray,
    Requant,
    Rounding,
    fixed_point,
    round_half_away,
)
from mcucc.numerics.litert_int16 import INT16_MAX, INT16_MIN, power_of_two

OUTPUT_SCALE = 2.0**-15  # of LOGISTIC, TANH and SOFTMAX
STEPS = 512  # of a table of SOFTMAX, which has an entry more
_TABLE_STEP = 1 / 24  # of the logistic function
_UNITS = 4096.0 * 3.0  # an input of LOGISTIC and TANH in units of 1/12288
_EXP_RANGE = 10.0  # exp(-10) is 0 to SOFTMAX
_RANGE = 65535.0  # of 16 bits


@cache
def logistic_table() -> tuple[int, ...]:
    """65536 / (1 + exp(-i / 24)) for i = 0 .. 255, moved for interpolation."""

    def exact(i: float) -> float:
        return 65536.0 / (1.0 + math.exp(-i * _TABLE_STEP))

    def entry(i: int) -> int:
        error = (exact(i) + exact(i + 1)) / 2 - exact(i + 0.5)
        return math.floor(exact(i) - error / 2 + 0.5)

    return (*(min(entry(i), 65535) for i in range(255)), 65535)


@dataclass(frozen=True)
class TableInput:
    """An input of LOGISTIC or TANH in units of 1/12288: q * multiplier >> shift, half up."""

    multiplier: int
    shift: int

    @staticmethod
    def of(scale: float) -> TableInput:
        """Of a scale; ValueError for one that is too large for LiteRT's int32."""
        exponent = power_of_two(scale)
        if exponent == -12:
            return TableInput(3, 0)
        multiplier, shift = scale * _UNITS, 0
        while multiplier <= INT16_MAX / 2 and shift <= 30:
            multiplier, shift = multiplier * 2, shift + 1
        if int(multiplier) > 65535:
            raise ValueError(f"an input scale of {scale:g} is too large for an int16 function")
        return TableInput(int(multiplier), shift)

    def apply(self, values: IntArray) -> IntArray:
        """int16 values in those units."""
        half = (1 << self.shift) >> 1
        scaled: IntArray = (values * self.multiplier + half) >> self.shift
        return scaled


def logistic(values: IntArray, units: TableInput) -> IntArray:
    """1 / (1 + exp(-x)) of int16 inputs, in units of 2^-15."""
    x = units.apply(values)
    line = _line(np.abs(x), 9, INT16_MAX << 10)
    signed = np.where(x >= 0, line + (1 << 9), (1 << 25) - line + (1 << 9) - 1)
    result: IntArray = signed >> 10
    return result


def tanh(values: IntArray, units: TableInput) -> IntArray:
    """tanh(x) = 2 / (1 + exp(-2x)) - 1 of int16 inputs, in units of 2^-15."""
    x = units.apply(values)
    line = _line(np.abs(x), 8, 65535 << 8)
    middle, half = 1 << 23, 1 << 7
    signed = np.where(x >= 0, line - middle + half, middle - line + half - 1)
    result: IntArray = signed >> 8
    return result


def _line(magnitude: IntArray, bits: int, largest: int) -> IntArray:
    """The table between two entries, times 2^bits; `largest` from the last entry on."""
    table = np.array(logistic_table(), np.int64)
    index = np.minimum(magnitude >> bits, 254)
    low, high = table[index], table[index + 1]
    between = (low << bits) + (magnitude & ((1 << bits) - 1)) * (high - low)
    return np.where(magnitude >> bits >= 255, largest, between)


def interpolated_table(
    function: Callable[[float], float], least: float, most: float
) -> tuple[int, ...]:
    """513 entries of a function over [least, most], in units of 2^-15, int16."""
    step, unit = (most - least) / STEPS, 2.0**15

    def entry(i: int) -> int:
        here, there = function(least + i * step), function(least + (i + 1) * step)
        middle = round_half_away(function(least + i * step + step / 2) * unit)
        sample = round_half_away(here * unit)
        error = round_half_away((there * unit + sample) / 2) - middle
        return sample - round_half_away(error / 2)

    entries = (*map(entry, range(STEPS)), round_half_away(function(most) * unit))
    return tuple(min(max(value, INT16_MIN), INT16_MAX) for value in entries)


@cache
def exp_table() -> tuple[int, ...]:
    """exp over [-10, 0]."""
    return interpolated_table(math.exp, -_EXP_RANGE, 0.0)


@cache
def reciprocal_table() -> tuple[int, ...]:
    """1 / (1 + x) over [0, 1]."""
    return interpolated_table(lambda x: 1.0 / (1.0 + x), 0.0, 1.0)


def looked_up(values: IntArray, table: tuple[int, ...]) -> IntArray:
    """A table of 513 at int16 values, between entries by a line."""
    entries = np.array(table, np.int64)
    index = 256 + (values >> 7)
    base = entries[index]
    slope = entries[index + 1] - base
    result: IntArray = base + ((slope * (values & 127) + 64) >> 7)
    return result


def softmax_factor(scale: float, beta: float) -> Requant:
    """What brings differences of inputs to 1/65535 of the table's range."""
    multiplier, shift = fixed_point(scale * beta / (_EXP_RANGE / _RANGE))
    return Requant(np.array([multiplier]), np.array([shift]), Rounding.DOUBLE)


def softmax(values: IntArray, factor: Requant) -> IntArray:
    """exp(x) / sum exp(x) over the last axis of int16 values, in units of 2^-15."""
    below = factor.apply(values - values.max(axis=-1, keepdims=True))
    exponentials = looked_up(np.clip(below + INT16_MAX, INT16_MIN, INT16_MAX), exp_table())
    total = exponentials.sum(axis=-1, keepdims=True)
    zeros = 32 - np.frexp(total.astype(np.float64))[1]  # leading ones of an unsigned word
    mantissa = ((total << (zeros - 1)) + (1 << 13)) >> 14  # [2^16, 2^17]
    fraction = np.clip(mantissa - (1 << 16) - (1 << 15), INT16_MIN, INT16_MAX)
    reciprocal = looked_up(fraction, reciprocal_table())
    shift = (31 - zeros).astype(np.int64)
    shares = (exponentials * reciprocal + (np.int64(1) << (shift - 1))) >> shift
    result: IntArray = np.clip(shares, 0, INT16_MAX)
    return result
