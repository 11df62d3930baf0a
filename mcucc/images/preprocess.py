"""Preprocessing: how a picture becomes camera bytes, and camera bytes the network's real input.

A picture is resized, then centre cropped: (H, W, C) bytes, what a camera would deliver. The real
input of the network is (byte * scale - mean) / std per channel. Both steps are said in a TOML.
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
KEYS = ("channels", "resize", "filter", "center_crop", "scale", "mean", "std")
LARGEST_SIDE = 8192
LARGEST_FILE = 2**20  # bytes
_TEXT = """[preprocess]
channels = "{channels}"         # rgb, bgr or gray
resize = {size}        # height, width
filter = "bilinear"      # nearest, box, bilinear, hamming, bicubic or lanczos
# center_crop = [72, 72] # height, width, of what was resized; left out: no crop
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
        crop = self.center_crop
        if crop is not None and (crop[0] > self.resize[0] or crop[1] > self.resize[1]):
            raise DataError(f"center_crop = {list(crop)} is larger than {list(self.resize)}")

    @property
    def channel_count(self) -> int:
        """3 or 1."""
        return CHANNELS[self.channels]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the camera image."""
        return (*(self.center_crop or self.resize), self.channel_count)

    def camera_bytes(self, image: Image.Image) -> Bytes:
        """The camera image (H, W, C): converted, resized, centre cropped.

        Grey is Pillow's "L" (ITU-R 601-2 luma). Orientation tags are not applied.
        """
        height, width = self.resize
        picture = image.convert("L" if self.channels == "gray" else "RGB")
        picture = picture.resize((width, height), FILTERS[self.filter])
        if self.center_crop is not None:
            top, left = (
                (outer - inner) // 2
                for outer, inner in zip(self.resize, self.center_crop, strict=True)
            )
            box = (left, top, left + self.center_crop[1], top + self.center_crop[0])
            picture = picture.crop(box)
        array = np.asarray(picture, dtype=np.uint8).reshape(self.shape)
        return np.ascontiguousarray(array[..., ::-1] if self.channels == "bgr" else array)

    def affine(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Per channel (scale, offset), each (C,): real = scale * byte + offset."""
        std, mean = np.array(self.std, np.float64), np.array(self.mean, np.float64)
        return self.scale / std, -mean / std

    def real_values(self, camera: Bytes) -> FloatArray:
        """The network's float input of camera bytes (..., C)."""
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


def load_preprocess(path: str | Path) -> Preprocess:
    """Read a preprocessing TOML. Raises DataError when it is missing or invalid."""
    path = Path(path)
    try:
        document = tomllib.loads(text_of(path, LARGEST_FILE))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read it: {error}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"not a TOML file: {error}", where=str(path)) from error
    table = document.get("preprocess")
    if not isinstance(table, dict):
        raise DataError(
            "there is no [preprocess] table", where=str(path), hint=f"it looks like:\n{EXAMPLE}"
        )
    return Preprocess.from_dict(table, where=str(path))


def find_preprocess(model_path: str | Path, option: str | Path | None = None) -> Preprocess:
    """The file given by `option`, else the model's name with `.toml` beside the model."""
    if option is not None:
        return load_preprocess(option)
    beside = Path(model_path).with_suffix(".toml")
    if not beside.is_file():
        raise DataError(
            f"there is no preprocessing for {Path(model_path).name}: {beside} does not exist",
            hint=f"write that file, or name one with --preprocess; for example:\n{EXAMPLE}",
        )
    return load_preprocess(beside)


def _parse(table: Mapping[str, Any]) -> Preprocess:
    unknown = sorted({str(key) for key in table} - set(KEYS))
    if unknown:
        raise DataError(f"unknown key {shown(unknown[0])}; the keys are {', '.join(KEYS)}")
    for key in ("channels", "resize"):
        if key not in table:
            raise DataError(f"the key {key!r} is missing")
    resize = _pair(table, "resize")
    assert resize is not None  # the key exists, see above
    return Preprocess(
        channels=_text(table, "channels", ""),
        resize=resize,
        filter=_text(table, "filter", "bilinear"),
        center_crop=_pair(table, "center_crop"),
        scale=_number("scale", table.get("scale", 1.0)),
        mean=_numbers(table, "mean"),
        std=_numbers(table, "std"),
    )


def _text(table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise DataError(f"{key} = {shown(value)} must be a text")
    return value


def _pair(table: Mapping[str, Any], key: str) -> tuple[int, int] | None:
    value = table.get(key)
    if value is None and key == "center_crop":
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


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)
