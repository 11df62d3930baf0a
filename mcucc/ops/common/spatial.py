"""Sliding windows: the attribute block shared by convolutions and pools, and its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.window import Window

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Pads:
    """Padding in pixels on each side."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return any((self.top, self.left, self.bottom, self.right))

    def __add__(self, other: Pads) -> Pads:
        return Pads(
            self.top + other.top,
            self.left + other.left,
            self.bottom + other.bottom,
            self.right + other.right,
        )

    def __str__(self) -> str:
        return f"{self.top},{self.left},{self.bottom},{self.right}"


NO_PADS = Pads()


@dataclass(frozen=True)
class Window2d:
    """A sliding window: kernel, stride, dilation as (rows, columns), and padding."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = NO_PADS

    def __post_init__(self) -> None:
        if min(*self.kernel, *self.stride, *self.dilation) < 1:
            raise ValueError("kernel, stride and dilation must be at least 1")
        if min(self.pads.top, self.pads.left, self.pads.bottom, self.pads.right) < 0:
            raise ValueError("padding must not be negative")

    @property
    def effective(self) -> tuple[int, int]:
        """d * (k - 1) + 1 for rows and columns."""
        return (
            self.dilation[0] * (self.kernel[0] - 1) + 1,
            self.dilation[1] * (self.kernel[1] - 1) + 1,
        )

    @property
    def rows(self) -> Window:
        """The window along the height."""
        return Window(self.effective[0], self.stride[0], self.pads.top, self.dilation[0])

    @property
    def columns(self) -> Window:
        """The window along the width."""
        return Window(self.effective[1], self.stride[1], self.pads.left, self.dilation[1])

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel reads the input pixel at its own place, and no other."""
        return self.kernel == self.stride == (1, 1) and not self.padded

    @property
    def padded(self) -> bool:
        """Whether the window may leave the input."""
        return bool(self.pads)

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Output height and width; ValueError when the window does not fit once."""
        tall, wide = self.effective
        free_rows = height + self.pads.top + self.pads.bottom - tall
        free_cols = width + self.pads.left + self.pads.right - wide
        if free_rows < 0 or free_cols < 0:
            raise ValueError(
                f"a {tall}x{wide} window does not fit into a padded {height}x{width} input"
            )
        return free_rows // self.stride[0] + 1, free_cols // self.stride[1] + 1

    def __str__(self) -> str:
        text = f"{self.kernel[0]}x{self.kernel[1]}"
        if self.stride != (1, 1):
            text += f" s{self.stride[0]},{self.stride[1]}"
        if self.dilation != (1, 1):
            text += f" d{self.dilation[0]},{self.dilation[1]}"
        return text + (f" p{self.pads}" if self.pads else "")

    def fields(self) -> tuple[tuple[str, int], ...]:
        """The C fields `mcucc_window` of this window, in the struct's order."""
        return (
            ("kernel_h", self.kernel[0]),
            ("kernel_w", self.kernel[1]),
            ("stride_w", self.stride[1]),
            ("dilation_w", self.dilation[1]),
            ("pad_left", self.pads.left),
        )


def patches(x: npt.NDArray[Scalar], window: Window2d, pad_value: Any = 0) -> npt.NDArray[Scalar]:
    """Every window of `x` (N, H, W, C) as a view-based array (N, Ho, Wo, kh, kw, C)."""
    padded = with_padding(x, window.pads, pad_value)
    tall, wide = window.effective
    views = np.lib.stride_tricks.sliding_window_view(padded, (tall, wide), axis=(1, 2))
    views = views[:, :: window.stride[0], :: window.stride[1]]
    views = views[..., :: window.dilation[0], :: window.dilation[1]]
    return np.moveaxis(views, 3, 5)


def taps(
    padded: npt.NDArray[Scalar], window: Window2d
) -> Iterator[tuple[int, int, npt.NDArray[Scalar]]]:
    """Row and column of every tap, and the view (N, Ho, Wo, C) of what outputs read there.

    `padded` is the input with its padding; writing into the views writes into it.
    """
    (tall, wide), (down, across) = window.effective, window.stride
    height, width = (n - extent for n, extent in zip(padded.shape[1:3], (tall, wide), strict=True))
    for i, j in np.ndindex(*window.kernel):
        top, left = i * window.dilation[0], j * window.dilation[1]
        rows, columns = slice(top, top + height + 1, down), slice(left, left + width + 1, across)
        yield i, j, padded[:, rows, columns]


def with_padding(x: npt.NDArray[Scalar], pads: Pads, value: Any = 0) -> npt.NDArray[Scalar]:
    """`x` (N, H, W, C) and its padding of `value`."""
    if not pads:
        return x
    around = ((0, 0), (pads.top, pads.bottom), (pads.left, pads.right), (0, 0))
    return np.pad(x, around, constant_values=value)


def without_padding(padded: npt.NDArray[Scalar], pads: Pads) -> npt.NDArray[Scalar]:
    """What `with_padding` was given."""
    _, tall, wide, _ = padded.shape
    return padded[:, pads.top : tall - pads.bottom, pads.left : wide - pads.right]


def valid_counts(window: Window2d, height: int, width: int) -> npt.NDArray[np.int64]:
    """Taps of each output position that lie inside the input, shape (Ho, Wo)."""
    rows, columns = valid_taps(window, height, width)
    counts: npt.NDArray[np.int64] = rows.sum(axis=1)[:, None] * columns.sum(axis=1)
    return counts


def valid_taps(
    window: Window2d, height: int, width: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which tap rows of each output row, and which tap columns of each column, are inside.

    Shapes (Ho, kh) and (Wo, kw).
    """
    tall, wide = window.output_size(height, width)
    return _inside(window.rows, tall, height), _inside(window.columns, wide, width)


def _inside(window: Window, outputs: int, size: int) -> npt.NDArray[np.bool_]:
    """Whether each tap of each of `outputs` positions along one axis lies in [0, size)."""
    taps = np.arange(outputs)[:, None] * window.stride - window.pad
    taps = taps + np.arange(0, window.kernel, window.dilation)
    inside: npt.NDArray[np.bool_] = (taps >= 0) & (taps < size)
    return inside
