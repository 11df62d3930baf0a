"""A quantized ONNX model as a float model beside its quantization.

Every QuantizeLinear stays a node of its own, `roundings` says to what; DequantizeLinear
disappears; QLinear operators become the float operators they stand for, and so do operators that
move 8-bit values as they are. An 8-bit value that is read with another scale than it was written
with becomes a node of `rereadings`: the same bytes, other reals. What is left, the float importer
reads like any other model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from mcucc.errors import Problem
from mcucc.frontends.frontier import Follows
from mcucc.frontends.onnx.constants import constant_node, fold
from mcucc.frontends.onnx.context import Constant
from mcucc.frontends.onnx.dialects import DEFAULT_DOMAINS
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.steps import label_of
from mcucc.frontends.qdq.constants import FOLLOWED, IntConstant, follow
from mcucc.frontends.qdq.context import Context
from mcucc.frontends.qdq.operators import QLINEAR
from mcucc.frontends.qdq.tables import INT_BYTES, LAYOUT, MOVERS, UINT8, Bytes, Stripped
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Quant


def strip(model: onnx.ModelProto) -> Stripped:
    """Strip `model`; nodes that do not fit are listed in `problems`."""
    ctx = Context(model)
    labels: set[str] = set()
    follows = Follows()
    for index, proto in enumerate(model.graph.node):
        wanted, cause = label_of(proto, index), follows.of(proto.input)
        label = wanted if wanted not in labels else ctx.label(wanted)
        labels.add(label)
        node = OnnxNode(proto, label, ctx.opset)
        try:
            _node(ctx, node)
        except ValueError as error:
            refusal = UnsupportedNode.of(error)
            problem = Problem(node.name, node.op, refusal.why, refusal.hint, cause)
            ctx.result.problems.append(problem)
            cause = cause or node.name
        follows.passed_on(cause, proto.output)
    ctx.assemble()
    return ctx.result


def _node(ctx: Context, node: OnnxNode) -> None:
    """One node of the file."""
    names = [name for name in node.proto.input if name]
    standard = node.proto.domain in DEFAULT_DOMAINS
    if node.op == "Constant":
        ctx.known[node.output] = constant_node(node)
    elif node.op == "QuantizeLinear":
        _quantize(ctx, node)
    elif node.op == "DequantizeLinear":
        _dequantize(ctx, node)
    elif node.op in QLINEAR:
        QLINEAR[node.op](ctx, node)
    elif standard and names and all(name in ctx.known for name in names):
        ctx.known.update(fold(node, ctx.known, ctx.folding))
    elif node.op == "Cast" and _floats(node) and _quantized_constants(ctx, names):
        ctx.enter(node.output, ctx.result.constants[names[0]])
    elif standard and node.op in FOLLOWED and _quantized_constants(ctx, names):
        made = follow(node, ctx.known, ctx.result.constants, ctx.folding)
        for name, entry in made.items():
            ctx.enter(name, entry)
    else:
        _plain(ctx, node)


def _floats(node: OnnxNode) -> bool:
    return node.integer("to") == TensorProto.FLOAT


def _quantized_constants(ctx: Context, names: Sequence[str]) -> bool:
    constants = ctx.result.constants
    known = all(name in constants or name in ctx.known for name in names)
    return known and names[:1] != [] and names[0] in constants


def _written(ctx: Context, node: OnnxNode) -> np.dtype[Any]:
    """The type a QuantizeLinear writes: its zero point's, `output_dtype`, else uint8."""
    code = node.integer("output_dtype")
    if code not in TensorProto.DataType.values():
        raise UnsupportedNode(f"output_dtype {code} is no type of ONNX")
    if node.integer("block_size"):
        raise UnsupportedNode("block_size", "quantize per tensor or per channel")
    name = node.optional(2)
    zero = None if name is None else ctx.known.get(name)
    if zero is not None:
        given = zero.dtype
        if code and helper.tensor_dtype_to_np_dtype(code) != given:
            raise UnsupportedNode(f"output_dtype and a zero point of type {given} differ")
        return given
    return np.dtype(helper.tensor_dtype_to_np_dtype(code)) if code else UINT8


def _quantize(ctx: Context, node: OnnxNode) -> None:
    """QuantizeLinear: of a constant, or a node that rounds."""
    name, output, dtype = node.input(0), node.output, _written(ctx, node)
    values = ctx.known.get(name, ctx.floats.get(name))
    if values is not None:
        _quantize_constant(ctx, node, values, dtype)
        return
    if ctx.held(name) is not None:
        raise UnsupportedNode("it quantizes integers")
    quant = ctx.quant(node, 1, 2, dtype)
    value = ctx.fresh(f"{output}.real")
    ctx.stand_in(node.name, ctx.resolve(name), value)
    ctx.result.roundings[node.name] = quant
    ctx.declare(output, value, quant, dtype)


