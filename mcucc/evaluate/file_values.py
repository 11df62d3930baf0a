"""How the tensors of an integer network hold those of the float network it was made of.

Equalisation scales and shifts channels, constant channels are dropped: what compares values with
the model file's takes both back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.passes.constant_channels import KeptChannels
from mcucc.passes.linear import Affine

DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FileValues:
    """One tensor: its values are scale * x + offset of `channels` of the file's `tensor` x.

    Without `channels` all are there, without `scale` and `offset` their values are the file's.
    """

    tensor: str
    channels: tuple[int, ...] = ()
    scale: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()

    def chosen(self, file: DoubleArray) -> DoubleArray:
        """The channels (last axis) that are there, of what the file holds."""
        return file[..., list(self.channels)] if self.channels else file

    def in_file(self, real: DoubleArray) -> DoubleArray:
        """The file's values of the network's real ones."""
        if not self.scale:
            return real
        file: DoubleArray = (real - np.asarray(self.offset)) / np.asarray(self.scale)
        return file

    def in_network(self, file: DoubleArray) -> DoubleArray:
        """The network's real values of the file's, channels already chosen."""
        if not self.scale:
            return file
        real: DoubleArray = file * np.asarray(self.scale) + np.asarray(self.offset)
        return real


def file_values(
    maps: Mapping[str, Affine], kept: Mapping[str, KeptChannels]
) -> dict[str, FileValues]:
    """Of every tensor that is not simply the file's, by its name in the network.

    `maps` are of tensors before channels were dropped; `kept` has those that lost some, by their
    new name.
    """
    found = {name: _mapped(name, affine, ()) for name, affine in maps.items()}
    for name, left in kept.items():
        found.pop(left.tensor, None)
        found[name] = _mapped(left.tensor, maps.get(left.tensor), left.channels)
    return found


def _mapped(tensor: str, affine: Affine | None, channels: tuple[int, ...]) -> FileValues:
    if affine is None or affine.identity:
        return FileValues(tensor, channels)
    chosen = slice(None) if not channels else list(channels)
    scale, offset = (part[chosen].tolist() for part in (affine.scale, affine.offset))
    return FileValues(tensor, channels, tuple(scale), tuple(offset))
