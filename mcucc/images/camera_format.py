"""What a camera sends: its pixel format, its picture's size, and the part the network looks at.

`pack` is what such a camera makes of a picture: pictures on disk become its bytes, so that
everything which reads pictures reads what the C does. `ops` is the way back, in integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.base.typed import shown
from mcucc.errors import DataError
from mcucc.images.placement import Region, Size
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import IntArray
from mcucc.ops.bayer_bin import PATTERNS, BayerBin
from mcucc.ops.camera_picture import CameraPicture
from mcucc.ops.common.pixels import GRAY, LAYOUTS, LUMA, MOST_UNITS, RANGES, YUV, Area

Bytes = npt.NDArray[np.uint8]
Shape = tuple[int, int, int]

BAYER = "bayer_"
FORMATS = (*LAYOUTS, *(BAYER + pattern for pattern in PATTERNS))
LARGEST_SIDE = 8192
MOST_PIXELS = 2**23  # of a frame, which Python unpacks in 8 bytes a component
# U and V of red, green and blue in 2^-16, and Y where it is not LUMA: ITU-R BT.601, `limited` in
# 219 and 224 steps.
_U = {"full": (-11059, -21709, 32768), "limited": (-9714, -19070, 28784)}
_V = {"full": (32768, -27439, -5329), "limited": (28784, -24103, -4681)}
_Y = {"full": LUMA, "limited": (16829, 33039, 6416)}


@dataclass(frozen=True)
class CameraFormat:
    """The camera's own bytes: `size` (height, width) and `crop` (top, left, height, width), pixels.

    Raises DataError, naming the key, for values that cannot be.
    """

    format: str
    size: Size
    crop: tuple[int, int, int, int]
    yuv_range: str = "full"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise DataError(f"format = {shown(self.format)} is none of {', '.join(FORMATS)}")
        if self.yuv_range not in RANGES:
            raise DataError(f"yuv_range = {shown(self.yuv_range)} is none of {', '.join(RANGES)}")
        if not all(1 <= side <= LARGEST_SIDE for side in self.size):
            raise DataError(f"camera = {list(self.size)} is outside 1..{LARGEST_SIDE}")
        if self.size[0] * self.size[1] > MOST_PIXELS:
            raise DataError(f"camera = {list(self.size)} has more than {MOST_PIXELS:,} pixels")
        height, width = self.size
        top, left, rows, columns = self.crop
        inside = min(top, left) >= 0 and top + rows <= height and left + columns <= width
        if not inside or min(rows, columns) < 1:
            raise DataError(
                f"crop = {list(self.crop)} (top, left, height, width) lies outside "
                f"camera = {list(self.size)}"
            )
        if self.bayer and any(side % 2 for side in (*self.size, *self.crop)):
            raise DataError(
                f"camera = {list(self.size)} and crop = {list(self.crop)} must be even: "
                f"{self.format} has squares of 2x2 sites"
            )
        if self.components == YUV and width % 2:
            raise DataError(
                f"camera = {list(self.size)}: its width must be even: pixels of {self.format} "
                "share their colour in pairs"
            )

    @property
    def bayer(self) -> bool:
        """Whether it sends a sensor's mosaic."""
        return self.format.startswith(BAYER)

    @property
    def components(self) -> str:
        """Of a pixel: rgb, yuv or gray."""
        return "rgb" if self.bayer else LAYOUTS[self.format].components

    @property
    def gray(self) -> bool:
        """Whether it sees no colours."""
        return self.components == GRAY

    @property
    def shape(self) -> Shape:
        """(height, groups of pixels, bytes of a group) of what it sends."""
        height, width = self.size
        if self.bayer:
            return height, width, 1
        layout = LAYOUTS[self.format]
        return height, width // layout.pixels, layout.bytes

    @property
    def region(self) -> Region:
        """The crop."""
        return Region(*self.crop)

    @property
    def title(self) -> str:
        """For comments: 240 x 320 pixels of rgb565."""
        height, width = self.size
        limited = ", limited range" if self.components == YUV and self.yuv_range != "full" else ""
        return f"{height} x {width} pixels of {self.format}{limited}"

    def areas(self, size: Size) -> tuple[Area, Area]:
        """Rows and columns of the crop for a network of `size`: of a mosaic, of its squares."""
        top, left, height, width = (side // (2 if self.bayer else 1) for side in self.crop)
        return Area(top, height, size[0]), Area(left, width, size[1])

    def check(self, channels: str, size: Size) -> None:
        """DataError, naming the key, unless it can be the picture of a network of `size`."""
        if self.gray and channels != "gray":
            raise DataError(
                f'format = "{self.format}" has no colours, channels = "{channels}" has three',
                hint='channels = "gray", or another format',
            )
        binned = " after its squares became pixels" if self.bayer else ""
        for area, axis in zip(self.areas(size), ("height", "width"), strict=True):
            if area.length < area.size:
                raise DataError(
                    f"resize = {list(size)} is larger than the {axis} of the camera's crop, "
                    f"{area.length} pixels{binned}: pictures are averaged, never enlarged",
                    hint="a larger crop, a larger camera picture, or another network",
                )
            if area.step > MOST_UNITS:
                raise DataError(
                    f"crop: its {axis} {area.length} over {area.size} is {area.step} / {area.unit}"
                    f" in lowest terms, the first number at most {MOST_UNITS}",
                    hint="crop a few pixels more, so that the quotient is a simpler one",
                )

    def pack(self, picture: Bytes) -> Bytes:
        """Of RGB (H, W, 3), or gray (H, W, 1), what the camera sends (`shape`)."""
        height, width = self.size
        if self.bayer:
            found = np.empty((height, width, 1), np.uint8)
            for site, colour in enumerate(self.format.removeprefix(BAYER)):
                part = slice(site // 2, None, 2), slice(site % 2, None, 2)
                found[(*part, 0)] = picture[(*part, "rgb".index(colour))]
            return found
        return _PACK[self.format](self, picture).reshape(self.shape).astype(np.uint8)

    def ops(
        self, size: Size, channels: str, scale: Sequence[float], offset: Sequence[float]
    ) -> tuple[Op, ...]:
        """From its bytes to the network's input, scale[c] * byte + offset[c] of channel c."""
        rows, columns = self.areas(size)
        form = "rgb888" if self.bayer else self.format
        place = (rows, columns, tuple(scale), tuple(offset), self.yuv_range)
        picture = CameraPicture(form, channels, *place)
        return (BayerBin(self.format.removeprefix(BAYER)), picture) if self.bayer else (picture,)

    def picture(self, frame: Bytes, size: Size, channels: str) -> Bytes:
        """The network's bytes (H, W, C) of a frame, as the C makes them."""
        count = 1 if channels == "gray" else 3
        *binning, last = self.ops(size, channels, (1.0,) * count, (0.0,) * count)
        raw = frame.reshape(1, *self.shape)
        for op in binning:
            assert isinstance(op, BayerBin)
            raw = op.binned(raw.view(np.int8)).view(np.uint8)
        assert isinstance(last, CameraPicture)
        made: Bytes = last.picture(raw)[0]
        return made


def _rgb565(camera: CameraFormat, picture: Bytes) -> Bytes:
    """The upper bits of every colour."""
    x = picture.astype(np.uint16)
    word = x[..., 0] >> 3 << 11 | x[..., 1] >> 2 << 5 | x[..., 2] >> 3
    order = "<u2" if camera.format == "rgb565" else ">u2"
    return word.astype(order).view(np.uint8)


def _yuv422(camera: CameraFormat, picture: Bytes) -> Bytes:
    """Y of each pixel, U and V of two of them, their mean; halves up."""
    x = picture.astype(np.int64)
    zero = RANGES[camera.yuv_range].zero
    y = np.clip(_weighted(x, _Y[camera.yuv_range], zero), 0, 255)
    pairs = x.reshape(x.shape[0], -1, 2, 3).sum(axis=2)
    u, v = (
        np.clip((pairs @ np.array(table[camera.yuv_range]) + (257 << 16)) >> 17, 0, 255)
        for table in (_U, _V)
    )
    parts = (y[:, ::2], u, y[:, 1::2], v)
    if camera.format == "uyvy":
        parts = (u, y[:, ::2], v, y[:, 1::2])
    return np.stack(parts, axis=-1).astype(np.uint8)


def _weighted(x: IntArray, weights: Sequence[int], zero: int) -> IntArray:
    found: IntArray = ((x @ np.array(weights) + (1 << 15)) >> 16) + zero
    return found


_PACK: dict[str, Callable[[CameraFormat, Bytes], Bytes]] = {
    "rgb888": lambda _, picture: picture,
    "bgr888": lambda _, picture: np.ascontiguousarray(picture[..., ::-1]),
    "rgb565": _rgb565,
    "rgb565be": _rgb565,
    "yuv422": _yuv422,
    "uyvy": _yuv422,
    "gray": lambda _, picture: picture,
}
