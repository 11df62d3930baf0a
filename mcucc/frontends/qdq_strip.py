"""A quantized ONNX model as a float model beside its quantization.

QuantizeLinear and DequantizeLinear disappear, QLinear operators become the float operators they
stand for; scales and zero points move into tables by value name. What is left, the float importer
reads like any other model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mcucc.errors import Problem
from mcucc.frontends.onnx_constants import array_of, constant_node
from mcucc.frontends.onnx_context import Constant
from mcucc.frontends.onnx_file import DEFAULT_DOMAINS
from mcucc.frontends.onnx_node import OnnxNode, Refusal
from mcucc.ir.graph import Quant

# Operators that only move elements: input and output have one quantization.
LAYOUT = frozenset(
    {"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout"}
)
# Those that ONNX Runtime leaves on 8-bit values as they are.
MOVERS = LAYOUT | {
    "MaxPool",
    "Concat",
    "Pad",
    "Resize",
    "Slice",
    "Split",
    "DepthToSpace",
    "SpaceToDepth",
}
INT_BYTES = {np.dtype(np.int8): 0, np.dtype(np.uint8): 128}  # offset to int8


@dataclass(frozen=True, eq=False)
class IntConstant:
    """A quantized constant: real = scale * (integers - zero_point) along `axis`."""

    integers: Constant
    scale: Constant
    zero_point: Constant
    axis: int

    @property
    def real(self) -> Constant:
        """The float32 values ONNX Runtime computes."""
        shape = [1] * self.integers.ndim
        if self.scale.size > 1:
            shape[self.axis] = self.scale.size
        zero = self.zero_point.astype(np.int64).reshape(shape if self.zero_point.size > 1 else ())
        centred = (self.integers.astype(np.int64) - zero).astype(np.float32)
        factor = self.scale.astype(np.float32).reshape(shape if self.scale.size > 1 else ())
        return np.asarray(centred * factor, dtype=np.float32)


@dataclass(eq=False)
class Stripped:
    """The float model and the tables; `integers` maps the file's int8 values to float ones."""

    model: onnx.ModelProto
    quants: dict[str, Quant] = field(default_factory=dict)
    integers: dict[str, str] = field(default_factory=dict)
    constants: dict[str, IntConstant] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: dict[str, onnx.NodeProto] = field(default_factory=dict)
    unsigned: set[str] = field(default_factory=set)  # int values that are uint8


def strip(model: onnx.ModelProto) -> Stripped:
    """Strip `model`; nodes that do not fit are listed in `problems`."""
    return _Stripper(model).run()


