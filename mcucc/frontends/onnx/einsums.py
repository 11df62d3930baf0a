"""Converter of Einsum of two operands: a product of activations, or of one and a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.linear import of_matrix
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.products import product
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode

MOST_LETTERS = 8


@converter("Einsum")
def einsum(ctx: Context, node: OnnxNode) -> View:
    """Two operands, each letter once in each: shared, summed, or of one of them alone.

    One of them may be a constant that shares no letter: a matrix.
    """
    equation = node.text("equation", "").replace(" ", "")
    terms, arrow, result = equation.partition("->")
    letters = terms.split(",")
    unlike = [*letters, result]
    if not arrow or len(letters) != 2 or "." in equation or any(map(_repeats, unlike)):
        raise UnsupportedNode(f"the equation {equation!r}", "write it as MatMul and Transpose")
    x, y = letters
    constant = [name in ctx.constants for name in node.proto.input]
    if any(constant):
        own, other = (y, x) if constant[0] else (x, y)
        return _with_constant(ctx, node, constant.index(False), own, other, result)
    a, b = (ctx.view(node, i) for i in range(2))
    if len(x) != len(a.axes) or len(y) != len(b.axes) or len(set(x + y)) > MOST_LETTERS:
        raise UnsupportedNode(f"the equation {equation!r} of {list(a.shape)} and {list(b.shape)}")
    shared = [c for c in x if c in y and c in result]
    summed = [c for c in x if c in y and c not in result]
    rows, columns = ([c for c in own if c not in other] for own, other in ((x, y), (y, x)))
    if sorted(result) != sorted(shared + rows + columns) or not summed:
        raise UnsupportedNode(f"the equation {equation!r}", "write it as MatMul and ReduceSum")
    left = _of_letters(a, x, shared, rows, summed)
    right = _of_letters(b, y, shared, summed, columns)
    made = product(ctx, node, left, right)
    sizes = dict(zip(x + y, a.shape + b.shape, strict=True))
    kept = [*shared, *rows, *columns]
    split = made.reshaped([sizes[c] for c in kept])
    if split is None:
        made = ctx.reordered(node, made, made.flat)
        split = made.reshaped([sizes[c] for c in kept])
    assert split is not None, "axes in order can be told apart"
    return split.transposed([kept.index(c) for c in result])


def _with_constant(ctx: Context, node: OnnxNode, place: int, x: str, y: str, result: str) -> View:
    """The activation `x` times a constant `y`: rows, and what is summed, by columns."""
    view = ctx.view(node, place)
    array = ctx.constant(node, 1 - place, "operand").astype(np.float64)
    summed = [c for c in x if c in y and c not in result]
    rows, columns = ([c for c in own if c not in other] for own, other in ((x, y), (y, x)))
    fits = len(x) == len(view.axes) and len(y) == array.ndim and len(summed) > 0
    if not fits or sorted(result) != sorted(rows + columns):
        raise UnsupportedNode(
            f"the equation of {list(view.shape)} and a constant {list(array.shape)}",
            "write it as MatMul, Mul and ReduceSum",
        )
    axis = dict(zip(x, view.axes, strict=True))
    lengths = dict(zip(y, array.shape, strict=True))
    together = tuple(atom for c in summed for atom in axis[c])
    matrix = array.transpose([y.index(c) for c in (*columns, *summed)])
    apart = replace(view, axes=(*(axis[c] for c in rows), together))
    weights = matrix.reshape(-1, prod(lengths[c] for c in summed))
    made = of_matrix(ctx, node, apart, weights, None)
    split = made.reshaped([*made.shape[:-1], *(lengths[c] for c in columns)])
    assert split is not None, "columns in order can be told apart"
    kept = [*rows, *columns]
    return split.transposed([kept.index(c) for c in result])


def _repeats(letters: str) -> bool:
    return any(a == b for a, b in pairwise(sorted(letters)))


def _of_letters(
    view: View, letters: str, shared: Sequence[str], rows: Sequence[str], columns: Sequence[str]
) -> View:
    """The view with an axis for each shared letter, one for all rows, one for all columns."""
    axis = dict(zip(letters, view.axes, strict=True))
    joined = [tuple(atom for c in part for atom in axis[c]) for part in (rows, columns)]
    return replace(view, axes=(*(axis[c] for c in shared), *joined))
