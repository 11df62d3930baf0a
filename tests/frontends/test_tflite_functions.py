"""Functions, reductions and norms of int8 .tflite files: LiteRT's bytes, or one clear reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcucc.errors import ModelError, UnsupportedError
from mcucc.frontends.tflite.functions import FLOAT_ONLY
from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from tests.frontends.test_tflite_ops import (
    Case,
    agrees,
    cases,
    computed,
    every_value,
    lowered,
    seeds,
)
from tests.litert_builder import run_litert


@given(seeds, st.sampled_from(["EXP", "LOG", "SQRT", "RSQRT"]))
@cases
def test_functions_with_tables_of_litert(seed: int, code: str) -> None:
    case = Case(seed)
    x, _ = every_value(case, case.quant())
    if code in ("SQRT", "RSQRT"):  # LiteRT stops at what is negative
        least = case.builder.tensors[x].quantization.zeroPoint[0]
        case.data[0] = np.maximum(case.data[0], np.int8(least))
    y = case.builder.tensor((1, 16, 16, 1), np.int8, case.quant())
    case.builder.op(code, None, [x], [y], version=2)
    case.check(y)


def test_negation() -> None:
    case = Case(1)
    x, _ = every_value(case, quant := Quant((0.05,), 0))
    y = case.builder.tensor((1, 16, 16, 1), np.int8, quant)
    case.builder.op("NEG", "NegOptions", [x], [y])
    case.check(y)


def test_negation_with_a_zero_point_is_refused() -> None:
    """LiteRT computes something, but no negation: -q of the bytes."""
    case = Case(1)
    x = case.input((1, 2, 2, 1), quant := Quant((0.05,), 3))
    y = case.builder.tensor((1, 2, 2, 1), np.int8, quant)
    case.builder.op("NEG", "NegOptions", [x], [y])
    with pytest.raises(UnsupportedError, match="LiteRT negates bytes"):
        lowered(case.builder.build([x], [y]))


@pytest.mark.parametrize("code", FLOAT_ONLY)
def test_what_litert_has_not_in_int8(code: str) -> None:
    case = Case(1)
    x = case.input((1, 2, 2, 1), quant := Quant((0.05,), 3))
    y = case.builder.tensor((1, 2, 2, 1), np.int8, quant)
    case.builder.op(code, None, [x], [y])
    model = case.builder.build([x], [y])
    with pytest.raises((RuntimeError, ValueError)):
        run_litert(model, case.data)
    with pytest.raises(UnsupportedError, match="LiteRT has no int8 kernel of it either"):
        lowered(model)


def reduced(case: Case, code: str, same: bool) -> bytes:
    """A reduction over drawn axes."""
    shape = (1, *(int(n) for n in case.rng.integers(1, 7, 3)))
    axes = sorted({case.pick(1, 2, 3, -1) % 4 for _ in range(case.pick(1, 2, 3))})
    quant = case.quant(-2, -1)
    scale = float(np.float32(quant.per_tensor_scale * case.rng.uniform(0.5, 5)))
    made = quant if same else Quant((scale,), int(case.rng.integers(-128, 128)))
    keep = bool(case.rng.random() < 0.5)
    left = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    x, over = case.input(shape, quant), case.builder.constant(np.array(axes, np.int32))
    y = case.builder.tensor(left, np.int8, made)
    case.builder.op(code, "ReducerOptions", [x, over], [y], version=2, keepDims=keep)
    return case.builder.build([x], [y])


@given(seeds, st.sampled_from(["MEAN", "REDUCE_MAX", "REDUCE_MIN"]))
@cases
def test_reductions_over_any_axes(seed: int, code: str) -> None:
    case = Case(seed)
    agrees(reduced(case, code, same=code != "MEAN"), case.data)


@given(seeds, st.booleans())
@cases
def test_sums(seed: int, same: bool) -> None:
    """Of LiteRT's default path: its reference loses every sum that passes 0."""
    case = Case(seed)
    model = reduced(case, "SUM", same)
    (wanted,) = run_litert(model, case.data, reference=False)
    (found,) = computed(model, case.data, Rounding.SINGLE)
    np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    with pytest.raises(ModelError, match="compile with --rounding single"):
        lowered(model)


@given(seeds, st.sampled_from([(1, 7), (1, 3, 4, 5), (1, 2, 300)]))
@cases
def test_vectors_of_length_one(seed: int, shape: tuple[int, ...]) -> None:
    """Some of zeros, some of small numbers, some far from both."""
    case = Case(seed)
    x = case.input(shape, quant := case.quant())
    spread = case.rng.choice([0, 1, 5, 127], (*shape[:-1], 1))
    noise = case.rng.integers(-1, 2, shape) * spread
    case.data[0] = np.clip(noise + quant.zero_point, -128, 127).astype(np.int8)
    y = case.builder.tensor(shape, np.int8, Quant((1 / 128,), 0))
    case.builder.op("L2_NORMALIZATION", "L2NormOptions", [x], [y], version=2)
    case.check(y)
