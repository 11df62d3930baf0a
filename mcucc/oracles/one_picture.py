"""Model files of a fixed batch, made ready for the one picture that mcucc compiles."""

from __future__ import annotations

import onnx


def open_batches(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` itself, changed: a leading dimension other than 1 is open in every input.

    ONNX Runtime refuses values of another shape than the input's, also where `--input-shape` asks
    for a batch of 1. What the file declares of other values holds for its own batch: left out.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    dims = [v.type.tensor_type.shape.dim for v in model.graph.input if v.name not in constants]
    fixed = [each[0] for each in dims if each and each[0].HasField("dim_value")]
    other = [dim for dim in fixed if dim.dim_value != 1]
    for dim in other:
        dim.Clear()
    if other:
        del model.graph.value_info[:]
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
    return model
