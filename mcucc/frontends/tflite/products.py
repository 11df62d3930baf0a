"""BATCH_MATMUL: a product of two activations, or of one and a constant, where its operands lie.

As in the ONNX importer a matrix's rows are pixels, and the axes before it lie before the pixels, as
rows of a picture, or behind them, in the channels. Of all ways to say so the one that moves least
is taken; (a b)^T = b^T a^T is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from mcucc.frontends.tflite import constants
from mcucc.frontends.tflite.context import Context, check_int8, per_tensor
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import ProductOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.strided_view import StridedView
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Tensor
from mcucc.ops.mat_mul import MatMul
from mcucc.ops.reshape import Reshape

Shape = tuple[int, ...]


@dataclass(frozen=True)
class _Form:
    """The product of `left` and `right`: axes (groups, rows, heads, columns) as they are stored.

    `places` says which operand each is; `swapped`: the transposed product is computed.
    """

    left: StridedView
    right: StridedView
    places: tuple[int, int]
    transposed: bool
    swapped: bool
    groups: int

    @property
    def moved(self) -> int:
        """Elements of operands that lie otherwise."""
        return sum(prod(v.shape) for v in (self.left, self.right) if not v.plain)


@converter("BATCH_MATMUL")
def product(ctx: Context, operator: FileOperator) -> None:
    """MatMul over the last two axes; those before them are shared, or broadcast."""
    options = operator.options
    adjoint = (False, False)
    if isinstance(options, ProductOptions):
        adjoint = (options.adj_x, options.adj_y)
    a, b = (_operand(ctx, operator, place, adjoint[place]) for place in (0, 1))
    text = f"a product of {list(a.shape)} and {list(b.shape)}"
    if min(len(a.axes), len(b.axes)) < 2 or a.shape[-1] != b.shape[-2]:
        raise UnsupportedNode(f"{text} does not fit")
    try:
        shared = tuple(int(n) for n in np.broadcast_shapes(a.shape[:-2], b.shape[:-2]))
    except ValueError:
        raise UnsupportedNode(f"{text} does not fit") from None
    made = (*shared, a.shape[-2], b.shape[-1])
    rows = a.reshaped((prod(a.shape[:-1]), a.shape[-1]))
    if prod(b.shape[:-2]) == 1 and rows is not None:  # one matrix for all: the axes are rows
        a, b, shared = rows, StridedView(b.source, b.axes[-2:]), ()
    a = a.broadcast((*shared, *a.shape[-2:]))
    b = b.broadcast((*shared, *b.shape[-2:]))
    _compute(ctx, operator, min(_forms(a, b), key=lambda form: form.moved), shared, made)


def _operand(ctx: Context, operator: FileOperator, place: int, adjoint: bool) -> StridedView:
    """An operand, its last two axes turned where the options say so."""
    tensor = ctx.file_tensor(operator, place)
    if tensor.index in ctx.constants:
        other = ctx.activation(operator, 1 - place)
        check_int8(tensor)
        own = ctx.shape(tensor)
        stored = (1, 1, prod(own[:-1]), own[-1])
        view = StridedView.of(constants.beside(ctx, tensor, other, own, stored).name, own)
    else:
        view = ctx.view(operator, place)
    if not adjoint:
        return view
    last = len(view.axes) - 1
    return view.transposed((*range(last - 1), last, last - 1))


def _forms(a: StridedView, b: StridedView) -> Iterator[_Form]:
    """All ways, those first that are taken where several move as little."""
    shared = len(a.axes) - 2
    turned = (*range(shared), shared + 1, shared)
    pairs = ((a, b, (0, 1)), (b.transposed(turned), a.transposed(turned), (1, 0)))
    for left, right, places in pairs:
        for transposed in (True, False):
            for groups in range(shared + 1):
                first, second = (shared + 1, shared) if transposed else (shared, shared + 1)
                before, heads = range(groups), range(groups, shared)
                yield _Form(
                    left.transposed((*before, shared, *heads, shared + 1)),
                    right.transposed((*before, first, *heads, second)),
                    places,
                    transposed,
                    places == (1, 0),
                    groups,
                )


def _compute(ctx: Context, operator: FileOperator, form: _Form, shared: Shape, made: Shape) -> None:
    """The MatMul node; the operator's output is what it makes, or a view of it."""
    target = ctx.output_tensor(operator)
    first, second = shared[: form.groups], shared[form.groups :]
    groups, heads = prod(first), prod(second)
    left = _stored(ctx, operator, form.places[0], form.left, groups, heads)
    right = _stored(ctx, operator, form.places[1], form.right, groups, heads)
    op = MatMul(heads, form.transposed, by_row=groups > 1)
    shape = op.infer([left.type, right.type]).shape
    whole_matrix = (prod(made) // (groups * heads * made[-1]), made[-1])
    rows, columns = whole_matrix[::-1] if form.swapped else whole_matrix
    view = StridedView.of("", (*first, rows, *second, columns))
    order = (*range(len(first)), *range(len(first) + 1, len(shared) + 1), len(first))
    view = view.transposed((*order, len(shared) + 1))
    if form.swapped:
        view = view.transposed((*range(len(shared)), len(shared) + 1, len(shared)))
    whole = view.reshaped(made)
    assert whole is not None, "rows in order can be told apart"
    ctx.says(target, made)
    if whole.plain and ctx.shape_of(target) == shape:
        ctx.emit(op, [left.name, right.name], ctx.define(target))
        return
    part = ctx.between(f"{target.name}_product", left, shape, per_tensor(target))
    ctx.emit(op, [left.name, right.name], part)
    ctx.move(operator, StridedView(part.name, whole.axes))


def _stored(
    ctx: Context, operator: FileOperator, place: int, view: StridedView, groups: int, heads: int
) -> Tensor:
    """An operand as pixels of `heads` matrices' rows, in a row of pixels for each group."""
    tensor = ctx.file_tensor(operator, place)
    x, quant = ctx.tensors[view.source], per_tensor(tensor)
    channels = heads * view.shape[-1]
    shape = (1, groups, prod(view.shape) // (groups * channels), channels)
    if groups == 1 and view.plain and len(x.shape) == 4 and x.shape[3] == channels:
        shape = (1, *x.shape[1:3], channels)
    x = ctx.relabelled(x, quant)
    if view.plain and x.shape == shape:
        return x
    made = ctx.between(f"{tensor.name}_matrix", x, shape, quant)
    if view.plain:
        ctx.emit(Reshape(shape), [x.name], made)
    else:
        ctx.apply(StridedView(x.name, view.axes), made)
    return made
