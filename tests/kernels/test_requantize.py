"""A chosen form of requantization equals the contract on every accumulator a layer can reach."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.ir.kernel_id import Form
from mcucc.kernels.requantize import (
    Finish,
    Interval,
    common_form,
    high_form,
    interval_of,
    prove_equal,
    shift_form,
    short_biases,
    short_form,
)
from mcucc.numerics.fixed_point import Requant, Rounding, saturate_int8
from mcucc.ops.common.matrix import Accumulation

EVERYDAY = settings(derandomize=True, deadline=None, max_examples=40)


def layer(seed: int, rounding: Rounding, bits: int, reach: int) -> tuple[Accumulation, Interval]:
    """Three channels whose accumulators stay within about `reach`; factors have `bits` bits."""
    rng = np.random.default_rng(seed)
    taps = max(reach // (127 * 128), 1)
    weights = rng.integers(-127, 128, (3, taps))
    bias = rng.integers(-reach // 4 - 1, reach // 4 + 1, 3).astype(np.int32)
    factors = np.exp2(rng.uniform(-1, 1, 3)) * 128 / max(reach, 512)
    scale = np.exp2(np.floor(np.log2(factors)) - bits + 1)
    factors = np.rint(factors / scale) * scale
    zero = int(rng.integers(-128, 128))
    lo, hi = sorted(int(v) for v in rng.integers(-128, 128, 2))
    lo, hi = (lo, hi) if rng.integers(0, 2) else (-128, 127)
    interval = interval_of(weights, bias)
    ends = int(interval.lo.min()), int(interval.hi.max())
    requant = Requant.from_real(factors, rounding)
    return Accumulation(bias, requant, 0, zero, lo, hi, ends), interval


def outputs(sums: Accumulation, finish: Finish, acc: np.ndarray) -> np.ndarray:
    """What the C code stores."""
    zero = sums.output_zero_point
    if finish.form is Form.SHORT:
        held = finish.short_sum(acc, zero)
        assert np.abs(held).max() < 2**31, "the C code would overflow"
    return saturate_int8(finish.value(acc, zero), sums.lo, sums.hi)


def assert_equal_everywhere(sums: Accumulation, finish: Finish, bounds: Interval) -> None:
    """Every accumulator of every channel, both ends included."""
    every = np.arange(bounds.lo.min(), bounds.hi.max() + 1)[:, None]
    inside = np.clip(every, bounds.lo, bounds.hi)
    scaled = sums.requant.apply(inside) + sums.output_zero_point
    expected = saturate_int8(scaled, sums.lo, sums.hi)
    np.testing.assert_array_equal(outputs(sums, finish, inside), expected)


FORMS = (
    high_form,
    partial(high_form, form=Form.DOUBLING),
    common_form,
    shift_form,
    partial(shift_form, single=Form.WIDE),
    short_form,
)


@EVERYDAY
@given(
    seed=st.integers(0, 2**32 - 1),
    rounding=st.sampled_from(list(Rounding)),
    bits=st.sampled_from([6, 12, 15, 20, 31]),
    reach=st.sampled_from([300, 10_000, 100_000]),
)
def test_a_proved_form_equals_the_contract_on_every_reachable_accumulator(
    seed: int, rounding: Rounding, bits: int, reach: int
) -> None:
    sums, bounds = layer(seed, rounding, bits, reach)
    for choose in FORMS:
        finish = choose(sums, bounds)
        if finish is not None:
            assert_equal_everywhere(sums, finish, bounds)


def test_short_factors_take_the_cheapest_forms() -> None:
    sums, bounds = layer(1, Rounding.SINGLE, 12, 40_000)
    high, short = high_form(sums, bounds), short_form(sums, bounds)
    assert high is not None and high.form is Form.HIGH
    assert short is not None and short.form is Form.SHORT


def test_long_factors_over_a_wide_interval_need_the_shift() -> None:
    sums, bounds = layer(2, Rounding.SINGLE, 31, 2_000_000)
    sums = dataclasses.replace(sums, lo=-128, hi=127)
    assert high_form(sums, bounds) is None
    shift = shift_form(sums, bounds)
    assert shift is not None and shift.form is Form.SHIFT


def test_long_factors_of_like_size_share_a_shift() -> None:
    sums, bounds = layer(2, Rounding.SINGLE, 31, 100_000)
    sums = dataclasses.replace(sums, lo=-128, hi=127)
    common, shift = common_form(sums, bounds), shift_form(sums, bounds)
    assert common is not None and len(set(common.shift)) == 1
    assert shift is not None and common.shift[0] == shift.shift.min()


def test_a_factor_far_below_the_layers_largest_has_no_bits_left_under_its_shift() -> None:
    sums, bounds = layer(2, Rounding.SINGLE, 31, 2_000_000)
    factors = sums.requant.multiplier * np.exp2(-sums.requant.shift.astype(float))
    factors[0] /= 64
    wide = Interval(bounds.lo * 256, bounds.hi * 256)
    requant = Requant.from_real(factors, Rounding.SINGLE)
    sums = dataclasses.replace(sums, lo=-128, hi=127, requant=requant)
    assert common_form(sums, wide) is None
    assert shift_form(sums, wide) is not None


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_factor_that_is_off_in_its_last_bit_is_not_proved(wrong: int) -> None:
    # One step of the contract lies inside the interval at 2^31 / multiplier accumulators.
    bounds = Interval(np.array([-(2**20)]), np.array([2**20]))
    multiplier, shift = 12_345_677, 36
    factor = np.array([multiplier * 2.0**-shift])

    def exact(acc: np.ndarray) -> np.ndarray:
        return (acc * multiplier + (1 << (shift - 1))) >> shift

    def other(acc: np.ndarray) -> np.ndarray:
        return (acc * (multiplier + wrong) + (1 << (shift - 1))) >> shift

    everywhere = np.arange(-(2**20), 2**20 + 1)[:, None]
    same = (np.clip(exact(everywhere), -128, 127) == np.clip(other(everywhere), -128, 127)).all()
    assert prove_equal(exact, exact, factor, 0, bounds).all()
    assert bool(prove_equal(exact, other, factor, 0, bounds).all()) == same


def test_only_a_channel_whose_output_never_changes_goes_without_its_long_bias() -> None:
    sums, bounds = layer(3, Rounding.SINGLE, 12, 10_000)
    sums = dataclasses.replace(sums, lo=-128, hi=127)
    factors = sums.requant.multiplier * np.exp2(-sums.requant.shift.astype(float))
    long, dead = sums.bias.copy(), factors.copy()
    long[1], dead[1] = 1 << 24, 2.0**-31  # the whole of its sums rounds to 0
    moved = Interval(bounds.lo - sums.bias + long, bounds.hi - sums.bias + long)
    quiet = dataclasses.replace(sums, bias=long, requant=Requant.from_real(dead, Rounding.SINGLE))
    high = high_form(quiet, moved, patient=True)
    assert high is not None
    biases = short_biases(quiet, high, moved, 24)
    assert biases is not None and biases.tolist() == [long[0], 0, long[2]]
    without = Interval(moved.lo - long + biases, moved.hi - long + biases)
    expected = saturate_int8(high.value(moved.lo, quiet.output_zero_point))
    found = saturate_int8(high.value(without.lo, quiet.output_zero_point))
    np.testing.assert_array_equal(found, expected)
    loud = dataclasses.replace(sums, bias=long)
    again = shift_form(loud, moved)
    assert again is not None and short_biases(loud, again, moved, 24) is None


def test_bounds_are_reached() -> None:
    weights, bias = np.array([[3, -5], [0, 7]]), np.array([10, -1])
    bounds = interval_of(weights, bias, -128, 127)
    grid = np.array(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))).reshape(2, -1).T
    acc = grid @ weights.T + bias
    np.testing.assert_array_equal(acc.min(axis=0), bounds.lo)
    np.testing.assert_array_equal(acc.max(axis=0), bounds.hi)
