"""Converters of what makes integers of activations: ArgMax, ArgMin, and Cast.

Integers are real numbers here, and the names of values that are integers in the file are kept: a
division of theirs, say, is cut to an integer, and most operators have no business with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import onnx

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.function import Function
from mcucc.ops.reshape import Reshape
from mcucc.ops.transpose import Transpose

FLOAT_TYPES = (1, 10, 11)  # TensorProto.FLOAT, FLOAT16, DOUBLE
WIDE_TYPES = (6, 7, 12, 13)  # INT32, INT64, UINT32, UINT64
NARROW_TYPES = {2: 255, 3: 127, 4: 65535, 5: 32767}  # their largest numbers

# Operators that mean the same of integers as of real numbers, and those that see to it themselves.
OF_INTEGERS = {
    *("Add", "And", "Cast", "CastLike", "Concat", "Equal", "Expand", "Flatten", "Gather"),
    *("Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Max", "Min", "Mod", "Mul"),
    *("Neg", "Not", "Or", "ReduceMax", "ReduceMin", "ReduceSum", "Reshape", "Slice", "Split"),
    *("Squeeze", "Sub", "Sum", "Tile", "Transpose", "Unsqueeze", "Where"),
}


def check_integers(ctx: Context, node: OnnxNode, names: Iterable[str]) -> bool:
    """Whether the node computes integers from integers; UnsupportedNode where it cannot."""
    if not any(name in ctx.integers_of_file for name in names):
        return False
    if node.op not in OF_INTEGERS:
        raise UnsupportedNode("the operator is not compiled for integers", "cast them to float")
    if node.op == "Where":  # what is chosen, not by what
        return any(name in ctx.integers_of_file for name in node.proto.input[1:])
    return node.op not in ("Cast", "CastLike")


@converter("ArgMax", "ArgMin")
def arg_max(ctx: Context, node: OnnxNode) -> View:
    """The index along an axis, which is stored innermost for it."""
    view = ctx.view(node, 0)
    rank = len(view.axes)
    given = node.integer("axis")
    axis = given + rank if given < 0 else given
    if not 0 <= axis < rank:
        raise UnsupportedNode(f"axis {given} of a value of rank {rank}")
    view = view.canonical()
    chosen = view.axes[axis]
    kept = [atom for atom in range(len(view.atoms)) if atom not in chosen]
    entries, pixels = view.size_of(chosen), view.size_of(kept)
    view = ctx.reordered(node, view, [*kept, *chosen])
    shape = ctx.tensors[view.tensor].shape
    if shape[-1] != entries:
        view = ctx.shaped(node, view, (1, entries) if pixels == 1 else (1, 1, pixels, entries))
    op = ArgMax(entries, node.op == "ArgMax", bool(node.integer("select_last_index")))
    made = ctx.compute(node, op, [view.tensor])
    ctx.integers_of_file.add(node.output)
    inner = set(view.axes[axis])
    number = {atom: i for i, atom in enumerate(a for a in range(len(view.atoms)) if a not in inner)}
    left = [
        () if i == axis else tuple(number[atom] for atom in atoms)
        for i, atoms in enumerate(view.axes)
    ]
    if not node.integer("keepdims", 1):
        del left[axis]
    return View(made, tuple(view.atoms[atom] for atom in number), tuple(left))


@converter("Cast", "CastLike")
def cast(ctx: Context, node: OnnxNode) -> View:
    """The value itself between types that hold it; floats are cut to integers."""
    view = ctx.view(node, 0)
    wanted = node.integer("to") if node.op == "Cast" else _type_like(ctx, node)
    if wanted in FLOAT_TYPES:
        return view
    if node.input(0) in ctx.truths_of_file:  # 0 and 1 in every type
        ctx.truths_of_file.add(node.output)
    elif node.input(0) in ctx.integers_of_file:
        most = _largest_index(ctx, view.tensor)
        if wanted not in WIDE_TYPES and not most <= NARROW_TYPES.get(wanted, -1):
            raise UnsupportedNode(f"a cast of integers to {_type_name(wanted)}")
    elif wanted in WIDE_TYPES:
        view = replace(view, tensor=ctx.compute(node, Function("Trunc"), [view.tensor]))
    else:
        raise UnsupportedNode(f"a cast of an activation to {_type_name(wanted)}")
    ctx.integers_of_file.add(node.output)
    return view


def _type_like(ctx: Context, node: OnnxNode) -> int:
    """The type of CastLike's second input; activations are floats unless they are known not to."""
    like = node.input(1)
    if like in ctx.constants:
        return int(onnx.helper.np_dtype_to_tensor_dtype(ctx.constants[like].dtype))
    return onnx.TensorProto.INT64 if like in ctx.integers_of_file else onnx.TensorProto.FLOAT


def _type_name(wanted: int) -> str:
    known = wanted in onnx.TensorProto.DataType.values()
    return onnx.TensorProto.DataType.Name(wanted) if known else f"type {wanted}"


def _largest_index(ctx: Context, tensor: str) -> float:
    """The largest number that a tensor of indices can hold; infinite for other integers."""
    makers = {node.output: node for node in ctx.nodes}
    node = makers.get(tensor)
    while node is not None and isinstance(node.op, Reshape | Transpose):
        node = makers.get(node.inputs[0])
    return node.op.entries - 1 if node is not None and isinstance(node.op, ArgMax) else np.inf