class _Stripper:
    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.result = Stripped(onnx.ModelProto())
        self.known: dict[str, Constant] = {t.name: array_of(t) for t in model.graph.initializer}
        self.alias: dict[str, str] = {}
        self.moved: dict[str, str] = {}  # output of a layout operator: its input
        self.nodes: list[onnx.NodeProto] = []
        self.floats: dict[str, Constant] = {}
        self.outputs = {value.name for value in model.graph.output}
        self.inputs = {v.name for v in model.graph.input} - set(self.known)
        self.labels: set[str] = set()

    def run(self) -> Stripped:
        """All nodes in order."""
        for index, proto in enumerate(self.model.graph.node):
            node = OnnxNode(proto, proto.name or f"{proto.op_type}_{index}", 0)
            try:
                self.node(node)
            except (Refusal, ValueError) as error:
                hint = error.hint if isinstance(error, Refusal) else ""
                why = error.why if isinstance(error, Refusal) else str(error)
                self.result.problems.append(Problem(node.name, node.op, why, hint))
        self._settle_moves()
        self._assemble()
        return self.result

    def node(self, node: OnnxNode) -> None:
        """One node of the file."""
        from mcucc.frontends.qdq_operators import QLINEAR

        if node.op == "Constant":
            self.known[node.output] = constant_node(node)
        elif node.op == "QuantizeLinear":
            self.quantize(node)
        elif node.op == "DequantizeLinear":
            self.dequantize(node)
        elif node.op in QLINEAR:
            QLINEAR[node.op](self, node)
        elif node.op == "Identity" and node.input(0) in self.known:
            self.known[node.output] = self.known[node.input(0)]
        else:
            self.plain(node)

    # Quantization parameters

    def parameters(self, node: OnnxNode, scale: int, zero: int) -> tuple[Constant, Constant]:
        """Constant scale and zero point inputs (no zero point: uint8 0)."""
        scales = self.known.get(node.input(scale))
        name = node.optional(zero)
        zeros = np.zeros((), np.uint8) if name is None else self.known.get(name)
        if scales is None or zeros is None:
            raise Refusal("its scale or zero point is computed at run time (dynamic quantization)")
        if not np.isfinite(scales).all() or (scales < 0).any():
            raise Refusal("a scale is negative or not a number")
        return scales, zeros

    def quant(self, node: OnnxNode, scale: int, zero: int) -> tuple[Quant, bool]:
        """Per-tensor int8 quantization of an activation, and whether the file has uint8."""
        scales, zeros = self.parameters(node, scale, zero)
        if scales.size != 1 or zeros.size != 1 or not float(scales.flat[0]) > 0:
            raise Refusal("an activation needs one positive scale", "quantize it per tensor")
        if zeros.dtype not in INT_BYTES:
            raise Refusal(f"activations are {zeros.dtype}", "quantize activations to 8 bits")
        offset = INT_BYTES[zeros.dtype]
        quant = Quant((float(np.float32(scales.flat[0])),), int(zeros.flat[0]) - offset)
        return quant, bool(offset)

    def annotated(self, value: str) -> Quant | None:
        """The quantization of a float value, through operators that only move elements."""
        while value not in self.result.quants and value in self.moved:
            value = self.moved[value]
        return self.result.quants.get(value)

    # The operators

    def quantize(self, node: OnnxNode) -> None:
        """QuantizeLinear: its input has this quantization from now on, or is rescaled to it."""
        name, output = node.input(0), node.output
        if name in self.known:
            self._quantize_constant(node)
            return
        value = self.resolve(name)
        quant, unsigned = self.quant(node, 1, 2)
        known = self.annotated(value)
        if known is not None and known != quant:
            rescaled = f"{output}.rescaled"
            self._clip(node, value, rescaled, quant)
            value = rescaled
        self.result.quants[value] = quant
        self.declare(output, value, unsigned)

    def _quantize_constant(self, node: OnnxNode) -> None:
        scales, zeros = self.parameters(node, 1, 2)
        values = self.known[node.input(0)]
        shape = [1] * values.ndim
        if scales.size > 1:
            shape[_axis(node, values.ndim)] = scales.size
        scaled = np.rint(values / scales.reshape(shape if scales.size > 1 else ()))
        spread = zeros.astype(np.int64).reshape(shape if zeros.size > 1 else ())
        limits = np.iinfo(zeros.dtype)
        moved = np.clip(scaled + spread, limits.min, limits.max)
        self.known[node.output] = moved.astype(zeros.dtype)

    def dequantize(self, node: OnnxNode) -> None:
        """DequantizeLinear: a constant, or the float name of a known int8 value."""
        name, output = node.input(0), node.output
        if name in self.known:
            scales, zeros = self.parameters(node, 1, 2)
            integers = self.known[name]
            if node.optional(2) is None:
                zeros = np.zeros((), integers.dtype)
            self.constant(output, integers, scales, zeros, _axis(node, integers.ndim))
            return
        quant, unsigned = self.quant(node, 1, 2)
        if name in self.inputs:
            self.declare(name, name, unsigned)
            self.result.quants[name] = quant
        value = self.integer(node, name, quant)
        if output in self.outputs:
            self._emit(node, "Identity", [value], output)
            self.result.quants[output] = quant
        self.alias[output] = value if output not in self.outputs else output

    def constant(
        self, name: str, integers: Constant, scale: Constant, zero: Constant, axis: int
    ) -> str:
        """Enter a quantized constant under its float name."""
        length = integers.shape[axis] if integers.ndim else 1
        if scale.size not in (1, length) or zero.size not in (1, scale.size):
            raise Refusal(f"{scale.size} scales for a constant of shape {list(integers.shape)}")
        entry = IntConstant(integers, scale.reshape(-1), zero.reshape(-1), axis)
        self.result.constants[name] = entry
        self.floats[name] = entry.real
        return name

    def integer(self, node: OnnxNode, name: str, quant: Quant) -> str:
        """The float value behind an int8 activation, of this quantization."""
        if name not in self.result.integers:
            raise Refusal(f"{name} is not a quantized activation")
        value = self.result.integers[name]
        known = self.annotated(value)
        if known is not None and known != quant:
            raise Refusal(f"{name} is read with a scale it was not written with")
        return value

    def declare(self, integer: str, value: str, unsigned: bool) -> None:
        """Note that the int8 value `integer` of the file holds the float value `value`."""
        self.result.integers[integer] = value
        if unsigned:
            self.result.unsigned.add(integer)
        if integer in self.outputs and integer != value:
            self._append(helper.make_node("Identity", [value], [integer], name=f"{integer}.out"))
            self.result.quants[integer] = self.result.quants[value]

    def plain(self, node: OnnxNode) -> None:
        """An operator on floats, or one that moves int8 values as they are."""
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        proto.name = self._label(node.name)
        del proto.input[:]
        proto.input.extend(self.resolve(name) if name else "" for name in node.proto.input)
        self._append(proto)
        if node.op in LAYOUT and proto.input and proto.input[0] not in self.floats:
            self.moved[node.output] = proto.input[0]
        carried = [name for name in node.proto.input if name in self.result.integers]
        if carried:
            if node.op not in MOVERS:
                raise Refusal("it computes on integers", "quantize with QDQ instead")
            unsigned = carried[0] in self.result.unsigned
            quant = self.annotated(self.result.integers[carried[0]])
            for output in node.proto.output:
                if quant is not None:
                    self.result.quants[output] = quant
                self.declare(output, output, unsigned)

    def resolve(self, name: str) -> str:
        """The float value a name of the file stands for."""
        name = self.alias.get(name, name)
        return self.result.integers.get(name, name)

    # What comes out

    def emit(self, node: OnnxNode, op: str, inputs: Sequence[str], **attributes: Any) -> None:
        """The float operator `op` in place of `node`."""
        self._emit(node, op, inputs, node.output, **attributes)

    def _emit(
        self, node: OnnxNode, op: str, inputs: Sequence[str], output: str, **attributes: Any
    ) -> None:
        name = self._label(node.name)
        self._append(helper.make_node(op, list(inputs), [output], name=name, **attributes))

    def _clip(self, node: OnnxNode, value: str, output: str, quant: Quant) -> None:
        """A change of scale: the identity, within the range of the new quantization."""
        names = []
        for which, q in (("lowest", -128), ("highest", 127)):
            names.append(f"{output}.{which}")
            real = np.float32((q - quant.zero_point) * quant.per_tensor_scale)
            self.floats[names[-1]] = np.array(real, dtype=np.float32)
        self._emit(node, "Clip", [value, *names], output)

    def _append(self, proto: onnx.NodeProto) -> None:
        self.nodes.append(proto)
        self.result.nodes[proto.name] = proto

    def _label(self, name: str) -> str:
        wanted, number = name, 1
        while name in self.labels:
            number += 1
            name = f"{wanted}.{number}"
        self.labels.add(name)
        return name

    def _settle_moves(self) -> None:
        """A value whose moved form alone is annotated has that quantization too."""
        quants = self.result.quants
        for output, source in reversed(self.moved.items()):
            if output in quants and source not in quants:
                quants[source] = quants[output]

    def _assemble(self) -> None:
        model = self.result.model
        model.ir_version = self.model.ir_version
        opsets = [o for o in self.model.opset_import if o.domain in DEFAULT_DOMAINS]
        model.opset_import.extend(opsets)
        graph = model.graph
        graph.name = self.model.graph.name or "network"
        graph.node.extend(self.nodes)
        read = {name for node in self.nodes for name in node.input}
        for constants in (self.known, self.floats):
            for name, value in constants.items():
                if name in read:
                    graph.initializer.append(numpy_helper.from_array(value, name))
        ends = (graph.input, self.model.graph.input), (graph.output, self.model.graph.output)
        for target, source in ends:
            target.extend(value for value in source if value.name not in self.known)
        for value in [*graph.input, *graph.output]:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT


def _axis(node: OnnxNode, rank: int) -> int:
    axis = node.integer("axis", 1)
    if axis < 0:
        axis += rank
    return axis if 0 <= axis < rank else 0
