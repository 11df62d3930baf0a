"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: how TensorFlow writes a dilated convolution.

The batch of a SPACE_TO_BATCH_ND holds the phases of one picture: pixel (r, c) of phase (i, j) is
pixel (r * rows + i, c * columns + j). A convolution of stride 1 of every phase is one of the
picture whose taps lie `rows` and `columns` times further apart, so the picture stays as it is.
"""

from __future__ import annotations

from math import prod

from mcucc.frontends.tflite.context import Context, equal_quantization
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.window import hwc
from mcucc.ops.common.spatial import Pads
from mcucc.ops.pad import Pad
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice

Sides = tuple[int, int, int, int]  # top, bottom, left, right


@converter("SPACE_TO_BATCH_ND")
def space_to_batch(ctx: Context, operator: FileOperator) -> None:
    """A Pad to whole blocks; the phases are noted."""
    equal_quantization(ctx, operator)
    x, shape = ctx.activation(operator), ctx.shape_at(operator)
    one = _one_row(shape)
    if shape[0] != 1:
        raise UnsupportedNode(f"phases of {list(shape)}", "only of one picture")
    block, sides = _block(ctx, operator, one), _sides(ctx, operator, one)
    height, width, channels = hwc(x.shape)
    padded = (height + sides[0] + sides[1], width + sides[2] + sides[3])
    if any(size % step for size, step in zip(padded, block, strict=True)):
        raise UnsupportedNode(f"blocks of {list(block)} of {list(padded)} pixels")
    file = ctx.output_tensor(operator)
    ctx.blocks[file.index] = block
    size = [n // step for n, step in zip(padded, block, strict=True)]
    y = ctx.define(file, (prod(block), *size[one:], channels))
    top, bottom, left, right = sides
    pad = Pad(Pads(top, left, bottom, right))
    ctx.chain([Reshape((1, height, width, channels)), pad], x, y)


@converter("BATCH_TO_SPACE_ND")
def batch_to_space(ctx: Context, operator: FileOperator) -> None:
    """The picture the phases stand for, without what is cropped."""
    equal_quantization(ctx, operator)
    file, shape = ctx.file_tensor(operator, 0), ctx.shape_at(operator)
    x, one = ctx.activation(operator, phases=True), _one_row(shape)
    block, crops = _block(ctx, operator, one), _sides(ctx, operator, one)
    if ctx.blocks.get(file.index) != block:
        raise UnsupportedNode("its input is no SPACE_TO_BATCH_ND of the same blocks")
    _, height, width, channels = x.shape
    size = (height - crops[0] - crops[1], width - crops[2] - crops[3], channels)
    y = ctx.define(ctx.output_tensor(operator), (1, *size[one:]))
    if y.shape == x.shape:
        ctx.merge(y, x, ctx.output_tensor(operator))
    else:
        ctx.chain([Slice((crops[0], crops[2], 0), size), Reshape(y.shape)], x, y)


def _one_row(shape: tuple[int, ...]) -> bool:
    """Whether it is a sequence (N, W, C), a picture of one row; UnsupportedNode for others."""
    if len(shape) not in (3, 4):
        raise UnsupportedNode(f"phases of {list(shape)}", "only of (1, H, W, C) or (1, W, C)")
    return len(shape) == 3


def _block(ctx: Context, operator: FileOperator, one: bool) -> tuple[int, int]:
    given = (*[1] * one, *ctx.integers(operator, 1))
    if len(given) != 2 or min(given) < 1:
        raise UnsupportedNode(f"blocks of {list(given)}", "rows and columns, at least 1")
    return given[0], given[1]


def _sides(ctx: Context, operator: FileOperator, one: bool) -> Sides:
    given = (*[0, 0] * one, *ctx.integers(operator, 2))
    if len(given) != 4 or min(given) < 0:
        raise UnsupportedNode(f"borders of {list(given)}", "two for rows and two for columns")
    return given[0], given[1], given[2], given[3]
