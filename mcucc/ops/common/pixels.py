"""Pixels as cameras send them: formats, colours and areas, in integers.

A row of a camera is groups of neighbouring pixels that share bytes: one pixel, or two where they
share their colour. Components are bytes, 0 to 255: red, green, blue; or Y, U, V; or brightness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntArray

RGB, YUV, GRAY = "rgb", "yuv", "gray"
Bytes = npt.NDArray[np.uint8]
MOST_UNITS = 257  # of an output along an axis: so many bytes add up to 16 bits
# Brightness of red, green and blue in 2^-16: ITU-R BT.601, as Pillow's mode L has it.
LUMA = (19595, 38470, 7471)


@dataclass(frozen=True)
class Layout:
    """What a group of a format holds: how many pixels, in how many bytes, of which components."""

    pixels: int
    bytes: int
    components: str


LAYOUTS = {
    "rgb888": Layout(1, 3, RGB),
    "bgr888": Layout(1, 3, RGB),
    "rgb565": Layout(1, 2, RGB),  # low byte first
    "rgb565be": Layout(1, 2, RGB),
    "yuv422": Layout(2, 4, YUV),  # Y U Y V
    "uyvy": Layout(2, 4, YUV),
    "gray": Layout(1, 1, GRAY),
}


@dataclass(frozen=True)
class YuvMatrix:
    """Red, green and blue of Y, U and V, in 2^-16; U and V less 128.

    Source: ITU-R BT.601: 1.402, 1.772 and what follows from them for green; `limited` also times
    255 / 219 (Y, which begins at 16) and 255 / 224.
    """

    zero: int  # the Y of black
    gain: int
    red_v: int
    green_u: int
    green_v: int
    blue_u: int

    def red_green_blue(self, y: IntArray, u: IntArray, v: IntArray) -> IntArray:
        """Bytes (..., 3) of bytes: halves rounded up, cut to 0..255."""
        base = (y - self.zero) * self.gain + (1 << 15)
        u, v = u - 128, v - 128
        parts = (
            base + self.red_v * v,
            base - self.green_u * u - self.green_v * v,
            base + self.blue_u * u,
        )
        found: IntArray = np.clip(np.stack(parts, axis=-1) >> 16, 0, 255)
        return found


RANGES = {
    "full": YuvMatrix(0, 65536, 91881, 22554, 46802, 116130),
    "limited": YuvMatrix(16, 76309, 104597, 25675, 53279, 132201),
}


def components_of(form: str, raw: Bytes) -> IntArray:
    """The pixels of rows of groups: (..., groups, bytes) becomes (..., pixels, components)."""
    x = raw.astype(np.int64)
    if form in ("rgb888", "bgr888"):
        return x if form == "rgb888" else x[..., ::-1]
    if form in ("rgb565", "rgb565be"):
        low, high = (0, 1) if form == "rgb565" else (1, 0)
        word = x[..., high] << 8 | x[..., low]
        red, green, blue = word >> 11, word >> 5 & 63, word & 31
        parts = (red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2)
        return np.stack(parts, axis=-1)
    if form in ("yuv422", "uyvy"):
        luma = 0 if form == "yuv422" else 1
        colour = np.repeat(x[..., [1 - luma, 3 - luma]], 2, axis=-2)
        y = x[..., luma::2].reshape(*x.shape[:-2], -1, 1)
        return np.concatenate([y, colour], axis=-1)
    return x


def brightness(colours: IntArray) -> IntArray:
    """Gray (..., 1) of red, green and blue (..., 3): Pillow's mode L."""
    found: IntArray = (colours @ np.array(LUMA) + (1 << 15)) >> 16
    return found[..., None]


@dataclass(frozen=True)
class Area:
    """Along one axis `size` outputs share `length` pixels, which begin at pixel `begin`, equally.

    An output is `step` units wide, a pixel `unit`: lowest terms of length / size.
    """

    begin: int
    length: int
    size: int

    @property
    def step(self) -> int:
        """Units of an output."""
        return self.length // math.gcd(self.length, self.size)

    @property
    def unit(self) -> int:
        """Units of a pixel."""
        return self.size // math.gcd(self.length, self.size)

    def check(self, pixels: int) -> None:
        """ValueError unless it lies within so many pixels and sums of bytes fit."""
        if min(self.begin, self.size - 1) < 0 or self.begin + self.length > pixels:
            raise ValueError(f"cannot take {self} of {pixels} pixels")
        if self.length < self.size:
            raise ValueError(
                f"{self.length} pixels cannot be averaged to {self.size}, which is more"
            )
        if self.step > MOST_UNITS:
            raise ValueError(
                f"{self.length} / {self.size} in lowest terms is {self.step} / {self.unit}: "
                f"at most {MOST_UNITS}"
            )

    def window(self, group: int = 1) -> Window:
        """The groups of pixels that outputs read; the last may end behind the picture."""
        outputs = np.arange(self.size, dtype=np.int64)
        first = self.begin + outputs * self.step // self.unit
        last = self.begin + ((outputs + 1) * self.step - 1) // self.unit
        extent = int((last // group - first // group).max()) + 1
        if group == 1:
            return Window(extent, self.step, -self.begin, 1, self.unit)
        return Window(extent, self.step, 0, 1, self.unit * group, self.begin * self.unit)

    def sums(self, x: IntArray, axis: int) -> IntArray:
        """Units times pixels of every output, along an axis: differences of running sums."""
        taken = np.moveaxis(x.take(range(self.begin, self.begin + self.length), axis), axis, 0)
        running = np.concatenate([np.zeros_like(taken[:1]), np.cumsum(taken, axis=0)])
        edges = np.arange(self.size + 1, dtype=np.int64) * self.step
        whole, part = edges // self.unit, edges % self.unit
        shared = taken[np.minimum(whole, self.length - 1)]
        until = running[whole] * self.unit + part.reshape(-1, *(1,) * (x.ndim - 1)) * shared
        found: IntArray = np.moveaxis(np.diff(until, axis=0), 0, axis)
        return found

    def __str__(self) -> str:
        return f"{self.begin}:{self.begin + self.length} as {self.size}"
