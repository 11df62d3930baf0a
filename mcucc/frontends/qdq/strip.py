"""A quantized ONNX model as a float model beside its quantization.

Every QuantizeLinear stays a node of its own, `roundings` says to what; DequantizeLinear
disappears; QLinear operators become the float operators they stand for, and so do operators that
move 8-bit values as they are. An 8-bit value that is read with another scale than it was written
with becomes a node of `rereadings`: the same bytes, other reals. What is left, the float importer
reads like any other model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mcucc.base.numbering import first_free
from mcucc.errors import Problem
from mcucc.frontends.frontier import Follows
from mcucc.frontends.onnx.bounds import Folding
from mcucc.frontends.onnx.constants import array_of, constant_node, fold
from mcucc.frontends.onnx.context import Constant
from mcucc.frontends.onnx.file import DEFAULT_DOMAINS, opset_of
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.steps import label_of
from mcucc.frontends.qdq.constants import FOLLOWED, IntConstant, follow
from mcucc.frontends.qdq.tables import (
    BYTE_INPUTS,
    INT32,
    INT_BYTES,
    LAYOUT,
    MOVERS,
    UINT8,
    Bytes,
    Stripped,
)
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Quant


def strip(model: onnx.ModelProto) -> Stripped:
    """Strip `model`; nodes that do not fit are listed in `problems`."""
    return Stripper(model).run()


class Stripper:
    """Walks the nodes of the file once."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.result = Stripped(onnx.ModelProto())
        self.opset = opset_of(model, model.graph.name)
        self.folding = Folding()
        self.known: dict[str, Constant] = {t.name: array_of(t) for t in model.graph.initializer}
        self.alias: dict[str, str] = {}  # the float value behind each dequantized one
        self.nodes: list[onnx.NodeProto] = []
        self.floats: dict[str, Constant] = {}
        self.outputs = {value.name for value in model.graph.output}
        self.byte_inputs = {
            value.name: BYTE_INPUTS[value.type.tensor_type.elem_type]
            for value in model.graph.input
            if value.name not in self.known and value.type.tensor_type.elem_type in BYTE_INPUTS
        }
        self._bounds: dict[str, str] = {}
        self._reread: dict[tuple[str, Quant], str] = {}
        self._values = set(self.known) | {value.name for value in model.graph.input}
        for proto in model.graph.node:
            self._values.update(proto.input, proto.output)
            if proto.op_type == "Constant" and proto.output:
                with suppress(UnsupportedNode):  # said where the walk comes to it
                    node = OnnxNode(proto, proto.name, self.opset)
                    self.known[proto.output[0]] = constant_node(node)
        self._labels = {label_of(proto, index) for index, proto in enumerate(model.graph.node)}

    def run(self) -> Stripped:
        """All nodes in order."""
        labels: set[str] = set()
        follows = Follows()
        for index, proto in enumerate(self.model.graph.node):
            wanted, cause = label_of(proto, index), follows.of(proto.input)
            label = wanted if wanted not in labels else self._label(wanted)
            labels.add(label)
            self._labels.add(label)
            node = OnnxNode(proto, label, self.opset)
            try:
                self.node(node)
            except ValueError as error:
                refusal = UnsupportedNode.of(error)
                problem = Problem(node.name, node.op, refusal.why, refusal.hint, cause)
                self.result.problems.append(problem)
                cause = cause or node.name
            follows.passed_on(cause, proto.output)
        self._assemble()
        return self.result

    def node(self, node: OnnxNode) -> None:
        """One node of the file."""
        from mcucc.frontends.qdq.operators import QLINEAR

        names = [name for name in node.proto.input if name]
        standard = node.proto.domain in DEFAULT_DOMAINS
        if node.op == "Constant":
            self.known[node.output] = constant_node(node)
        elif node.op == "QuantizeLinear":
            self.quantize(node)
        elif node.op == "DequantizeLinear":
            self.dequantize(node)
        elif node.op in QLINEAR:
            QLINEAR[node.op](self, node)
        elif standard and names and all(name in self.known for name in names):
            self.known.update(fold(node, self.known, self.folding))
        elif node.op == "Cast" and self._floats(node) and self._quantized_constants(names):
            self._enter(node.output, self.result.constants[names[0]])
        elif standard and node.op in FOLLOWED and self._quantized_constants(names):
            made = follow(node, self.known, self.result.constants, self.folding)
            for name, entry in made.items():
                self._enter(name, entry)
        else:
            self.plain(node)

    def _floats(self, node: OnnxNode) -> bool:
        return node.integer("to") == TensorProto.FLOAT

    def _quantized_constants(self, names: Sequence[str]) -> bool:
        constants = self.result.constants
        known = all(name in constants or name in self.known for name in names)
        return known and names[:1] != [] and names[0] in constants

    # Names

    def fresh(self, wanted: str) -> str:
        """`wanted`, numbered when any value of the file or of the stripped model has that name."""
        name = _numbered(wanted, self._values)
        self._values.add(name)
        return name

    def _label(self, wanted: str) -> str:
        name = _numbered(wanted, self._labels)
        self._labels.add(name)
        return name

    # Quantization parameters

    def parameters(
        self, node: OnnxNode, scale: int, zero: int, dtype: np.dtype[Any]
    ) -> tuple[Constant, Constant]:
        """Constant scale and zero point inputs; no zero point is 0 of the data's own type."""
        scales = self.known.get(node.input(scale))
        name = node.optional(zero)
        zeros = np.zeros((), dtype) if name is None else self.known.get(name)
        if scales is None or zeros is None:
            raise UnsupportedNode(
                "its scale or zero point is computed at run time (dynamic quantization)"
            )
        if scales.dtype.kind != "f" or not np.isfinite(scales).all():
            raise UnsupportedNode("a scale is not a number")
        if (scales < 0).any() and dtype != INT32:  # a bias may have one: Gemm's beta
            raise UnsupportedNode("a scale is negative")
        if zeros.dtype != dtype:
            raise UnsupportedNode(
                f"its zero point is {zeros.dtype}, the data are {dtype}",
                "ONNX asks for one type",
            )
        return scales, zeros

    def quant(self, node: OnnxNode, scale: int, zero: int, dtype: np.dtype[Any]) -> Quant:
        """Per-tensor quantization, as of int8, of an activation that is `dtype` in the file."""
        scales, zeros = self.parameters(node, scale, zero, dtype)
        with np.errstate(over="ignore", under="ignore"):
            single = np.float32(scales.flat[0]) if scales.size == 1 else np.float32(0)
        if zeros.size != 1 or not 0 < single < np.inf:
            raise UnsupportedNode(
                "an activation needs one positive scale", "quantize it per tensor"
            )
        if dtype not in INT_BYTES:
            raise UnsupportedNode(f"activations are {dtype}", "quantize activations to 8 bits")
        return Quant((float(single),), int(zeros.flat[0]) - INT_BYTES[dtype])

    def _written(self, node: OnnxNode) -> np.dtype[Any]:
        """The type a QuantizeLinear writes: its zero point's, `output_dtype`, else uint8."""
        code = node.integer("output_dtype")
        if code not in TensorProto.DataType.values():
            raise UnsupportedNode(f"output_dtype {code} is no type of ONNX")
        if node.integer("block_size"):
            raise UnsupportedNode("block_size", "quantize per tensor or per channel")
        name = node.optional(2)
        zero = None if name is None else self.known.get(name)
        if zero is not None:
            given = zero.dtype
            if code and helper.tensor_dtype_to_np_dtype(code) != given:
                raise UnsupportedNode(f"output_dtype and a zero point of type {given} differ")
            return given
        return np.dtype(helper.tensor_dtype_to_np_dtype(code)) if code else UINT8

    # The operators

    def quantize(self, node: OnnxNode) -> None:
        """QuantizeLinear: of a constant, or a node that rounds."""
        name, output, dtype = node.input(0), node.output, self._written(node)
        values = self.known.get(name, self.floats.get(name))
        if values is not None:
            self._quantize_constant(node, values, dtype)
            return
        if self._bytes(name) is not None:
            raise UnsupportedNode("it quantizes integers")
        quant = self.quant(node, 1, 2, dtype)
        value = self.fresh(f"{output}.real")
        self._stand_in(node.name, self.resolve(name), value)
        self.result.roundings[node.name] = quant
        self.declare(output, value, quant, dtype)

    def _quantize_constant(self, node: OnnxNode, values: Constant, dtype: np.dtype[Any]) -> None:
        scales, zeros = self.parameters(node, 1, 2, dtype)
        if dtype.kind not in "iu":
            raise UnsupportedNode(f"it quantizes to {dtype}", "quantize to 8 bits")
        along = IntConstant.of(values, scales, zeros, _axis(node, values.ndim))
        with np.errstate(all="ignore"):
            scaled = np.rint(values.astype(np.float32) / along.scale)
        limits = np.iinfo(dtype)
        moved = np.nan_to_num(scaled.astype(np.float64)) + along.zero_point
        self.known[node.output] = np.clip(moved, limits.min, limits.max).astype(dtype)

    def dequantize(self, node: OnnxNode) -> None:
        """DequantizeLinear: a constant, or the float value of known 8-bit ones."""
        name, output = node.input(0), node.output
        if node.integer("block_size"):
            raise UnsupportedNode("block_size", "quantize per tensor or per channel")
        if name in self.known:
            integers = self.known[name]
            if integers.dtype.kind not in "iu":
                raise UnsupportedNode(f"it reads {integers.dtype}")
            scales, zeros = self.parameters(node, 1, 2, integers.dtype)
            axis = _axis(node, integers.ndim)
            self._enter(output, IntConstant.of(integers, scales, zeros, axis))
            return
        value = self.operand(node, 0, 1, 2)
        self.alias[output] = value
        if output in self.outputs:
            self.emit(node, "Identity", [value])
            self.result.quants[output] = self.result.quants[value]

    def constant(self, node: OnnxNode, index: int, scale: int, zero: int, axis: int = 0) -> str:
        """The float name of a quantized constant that is input `index` of a QLinear operator."""
        integers = self.known[node.input(index)]
        scales, zeros = self.parameters(node, scale, zero, integers.dtype)
        name = self.fresh(f"{node.input(index)}.real")
        self._enter(name, IntConstant.of(integers, scales, zeros, axis))
        return name

    def quantized(self, wanted: str, integers: Constant, scale: Constant) -> str:
        """The float name of integers without a zero point, their scales along axis 0."""
        name = self.fresh(wanted)
        self._enter(name, IntConstant.of(integers, scale, np.zeros(1, integers.dtype), 0))
        return name

    def _enter(self, name: str, entry: IntConstant) -> None:
        self.result.constants[name] = entry
        self.floats[name] = entry.real

    def operand(self, node: OnnxNode, index: int, scale: int, zero: int) -> str:
        """The float value of 8-bit input `index`, read with the scale and zero point given."""
        name = node.input(index)
        found = self._bytes(name)
        if found is None:
            raise UnsupportedNode(f"{name} is not a quantized activation")
        return self.read(node, found, self.quant(node, scale, zero, found.dtype))

    def read(self, node: OnnxNode, found: Bytes, quant: Quant) -> str:
        """The float value that these bytes stand for under `quant`."""
        if found.quant == quant:
            return found.value
        key = found.value, quant
        if key not in self._reread:
            value, label = self.fresh(f"{found.value}.read"), self._label(f"{node.name}.read")
            self._stand_in(label, found.value, value)
            self.result.rereadings[label] = found.quant, quant
            self.result.quants[value] = quant
            self._reread[key] = value
        return self._reread[key]

    def dtype_of(self, name: str) -> np.dtype[Any]:
        """The type of a constant or an 8-bit activation; UnsupportedNode for anything else."""
        found = self._bytes(name)
        if found is not None:
            return found.dtype
        if name not in self.known:
            raise UnsupportedNode(f"{name} is not a quantized activation")
        return self.known[name].dtype

    def _bytes(self, name: str) -> Bytes | None:
        """The 8-bit activation of this name, or None."""
        if name in self.byte_inputs and name not in self.result.integers:
            dtype = self.byte_inputs[name]
            self.declare(name, name, self._first_reading(name, dtype), dtype)
        return self.result.integers.get(name)

    def _first_reading(self, name: str, dtype: np.dtype[Any]) -> Quant:
        """The scale with which an 8-bit input of the network is first read.

        Any would do, as bytes can be read again with another one; the first spares that.
        """
        names = {name}
        for proto in self.model.graph.node:
            node = OnnxNode(proto, proto.name, self.opset)
            if not proto.input or proto.input[0] not in names:
                continue
            if proto.op_type == "DequantizeLinear" or proto.op_type.startswith("Q"):
                return self.quant(node, 1, 2, dtype)
            if proto.op_type in MOVERS:
                names.update(proto.output)
        return Quant((1.0,), -INT_BYTES[dtype])

    def declare(self, integer: str, value: str, quant: Quant, dtype: np.dtype[Any]) -> None:
        """Note that the file's `integer` holds the float value `value` in steps of `quant`."""
        self.result.integers[integer] = Bytes(value, quant, dtype)
        self.result.quants[value] = quant
        if integer in self.outputs and integer != value:
            label = self._label(f"{integer}.out")
            self._append(helper.make_node("Identity", [value], [integer], name=label))
            self.result.quants[integer] = quant

    def plain(self, node: OnnxNode) -> None:
        """An operator on floats, or one that moves 8-bit values as they are."""
        carried = [found for name in node.proto.input if (found := self._bytes(name)) is not None]
        if not carried:
            inputs = [self.resolve(name) if name else "" for name in node.proto.input]
            self.copy(node, inputs)
            if node.op in LAYOUT and inputs and inputs[0] in self.result.quants:
                self.result.quants[node.output] = self.result.quants[inputs[0]]
            return
        if node.op == "Cast" and self._floats(node):
            plain = Quant((1.0,), -INT_BYTES[carried[0].dtype])
            self.alias[node.output] = self.read(node, carried[0], plain)
            return
        if node.op not in MOVERS or node.proto.domain not in DEFAULT_DOMAINS:
            raise UnsupportedNode("it computes on integers", "quantize with QDQ instead")
        first = carried[0]
        inputs = [self._moved(node, name, first) for name in node.proto.input]
        if node.op == "Relu":
            self.emit(node, "Clip", [*inputs, self.number(node, first.real(0))])
        else:
            if node.op == "Pad" and node.optional(2) is None:  # the border is the integer 0
                inputs[2:3] = [self.number(node, first.real(0))]
            self.copy(node, inputs)
        for output in node.proto.output:
            if output:
                self.declare(output, output, first.quant, first.dtype)

    def _moved(self, node: OnnxNode, name: str, first: Bytes) -> str:
        """An operand beside 8-bit values in steps of `first.quant`, as a float one."""
        found = self._bytes(name) if name else None
        if found is not None:
            if found.dtype != first.dtype:
                raise UnsupportedNode(f"{name} is {found.dtype}, other operands are {first.dtype}")
            return self.read(node, found, first.quant)
        value = self.known.get(name)
        if value is None or value.dtype != first.dtype:
            return self.resolve(name)
        real = self.fresh(f"{name}.real")
        zero = np.array(first.quant.zero_point + INT_BYTES[first.dtype], first.dtype)
        scale = np.array(first.quant.per_tensor_scale, np.float32)
        self.floats[real] = IntConstant.of(value, scale, zero, 0).real
        return real

    def number(self, node: OnnxNode, value: Constant) -> str:
        """A constant operand that the file does not have."""
        name = self.fresh(f"{node.output}.number")
        self.floats[name] = np.asarray(value)
        return name

    def resolve(self, name: str) -> str:
        """The float value a name of the file stands for."""
        return self.alias.get(name, name)

    # What comes out

    def copy(self, node: OnnxNode, inputs: Iterable[str]) -> None:
        """The node with other inputs."""
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        proto.name = node.name
        del proto.input[:]
        proto.input.extend(inputs)
        self._append(proto)

    def emit(self, node: OnnxNode, op: str, inputs: Sequence[str], **attributes: Any) -> None:
        """The float operator `op` in place of `node`."""
        made = helper.make_node(op, list(inputs), [node.output], name=node.name, **attributes)
        self._append(made)

    def _stand_in(self, label: str, value: str, output: str) -> None:
        """A Clip that marks where values are rounded or read again; the tables say how."""
        for name, bound in (("mcucc.lowest", 0.0), ("mcucc.highest", 1.0)):
            if name not in self._bounds:
                self._bounds[name] = self.fresh(name)
                self.floats[self._bounds[name]] = np.array(bound, np.float32)
        inputs = [value, *self._bounds.values()]
        self._append(helper.make_node("Clip", inputs, [output], name=label))

    def _append(self, proto: onnx.NodeProto) -> None:
        self.nodes.append(proto)
        self.result.nodes[proto.name] = proto

    def _assemble(self) -> None:
        model = self.result.model
        model.ir_version = self.model.ir_version
        opsets = [o for o in self.model.opset_import if o.domain in DEFAULT_DOMAINS]
        model.opset_import.extend(opsets)
        graph = model.graph
        graph.name = self.model.graph.name or "network"
        graph.node.extend(self.nodes)
        read = {name for node in self.nodes for name in node.input} | self.outputs
        for constants in (self.known, self.floats):
            for name, value in constants.items():
                if name in read:
                    graph.initializer.append(numpy_helper.from_array(value, name))
        graph.input.extend(v for v in self.model.graph.input if v.name not in self.known)
        graph.output.extend(self.model.graph.output)
        for value in [*graph.input, *graph.output]:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT


def _numbered(wanted: str, taken: set[str]) -> str:
    if wanted not in taken:
        return wanted
    return f"{wanted}.{first_free(lambda number: f'{wanted}.{number}' in taken, 2)}"


def _axis(node: OnnxNode, rank: int) -> int:
    axis = node.integer("axis", 1)
    if axis < 0:
        axis += rank
    return axis if 0 <= axis < rank else 0
