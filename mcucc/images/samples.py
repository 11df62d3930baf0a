"""Samples: what one inference reads, in every form that some way of computing it needs.

A picture becomes a sample by preprocessing, a row of arrays is one already. The float network gets
`real`, NumPy and the oracles `int8`, the C `raw`: one and the same sample, in the order of the
network's inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mcucc.errors import DataError
from mcucc.frontends.quantized import End, ImportedQuantized
from mcucc.images.camera import CameraInput
from mcucc.images.preprocess import Bytes, FloatArray, Preprocess
from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Quant
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import Int8Array

Array = npt.NDArray[Any]
FLOAT = np.dtype(np.float32)


class Sample(Protocol):
    """The inputs of one inference, in the order of the network's inputs."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def label(self) -> int | None:
        """The right class, None where there is none to evaluate against."""

    @property
    def real(self) -> tuple[FloatArray, ...]:
        """What the float network reads, in the graph's layout."""

    @property
    def int8(self) -> tuple[Int8Array, ...]:
        """What the integer network reads, (H, W, C)."""

    @property
    def raw(self) -> bytes:
        """What the C reads, one input after the other."""

    def quantized(self, quants: Sequence[Quant]) -> Sample:
        """The same where the inputs' quantization has become known."""


@dataclass(frozen=True, eq=False)
class Picture:
    """The sample that a network of one picture reads: camera bytes (H, W, C).

    `camera` says how bytes become int8, None: byte - 128.
    """

    image: Bytes
    preprocess: Preprocess
    camera: CameraInput | None = None
    name: str = ""
    label: int | None = None

    @property
    def real(self) -> tuple[FloatArray, ...]:
        """Normalised as the preprocessing says."""
        return (self.preprocess.real_values(self.image),)

    @property
    def int8(self) -> tuple[Int8Array, ...]:
        """By the camera's table."""
        camera = self.camera or CameraInput.offset(self.image.shape[-1])
        return (camera.apply(self.image),)

    @property
    def raw(self) -> bytes:
        """The camera's bytes: the table is in the C."""
        return np.ascontiguousarray(self.image).tobytes()

    def quantized(self, quants: Sequence[Quant]) -> Picture:
        """Itself: a folded input's quantization is that of the bytes."""
        return self


@dataclass(frozen=True)
class Port:
    """An input of the file, and the graph's tensor that it is.

    The tensor is value.transpose(permutation), reshaped to `stored`. `end` is None where a float
    network is not yet quantized.
    """

    name: str
    shape: tuple[int, ...]
    stored: tuple[int, ...]
    permutation: tuple[int, ...] | None
    end: End | None = None

    @property
    def reads(self) -> str:
        """The types of arrays that it takes."""
        if self.end is None:
            return "floats"
        own = self.end.dtype.name
        return "floats or int8" if own == "float32" else f"{own} or floats"

    def in_graph(self, values: Array) -> Array:
        """Values of the file's shape in the graph's layout."""
        value = values.reshape(self.shape)
        if self.permutation is not None:
            value = value.transpose(self.permutation)
        return np.ascontiguousarray(value).reshape(self.stored)

    def of_c(self, values: Int8Array) -> Array:
        """Int8 as the C reads it, (H, W, C), in the file's layout and integers."""
        order = self.permutation or tuple(range(len(self.shape)))
        value = values.reshape([self.shape[axis] for axis in order]).transpose(np.argsort(order))
        return self._known.from_int8(value) if self._known.dtype == np.uint8 else value

    def takes(self, dtype: np.dtype[Any]) -> bool:
        """Floats are real values; integers are those of the file's own input, or int8."""
        if dtype.kind == "f":
            return True
        if self.end is None:
            return False
        return dtype == (np.int8 if self.end.dtype == FLOAT else self.end.dtype)

    def int8(self, values: Array) -> Int8Array:
        """The integers of values of the file's shape, (H, W, C)."""
        end = self._known
        if values.dtype.kind == "f":
            end = replace(end, dtype=FLOAT)
        elif values.dtype == np.int8:
            end = replace(end, dtype=np.dtype(np.int8))
        return self.in_graph(end.to_int8(values)).reshape(hwc(self.stored))

    def real(self, values: Array) -> FloatArray:
        """The real values of values of the file's shape, in the graph's layout."""
        if values.dtype.kind != "f":
            end = replace(self._known, dtype=FLOAT)
            return end.from_int8(self.int8(values)).reshape(self.stored)
        return self.in_graph(values).astype(np.float32)

    @property
    def _known(self) -> End:
        if self.end is None:
            raise DataError("the input has no quantization yet", where=self.name)
        return self.end


