"""Samples: what one inference reads, in every form that some way of computing it needs.

A picture becomes a sample by preprocessing, a row of arrays is one already. The float network gets
`real`, NumPy and the oracles `int8`, the C `raw`: one and the same sample, in the order of the
network's inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from mcucc.frontends.imported import Port
from mcucc.images.camera import CameraInput
from mcucc.images.picture_file import Source, read_picture
from mcucc.images.placement import Placement, Size
from mcucc.images.preprocess import Bytes, FloatArray, Preprocess
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import IntegerArray

Array = npt.NDArray[Any]


class Sample(Protocol):
    """The inputs of one inference, in the order of the network's inputs."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def label(self) -> int | None:
        """The right class, None where there is none to evaluate against."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Of labels.csv: the value in each further column, "" for none."""

    @property
    def real(self) -> tuple[FloatArray, ...]:
        """What the float network reads, in the graph's layout."""

    @property
    def int8(self) -> tuple[IntegerArray, ...]:
        """What the integer network reads, (H, W, C): int8 or int16."""

    @property
    def raw(self) -> bytes:
        """What the C reads, one input after the other."""

    def quantized(self, quants: Sequence[Quant]) -> Sample:
        """The same where the inputs' quantization has become known."""


@dataclass(frozen=True, eq=False)
class Picture:
    """The sample that a network of one picture reads: camera bytes, `Preprocess.camera_shape`.

    `camera` says how bytes become int8, None: byte - 128. `size` and `source` are of the picture
    that the bytes were made of, None where they are all there is.
    """

    image: Bytes
    preprocess: Preprocess
    camera: CameraInput | None = None
    name: str = ""
    label: int | None = None
    size: Size | None = None
    source: Source | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def pixels(self) -> Bytes:
        """The bytes (H, W, C) of the network's picture, which it makes of a camera's own."""
        return self.preprocess.picture(self.image)

    @property
    def placement(self) -> Placement:
        """How the picture lies in the network's input."""
        if self.size is None:
            return Placement.same(self.preprocess.shape[:2])
        return self.preprocess.placement(self.size)

    def shown(self) -> Image.Image:
        """The picture in its own pixels, RGB; DataError where its file is no longer readable."""
        if self.source is not None:
            return read_picture(self.source, lambda image: image.convert("RGB"))
        image = self.pixels
        turned = image[..., ::-1] if self.preprocess.channels == "bgr" else image
        array = np.ascontiguousarray(turned[..., 0] if turned.shape[-1] == 1 else turned)
        return Image.fromarray(array).convert("RGB")

    @property
    def real(self) -> tuple[FloatArray, ...]:
        """Normalised as the preprocessing says."""
        return (self.preprocess.real_values(self.pixels),)

    @property
    def int8(self) -> tuple[IntegerArray, ...]:
        """By the camera's table."""
        camera = self.camera or CameraInput.offset(self.pixels.shape[-1])
        return (camera.apply(self.pixels),)

    @property
    def raw(self) -> bytes:
        """The camera's bytes: the table is in the C."""
        return np.ascontiguousarray(self.image).tobytes()

    def quantized(self, quants: Sequence[Quant]) -> Picture:
        """Itself: a folded input's quantization is that of the bytes."""
        return self


def load_picture(
    source: Source,
    preprocess: Preprocess,
    camera: CameraInput | None = None,
    name: str = "",
    label: int | None = None,
) -> Picture:
    """A picture as a sample; DataError when it cannot be decoded."""

    def made(image: Image.Image) -> Picture:
        size = (image.height, image.width)
        found = preprocess.camera_bytes(image)
        return Picture(found, preprocess, camera, name, label, size, source)

    return read_picture(source, made)


@dataclass(frozen=True, eq=False)
class ArraySample:
    """A sample of arrays: one a port, in the file's own layout, integers or floats."""

    ports: tuple[Port, ...]
    values: tuple[Array, ...]
    name: str = ""
    label: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def real(self) -> tuple[FloatArray, ...]:
        """Floats as they are, integers by the input's quantization."""
        return tuple(p.real(v) for p, v in zip(self.ports, self.values, strict=True))

    @property
    def int8(self) -> tuple[IntegerArray, ...]:
        """Integers as they are, floats by the input's quantization."""
        return tuple(p.integers(v) for p, v in zip(self.ports, self.values, strict=True))

    @property
    def raw(self) -> bytes:
        """The C reads the integers."""
        return b"".join(value.tobytes() for value in self.int8)

    def quantized(self, quants: Sequence[Quant]) -> ArraySample:
        """The same with the inputs' quantization."""
        ports = zip(self.ports, quants, strict=True)
        return replace(self, ports=tuple(replace(port, quant=quant) for port, quant in ports))


@dataclass(frozen=True)
class CalibrationFacts:
    """Which folder (no path of this machine), how many samples, the first and the last."""

    source: str
    count: int
    first: str
    last: str


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Samples to calibrate on, and where they are from."""

    source: str
    samples: tuple[Sample, ...] = field(default_factory=tuple)

    @property
    def facts(self) -> CalibrationFacts:
        """For the manifest."""
        first, last = self.samples[0], self.samples[-1]
        return CalibrationFacts(self.source, len(self.samples), first.name, last.name)


def batch(inputs: Sequence[str], samples: Sequence[Sample]) -> dict[str, IntegerArray]:
    """The integers of samples by input, (samples, H, W, C)."""
    columns = zip(*(sample.int8 for sample in samples), strict=True)
    return {name: np.stack(column) for name, column in zip(inputs, columns, strict=True)}
