"""How a camera byte becomes the integer a network reads, int8 or int16.

With folded input normalisation it is byte - 128. Networks that come with their own input
quantization (imported int8 models) get a table per channel. `cameras_of` decides. Where nodes in
front of the network read the camera's own bytes (front.py), these stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.images.preprocess import Preprocess
from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import IntegerArray
from mcucc.ops.camera_picture import byte_table

BYTES = np.arange(256, dtype=np.int64)
OFFSET_TABLE = (BYTES - 128).astype(np.int8)


@dataclass(frozen=True, eq=False)
class CameraInput:
    """`table[c][byte]` is the integer of channel c; shape (C, 256), int8 or int16.

    `sent` says in words what a camera sends whose bytes stay what they are; "": they do not.
    """

    table: IntegerArray
    sent: str = ""

    @staticmethod
    def as_sent(channels: int, sent: str) -> CameraInput:
        """Bytes as they are, two's complement."""
        return CameraInput(np.tile(BYTES.astype(np.uint8).view(np.int8), (channels, 1)), sent)

    @staticmethod
    def offset(channels: int) -> CameraInput:
        """byte - 128 for every channel."""
        return CameraInput(np.tile(OFFSET_TABLE, (channels, 1)))

    @staticmethod
    def quantized(scale: Sequence[float], offset: Sequence[float], x: Tensor) -> CameraInput:
        """Quantize real = scale[c] * byte + offset[c] to the input tensor of a network."""
        return CameraInput(byte_table(scale, offset, x))

    @property
    def is_offset(self) -> bool:
        """Whether every byte simply becomes byte - 128."""
        return self.table.dtype == np.int8 and bool((self.table == OFFSET_TABLE).all())

    def apply(self, pixels: npt.NDArray[np.uint8]) -> IntegerArray:
        """Camera bytes (..., C) to integers of the same shape."""
        channels = np.arange(self.table.shape[0])
        return self.table[channels, pixels.astype(np.int64)]


def cameras_of(
    graph: Graph, preprocess: Preprocess | None, *, folded: bool
) -> dict[str, CameraInput]:
    """How camera bytes become the input of an integer graph, by the input's name.

    Empty where it takes integers as they are: without preprocessing, and where a picture does not
    fill all inputs. `folded` says that the normalisation is part of the network.
    """
    if preprocess is None or len(graph.inputs) != 1:
        return {}
    (name,) = graph.inputs
    if folded:
        return {name: CameraInput.offset(preprocess.channel_count)}
    scale, offset = preprocess.affine()
    return {name: CameraInput.quantized(list(scale), list(offset), graph.tensors[name])}
