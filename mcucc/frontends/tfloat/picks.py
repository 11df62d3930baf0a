"""Operators of a float .tflite that choose: positions, truths, the largest."""

from __future__ import annotations

import numpy as np

from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.joins import axis_of
from mcucc.frontends.tflite.options import GatherOptions, MirrorOptions, SliceOptions
from mcucc.frontends.tflite.parts import positions
from mcucc.frontends.tfloat.writer import Writer, translator
from mcucc.frontends.unsupported import UnsupportedNode

_COMPARISONS = {
    "EQUAL": "Equal", "GREATER": "Greater", "GREATER_EQUAL": "GreaterOrEqual", "LESS": "Less",
    "LESS_EQUAL": "LessOrEqual",
}  # fmt: skip
_LOGIC = {"LOGICAL_AND": "And", "LOGICAL_OR": "Or", "LOGICAL_NOT": "Not"}


@translator(*_COMPARISONS)
def comparison(w: Writer, operator: FileOperator) -> None:
    operands = [w.read(operator, 0), w.read(operator, 1)]
    w.add(_COMPARISONS[operator.kind], operands, w.output(operator))


@translator("NOT_EQUAL")
def unlike(w: Writer, operator: FileOperator) -> None:
    made = w.add("Equal", [w.read(operator, 0), w.read(operator, 1)])
    w.add("Not", [made], w.output(operator))


@translator(*_LOGIC)
def logic(w: Writer, operator: FileOperator) -> None:
    operands = [w.truth(operator, i) for i in range(len(operator.inputs))]
    w.add(_LOGIC[operator.kind], operands, w.output(operator))


@translator("SELECT", "SELECT_V2")
def choice(w: Writer, operator: FileOperator) -> None:
    operands = [w.truth(operator, 0), w.read(operator, 1), w.read(operator, 2)]
    w.add("Where", operands, w.output(operator))


@translator("ARG_MAX", "ARG_MIN")
def largest(w: Writer, operator: FileOperator) -> None:
    axis = w.ctx.integers(operator, 1)
    if len(axis) != 1:
        raise UnsupportedNode(f"axes {list(axis)}")
    word = "ArgMax" if operator.kind == "ARG_MAX" else "ArgMin"
    w.add(word, [w.read(operator)], w.output(operator), axis=axis[0], keepdims=0)


@translator("GATHER")
def gather(w: Writer, operator: FileOperator) -> None:
    options, shape = operator.options, w.shape(operator)
    index = w.tensor(operator, 1).index
    if not isinstance(options, GatherOptions) or options.batch_dims:
        raise UnsupportedNode("batches of positions")
    if index not in w.ctx.constants:
        raise UnsupportedNode("positions that the network computes")
    axis = axis_of(options.axis, len(shape))
    operands = [w.read(operator), w.const(w.ctx.constants[index], np.int64)]
    w.add("Gather", operands, w.output(operator), axis=axis)


@translator("REVERSE_V2")
def reverse(w: Writer, operator: FileOperator) -> None:
    axes, shape = w.ctx.integers(operator, 1), w.shape(operator)
    lists = ([-1] * len(axes), [-shape[axis] - 1 for axis in axes], axes, [-1] * len(axes))
    w.add("Slice", [w.read(operator), *map(w.ints, lists)], w.output(operator))


@translator("MIRROR_PAD")
def mirrored(w: Writer, operator: FileOperator) -> None:
    """A mirror that repeats the edge is the edge, one value wide."""
    widths, options = w.ctx.integers(operator, 1), operator.options
    symmetric = isinstance(options, MirrorOptions) and options.symmetric
    if symmetric and max(widths) > 1:
        raise UnsupportedNode(f"a symmetric border of {max(widths)}", "one of 1, or REFLECT")
    pads = w.ints([*widths[::2], *widths[1::2]])
    mode = "edge" if symmetric else "reflect"
    w.add("Pad", [w.read(operator), pads], w.output(operator), mode=mode)


@translator("STRIDED_SLICE")
def strided_slice(w: Writer, operator: FileOperator) -> None:
    shape, options = w.shape(operator), operator.options
    bounds = [w.ctx.integers(operator, i) for i in (1, 2, 3)]
    if not isinstance(options, SliceOptions) or options.ellipsis_mask or options.new_axis_mask:
        raise UnsupportedNode("an ellipsis or a new axis", "slice axis by axis")
    taken = [
        positions(shape[axis], each, options, 1 << axis)
        for axis, each in enumerate(zip(*bounds, strict=True))
    ]
    if not all(taken):
        raise UnsupportedNode(f"takes nothing of {list(shape)}")
    ends = [
        part[-1] + 1 if part.step > 0 else part[-1] - 1 - shape[axis] * (part[-1] == 0)
        for axis, part in enumerate(taken)
    ]
    lists = ([p.start for p in taken], ends, list(range(len(taken))))
    operands = [w.read(operator), *map(w.ints, lists), w.ints([p.step for p in taken])]
    dropped = [axis for axis in lists[2] if options.shrink_axis_mask >> axis & 1]
    if dropped:
        w.add("Squeeze", [w.add("Slice", operands), w.ints(dropped)], w.output(operator))
    else:
        w.add("Slice", operands, w.output(operator))
