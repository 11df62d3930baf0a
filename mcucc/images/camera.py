"""How a camera byte becomes the int8 a network reads.

With folded input normalisation it is byte - 128. Networks that come with their own input
quantization (imported int8 models) get a table per channel. `cameras_of` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.images.preprocess import Preprocess
from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import Int8Array, round_half_up, saturate_int8

BYTES = np.arange(256, dtype=np.int64)
OFFSET_TABLE = (BYTES - 128).astype(np.int8)


@dataclass(frozen=True, eq=False)
class CameraInput:
    """`table[c][byte]` is the int8 of channel c; shape (C, 256)."""

    table: Int8Array

    @staticmethod
    def offset(channels: int) -> CameraInput:
        """byte - 128 for every channel."""
        return CameraInput(np.tile(OFFSET_TABLE, (channels, 1)))

    @staticmethod
    def quantized(scale: Sequence[float], offset: Sequence[float], quant: Quant) -> CameraInput:
        """Quantize real = scale[c] * byte + offset[c] to a network's own input quantization."""
        real = np.outer(scale, BYTES.astype(np.float64)) + np.asarray(offset)[:, None]
        steps = round_half_up(real / quant.per_tensor_scale) + quant.zero_point
        return CameraInput(saturate_int8(steps))

    @property
    def is_offset(self) -> bool:
        """Whether every byte simply becomes byte - 128."""
        return bool((self.table == OFFSET_TABLE).all())

    def apply(self, pixels: npt.NDArray[np.uint8]) -> Int8Array:
        """Camera bytes (..., C) to int8 of the same shape."""
        channels = np.arange(self.table.shape[0])
        return self.table[channels, pixels.astype(np.int64)]


def cameras_of(
    graph: Graph, preprocess: Preprocess | None, *, folded: bool
) -> dict[str, CameraInput]:
    """How camera bytes become the input of an int8 graph, by the input's name.

    Empty where it takes int8 as they are: without preprocessing, and where a picture does not fill
    all inputs. `folded` says that the normalisation is part of the network.
    """
    if preprocess is None or len(graph.inputs) != 1:
        return {}
    (name,) = graph.inputs
    if folded:
        return {name: CameraInput.offset(preprocess.channel_count)}
    scale, offset = preprocess.affine()
    quant = graph.tensors[name].quantization
    return {name: CameraInput.quantized(list(scale), list(offset), quant)}