def _quantize_constant(
    ctx: Context, node: OnnxNode, values: Constant, dtype: np.dtype[Any]
) -> None:
    scales, zeros = ctx.parameters(node, 1, 2, dtype)
    if dtype.kind not in "iu":
        raise UnsupportedNode(f"it quantizes to {dtype}", "quantize to 8 bits")
    along = IntConstant.of(values, scales, zeros, _axis(node, values.ndim))
    with np.errstate(all="ignore"):
        scaled = np.rint(values.astype(np.float32) / along.scale)
    limits = np.iinfo(dtype)
    moved = np.nan_to_num(scaled.astype(np.float64)) + along.zero_point
    ctx.known[node.output] = np.clip(moved, limits.min, limits.max).astype(dtype)


def _dequantize(ctx: Context, node: OnnxNode) -> None:
    """DequantizeLinear: a constant, or the float value of known 8-bit ones."""
    name, output = node.input(0), node.output
    size = node.integer("block_size")
    if size and name not in ctx.known:
        raise UnsupportedNode("block_size of an activation", "quantize it per tensor")
    if name in ctx.known:
        integers = ctx.known[name]
        if integers.dtype.kind not in "iu":
            raise UnsupportedNode(f"it reads {integers.dtype}")
        scales, zeros = ctx.parameters(node, 1, 2, integers.dtype)
        axis = _axis(node, integers.ndim)
        if size > 0 and integers.ndim:
            entry = IntConstant.of_blocks(integers, scales, zeros, axis, size)
        else:
            entry = IntConstant.of(integers, scales, zeros, axis)
        ctx.enter(output, entry)
        return
    value = ctx.operand(node, 0, 1, 2)
    ctx.alias[output] = value
    if output in ctx.outputs:
        ctx.emit(node, "Identity", [value])
        ctx.result.quants[output] = ctx.result.quants[value]


def _plain(ctx: Context, node: OnnxNode) -> None:
    """An operator on floats, or one that moves 8-bit values as they are."""
    carried = [found for name in node.proto.input if (found := ctx.held(name)) is not None]
    if not carried:
        inputs = [ctx.resolve(name) if name else "" for name in node.proto.input]
        ctx.copy(node, inputs)
        if node.op in LAYOUT and inputs and inputs[0] in ctx.result.quants:
            ctx.result.quants[node.output] = ctx.result.quants[inputs[0]]
        return
    if node.op == "Cast" and _floats(node):
        plain = Quant((1.0,), -INT_BYTES[carried[0].dtype])
        ctx.alias[node.output] = ctx.read(node, carried[0], plain)
        return
    if node.op not in MOVERS or node.proto.domain not in DEFAULT_DOMAINS:
        raise UnsupportedNode("it computes on integers", "quantize with QDQ instead")
    first = carried[0]
    inputs = [_moved(ctx, node, name, first) for name in node.proto.input]
    if node.op == "Relu":
        ctx.emit(node, "Clip", [*inputs, ctx.number(node, first.real(0))])
    else:
        if node.op == "Pad" and node.optional(2) is None:  # the border is the integer 0
            inputs[2:3] = [ctx.number(node, first.real(0))]
        ctx.copy(node, inputs)
    for output in node.proto.output:
        if output:
            ctx.declare(output, output, first.quant, first.dtype)


def _moved(ctx: Context, node: OnnxNode, name: str, first: Bytes) -> str:
    """An operand beside 8-bit values in steps of `first.quant`, as a float one."""
    found = ctx.held(name) if name else None
    if found is not None:
        if found.dtype != first.dtype:
            raise UnsupportedNode(f"{name} is {found.dtype}, other operands are {first.dtype}")
        return ctx.read(node, found, first.quant)
    value = ctx.known.get(name)
    if value is None or value.dtype != first.dtype:
        return ctx.resolve(name)
    real = ctx.fresh(f"{name}.real")
    zero = np.array(first.quant.zero_point + INT_BYTES[first.dtype], first.dtype)
    scale = np.array(first.quant.per_tensor_scale, np.float32)
    ctx.floats[real] = IntConstant.of(value, scale, zero, 0).real
    return real


def _axis(node: OnnxNode, rank: int) -> int:
    axis = node.integer("axis", 1)
    if axis < 0:
        axis += rank
    return axis if 0 <= axis < rank else 0
