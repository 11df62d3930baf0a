"""Operators of a float .tflite that take parts of a value, or lay a border around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.joins import axis_of
from mcucc.frontends.tflite.options import GatherOptions, JoinOptions, MirrorOptions
from mcucc.frontends.tflite.parts import strided
from mcucc.frontends.tflite.positions import constant_positions, leading_positions, mirrored
from mcucc.frontends.tfloat.writer import Writer, translator
from mcucc.frontends.unsupported import UnsupportedNode

BEFORE_ALL = -(2**31)  # the end of a Slice that goes backwards to the first position


@translator("SPLIT", "SPLIT_V", "UNPACK")
def split(w: Writer, operator: FileOperator) -> None:
    """Slices; UNPACK's lose their axis."""
    place = 1 if operator.kind == "SPLIT" else 0
    shape, count = w.shape(operator, place), len(operator.outputs)
    if operator.kind == "UNPACK":
        axis = operator.options.axis if isinstance(operator.options, JoinOptions) else 0
    else:
        axis = w.ctx.integers(operator, 0 if place else 2)[0]
    axis = axis + len(shape) if axis < 0 else axis
    if not 0 <= axis < len(shape) or not count:
        raise UnsupportedNode(f"parts of {list(shape)} along the axis {axis}")
    lengths = [shape[axis] // count] * count
    if operator.kind == "SPLIT_V":
        lengths = list(w.ctx.integers(operator, 1))
        if -1 in lengths:
            lengths[lengths.index(-1)] = shape[axis] - sum(lengths) - 1
    begin = 0
    for i, length in enumerate(lengths):
        bounds = [w.ints([value]) for value in (begin, begin + length, axis)]
        out = w.output(operator, i)
        if operator.kind == "UNPACK":
            part = w.add("Slice", [w.read(operator, place), *bounds])
            w.add("Squeeze", [part, w.ints([axis])], out)
        else:
            w.add("Slice", [w.read(operator, place), *bounds], out)
        begin += length


@translator("SLICE")
def box(w: Writer, operator: FileOperator) -> None:
    shape = w.shape(operator)
    begin, size = w.ctx.integers(operator, 1), w.ctx.integers(operator, 2)
    ends = [n if s == -1 else b + s for b, s, n in zip(begin, size, shape, strict=True)]
    axes = range(len(shape))
    operands = [w.read(operator), w.ints(begin), w.ints(ends), w.ints(axes)]
    w.add("Slice", operands, w.output(operator))


@translator("STRIDED_SLICE")
def strided_slice(w: Writer, operator: FileOperator) -> None:
    """A Slice of every axis, and the axes that are left and new."""
    bounds = [w.ctx.integers(operator, i) for i in (1, 2, 3)]
    taken, made = strided(w.shape(operator), bounds, operator.options)
    if any(not part for part in taken):
        raise UnsupportedNode(f"takes nothing of {list(w.shape(operator))}")
    _slice(w, operator, taken, made)


@translator("REVERSE_V2")
def reverse(w: Writer, operator: FileOperator) -> None:
    shape = w.shape(operator)
    axes = {axis_of(axis, len(shape)) for axis in w.ctx.integers(operator, 1)}
    taken = [range(n)[::-1] if i in axes else range(n) for i, n in enumerate(shape)]
    _slice(w, operator, taken, shape)


def _slice(
    w: Writer, operator: FileOperator, taken: Sequence[range], made: tuple[int, ...]
) -> None:
    """These positions of every axis, in the shape `made`."""
    ends = [p[-1] + (1 if p.step > 0 else -1) for p in taken]
    lists = [
        [p.start for p in taken],
        [BEFORE_ALL if end < 0 else end for end in ends],
        list(range(len(taken))),
        [p.step for p in taken],
    ]
    operands = [w.read(operator), *map(w.ints, lists)]
    if made == tuple(map(len, taken)):
        w.add("Slice", operands, w.output(operator))
    else:
        w.add("Reshape", [w.add("Slice", operands), w.ints(made)], w.output(operator))


@translator("GATHER")
def gather(w: Writer, operator: FileOperator) -> None:
    options = operator.options
    if not isinstance(options, GatherOptions) or options.batch_dims:
        raise UnsupportedNode("positions for each batch")
    positions = w.const(constant_positions(w.ctx, operator), np.int64)
    axis = axis_of(options.axis, len(w.shape(operator)))
    w.add("Gather", [w.read(operator), positions], w.output(operator), axis=axis)


@translator("GATHER_ND")
def gather_nd(w: Writer, operator: FileOperator) -> None:
    flat, wide = leading_positions(constant_positions(w.ctx, operator), w.shape(operator))
    rows = w.add("Reshape", [w.read(operator), w.ints(wide)])
    w.add("Gather", [rows, w.const(flat, np.int64)], w.output(operator), axis=0)


@translator("MIRROR_PAD")
def mirror_pad(w: Writer, operator: FileOperator) -> None:
    """Positions that are taken again, axis by axis: ONNX's Pad has no symmetric mode."""
    options, widths = operator.options, w.ctx.integers(operator, 1)
    inner = 1 - int(isinstance(options, MirrorOptions) and options.symmetric)
    shape, name = w.shape(operator), w.read(operator)
    if len(widths) != 2 * len(shape):
        raise UnsupportedNode(f"padding widths {list(widths)} of {list(shape)}")
    for axis, length in enumerate(shape):
        pair = widths[2 * axis : 2 * axis + 2]
        if any(pair):
            positions = w.ints(mirrored(length, pair, inner))
            name = w.add("Gather", [name, positions], axis=axis)
    w.add("Identity", [name], w.output(operator))


@translator("SPACE_TO_BATCH_ND")
def space_to_batch(w: Writer, operator: FileOperator) -> None:
    """The picture itself, padded to whole blocks; the convolutions before it is undone dilate."""
    block, widths = w.ctx.integers(operator, 1), w.ctx.integers(operator, 2)
    if len(w.shape(operator)) != 4 or len(block) != 2 or len(widths) != 4 or min(widths) < 0:
        raise UnsupportedNode("phases of what is no picture", "only of (1, H, W, C)")
    top, bottom, left, right = widths
    padded = (w.shape(operator)[1] + top + bottom, w.shape(operator)[2] + left + right)
    if min(block) < 1 or padded[0] % block[0] or padded[1] % block[1]:
        raise UnsupportedNode(f"blocks of {list(block)} of {list(padded)} pixels")
    w.blocks[operator.outputs[0]] = (block[0], block[1])
    pads = w.ints([0, 0, top, left, 0, 0, bottom, right])
    image = w.channels_first(w.read(operator))
    w.channels_last(w.add("Pad", [image, pads, w.const(0.0)]), w.output(operator))


@translator("BATCH_TO_SPACE_ND")
def batch_to_space(w: Writer, operator: FileOperator) -> None:
    """The picture without what is cropped."""
    block, crops = w.ctx.integers(operator, 1), w.ctx.integers(operator, 2)
    shape = w.ctx.output_tensor(operator).shape
    if w.blocks.get(operator.inputs[0]) != block or len(crops) != 4 or len(shape) != 4:
        raise UnsupportedNode("its input is no SPACE_TO_BATCH_ND of the same blocks")
    begin = [crops[0], crops[2]]
    ends = [begin[0] + shape[1], begin[1] + shape[2]]
    operands = [w.read(operator), w.ints(begin), w.ints(ends), w.ints([1, 2])]
    w.add("Slice", operands, w.output(operator))


@translator("PAD", "PADV2")
def pad(w: Writer, operator: FileOperator) -> None:
    """Pictures are padded as ONNX has them."""
    widths = w.ctx.integers(operator, 1)
    begin, end = list(widths[::2]), list(widths[1::2])
    value = w.const(0.0)
    if operator.kind == "PADV2":
        value = w.const(w.real(w.tensor(operator, 2).index).reshape(()))
    if len(begin) != 4:
        operands = [w.read(operator), w.ints([*begin, *end]), value]
        w.add("Pad", operands, w.output(operator))
        return
    order = (0, 3, 1, 2)
    pads = w.ints([*(begin[i] for i in order), *(end[i] for i in order)])
    image = w.channels_first(w.read(operator))
    w.channels_last(w.add("Pad", [image, pads, value]), w.output(operator))
