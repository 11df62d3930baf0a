"""Scores of 16 bits from bytes, and the byte below which no score can reach the threshold.

A score is f(byte) in 65535ths, or the product of two, rounded. Of a softmax the share of a class is
e(byte) / sum of e, e a table of exp(-scale * distance to the largest).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import IntArray
from mcucc.ops.common.detection import FULL_SCORE, Curve
from mcucc.ops.common.fixed_places import power_table, real_values
from mcucc.ops.common.record import full_scores

SHARE_BITS = 20
POWER_BITS = 23  # of the largest exponential of a softmax; a sum has 31
NEVER = 256  # more than any byte, or any distance of two
HALF_SCORE = 2**15


def score_table(curve: Curve, quant: Quant) -> IntArray:
    """The scores of all bytes: never less for a larger byte."""
    return full_scores(curve.of(real_values(quant)))


def score_product(a: IntArray, b: IntArray) -> IntArray:
    """a * b / 65535, rounded to nearest."""
    t = a * b + HALF_SCORE
    return (t + (t >> 16)) >> 16


def least_score(threshold: float) -> int:
    """The score of a threshold; at least 1, since 0 ends a list."""
    return max(1, int(full_scores(np.array([threshold]))[0]))


@dataclass(frozen=True, eq=False)
class Softmax16:
    """Shares of classes; `powers[d]` is e at a distance d below the largest byte."""

    powers: IntArray

    @staticmethod
    def of(scale: float, classes: int) -> Softmax16:
        """For so many classes."""
        bits = min(POWER_BITS, 31 - (classes - 1).bit_length())
        return Softmax16(power_table(scale, bits))

    def shares(self, q: IntArray) -> IntArray:
        """The scores of bytes (.., classes)."""
        e = self.powers[q.max(axis=-1, keepdims=True) - q]
        return self.of_parts(e, e.sum(axis=-1, keepdims=True))

    @staticmethod
    def of_parts(part: IntArray, whole: IntArray) -> IntArray:
        """part / whole as a score: 20 bits of the quotient, then rounded to nearest."""
        quotient = (part << SHARE_BITS) // whole
        return (quotient * FULL_SCORE + (1 << (SHARE_BITS - 1))) >> SHARE_BITS

    def least_distance(self, least: int) -> int:
        """How far a byte must at least be above the background's for a score of `least`.

        Other classes only add to the sum: with none of them a share is largest.
        """
        e = self.powers
        above = self.of_parts(e[:1], e[:1] + e)  # by d, d = 0 .. 255
        below = self.of_parts(e, e[:1] + e)
        by_distance = np.concatenate([below[:0:-1], above])  # -255 .. 255
        enough = np.flatnonzero(by_distance >= least)
        return int(enough[0]) - 255 if len(enough) else NEVER


def least_byte(table: IntArray, least: int, factor: int = FULL_SCORE) -> int:
    """The least byte whose score, times `factor` at most, reaches `least`; NEVER: none does."""
    enough = np.flatnonzero(score_product(table, np.full_like(table, factor)) >= least)
    return int(enough[0]) - 128 if len(enough) else NEVER
