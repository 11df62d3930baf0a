"""Top-1 accuracy and the outputs it is counted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.images.camera import CameraInput
from mcucc.images.preprocess import Bytes
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.fixed_point import Int8Array

BATCH = 16


def integer_outputs(
    integer: IntegerGraph,
    images: Iterable[Bytes],
    camera: CameraInput | None = None,
    batch: int = BATCH,
) -> Iterator[dict[str, Int8Array]]:
    """The outputs (H, W, C) by name for each camera image, computed `batch` at a time.

    `camera` says how bytes become int8 (default: byte - 128).
    """
    (source,) = integer.inputs
    camera = camera or CameraInput.offset(integer.activations[source].channels)
    for group in _batches(images, batch):
        values = integer.run({source: camera.apply(np.stack(group))})
        for index in range(len(group)):
            yield {name: values[name][index] for name in integer.outputs}


def top1(outputs: Sequence[npt.NDArray[Any]], labels: Sequence[int]) -> float:
    """Share of outputs whose largest value (the first of equals) is at the label's index."""
    if len(outputs) != len(labels) or not len(labels):
        raise ValueError(f"{len(outputs)} outputs for {len(labels)} labels")
    hits = [int(np.argmax(output)) == label for output, label in zip(outputs, labels, strict=True)]
    return sum(hits) / len(hits)


def _batches(images: Iterable[Bytes], size: int) -> Iterator[list[Bytes]]:
    group: list[Bytes] = []
    for image in images:
        group.append(image)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
