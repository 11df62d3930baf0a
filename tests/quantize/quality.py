"""The outputs of an integer network on camera images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from mcucc.images.camera import CameraInput
from mcucc.images.preprocess import Bytes
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.fixed_point import Int8Array

DoubleArray = npt.NDArray[np.float64]


def integer_outputs(
    integer: IntegerGraph, images: Iterable[Bytes], together: int = 16
) -> Iterator[dict[str, Int8Array]]:
    """The outputs (H, W, C) by name for each camera image, computed `together` at a time."""
    (source,) = integer.inputs
    camera = CameraInput.offset(integer.activations[source].channels)
    for group in _batches(images, together):
        values = integer.run({source: camera.apply(np.stack(group))})
        for index in range(len(group)):
            yield {name: values[name][index] for name in integer.outputs}


def _batches(images: Iterable[Bytes], size: int) -> Iterator[list[Bytes]]:
    group: list[Bytes] = []
    for image in images:
        group.append(image)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
