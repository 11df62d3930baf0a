"""BATCH_MATMUL of int8 .tflite files: LiteRT's bytes in every form of its operands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcucc.ir import Quant
from tests.frontends.test_tflite_ops import Case, cases, lowered, seeds

Shape = tuple[int, ...]
FORMS: tuple[tuple[Shape, Shape], ...] = (  # axes before those of a, and of b
    ((1,), (1,)),
    ((1, 3), (1, 3)),
    ((1, 3), (1, 1)),
    ((1, 1), (1, 3)),
    ((1, 3), (1,)),
)


def turned(shape: Shape, adjoint: bool) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if adjoint else shape


@given(seeds, st.sampled_from(FORMS), st.booleans(), st.booleans(), st.booleans())
@cases
def test_products(seed: int, form: tuple[Shape, Shape], adj_x: bool, adj_y: bool, c: bool) -> None:
    case = Case(seed)
    rows, depth, columns = (int(n) for n in case.rng.integers(1, 7, 3))
    shapes = (*form[0], rows, depth), (*form[1], depth, columns)
    quants = case.quant(-2, -1), case.quant(-2, -1)
    a = case.input(turned(shapes[0], adj_x), quants[0])
    of_b = turned(shapes[1], adj_y)
    if c:
        b = case.builder.constant(case.rng.integers(-128, 128, of_b).astype(np.int8), quants[1])
    else:
        b = case.input(of_b, quants[1])
    scale = quants[0].per_tensor_scale * quants[1].per_tensor_scale * 100
    made = (*np.broadcast_shapes(*form), rows, columns)
    y = case.builder.tensor(made, np.int8, Quant((float(np.float32(scale)),), case.pick(-9, 0, 40)))
    fields = {"adjX": adj_x, "adjY": adj_y}
    case.builder.op("BATCH_MATMUL", "BatchMatMulOptions", [a, b], [y], version=2, **fields)
    case.check(y)


def test_many_sums() -> None:
    """Enough outputs to meet every rounding of the reference."""
    case = Case(7)
    quants = Quant((float(np.float32(0.0123)),), 5), Quant((float(np.float32(0.0457)),), -71)
    a, b = case.input((1, 90, 40), quants[0]), case.input((1, 40, 90), quants[1])
    y = case.builder.tensor((1, 90, 90), np.int8, Quant((float(np.float32(0.31)),), 3))
    case.builder.op("BATCH_MATMUL", "BatchMatMulOptions", [a, b], [y], version=2)
    case.check(y)


@pytest.mark.parametrize("turn", [False, True])
def test_attention_of_heads_moves_nothing_but_what_it_must(turn: bool) -> None:
    """Tokens (1, T, heads * d), split and transposed as converters write it: no copy but none."""
    case = Case(3)
    quant, tokens, heads, depth = Quant((0.05,), -3), 5, 2, 4
    parts = []
    for _ in range(2):
        x = case.input((1, tokens, heads * depth), quant)
        shape = (1, tokens, heads, depth)
        split = case.builder.tensor(shape, np.int8, quant)
        into = case.builder.constant(np.array(shape, np.int32))
        case.builder.op("RESHAPE", "ReshapeOptions", [x, into], [split], newShape=list(shape))
        order = (0, 2, 3, 1) if parts and turn else (0, 2, 1, 3)
        moved = case.builder.tensor([shape[i] for i in order], np.int8, quant)
        axes = case.builder.constant(np.array(order, np.int32))
        case.builder.op("TRANSPOSE", "TransposeOptions", [split, axes], [moved])
        parts.append(moved)
    y = case.builder.tensor((1, heads, tokens, tokens), np.int8, Quant((0.3,), 3))
    case.builder.op(
        "BATCH_MATMUL", "BatchMatMulOptions", parts, [y], version=2, adjX=False, adjY=not turn
    )
    case.check(y)
    kinds = {
        type(node.kernel).__name__ for node in lowered(case.builder.build(case.inputs, [y])).nodes
    }
    assert kinds <= {"MatMulKernel", "ReshapeKernel", "TransposeKernel"}
