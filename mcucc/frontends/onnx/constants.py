"""Constant folding: nodes of the model file whose inputs are all known are computed at import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper

from mcucc.frontends.onnx.bounds import MOST_RANK, Folding
from mcucc.frontends.onnx.context import Constant
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.unsupported import UnsupportedNode

RANDOM = frozenset(
    {
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
    }
)


# NumPy has no such types.
FOUR_BITS: dict[int, type[np.int8 | np.uint8]] = {
    onnx.TensorProto.INT4: np.int8,
    onnx.TensorProto.UINT4: np.uint8,
}


def array_of(tensor: onnx.TensorProto) -> Constant:
    """A tensor of the file as an array; UnsupportedNode when its data do not fit it.

    INT4 and UINT4 are int8 and uint8: the numbers say what the type does.
    """
    if len(tensor.dims) > MOST_RANK:
        raise UnsupportedNode(f"constant {tensor.name!r} has rank {len(tensor.dims)}")
    try:
        array = numpy_helper.to_array(tensor)
    # NumPy and onnx raise ValueError, TypeError, KeyError and more for broken payloads.
    except Exception as error:
        raise UnsupportedNode(f"constant {tensor.name!r} is broken ({error})") from error
    if tensor.data_type in FOUR_BITS:
        array = array.astype(FOUR_BITS[tensor.data_type])
    if array.dtype.kind not in "fiub":
        hint = "export weights as float32, or quantize them to int8"
        raise UnsupportedNode(f"constant {tensor.name!r} of type {array.dtype}", hint)
    return np.asarray(array)


def constant_node(node: OnnxNode) -> Constant:
    """The value of a Constant node."""
    for attribute in node.proto.attribute:
        if attribute.name == "value" and attribute.type == AttributeProto.TENSOR:
            return array_of(attribute.t)
        if attribute.name in ("value_float", "value_floats"):
            values = [attribute.f] if attribute.name == "value_float" else list(attribute.floats)
            return _shaped(np.array(values, np.float32), attribute.name)
        if attribute.name in ("value_int", "value_ints"):
            numbers = [attribute.i] if attribute.name == "value_int" else list(attribute.ints)
            return _shaped(np.array(numbers, np.int64), attribute.name)
    raise UnsupportedNode("a constant that is neither a tensor nor numbers")


def fold(
    node: OnnxNode, constants: Mapping[str, Constant], folding: Folding
) -> dict[str, Constant]:
    """The outputs of a node by name, all its inputs being constants, within what is left."""
    if node.op == "Constant":
        return {node.output: constant_node(node)}
    graphs = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
    if node.op in RANDOM or any(a.type in graphs for a in node.proto.attribute):
        raise UnsupportedNode("it cannot be computed at import")
    inputs = {name: constants[name] for name in node.proto.input if name}
    if node.proto.input and not node.proto.input[0]:
        raise UnsupportedNode("input 0 is missing")
    model = _single_node_model(node, inputs)
    folding.check(node, inputs, _inferred(model))
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, inputs)
    # The evaluator raises whatever NumPy raises for a malformed node.
    except Exception as error:
        raise UnsupportedNode(f"it cannot be computed at import ({error})") from error
    names = [name for name in node.proto.output if name]
    found = {name: np.asarray(value) for name, value in zip(names, results, strict=False)}
    if len(results) != len(names) or any(v.dtype.kind not in "fiub" for v in found.values()):
        raise UnsupportedNode("it cannot be computed at import (it makes no numbers)")
    return found


def _single_node_model(node: OnnxNode, inputs: Mapping[str, Constant]) -> onnx.ModelProto:
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in inputs.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.proto.output if name]
    # Small values go along, so that shape inference knows the sizes they ask for.
    known = [numpy_helper.from_array(a, n) for n, a in inputs.items() if a.size <= 64]
    graph = helper.make_graph([node.proto], "constant", values, outputs, known)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.opset)])


def _inferred(model: onnx.ModelProto) -> list[tuple[int, ...] | None]:
    """Shapes of a node's results, None where none is known; UnsupportedNode when malformed."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model)
    # C++ inference errors have no common class.
    except Exception as error:
        raise UnsupportedNode(f"it is malformed ({error})") from error
    shapes: list[tuple[int, ...] | None] = []
    for output in inferred.graph.output:
        kind = output.type.tensor_type
        dims = kind.shape.dim
        known = kind.HasField("shape") and all(dim.HasField("dim_value") for dim in dims)
        shapes.append(tuple(dim.dim_value for dim in dims) if known else None)
    return shapes


def _shaped(values: Any, name: str) -> Constant:
    array: Constant = values if name.endswith("s") else values.reshape(())
    return array
