"""What every frontend makes of a model file: a Graph, its ports, and what the file calls things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.errors import DataError
from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Quant, Shape
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT8, IntegerArray, saturate

Array = npt.NDArray[Any]
FLOAT = np.dtype(np.float32)


class Format(StrEnum):
    """The model files that mcucc reads."""

    ONNX = "onnx"
    TFLITE = "tflite"

    @property
    def suffix(self) -> str:
        """What names of such files usually end with."""
        return f".{self.value}"


@dataclass(frozen=True)
class Source:
    """Where the values of a graph tensor are found in the model file.

    tensor = value.transpose(permutation), axes of length 1 added or dropped (a .tflite may have
    leading axes joined too). `index` is the tensor's number in a .tflite, whose names need not
    differ; None in an ONNX file, where the name says it all.
    """

    name: str
    permutation: tuple[int, ...]
    index: int | None = None

    @property
    def key(self) -> str | int:
        """What no other value of the file has."""
        return self.name if self.index is None else self.index

    def flat_index(self, index: int, shape: Shape) -> int:
        """The element `index` of the tensor, of this shape, counted in the file's layout."""
        if len(self.permutation) != len(shape):
            return index
        order = np.argsort(self.permutation)
        at = np.unravel_index(index, shape)
        there = tuple(shape[axis] for axis in order)
        return int(np.ravel_multi_index(tuple(int(at[axis]) for axis in order), there))


@dataclass(frozen=True)
class Port:
    """An input or output as the model's author knows it, and the graph's tensor that it is.

    The tensor is value.transpose(permutation), reshaped to `stored`. `dtype` (float32, int8, uint8,
    int16, or int32 and int64 of indices) and `shape` are the file's. `quant` is the graph's
    tensor's, None in a float network, `element` its type, int8 or int16. uint8 differs from int8
    by an offset of 128 and nothing else; floats become integers by rounding to nearest, ties away
    from zero (LiteRT) or to even (ONNX Runtime).
    """

    name: str
    tensor: str
    shape: Shape
    stored: Shape
    permutation: tuple[int, ...]
    dtype: np.dtype[Any] = FLOAT
    quant: Quant | None = None
    ties_to_even: bool = False
    element: np.dtype[Any] = INT8

    @property
    def quantization(self) -> Quant:
        """`quant`; DataError where the network is not quantized yet."""
        if self.quant is None:
            raise DataError("the input has no quantization yet", where=self.name)
        return self.quant

    def to_integers(self, values: Array) -> IntegerArray:
        """The integers of values in the file's type, of any shape (NaN is the smallest one)."""
        if self.dtype == self.element:
            return values.astype(self.element)
        if self.dtype == np.uint8:
            return (values.astype(np.int16) - 128).astype(np.int8)
        scaled = values.astype(np.float32) / np.float32(self.quantization.per_tensor_scale)
        scaled = np.clip(np.nan_to_num(scaled, nan=-1e6), -1e6, 1e6)
        away = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
        rounded = np.rint(scaled) if self.ties_to_even else away
        whole = rounded.astype(np.int64) + self.quantization.zero_point
        limits = np.iinfo(self.element)
        return saturate(whole, limits.min, limits.max, self.element)

    def from_integers(self, values: IntegerArray) -> Array:
        """The values in the file's type that integers stand for, of any shape."""
        if self.dtype == self.element:
            return values
        if self.dtype == np.uint8:
            return (values.astype(np.int16) + 128).astype(np.uint8)
        centred = values.astype(np.int32) - self.quantization.zero_point
        if self.dtype.kind == "i":  # an index
            return centred.astype(self.dtype)
        return centred.astype(np.float32) * np.float32(self.quantization.per_tensor_scale)

    @property
    def reads(self) -> str:
        """The types of arrays that it takes, in words."""
        if self.quant is None:
            return "floats"
        own = self.dtype.name
        return f"floats or {self.element.name}" if own == "float32" else f"{own} or floats"

    def takes(self, dtype: np.dtype[Any]) -> bool:
        """Floats are real values; integers are those of the file's own input, or the graph's."""
        if dtype.kind == "f":
            return True
        whole = self.element if self.dtype == FLOAT else self.dtype
        return self.quant is not None and dtype == whole

    def in_graph(self, values: Array) -> Array:
        """Values of the file's shape in the graph's layout."""
        value = values.reshape(self.shape).transpose(self.permutation)
        return np.ascontiguousarray(value).reshape(self.stored)

    def in_file(self, values: Array) -> Array:
        """Values of the graph in the file's shape and layout."""
        value = values.reshape([self.shape[axis] for axis in self.permutation])
        return np.ascontiguousarray(value.transpose(np.argsort(self.permutation)))

    def of_c(self, values: IntegerArray) -> Array:
        """Integers as the C reads them, (H, W, C), in the file's layout and integers."""
        value = self.in_file(values)
        return self.from_integers(value) if self.dtype == np.uint8 else value

    def integers(self, values: Array) -> IntegerArray:
        """The integers of values of the file's shape, (H, W, C)."""
        read = self
        if values.dtype.kind == "f":
            read = replace(self, dtype=FLOAT)
        elif values.dtype == self.element:
            read = replace(self, dtype=self.element)
        return self.in_graph(read.to_integers(values)).reshape(hwc(self.stored))

    def real(self, values: Array) -> npt.NDArray[np.float32]:
        """The real values of values of the file's shape, in the graph's layout."""
        if values.dtype.kind != "f":
            real = replace(self, dtype=FLOAT).from_integers(self.integers(values))
            return real.reshape(self.stored)
        return self.in_graph(values).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ConstantOutput:
    """An output of the file that no input reaches, in the file's shape and type.

    `quant` is that of integers which stand for reals, None elsewhere.
    """

    values: Array
    quant: Quant | None = None


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A model file as a Graph: of floats, or of int8 where the file is quantized.

    `inputs` and `outputs` are in the file's order. `sources` lists the tensors of the graph that
    hold values of the file: reals, or the int8 ones of a quantized file (of uint8, less 128).
    Compare intermediates through it. `labels` has the operator of every node of the file,
    `constants` the outputs of the file that no input reaches: nothing computes them.
    `weight_scales` are those of weights that a float network's file holds as integers. `aliases`
    are names of the file for tensors that `sources` lacks: values of as many numbers, moved.
    """

    graph: Graph
    model_path: Path
    sha256: str
    format: Format
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    sources: Mapping[str, Source]
    labels: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, ConstantOutput] = field(default_factory=dict)
    weight_scales: tuple[float, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def name_in_file(self, tensor: str) -> str | None:
        """What the file calls a tensor of the graph, None where it has none of its numbers."""
        source = self.sources.get(tensor)
        return self.aliases.get(tensor) if source is None else source.name

    @property
    def quantized(self) -> bool:
        """Whether the file holds integers: the graph is int8, ready for `lower`."""
        return all(port.quant is not None for port in self.inputs)

    @property
    def ports(self) -> tuple[Port, ...]:
        """The inputs in the order of the graph's."""
        ports = {port.tensor: port for port in self.inputs}
        return tuple(ports[name] for name in self.graph.inputs)
