"""Preprocessing: how a picture becomes camera bytes, and camera bytes the network's real input.

A picture is resized, stretched or with bars around (letterbox), then centre cropped: (H, W, C)
bytes, what a camera would deliver; or what a camera of some format does deliver, which the network
then crops and averages itself (camera_format.py). The real input of the network is
(byte * scale - mean) / std per channel. All of it is said in a TOML.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mcucc.base.typed import shown, text_of
from mcucc.errors import DataError
from mcucc.images.camera_format import BAYER, FORMATS, CameraFormat
from mcucc.images.placement import Fit, Placement, Region, Size, region_of

Bytes = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

CHANNELS = {"rgb": 3, "bgr": 3, "gray": 1}
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
KEYS = (
    *("channels", "resize", "fit", "fill", "filter", "center_crop", "scale", "mean", "std"),
    *("format", "camera", "crop", "yuv_range"),
)
OF_FORMAT = KEYS[-3:]
PLAIN = {"rgb888": "rgb", "bgr888": "bgr", "gray": "gray"}  # what networks read as it comes
FILL = 114  # grey, as Ultralytics and others train
LARGEST_SIDE = 8192
LARGEST_FILE = 2**20  # bytes
_TEXT = """[preprocess]
channels = "{channels}"         # rgb, bgr or gray
resize = {size}        # height, width
# fit = "letterbox"      # keep the picture's shape, bars of fill = 114 around; else "stretch"
filter = "bilinear"      # nearest, box, bilinear, hamming, bicubic or lanczos
# center_crop = [72, 72] # height, width, of what was resized; left out: no crop
# format = "rgb565"      # the camera's own bytes, of camera = [240, 320], crop = [240, 240]
scale = 0.00392156862745098  # the network sees (byte * scale - mean) / std
mean = {half}
std = {half}"""


@dataclass(frozen=True)
class Preprocess:
    """From picture to network input; sizes are (height, width) in pixels.

    Raises DataError, naming the key, for values that cannot be.
    """

    channels: str
    resize: tuple[int, int]
    filter: str = "bilinear"
    center_crop: tuple[int, int] | None = None
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    fit: Fit = Fit.STRETCH
    fill: int = FILL  # the byte of letterbox's bars, of each channel
    camera: CameraFormat | None = None  # None: it delivers the network's own pictures

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS:
            raise DataError(f"channels = {shown(self.channels)} is none of {', '.join(CHANNELS)}")
        if self.filter not in FILTERS:
            raise DataError(f"filter = {shown(self.filter)} is none of {', '.join(FILTERS)}")
        # Empty means "none": zeros and ones of the right length.
        object.__setattr__(self, "mean", self.mean or (0.0,) * self.channel_count)
        object.__setattr__(self, "std", self.std or (1.0,) * self.channel_count)
        for key, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channel_count:
                raise DataError(
                    f"{key} has {len(values)} values, {self.channels} has {self.channel_count}"
                )
        if not all(map(math.isfinite, (self.scale, *self.mean, *self.std))):
            raise DataError("scale, mean and std must be finite")
        if min(self.std) <= 0 or self.scale <= 0:
            raise DataError("scale and std must be above 0")
        for key, size in (("resize", self.resize), ("center_crop", self.center_crop)):
            if size is not None and not all(1 <= side <= LARGEST_SIDE for side in size):
                raise DataError(f"{key} = {list(size)} is outside 1..{LARGEST_SIDE}")
        if not 0 <= self.fill <= 255:
            raise DataError(f"fill = {self.fill} is no byte (0 to 255)")
        crop = self.center_crop
        if crop is not None and (crop[0] > self.resize[0] or crop[1] > self.resize[1]):
            raise DataError(f"center_crop = {list(crop)} is larger than {list(self.resize)}")
        if self.camera is not None:
            self._check_camera(self.camera)

    def _check_camera(self, camera: CameraFormat) -> None:
        camera.check(self.channels, self.shape[:2])
        if self.center_crop is not None and camera.size != self.center_crop:
            raise DataError(
                "center_crop is of pictures that nobody crops on the device; with camera = "
                f"{list(camera.size)} say crop = [height, width]"
            )

    @property
    def channel_count(self) -> int:
        """3 or 1."""
        return CHANNELS[self.channels]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the picture that the network reads."""
        return (*(self.center_crop or self.resize), self.channel_count)

    @property
    def camera_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of what the C reads: of a camera, its groups of bytes."""
        return self.shape if self.camera is None else self.camera.shape

    @property
    def _frame(self) -> Size:
        """What a picture is resized to: the camera's picture, where that has a size of its own."""
        if self.camera is None or self.center_crop is not None:
            return self.resize
        return self.camera.size

    def placement(self, size: Size) -> Placement:
        """How a picture of that size (height, width) lies in the network's picture."""
        region = region_of(self.fit, size, self._frame)
        if self.camera is None or self.center_crop is not None:
            return Placement.of(size, region, self._crop)
        return Placement.of(size, region, self.camera.region).averaged(self.resize)

    @property
    def camera_placement(self) -> Placement:
        """How the camera's own picture lies in the network's."""
        if self.camera is None:
            return Placement.same(self.shape[:2])
        whole = Region(0, 0, *self.camera.size)
        return Placement.of(self.camera.size, whole, self.camera.region).averaged(self.shape[:2])

    @property
    def _crop(self) -> Region:
        """What is kept of the resized picture."""
        height, width = kept = self.center_crop or self.resize
        top, left = ((outer - inner) // 2 for outer, inner in zip(self.resize, kept, strict=True))
        return Region(top, left, height, width)

    def camera_bytes(self, image: Image.Image) -> Bytes:
        """The camera image (`camera_shape`): converted, resized, centre cropped, in its format.

        Grey is Pillow's "L" (ITU-R 601-2 luma). Orientation tags are not applied.
        """
        camera = self.camera
        gray = self.channels == "gray" if camera is None else camera.gray
        picture, count = image.convert("L" if gray else "RGB"), 1 if gray else 3
        region = region_of(self.fit, (image.height, image.width), self._frame)
        picture = picture.resize((region.width, region.height), FILTERS[self.filter])
        resized = np.full((*self._frame, count), self.fill, np.uint8)
        resized[_slices(region)] = np.asarray(picture).reshape(region.height, region.width, count)
        if camera is not None:
            return camera.pack(resized[_slices(self._crop)] if self.center_crop else resized)
        kept = resized[_slices(self._crop)]
        return np.ascontiguousarray(kept[..., ::-1] if self.channels == "bgr" else kept)

    def picture(self, camera: Bytes) -> Bytes:
        """The network's bytes (H, W, C) of what the camera sent, as the C makes them."""
        if self.camera is None:
            return camera
        return self.camera.picture(camera, self.shape[:2], self.channels)

    def affine(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Per channel (scale, offset), each (C,): real = scale * byte + offset."""
        std, mean = np.array(self.std, np.float64), np.array(self.mean, np.float64)
        return self.scale / std, -mean / std

    def real_values(self, camera: Bytes) -> FloatArray:
        """The network's float input of its picture's bytes (..., C)."""
        scale, offset = self.affine()
        return (camera * scale + offset).astype(np.float32)

    def check_input(self, shape: tuple[int, int, int], *, where: str = "") -> None:
        """Raise DataError unless pictures come out as the network's (H, W, C)."""
        if self.shape != tuple(shape):
            raise DataError(
                f"preprocessing makes pictures of {_size(self.shape)},"
                f" the model's input is {_size(tuple(shape))} (height x width x channels)",
                where=where,
                hint="change resize, center_crop or channels in the preprocessing TOML",
            )

    @staticmethod
    def from_dict(table: Mapping[str, Any], *, where: str = "") -> Preprocess:
        """Read the keys of a [preprocess] table; DataError names the key that is wrong."""
        try:
            return _parse(table)
        except DataError as error:
            hint = error.hint or f"a preprocessing file looks like this:\n{EXAMPLE}"
            raise DataError(error.what, where=where, hint=hint) from error


def example(preprocess: Preprocess) -> str:
    """A file for pictures of this size, as a user may begin with it."""
    size, half = list(preprocess.shape[:2]), [0.5] * preprocess.channel_count
    return _TEXT.format(channels=preprocess.channels, size=size, half=half)


EXAMPLE = example(Preprocess("rgb", (80, 80)))


def toml_document(path: str | Path) -> dict[str, Any]:
    """The TOML that says how pictures are read, and what outputs mean; DataError for none."""
    path = Path(path)
    try:
        return tomllib.loads(text_of(path, LARGEST_FILE))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read it: {error}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"not a TOML file: {error}", where=str(path)) from error


def load_preprocess(path: str | Path) -> Preprocess:
    """Read [preprocess] of a TOML. Raises DataError when it is missing or invalid."""
    table = toml_document(path).get("preprocess")
    if not isinstance(table, dict):
        raise DataError(
            "there is no [preprocess] table", where=str(path), hint=f"it looks like:\n{EXAMPLE}"
        )
    return Preprocess.from_dict(table, where=str(path))


def toml_of(model_path: str | Path, option: str | Path | None = None) -> Path | None:
    """The TOML of a model: `option`, else the one beside it of the same name; None for none."""
    if option is not None:
        return Path(option)
    beside = Path(model_path).with_suffix(".toml")
    return beside if beside.is_file() else None


def says_preprocess(path: str | Path) -> bool:
    """Whether the TOML is about pictures: one of [output] alone is not."""
    document = toml_document(path)
    return "preprocess" in document or "output" not in document


def find_preprocess(model_path: str | Path, option: str | Path | None = None) -> Preprocess:
    """The file given by `option`, else the model's name with `.toml` beside the model."""
    path = toml_of(model_path, option)
    if path is None:
        beside = Path(model_path).with_suffix(".toml")
        raise DataError(
            f"there is no preprocessing for {Path(model_path).name}: {beside} does not exist",
            hint=f"write that file, or name one with --preprocess; for example:\n{EXAMPLE}",
        )
    return load_preprocess(path)


def _parse(table: Mapping[str, Any]) -> Preprocess:
    unknown = sorted({str(key) for key in table} - set(KEYS))
    if unknown:
        raise DataError(f"unknown key {shown(unknown[0])}; the keys are {', '.join(KEYS)}")
    for key in ("channels", "resize"):
        if key not in table:
            raise DataError(f"the key {key!r} is missing")
    resize, kept = _pair(table, "resize"), _pair(table, "center_crop")
    assert resize is not None  # the key exists, see above
    channels = _text(table, "channels", "")
    return Preprocess(
        channels=channels,
        resize=resize,
        filter=_text(table, "filter", "bilinear"),
        center_crop=kept,
        scale=_number("scale", table.get("scale", 1.0)),
        mean=_numbers(table, "mean"),
        std=_numbers(table, "std"),
        **_fit(table),
        camera=_camera(table, channels, kept or resize),
    )


def _camera(table: Mapping[str, Any], channels: str, size: Size) -> CameraFormat | None:
    """`format` and what belongs to it; None where the network reads such bytes as they are."""
    if "format" not in table:
        for key in OF_FORMAT:
            if key in table:
                raise DataError(f"{key} says more about format, which is missing: {_FORMATS}")
        return None
    frame = _pair(table, "camera") or size
    yuv_range = _text(table, "yuv_range", "full")
    form = _text(table, "format", "")
    camera = CameraFormat(form, frame, _crop(table, frame, form), yuv_range)
    if "yuv_range" in table and camera.components != "yuv":
        raise DataError(f"yuv_range is of yuv422 and uyvy: {camera.format} has none")
    whole = camera.crop == (0, 0, *frame) and frame == size
    return None if whole and PLAIN.get(camera.format) == channels else camera


_FORMATS = f"one of {', '.join(FORMATS)}"


def _crop(table: Mapping[str, Any], frame: Size, form: str) -> tuple[int, int, int, int]:
    """[top, left, height, width], or [height, width] in the centre, of a mosaic at even sites."""
    value = table.get("crop")
    if value is None:
        return 0, 0, *frame
    whole = isinstance(value, list) and all(type(side) is int for side in value)
    if not whole or not isinstance(value, list) or len(value) not in (2, 4):
        raise DataError(
            f"crop = {shown(value)} must be [top, left, height, width], or [height, width] of the "
            "centre, in whole pixels"
        )
    if len(value) == 4:
        return value[0], value[1], value[2], value[3]
    step = 2 if form.startswith(BAYER) else 1
    top, left = (
        (outer - inner) // (2 * step) * step for outer, inner in zip(frame, value, strict=True)
    )
    return top, left, value[0], value[1]


def _fit(table: Mapping[str, Any]) -> dict[str, Any]:
    """`fit`, and the `fill` of its bars."""
    text = _text(table, "fit", Fit.STRETCH)
    if text not in list(Fit):
        raise DataError(f"fit = {shown(text)} is none of {', '.join(Fit)}")
    fill = table.get("fill", FILL)
    if type(fill) is not int:
        raise DataError(f"fill = {shown(fill)} must be a whole number, a byte (0 to 255)")
    if text == Fit.STRETCH and "fill" in table:
        raise DataError('fill is the byte of the bars of fit = "letterbox": there are none here')
    return {"fit": Fit(text), "fill": fill}


def _text(table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise DataError(f"{key} = {shown(value)} must be a text")
    return value


def _pair(table: Mapping[str, Any], key: str) -> tuple[int, int] | None:
    value = table.get(key)
    if value is None and key in ("center_crop", "camera"):
        return None
    whole = isinstance(value, list) and all(type(side) is int for side in value)
    if not whole or not isinstance(value, list) or len(value) != 2:
        raise DataError(f"{key} = {shown(value)} must be [height, width] in whole pixels")
    return value[0], value[1]


def _numbers(table: Mapping[str, Any], key: str) -> tuple[float, ...]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise DataError(f"{key} = {shown(value)} must be a list of one number per channel")
    return tuple(_number(key, item) for item in value)


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{key} has {shown(value)} where a number is needed")
    try:
        return float(value)
    except OverflowError as error:
        raise DataError(f"{key} has a number that is too large") from error


def _slices(region: Region) -> tuple[slice, slice]:
    bottom, right = region.top + region.height, region.left + region.width
    return slice(region.top, bottom), slice(region.left, right)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)
