"""Positions of axes in any order in int8 .tflite files: LiteRT's bytes, or one reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from mcucc.ir import Quant
from mcucc.ir.kernel import Granularity
from tests.frontends.test_tflite_ops import Case, lowered

SHAPE = (1, 4, 5, 6)
Q = Quant((0.05,), -20)


def taken(
    code: str, made: Sequence[int], *more: Any, shape: Sequence[int] = SHAPE, **fields: int
) -> tuple[Case, int]:
    """A case of one operator on one activation and constants of integers."""
    case = Case(5)
    options = {"GATHER_ND": "GatherNd", "REVERSE_V2": "ReverseV2"}.get(code)
    options = options or "".join(word.title() for word in code.split("_"))
    operands = [case.builder.constant(np.array(values, np.int32)) for values in more]
    x = case.input(tuple(shape), Q)
    y = case.builder.tensor(made, np.int8, Q)
    case.builder.op(code, f"{options}Options", [x, *operands], [y], version=2, **fields)
    return case, y


@pytest.mark.parametrize(
    ("axis", "indices", "made"),
    [
        (3, [5, 0, 2], (1, 4, 5, 3)),
        (2, [4, 0, 2, 2], (1, 4, 4, 6)),
        (-3, 2, (1, 5, 6)),
        (1, [[2, 0], [1, 1]], (1, 2, 2, 5, 6)),
        (3, [[1, 3, 5]], (1, 4, 5, 1, 3)),
    ],
)
def test_gather(axis: int, indices: Any, made: Sequence[int]) -> None:
    case, y = taken("GATHER", made, indices, axis=axis)
    case.check(y)


@pytest.mark.parametrize(
    ("indices", "made"),
    [
        ([[0, 1, 2], [0, 3, 3]], (2, 6)),
        ([[0, 1, 2, 4]], (1,)),
        ([[[0, 1]], [[0, 0]]], (2, 1, 5, 6)),
    ],
)
def test_gather_nd(indices: Any, made: Sequence[int]) -> None:
    case, y = taken("GATHER_ND", made, indices)
    case.check(y)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_reverse(axis: int) -> None:
    case, y = taken("REVERSE_V2", SHAPE, [axis])
    case.check(y)


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("widths", [[[2, 1], [1, 1], [0, 0]], [[0, 0], [0, 0], [1, 2]]])
def test_mirror_pad(mode: int, widths: list[list[int]]) -> None:
    made = (1, *(n + sum(pair) for n, pair in zip(SHAPE[1:], widths, strict=True)))
    case, y = taken("MIRROR_PAD", made, [[0, 0], *widths], mode=mode)
    case.check(y)


@pytest.mark.parametrize(
    ("made", "bounds", "fields"),
    [
        (SHAPE, ([0, 0, -1, 0], [1, 4, -6, 6], [1, 1, -1, 1]), {}),
        ((1, 2, 5, 6), ([0, -1, 0, -1], [1, -5, 5, -7], [1, -2, 1, -1]), {}),
        (
            (1, 4, 3),
            ([0, 3, 0, -1], [1, 0, 0, -9], [1, -1, 1, -2]),
            {"shrinkAxisMask": 4, "endMask": 2},
        ),
        ((1, 1, 4, 5, 6), ([0, 0], [1, 1], [1, 1]), {"newAxisMask": 2}),
        ((1, 4, 5, 2), ([0, 1], [0, 3], [1, 1]), {"ellipsisMask": 1}),
        (
            (1, 5, 1, 6),
            ([0, 1, 0, 0, 0], [1, 2, 5, 0, 6], [1] * 5),
            {"shrinkAxisMask": 2, "newAxisMask": 8},
        ),
    ],
)
def test_strided_slice(made: Sequence[int], bounds: Any, fields: dict[str, int]) -> None:
    case, y = taken("STRIDED_SLICE", made, *bounds, **fields)
    case.check(y)


def test_positions_are_bounded() -> None:
    order = np.random.default_rng(0).permutation(400)
    case, y = taken("GATHER", (1, 400, 2), order, shape=(1, 400, 2), axis=1)
    with pytest.raises(UnsupportedError, match="not in up to 64 runs of equal steps"):
        lowered(case.builder.build(case.inputs, [y]))
    case, y = taken("GATHER", (1, 2), [0, 400], shape=(1, 400), axis=1)
    with pytest.raises(UnsupportedError, match="positions outside of a length of 400"):
        lowered(case.builder.build(case.inputs, [y]))


def test_channels_in_any_order_are_one_node() -> None:
    order = np.random.default_rng(0).permutation(100)
    case, y = taken("GATHER", (1, 3, 3, 100), order, shape=(1, 3, 3, 100), axis=3)
    case.check(y)
    nodes = lowered(case.builder.build(case.inputs, [y])).nodes
    assert sum(node.kernel.granularity is not Granularity.ALIAS for node in nodes) == 1
