"""Products of two activations, the axes before their last two shared.

A matrix lies in a tensor as a token lies in it: rows are pixels, and the axes that both operands
share (heads, windows) lie before the rows, as rows of the picture, or between rows and columns, in
the channels. So the usual spellings of attention move nothing: a transposed operand is one that is
read by rows, and where the left one cannot be, (a b)^T = b^T a^T is computed in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from mcucc.frontends.onnx.context import Context, pixels_of
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.view import Axis, View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.mat_mul import MatMul


@dataclass(frozen=True)
class _Form:
    """One way to compute the product: `left` and `right` and the order their atoms lie in.

    `swapped`: the transposed product. `groups` of the shared axes lie before the rows, the rest
    behind them. `moved` is what has to be copied first.
    """

    left: View
    right: View
    left_order: Axis
    right_order: Axis
    transposed: bool
    swapped: bool
    groups: int

    @property
    def moved(self) -> int:
        """Elements of operands that lie otherwise."""
        pairs = ((self.left, self.left_order), (self.right, self.right_order))
        return sum(
            prod(view.atoms) for view, order in pairs if order != tuple(range(len(view.atoms)))
        )


def product(ctx: Context, node: OnnxNode, a: View, b: View, part: str = "") -> View:
    """a b over the last two axes, the axes before them shared: (.., M, K) (.., K, N)."""
    wanted = f"a product of {list(a.shape)} and {list(b.shape)}"
    if len(a.axes) == 1:
        return _without(product(ctx, node, replace(a, axes=((), *a.axes)), b, part), -2)
    if len(b.axes) == 1:
        return _without(product(ctx, node, a, replace(b, axes=(*b.axes, ())), part), -1)
    rank = max(len(a.axes), len(b.axes))
    a, b = a.expanded(rank).canonical(), b.expanded(rank).canonical()
    if rank < 2 or a.shape[-1] != b.shape[-2]:
        raise UnsupportedNode(f"{wanted} does not fit")
    shared, given = a.shape[:-2], b.shape[:-2]
    if shared != given and prod(given) == 1:  # one matrix for all: the axes are rows
        return _with_rows(ctx, node, a, b, part)
    if shared != given and prod(shared) == 1:
        made = _with_rows(ctx, node, _swapped(b), _swapped(a), part)
        return _swapped(made)
    if shared != given:
        raise UnsupportedNode(f"{wanted}, whose leading axes differ")
    form = min(_forms(a, b), key=lambda form: form.moved)
    return _computed(ctx, node, form, part)


def _without(view: View, axis: int) -> View:
    axes = list(view.axes)
    del axes[axis]
    return replace(view, axes=tuple(axes))


def _swapped(view: View) -> View:
    return replace(view, axes=(*view.axes[:-2], view.axes[-1], view.axes[-2]))


def _with_rows(ctx: Context, node: OnnxNode, a: View, b: View, part: str) -> View:
    """The product where only a has leading axes: they are rows of its matrix."""
    rows = tuple(atom for axis in a.axes[:-1] for atom in axis)
    matrices = replace(a, axes=(rows, a.axes[-1])), replace(b, axes=b.axes[-2:])
    made = product(ctx, node, *matrices, part)
    split = made.reshaped((*a.shape[:-1], b.shape[-1]))
    if split is None:
        made = ctx.reordered(node, made, made.flat)
        split = made.reshaped((*a.shape[:-1], b.shape[-1]))
    assert split is not None, "rows in order can be told apart"
    return split


def _forms(a: View, b: View) -> Iterator[_Form]:
    """All ways, those first that are taken where several move nothing."""
    shared = len(a.axes) - 2
    pairs = ((a, b, False), (_swapped(b), _swapped(a), True))
    for left, right, swapped in pairs:
        for transposed in (True, False):
            for groups in range(shared + 1):
                rows = (right.axes[-1], right.axes[-2])
                yield _Form(
                    left,
                    right,
                    _order(left, left.axes[-2], left.axes[-1], groups),
                    _order(right, *(rows if transposed else rows[::-1]), groups),
                    transposed,
                    swapped,
                    groups,
                )


def _order(view: View, rows: Axis, columns: Axis, groups: int) -> Axis:
    before = [atom for axis in view.axes[:groups] for atom in axis]
    heads = [atom for axis in view.axes[groups:-2] for atom in axis]
    return (*before, *rows, *heads, *columns)


def _computed(ctx: Context, node: OnnxNode, form: _Form, part: str) -> View:
    """The MatMul node; its output has the rows of the left operand and its own columns."""
    left, right = form.left, form.right
    shared, depth = left.shape[:-2], left.shape[-1]
    rows, columns = left.shape[-2], right.shape[-1]
    groups, heads = prod(shared[: form.groups]), prod(shared[form.groups :])
    matrix = (columns, depth) if form.transposed else (depth, columns)
    a = ctx.reordered(node, left, form.left_order)
    b = ctx.reordered(node, right, form.right_order)
    a = _matrix(ctx, node, a, groups, rows, heads * depth)
    b = _matrix(ctx, node, b, groups, matrix[0], heads * matrix[1])
    op = MatMul(heads, form.transposed, by_row=groups > 1)
    made = ctx.compute(node, op, [a.tensor, b.tensor], part)
    axes = len(shared)
    order = (*range(form.groups), axes, *range(form.groups, axes), axes + 1)
    view = View.stored(made, (*shared, rows, columns), order)
    return _swapped(view) if form.swapped else view


def _matrix(
    ctx: Context, node: OnnxNode, view: View, groups: int, rows: int, channels: int
) -> View:
    """The tensor with a row of pixels for each group; a picture's own rows where there is one."""
    shape = (groups, rows, channels)
    if groups == 1:
        shape = pixels_of(ctx.tensors[view.tensor].shape, channels)
    return ctx.shaped(node, view, (1, *shape))
