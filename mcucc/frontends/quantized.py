"""What a frontend makes of a model that is already quantized: an int8 Graph and its ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.frontends.onnx.context import Source
from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Quant, Shape
from mcucc.numerics.fixed_point import Int8Array, saturate_int8

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class End:
    """One input or output as the model's author knows it.

    The integer network begins and ends with int8: `tensor` names its tensor, `inner` holds that
    tensor's quantization. `dtype` (int8, uint8 or float32), `shape` and `quant` are the file's;
    `quant` is None for float. uint8 differs from int8 by an offset of 128 and nothing else; floats
    become int8 by rounding to nearest, ties away from zero (LiteRT) or to even (ONNX Runtime).
    The tensor is value.transpose(permutation), axes of length 1 added or dropped.
    """

    name: str
    tensor: str
    shape: Shape
    dtype: np.dtype[Any]
    quant: Quant | None
    inner: Quant
    permutation: tuple[int, ...] | None = None
    ties_to_even: bool = False

    def to_int8(self, values: Array) -> Int8Array:
        """The int8 input of values in the file's type (NaN is the smallest one)."""
        if self.dtype == np.int8:
            return values.astype(np.int8)
        if self.dtype == np.uint8:
            return (values.astype(np.int16) - 128).astype(np.int8)
        scaled = values.astype(np.float32) / np.float32(self.inner.per_tensor_scale)
        scaled = np.clip(np.nan_to_num(scaled, nan=-1e6), -1e6, 1e6)
        away = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
        rounded = np.rint(scaled) if self.ties_to_even else away
        whole = rounded.astype(np.int64) + self.inner.zero_point
        return saturate_int8(whole)

    def from_int8(self, values: Int8Array) -> Array:
        """What the file's own output would hold for an int8 output (floats: float32)."""
        if self.dtype == np.int8:
            return values
        if self.dtype == np.uint8:
            return (values.astype(np.int16) + 128).astype(np.uint8)
        centred = (values.astype(np.int32) - self.inner.zero_point).astype(np.float32)
        return centred * np.float32(self.inner.per_tensor_scale)


@dataclass(frozen=True, eq=False)
class ImportedQuantized:
    """A quantized model file as an int8 Graph, ready for `mcucc.quantize.lower.lower`.

    `sources` maps tensors of the graph to the file's tensors that hold the same int8 values: the
    tensor's index in a .tflite, its name and layout in an ONNX file (of uint8, less 128). Compare
    intermediates through it.
    """

    graph: Graph
    model_path: Path
    sha256: str
    kind: str
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    sources: Mapping[str, int | Source]
    labels: Mapping[str, str] = field(default_factory=dict)  # nodes of the file: their operators
