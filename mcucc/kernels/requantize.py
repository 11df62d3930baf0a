"""Requantization by proof: the cheapest instruction sequence that equals the contract.

A layer's accumulators are bounded: their interval follows from the weights and the interval of the
input. Over it both the contract's function and a candidate are non-decreasing step functions of
the accumulator, so that they are equal if and only if they agree at both ends of the interval and
at both sides of every step between: a finite proof, done here for every channel.

Source of the forms: docs/design/numerics.md, "Requantization by proof".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel_id import Form
from mcucc.numerics.fixed_point import INT32_MAX, INT32_MIN, IntArray, Requant, Rounding
from mcucc.ops.common.matrix import Accumulation

FloatArray = npt.NDArray[np.float64]
Step = Callable[[IntArray], IntArray]  # a non-decreasing function of accumulators (n, channels)

# Largest multiplier the search for an equal form tries away from the nearest one.
NEIGHBOURS = 2
# Values of int16 whose steps are looked at together: arrays (LEVELS, channels), all of int8.
LEVELS = 256
# Of SHIFT and DOUBLE: |2z + 1| << 21 is below 2^30.
LARGEST_SHIFT = 21
# Of SHORT: |z| << 22 is below 2^30.
LARGEST_SHORT_SHIFT = 22


# WIDE shifts accumulators left by so many bits.
WIDE_BITS = 8
# What was proved of channels, by all that a proof looks at: channel splits prove those of a layer
# again, group by group. A channel takes some 300 bytes.
_PROVED: dict[tuple[object, ...], bool] = {}
MOST_PROVED = 1 << 17
# Bits that the forms of one rounding multiply drop.
HIGH_BITS = {Form.HIGH: 32, Form.DOUBLING: 31}
# Least shifts of the factors that these forms take.
SHIFT_BASES = {Form.SHIFT: 33, Form.COMMON: 33, Form.DOUBLE: 32, Form.WIDE: 32 - WIDE_BITS}


@dataclass(frozen=True, eq=False)
class Interval:
    """Proven bounds of accumulators, bias included, per channel: int64 (channels,)."""

    lo: IntArray
    hi: IntArray


@dataclass(frozen=True, eq=False)
class Finish:
    """A proved form with its constants per channel."""

    form: Form
    multiplier: IntArray
    shift: IntArray

    def value(self, acc: IntArray, zero_point: int) -> IntArray:
        """What the C code computes before it saturates; `acc` (..., channels) includes the bias."""
        scaled: IntArray
        if self.form in HIGH_BITS:
            bits = HIGH_BITS[self.form]
            scaled = (acc * self.multiplier + (1 << (bits - 1))) >> bits
            return scaled + zero_point
        if self.form in (Form.SHIFT, Form.COMMON):
            high = (acc * self.multiplier) >> 32
            scaled = (high + ((2 * zero_point + 1) << self.shift)) >> (self.shift + 1)
            return scaled
        if self.form is Form.WIDE:
            high = (np.clip(acc << WIDE_BITS, INT32_MIN, INT32_MAX) * self.multiplier) >> 31
            scaled = (high + ((2 * zero_point + 1) << self.shift)) >> (self.shift + 1)
            return scaled
        if self.form is Form.DOUBLE:
            high = (2 * acc * self.multiplier + (1 << 31)) >> 32
            nudged = high + (high >> 31) + ((2 * zero_point + 1) << self.shift)
            scaled = nudged >> (self.shift + 1)
            return scaled
        scaled = self.short_sum(acc, zero_point) >> self.shift
        return scaled

    def short_sum(self, acc: IntArray, zero_point: int) -> IntArray:
        """What SHORT holds in 32 bits before its shift: acc * m + zero point * 2^s + 2^(s - 1)."""
        constant = (zero_point << self.shift) + (np.int64(1) << (self.shift - 1))
        result: IntArray = acc * self.multiplier + constant
        return result


def interval_of(
    weights: npt.NDArray[Any], bias: npt.NDArray[Any], lo: int = -128, hi: int = 127
) -> Interval:
    """Bounds of bias + sum x * w for x in [lo, hi]; weights (channels, taps), bias folded.

    A padded tap holds the zero point, which lies in [lo, hi].
    """
    flat = weights.astype(np.int64)
    positive = np.maximum(flat, 0).sum(axis=1)
    negative = np.minimum(flat, 0).sum(axis=1)
    folded = bias.astype(np.int64)
    return Interval(folded + lo * positive + hi * negative, folded + hi * positive + lo * negative)


def reach_of(
    weights: npt.NDArray[Any], sums: Accumulation, lo: int = -128, hi: int = 127
) -> Interval:
    """Bounds of the accumulators of a layer with any of its biases."""
    biases = sums.biases
    lowest = interval_of(weights, biases.least, lo, hi).lo
    return Interval(lowest, interval_of(weights, biases.most, lo, hi).hi)


def prove_equal(
    first: Step,
    second: Step,
    factor: FloatArray,
    offset: int,
    bounds: Interval,
    clamp: tuple[int, int] = (-128, 127),
) -> npt.NDArray[np.bool_]:
    """Per channel, whether two non-decreasing functions agree on all of `bounds`, once clamped.

    Both are close to `acc * factor + offset` and take arrays (n, channels). Where they have their
    steps is computed from the first function and then checked on both: f(t - 1) < k <= f(t).
    """
    lo, hi = clamp

    def clamped(function: Step) -> Step:
        return lambda acc: np.clip(function(acc), lo, hi)

    first, second = clamped(first), clamped(second)
    ends = np.stack([bounds.lo, bounds.hi])
    low, high = first(ends)
    result: npt.NDArray[np.bool_] = (second(ends) == np.stack([low, high])).all(axis=0)
    for begin in range(int(low.min()) + 1, int(high.max()) + 1, LEVELS):
        levels = np.arange(begin, min(begin + LEVELS, hi + 1), dtype=np.int64)[:, None]
        wanted = (levels > low) & (levels <= high)  # the steps inside the interval
        guess = np.ceil((levels - offset - 0.5) / np.where(factor > 0, factor, 1.0))
        result &= (_same_steps(first, second, levels, wanted, guess, bounds) | ~wanted).all(axis=0)
    return result


def _same_steps(
    first: Step,
    second: Step,
    levels: IntArray,
    wanted: npt.NDArray[np.bool_],
    guess: FloatArray,
    bounds: Interval,
) -> npt.NDArray[np.bool_]:
    """Whether both functions reach each wanted level (levels, channels) at one accumulator."""
    steps = np.clip(guess, bounds.lo + 1, np.maximum(bounds.hi, bounds.lo + 1)).astype(np.int64)
    for _ in range(3):  # the guess is a float: at most a few units off
        steps = np.where(wanted & (first(steps) < levels), steps + 1, steps)
        steps = np.where(wanted & (first(steps - 1) >= levels), steps - 1, steps)
    exact = np.ones(wanted.shape, dtype=bool)
    for function in (first, second):
        exact &= (function(steps) >= levels) & (function(steps - 1) < levels)
    return exact


def high_form(
    sums: Accumulation, bounds: Interval, form: Form = Form.HIGH, *, patient: bool = False
) -> Finish | None:
    """HIGH (or DOUBLING) for every channel, or None where one cannot be proved.

    Gives up where most channels fail at first, unless `patient`.
    """
    if sums.requant.rounding is not Rounding.SINGLE:
        return None
    multiplier, shift = _per_channel(sums.requant, sums.bias.size)
    factor = _real(multiplier, shift)
    if (factor >= 0.499).any():
        return None
    nearest = np.rint(np.ldexp(factor, HIGH_BITS[form])).astype(np.int64)
    return _nearby(sums, bounds, Finish(form, nearest, np.zeros_like(shift)), patient=patient)


def _nearby(
    sums: Accumulation, bounds: Interval, nearest: Finish, *, patient: bool
) -> Finish | None:
    """`nearest`, its multipliers moved by a few units where that makes a channel exact.

    None where some channel cannot be proved, at once where most fail at first, unless `patient`.
    """
    factor = _real(*_per_channel(sums.requant, sums.bias.size))
    chosen = nearest.multiplier.copy()
    done = np.zeros(chosen.size, dtype=bool)
    for away in sorted(range(-NEIGHBOURS, NEIGHBOURS + 1), key=abs):
        candidate = np.clip(nearest.multiplier + away, 0, INT32_MAX)
        proved = _proved(sums, replace(nearest, multiplier=candidate), factor, bounds) & ~done
        chosen[proved] = candidate[proved]
        done |= proved
        if done.all():
            return replace(nearest, multiplier=chosen)
        if away == 0 and done.mean() < 0.9 and not patient:
            return None  # hopeless: the factors are long
    return None


def common_form(sums: Accumulation, bounds: Interval, form: Form = Form.COMMON) -> Finish | None:
    """COMMON: SHIFT with one shift for the layer, the largest whose multipliers fit 31 bits.

    Factors far below the layer's largest one lose bits: the proof says whether that matters.
    """
    if sums.requant.rounding is not Rounding.SINGLE:
        return None
    factor = _real(*_per_channel(sums.requant, sums.bias.size))
    largest = float(factor.max(initial=0.0))
    if not 0.0 < largest < 0.25:
        return None
    base = SHIFT_BASES[form]
    # multiplier = factor * 2^(base + shift) is below 2^31.
    shift = min(31 - base - int(np.frexp(largest)[1]), LARGEST_SHIFT)
    multiplier = np.rint(np.ldexp(factor, base + shift)).astype(np.int64)
    if shift < 0 or multiplier.max() > INT32_MAX:
        return None
    nearest = Finish(form, multiplier, np.full(multiplier.size, shift, dtype=np.int64))
    return _nearby(sums, bounds, nearest, patient=False)


def shift_form(sums: Accumulation, bounds: Interval, single: Form = Form.SHIFT) -> Finish | None:
    """SHIFT (or WIDE) or, for double rounding, DOUBLE.

    Exact wherever the factors are below 1/4 (SHIFT), 1/2 (DOUBLE), 128 (WIDE).
    """
    double = sums.requant.rounding is Rounding.DOUBLE
    form = Form.DOUBLE if double else single
    base = SHIFT_BASES[form]
    multiplier, shift = _per_channel(sums.requant, sums.bias.size)
    dead = multiplier == 0
    # Short multipliers are lengthened, so that the shift is at least `base`.
    room = np.where(dead, 0, 31 - np.frexp(np.maximum(multiplier, 1))[1].astype(np.int64))
    lengthen = np.clip(base - shift, 0, room) if not double else np.zeros_like(shift)
    multiplier, shift = multiplier << lengthen, np.where(dead, base, shift + lengthen)
    # The addend (2z + 1) << s must fit beside a high word of at most 2^30: tiny factors, those of
    # dead channels, lose bits, and the proof says whether that matters.
    excess = np.maximum(shift - base - LARGEST_SHIFT, 0)
    multiplier, shift = multiplier >> np.minimum(excess, 62), shift - excess
    if (shift < base).any():
        return None
    if double and max(abs(int(bounds.lo.min())), abs(int(bounds.hi.max()))) >= 2**30:
        return None
    finish = Finish(form, multiplier, shift - base)
    factor = _real(*_per_channel(sums.requant, sums.bias.size))
    return finish if _proved(sums, finish, factor, bounds).all() else None


def short_biases(
    sums: Accumulation, finish: Finish, bounds: Interval, bits: int
) -> IntArray | None:
    """The biases in `bits` bits, signed; None where some does not fit.

    A larger one is 0 instead where the channel's output is the same for every sum, with the bias
    and without it: the form does not decrease, so that its values at the ends say so.
    """
    bias = sums.bias.astype(np.int64)
    fits = bias == (bias << 64 - bits) >> 64 - bits
    ends = np.stack([bounds.lo, bounds.hi, bounds.lo - bias, bounds.hi - bias])
    values = np.clip(finish.value(ends, sums.output_zero_point), sums.lo, sums.hi)
    dead = (values == values[0]).all(axis=0)
    return np.where(fits, bias, 0) if (fits | dead).all() else None


def short_form(sums: Accumulation, bounds: Interval, bits: int = 31) -> Finish | None:
    """SHORT: one shift for the layer, the largest that keeps every intermediate in int32.

    Multipliers have at most `bits` bits.
    """
    if sums.requant.rounding is not Rounding.SINGLE:
        return None
    multiplier, shift = _per_channel(sums.requant, sums.bias.size)
    factor = _real(multiplier, shift)
    for common in range(min(int(shift.max()), LARGEST_SHORT_SHIFT), 0, -1):
        m = np.rint(np.ldexp(factor, common)).astype(np.int64)
        finish = Finish(Form.SHORT, m, np.full(m.size, common))
        if int(m.max()) < 1 << bits and _fits_int32(finish, sums.output_zero_point, bounds):
            # A smaller shift only loses precision: this one or none.
            return finish if _proved(sums, finish, factor, bounds).all() else None
    return None


def _fits_int32(finish: Finish, zero_point: int, bounds: Interval) -> bool:
    """Whether acc * m and the sum with the constant stay inside int32 at both ends."""
    for end in (bounds.lo, bounds.hi):
        for value in (end * finish.multiplier, finish.short_sum(end, zero_point)):
            if (value < INT32_MIN).any() or (value > INT32_MAX).any():
                return False
    return True


def _proved(
    sums: Accumulation, finish: Finish, factor: FloatArray, bounds: Interval
) -> npt.NDArray[np.bool_]:
    """Per channel, whether a form equals the contract; each is proved once (see `_PROVED`)."""
    zero = sums.output_zero_point
    multiplier, shift = _per_channel(sums.requant, factor.size)
    alike = sums.requant.rounding, finish.form, zero, sums.lo, sums.hi
    columns = multiplier, shift, finish.multiplier, finish.shift, bounds.lo, bounds.hi
    full = [c if c.size == factor.size else np.broadcast_to(c, factor.size) for c in columns]
    keys = [(alike, *row) for row in zip(*(column.tolist() for column in full), strict=True)]
    if len(_PROVED) > MOST_PROVED:
        _PROVED.clear()
    new = [i for i, key in enumerate(keys) if key not in _PROVED]
    if new:
        multiplier, shift, own, moved, lo, hi = (column[new] for column in full)
        requant, part = Requant(multiplier, shift, alike[0]), Finish(finish.form, own, moved)
        found = prove_equal(
            lambda acc: requant.apply(acc) + zero,
            lambda acc: part.value(acc, zero),
            factor[new],
            zero,
            Interval(lo, hi),
            (sums.lo, sums.hi),
        )
        _PROVED.update(zip((keys[i] for i in new), found.tolist(), strict=True))
    return np.array([_PROVED[key] for key in keys], dtype=np.bool_)


def _real(multiplier: IntArray, shift: IntArray) -> FloatArray:
    """multiplier * 2^-shift, exactly."""
    factor: FloatArray = np.ldexp(multiplier.astype(np.float64), -shift)
    return factor


def _per_channel(requant: Requant, channels: int) -> tuple[IntArray, IntArray]:
    return (
        np.broadcast_to(requant.multiplier, channels).astype(np.int64),
        np.broadcast_to(requant.shift, channels).astype(np.int64),
    )