@dataclass(frozen=True, eq=False)
class ArraySample:
    """A sample of arrays: one a port, in the file's own layout, integers or floats."""

    ports: tuple[Port, ...]
    values: tuple[Array, ...]
    name: str = ""
    label: int | None = None

    @property
    def real(self) -> tuple[FloatArray, ...]:
        """Floats as they are, integers by the input's quantization."""
        return tuple(p.real(v) for p, v in zip(self.ports, self.values, strict=True))

    @property
    def int8(self) -> tuple[Int8Array, ...]:
        """Integers as they are, floats by the input's quantization."""
        return tuple(p.int8(v) for p, v in zip(self.ports, self.values, strict=True))

    @property
    def raw(self) -> bytes:
        """The C reads the int8."""
        return b"".join(value.tobytes() for value in self.int8)

    def quantized(self, quants: Sequence[Quant]) -> ArraySample:
        """The same with the inputs' quantization."""
        return replace(self, ports=with_quants(self.ports, quants))


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Samples to calibrate on, and where they are from."""

    source: str
    samples: tuple[Sample, ...] = field(default_factory=tuple)

    def to_dict(self) -> dict[str, Any]:
        """For the manifest: which folder (no path of this machine), how many, first and last."""
        return {
            "source": self.source,
            "count": len(self.samples),
            "first": self.samples[0].name,
            "last": self.samples[-1].name,
        }


class FloatFile(Protocol):
    """What ports need of an imported float network."""

    @property
    def graph(self) -> Graph:
        """As imported."""

    @property
    def sources(self) -> Any:
        """The values of the file, by tensor name."""

    @property
    def shapes(self) -> Any:
        """Shapes of inputs and outputs in the file."""


def float_ports(model: FloatFile) -> tuple[Port, ...]:
    """The inputs of a float network, not quantized."""
    ports = []
    for name in model.graph.inputs:
        source, stored = model.sources[name], model.graph.tensors[name].shape
        ports.append(Port(source.name, tuple(model.shapes[name]), stored, source.permutation))
    return tuple(ports)


def quantized_ports(model: ImportedQuantized) -> tuple[Port, ...]:
    """The inputs of a quantized file."""
    ends = {end.tensor: end for end in model.inputs}
    return tuple(
        Port(
            ends[name].name,
            tuple(ends[name].shape),
            model.graph.tensors[name].shape,
            ends[name].permutation,
            ends[name],
        )
        for name in model.graph.inputs
    )


def with_quants(ports: Sequence[Port], quants: Sequence[Quant]) -> tuple[Port, ...]:
    """Ports of a float network that was quantized here: they read floats."""
    return tuple(
        replace(p, end=End(p.name, p.name, p.shape, FLOAT, None, quant, p.permutation))
        for p, quant in zip(ports, quants, strict=True)
    )


def batch(inputs: Sequence[str], samples: Sequence[Sample]) -> dict[str, Int8Array]:
    """The integers of samples by input, (samples, H, W, C)."""
    columns = zip(*(sample.int8 for sample in samples), strict=True)
    return {name: np.stack(column) for name, column in zip(inputs, columns, strict=True)}
