"""The float model under construction, beside what is known of its quantization.

The workbench of `strip.py` and of the QLinear operators: names, quantization parameters, what each
8-bit value of the file stands for, and the float nodes made so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mcucc.base.numbering import first_free
from mcucc.frontends.onnx.bounds import Folding
from mcucc.frontends.onnx.constants import array_of, constant_node
from mcucc.frontends.onnx.context import Constant
from mcucc.frontends.onnx.dialects import DEFAULT_DOMAINS, opset_of
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.steps import label_of
from mcucc.frontends.qdq.constants import IntConstant
from mcucc.frontends.qdq.tables import (
    BYTE_INPUTS,
    INT32,
    INT_BYTES,
    MOVERS,
    Bytes,
    Stripped,
)
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Quant


class Context:
    """Values and nodes by the names of the file; `result` is the float model and its tables."""

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

    # Names

    def fresh(self, wanted: str) -> str:
        """`wanted`, numbered when any value of the file or of the stripped model has that name."""
        name = _numbered(wanted, self._values)
        self._values.add(name)
        return name

    def label(self, wanted: str) -> str:
        """`wanted` as a node's label, numbered when a node has it."""
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

    # What the values of the file stand for

    def constant(self, node: OnnxNode, index: int, scale: int, zero: int, axis: int = 0) -> str:
        """The float name of a quantized constant that is input `index` of a QLinear operator."""
        integers = self.known[node.input(index)]
        scales, zeros = self.parameters(node, scale, zero, integers.dtype)
        name = self.fresh(f"{node.input(index)}.real")
        self.enter(name, IntConstant.of(integers, scales, zeros, axis))
        return name

    def quantized(self, wanted: str, integers: Constant, scale: Constant) -> str:
        """The float name of integers without a zero point, their scales along axis 0."""
        name = self.fresh(wanted)
        self.enter(name, IntConstant.of(integers, scale, np.zeros(1, integers.dtype), 0))
        return name

    def enter(self, name: str, entry: IntConstant) -> None:
        """Note a quantized constant, and the reals it stands for."""
        self.result.constants[name] = entry
        self.floats[name] = entry.real

    def operand(self, node: OnnxNode, index: int, scale: int, zero: int) -> str:
        """The float value of 8-bit input `index`, read with the scale and zero point given."""
        name = node.input(index)
        found = self.held(name)
        if found is None:
            raise UnsupportedNode(f"{name} is not a quantized activation")
        return self.read(node, found, self.quant(node, scale, zero, found.dtype))

    def read(self, node: OnnxNode, found: Bytes, quant: Quant) -> str:
        """The float value that these bytes stand for under `quant`."""
        if found.quant == quant:
            return found.value
        key = found.value, quant
        if key not in self._reread:
            value, label = self.fresh(f"{found.value}.read"), self.label(f"{node.name}.read")
            self.stand_in(label, found.value, value)
            self.result.rereadings[label] = found.quant, quant
            self.result.quants[value] = quant
            self._reread[key] = value
        return self._reread[key]

    def dtype_of(self, name: str) -> np.dtype[Any]:
        """The type of a constant or an 8-bit activation; UnsupportedNode for anything else."""
        found = self.held(name)
        if found is not None:
            return found.dtype
        if name not in self.known:
            raise UnsupportedNode(f"{name} is not a quantized activation")
        return self.known[name].dtype

    def held(self, name: str) -> Bytes | None:
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
            label = self.label(f"{integer}.out")
            self._append(helper.make_node("Identity", [value], [integer], name=label))
            self.result.quants[integer] = quant

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

    def stand_in(self, label: str, value: str, output: str) -> None:
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

    def assemble(self) -> None:
        """Make the float model of what has been noted."""
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
