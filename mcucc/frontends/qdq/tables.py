"""What is known of a quantized ONNX model beside its float form: tables by name and by label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from mcucc.errors import Problem
from mcucc.frontends.onnx.context import Constant
from mcucc.frontends.qdq.constants import IntConstant
from mcucc.ir.tensor import Quant

# Operators on 8-bit values that move, drop or compare them: the reals go the same way.
MOVERS = frozenset(
    {
        "Clip",
        "Concat",
        "DepthToSpace",
        "Dropout",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "Max",
        "MaxPool",
        "Min",
        "Pad",
        "ReduceMax",
        "Relu",
        "Reshape",
        "Resize",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
# Those that leave every element as it is, in floats too.
LAYOUT = frozenset(
    {
        "Cast",
        "CastLike",
        "Dropout",
        "Expand",
        "Flatten",
        "Identity",
        "Reshape",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
INT_BYTES = {np.dtype(np.int8): 0, np.dtype(np.uint8): 128}  # offset to int8
INT8, UINT8, INT32 = np.dtype(np.int8), np.dtype(np.uint8), np.dtype(np.int32)
BYTE_INPUTS = {TensorProto.INT8: INT8, TensorProto.UINT8: UINT8}


@dataclass(frozen=True)
class Bytes:
    """An 8-bit activation of the file: the float value `value` in steps of `quant` (of int8)."""

    value: str
    quant: Quant
    dtype: np.dtype[Any]

    def real(self, integer: int) -> Constant:
        """What this integer of the file stands for."""
        steps = integer - INT_BYTES[self.dtype] - self.quant.zero_point
        return np.array(steps * self.quant.per_tensor_scale, np.float32)


@dataclass(eq=False)
class Stripped:
    """The float model and the tables: by float value, by the file's name, by label of a node."""

    model: onnx.ModelProto
    quants: dict[str, Quant] = field(default_factory=dict)
    integers: dict[str, Bytes] = field(default_factory=dict)
    constants: dict[str, IntConstant] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: dict[str, onnx.NodeProto] = field(default_factory=dict)
    roundings: dict[str, Quant] = field(default_factory=dict)
    rereadings: dict[str, tuple[Quant, Quant]] = field(default_factory=dict)
