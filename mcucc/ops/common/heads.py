"""Matrices in activations: a row of a matrix is a pixel, heads lie one after another in channels.

So transformers' tensors lie as their projections make them, a token a pixel, and nothing moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.window import Window, hwc


def every_pixel(shape: tuple[int, int, int], width: int, *, by_row: bool) -> tuple[Window, Window]:
    """The windows of an operand of which a pixel of the output reads all pixels (of its row).

    Without `by_row` nothing slides. With it rows go one to one; columns slide by a window that
    covers the row from each of the `width` columns of the output.
    """
    if by_row:
        return Window(), Window(kernel=shape[1] + width - 1, pad=width - 1)
    return Window(kernel=shape[0], stride=0), Window(kernel=shape[1], stride=0)


@dataclass(frozen=True)
class HeadLayout:
    """`groups` times `heads` pairs of matrices: a's have `a_depth` columns, b's `b_depth`.

    b's matrices have `pixels` rows. Groups are the rows of both tensors, or one.
    """

    groups: int
    heads: int
    a_depth: int
    b_depth: int
    pixels: int

    @staticmethod
    def of(a: tuple[int, ...], b: tuple[int, ...], heads: int, *, by_row: bool) -> HeadLayout:
        """That of two shapes; ValueError where they have no such matrices."""
        (a_rows, _, a_channels), (b_rows, b_columns, b_channels) = hwc(a), hwc(b)
        if heads < 1 or a_channels % heads or b_channels % heads:
            raise ValueError(f"{heads} heads in {a_channels} and {b_channels} channels")
        if by_row and a_rows != b_rows:
            raise ValueError(f"{a_rows} and {b_rows} rows of matrices")
        groups, pixels = (a_rows, b_columns) if by_row else (1, b_rows * b_columns)
        return HeadLayout(groups, heads, a_channels // heads, b_channels // heads, pixels)

    def split(self, a: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(batch, .., heads * depth) as (batch, groups, heads, pixels, depth)."""
        depth = a.shape[-1] // self.heads
        parts = a.reshape(a.shape[0], self.groups, -1, self.heads, depth)
        return parts.transpose(0, 1, 3, 2, 4)

    @staticmethod
    def joined(matrices: npt.NDArray[Any], pixels: tuple[int, ...]) -> npt.NDArray[Any]:
        """Back from `split`: (*pixels, heads * depth)."""
        return np.ascontiguousarray(matrices.transpose(0, 1, 3, 2, 4)).reshape(*pixels, -1)
