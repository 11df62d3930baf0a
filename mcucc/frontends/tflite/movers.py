"""Converters of .tflite operators that reorder, regroup or repeat the values of one activation."""

from __future__ import annotations

from math import prod

from mcucc.frontends.tflite.context import Context, equal_quantization
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import ShapeOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.unsupported import UnsupportedNode

# LiteRT copies bytes here, whatever scales the file notes at both ends; so does this.


@converter("RESHAPE")
def reshape(ctx: Context, operator: FileOperator) -> None:
    """Another shape, by an operand or else by the options; one -1 is what is left."""
    _regroup(ctx, operator, _wanted(ctx, operator))


def _wanted(ctx: Context, operator: FileOperator) -> tuple[int, ...]:
    if len(operator.inputs) > 1 and operator.inputs[1] >= 0:
        given = ctx.integers(operator, 1)
    elif isinstance(operator.options, ShapeOptions) and operator.options.values is not None:
        given = operator.options.values
    else:
        raise UnsupportedNode("no shape to reshape to")
    size = prod(ctx.shape_at(operator))
    if given == (0,):  # how old converters write a scalar
        given = ()
    rest = prod(n for n in given if n != -1)
    wanted = tuple(size // rest if n == -1 and rest else n for n in given)
    if given.count(-1) > 1 or min(wanted, default=1) < 1 or prod(wanted) != size:
        raise UnsupportedNode(f"reshapes {list(ctx.shape_at(operator))} to {list(given)}")
    return wanted


@converter("SQUEEZE")
def squeeze(ctx: Context, operator: FileOperator) -> None:
    """The shape without some axes of length 1, or without all of them."""
    shape, options = ctx.shape_at(operator), operator.options
    given = options.values if isinstance(options, ShapeOptions) else None
    dropped = {i for i, n in enumerate(shape) if n == 1}
    if given is not None:
        named = {axis + len(shape) if axis < 0 else axis for axis in given}
        if not named <= dropped:
            raise UnsupportedNode(f"squeezes the axes {list(given)} of {list(shape)}")
        dropped = named
    _regroup(ctx, operator, tuple(n for i, n in enumerate(shape) if i not in dropped))


@converter("EXPAND_DIMS")
def expand_dims(ctx: Context, operator: FileOperator) -> None:
    """The shape with one more axis of length 1."""
    equal_quantization(ctx, operator)
    shape, given = ctx.shape_at(operator), ctx.integers(operator, 1)
    axis = given[0] + (len(shape) + 1 if given[0] < 0 else 0) if len(given) == 1 else -1
    if not 0 <= axis <= len(shape):
        raise UnsupportedNode(f"a new axis {list(given)} of {list(shape)}")
    _regroup(ctx, operator, (*shape[:axis], 1, *shape[axis:]))


def _regroup(ctx: Context, operator: FileOperator, shape: tuple[int, ...]) -> None:
    if ctx.file_tensor(operator, 0).index in ctx.blocks:
        _same_phases(ctx, operator, shape)
        return
    view = ctx.view(operator).reshaped(shape)
    if view is None:  # a shape that cuts moved values apart: they are stored first
        ctx.activation(operator)
        view = ctx.view(operator).reshaped(shape)
    if view is None:
        raise UnsupportedNode(f"reshapes {list(ctx.shape_at(operator))} to {list(shape)}")
    ctx.move(operator, view)


def _same_phases(ctx: Context, operator: FileOperator, shape: tuple[int, ...]) -> None:
    """Phases of a sequence (N, W, C) as those of a picture (N, 1, W, C) of one row, or back."""
    source, made = ctx.file_tensor(operator, 0), ctx.output_tensor(operator)
    x, own = ctx.activation(operator, phases=True), ctx.shape(source)
    grown = {3: (own[0], 1, *own[1:]), 4: (own[0], *own[2:])}[len(own)]
    if shape != grown or (len(own) == 4 and own[1] != 1) or ctx.blocks[source.index][0] != 1:
        raise UnsupportedNode(f"reshapes the batch of a SPACE_TO_BATCH_ND to {list(shape)}")
    equal_quantization(ctx, operator)
    ctx.blocks[made.index] = ctx.blocks[source.index]
    ctx.merge(ctx.define(made, shape), x, made)


@converter("TRANSPOSE")
def transpose(ctx: Context, operator: FileOperator) -> None:
    """Another order of the axes."""
    view, order = ctx.view(operator), ctx.integers(operator, 1)
    if sorted(order) != list(range(len(view.axes))):
        raise UnsupportedNode(f"permutation {list(order)} of {list(view.shape)}")
    ctx.move(operator, view.transposed(order))


@converter("TILE")
def tile(ctx: Context, operator: FileOperator) -> None:
    """Every axis repeated as a whole."""
    view, repeats = ctx.view(operator), ctx.integers(operator, 1)
    if len(repeats) != len(view.axes) or min(repeats, default=1) < 1:
        raise UnsupportedNode(f"repeats {list(view.shape)} {list(repeats)} times")
    ctx.move(operator, view.tiled(repeats))


@converter("BROADCAST_TO")
def broadcast_to(ctx: Context, operator: FileOperator) -> None:
    """Axes of length 1 stretched."""
    ctx.move(operator, ctx.view(operator).broadcast(ctx.integers(operator, 1)))
