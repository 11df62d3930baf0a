"""Single quantized operators run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from mcucc.ir import Quant, Tensor

CONTRIB = "com.microsoft"
Array = np.ndarray


def run_ort(
    op: str,
    values: Mapping[str, Array],
    constants: Mapping[str, Array],
    order: str,
    domain: str = "",
    **attributes: Any,
) -> Array:
    """The int8 output of one operator.

    `order` names its inputs, "-" for a missing one; `values` are fed, `constants` initialisers.
    """
    names = ["" if name == "-" else name for name in order.split()]
    node = helper.make_node(op, names, ["y"], domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        "case",
        [helper.make_tensor_value_info(n, TensorProto.INT8, v.shape) for n, v in values.items()],
        [helper.make_tensor_value_info("y", TensorProto.INT8, None)],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, dict(values))
    return np.asarray(result)


def quant_constants(name: str, quant: Quant) -> dict[str, Array]:
    """`<name>_scale` (float32, one or one per channel) and `<name>_zero` (int8) of a tensor."""
    scale = np.array(quant.scale, dtype=np.float32)
    zero = np.full(scale.shape, quant.zero_point, dtype=np.int8)
    if quant.axis is None:
        scale, zero = scale[0], zero[0]
    return {f"{name}_scale": np.asarray(scale), f"{name}_zero": np.asarray(zero)}


def tensor_constants(**tensors: Tensor) -> dict[str, Array]:
    """The scales and zero points of several tensors by name."""
    merged: dict[str, Array] = {}
    for name, tensor in tensors.items():
        merged |= quant_constants(name, tensor.quantization)
    return merged


def channels_first(x: Array) -> Array:
    """NHWC to NCHW."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def channels_last(x: Array) -> Array:
    """NCHW to NHWC."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))
