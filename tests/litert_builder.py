"""Hand-built LiteRT flatbuffers: any operators, in a few lines, and their runs by LiteRT itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from mcucc.ir import Quant

_TYPES = {
    np.dtype(np.float16): schema.TensorType.FLOAT16,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.bool_): schema.TensorType.BOOL,
}
ACTIVATIONS = {
    "none": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}


class LiteRTBuilder:
    """Collects tensors and operators; `build` serialises them.

    `op("CONV_2D", "Conv2DOptions", inputs, outputs, strideW=2, ...)`: the options' fields are those
    of the schema's `...OptionsT` classes; tensors are named by the index `tensor` returned.
    """

    # The schema's own objects, for files that no converter writes: change them before `build`.
    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.buffers: list[Any] = [schema.BufferT()]
        self.codes: list[Any] = []
        self.operators: list[Any] = []
        self.version = 3

    def tensor(
        self,
        shape: Sequence[int],
        dtype: Any = np.int8,
        quant: Quant | None = None,
        data: np.ndarray | None = None,
        name: str = "",
    ) -> int:
        """Add an activation, or with `data` a constant; returns its index."""
        tensor = schema.TensorT()
        tensor.name = name or f"tensor_{len(self.tensors)}"
        tensor.shape = list(shape)
        tensor.type = _TYPES[np.dtype(dtype)]
        if quant is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = list(quant.scale)
            tensor.quantization.zeroPoint = [quant.zero_point] * len(quant.scale)
            tensor.quantization.quantizedDimension = quant.axis or 0
        if data is not None:
            tensor.buffer = len(self.buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), dtype=np.uint8)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, data: np.ndarray, quant: Quant | None = None, name: str = "") -> int:
        """Add a constant with the array's own shape and type; returns its index."""
        return self.tensor(data.shape, data.dtype, quant, data, name)

    def op(
        self,
        code: str,
        options: str | None,
        inputs: Sequence[int],
        outputs: Sequence[int],
        version: int = 1,
        **fields: Any,
    ) -> None:
        """Append an operator; an input of -1 is a missing optional one."""
        builtin = getattr(schema.BuiltinOperator, code)
        opcode = schema.OperatorCodeT()
        opcode.builtinCode = builtin
        opcode.deprecatedBuiltinCode = min(builtin, 127)
        opcode.version = version
        self.codes.append(opcode)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.codes) - 1
        operator.inputs = list(inputs)
        operator.outputs = list(outputs)
        if options is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, options + "T")()
            for name, value in fields.items():
                if not hasattr(operator.builtinOptions, name):
                    raise AttributeError(f"{options} has no field {name}")
                setattr(operator.builtinOptions, name, value)
        self.operators.append(operator)

    def build(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The bytes of the .tflite file."""
        graph = schema.SubGraphT()
        graph.tensors = self.tensors
        graph.operators = self.operators
        graph.inputs = list(inputs)
        graph.outputs = list(outputs)
        graph.name = "main"
        model = schema.ModelT()
        model.version = self.version
        model.operatorCodes = self.codes
        model.subgraphs = [graph]
        model.buffers = self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def run_litert(
    model: bytes, inputs: Sequence[np.ndarray], *, reference: bool = True
) -> list[np.ndarray]:
    """The outputs LiteRT computes: by its reference kernels, or its default (XNNPACK) path."""
    resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    for details, data in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], data)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
