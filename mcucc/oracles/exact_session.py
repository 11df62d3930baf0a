"""ONNX Runtime as an oracle for quantized files: nothing optimized, no sum saturated.

On x86 without VNNI its integer kernels multiply uint8 activations by int8 weights with
`vpmaddubsw`, whose 16-bit sums of two products saturate: QOperator files of that kind come out
tens of steps off, by machine. uint8 weights around 128 are the same numbers and are summed
exactly everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from mcucc.oracles.one_picture import open_batches

# Operators of integer products: where the zero point of x, the weights and their zero point are.
PRODUCTS = {"QLinearConv": (2, 3, 5), "QLinearMatMul": (2, 3, 5), "QGemm": (2, 3, 5)}


def exact_session(model: onnx.ModelProto, values: Iterable[str] = ()) -> Any:
    """A session of `model` as the file says, with `values` as further outputs.

    Raises whatever ONNX Runtime raises for a model it does not take.
    """
    import onnxruntime as ort

    whole = open_batches(exact_products(model))
    present = {output.name for output in whole.graph.output}
    whole.graph.output.extend(onnx.ValueInfoProto(name=n) for n in values if n not in present)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(
        whole.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def exact_products(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of `model` whose int8 weights beside uint8 activations are uint8 around 128."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {tensor.name: tensor for tensor in copy.graph.initializer}
    nodes = [node for node in copy.graph.node if node.op_type == "Constant"]
    known.update({n.output[0]: a.t for n in nodes for a in n.attribute if a.name == "value"})
    taken = set(known) | {name for node in copy.graph.node for name in node.output}
    for node in copy.graph.node:
        places = PRODUCTS.get(node.op_type)
        if places is None or len(node.input) <= max(places):
            continue
        x_zero, weights, zero = (known.get(node.input[place]) for place in places)
        if x_zero is None or x_zero.data_type != onnx.TensorProto.UINT8:
            continue
        if weights is None or weights.data_type != onnx.TensorProto.INT8:
            continue
        for place, tensor in zip(places[1:], (weights, zero), strict=True):
            name = f"{node.output[0]}.unsigned.{place}"
            while name in taken:
                name += "_"
            taken.add(name)
            copy.graph.initializer.append(_unsigned(tensor, name))
            node.input[place] = name
    return copy


def _unsigned(tensor: onnx.TensorProto | None, name: str) -> onnx.TensorProto:
    """int8 plus 128; no zero point is one of 0."""
    array = np.zeros((), np.int8) if tensor is None else numpy_helper.to_array(tensor)
    return numpy_helper.from_array((array.astype(np.int16) + 128).astype(np.uint8), name)
