"""The camera's own bytes: the keys of the TOML, what a picture becomes, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mcucc.errors import DataError
from mcucc.images.camera_format import FORMATS, CameraFormat
from mcucc.images.preprocess import Preprocess, load_preprocess

RNG = np.random.default_rng(7)
PICTURE = Image.fromarray(RNG.integers(0, 256, (50, 70, 3), np.uint8))
# A smooth picture: neighbours share their colour.
SMOOTH = Image.fromarray(RNG.integers(0, 256, (4, 5, 3), np.uint8)).resize(
    (64, 48), Image.Resampling.BICUBIC
)


def read(tmp_path: Path, *lines: str) -> Preprocess:
    usual = {"channels": 'channels = "rgb"', "resize": "resize = [12, 16]"}
    usual |= {line.split(" = ")[0]: line for line in lines}
    path = tmp_path / "m.toml"
    path.write_text("[preprocess]\n" + "\n".join(usual.values()))
    return load_preprocess(path)


def camera_of(pre: Preprocess) -> CameraFormat:
    assert pre.camera is not None
    return pre.camera


def test_the_keys_are_read(tmp_path: Path) -> None:
    pre = read(tmp_path, 'format = "uyvy"', "camera = [48, 64]", 'yuv_range = "limited"')
    assert pre.camera == CameraFormat("uyvy", (48, 64), (0, 0, 48, 64), "limited")
    assert pre.shape == (12, 16, 3)
    assert pre.camera_shape == (48, 32, 4)
    pre = read(tmp_path, 'format = "rgb565"', "camera = [49, 65]", "crop = [24, 32]")
    assert camera_of(pre).crop == (12, 16, 24, 32)
    pre = read(tmp_path, 'format = "rgb565"', "camera = [49, 65]", "crop = [3, 5, 24, 32]")
    assert camera_of(pre).crop == (3, 5, 24, 32)


def test_a_mosaic_is_cropped_at_whole_squares(tmp_path: Path) -> None:
    pre = read(tmp_path, 'format = "bayer_bggr"', "camera = [50, 70]", "crop = [24, 32]")
    assert camera_of(pre).crop == (12, 18, 24, 32)


def test_without_a_size_the_camera_sends_the_networks(tmp_path: Path) -> None:
    pre = read(tmp_path, 'format = "rgb565be"', "resize = [20, 24]", "center_crop = [11, 10]")
    assert camera_of(pre).size == (11, 10)
    plain = read(tmp_path, "resize = [20, 24]", "center_crop = [11, 10]")
    upper = plain.camera_bytes(PICTURE) & np.array([0xF8, 0xFC, 0xF8], np.uint8)
    kept = pre.picture(pre.camera_bytes(PICTURE)) & np.array([0xF8, 0xFC, 0xF8], np.uint8)
    np.testing.assert_array_equal(kept, upper)


@pytest.mark.parametrize(
    ("form", "channels"), [("rgb888", "rgb"), ("bgr888", "bgr"), ("gray", "gray")]
)
def test_bytes_that_the_network_reads_as_they_come_are_no_format(
    tmp_path: Path, form: str, channels: str
) -> None:
    plain = read(tmp_path, f'channels = "{channels}"')
    assert read(tmp_path, f'channels = "{channels}"', f'format = "{form}"') == plain


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['format = "rgb777"'], "format"),
        (["format = 3"], "format"),
        (["camera = [48, 64]"], "format"),
        (["crop = [48, 64]"], "format"),
        (['format = "gray"'], "channels"),
        (['format = "rgb565"', 'yuv_range = "full"'], "yuv_range"),
        (['format = "yuv422"', 'yuv_range = "tv"'], "yuv_range"),
        (['format = "rgb565"', "camera = [48]"], "camera"),
        (['format = "rgb565"', "camera = [0, 64]"], "camera"),
        (['format = "rgb565"', "camera = [4096, 4096]"], "8,388,608 pixels"),
        (['format = "rgb565"', "camera = [48, 64]", "crop = 5"], "crop"),
        (['format = "rgb565"', "camera = [48, 64]", "crop = [1, 2, 3]"], "crop"),
        (['format = "rgb565"', "camera = [48, 64]", "crop = [49, 64]"], "crop"),
        (['format = "rgb565"', "camera = [48, 64]", "crop = [0, 1, 48, 64]"], "crop"),
        (['format = "rgb565"', "camera = [10, 64]"], "resize"),
        (['format = "bayer_rggb"', "camera = [22, 64]"], "resize"),
        (['format = "bayer_rggb"', "camera = [47, 64]"], "even"),
        (['format = "bayer_rggb"', "camera = [48, 64]", "crop = [1, 0, 40, 40]"], "even"),
        (['format = "yuv422"', "camera = [48, 63]"], "even"),
        (['format = "rgb565"', "camera = [480, 64]", "crop = [479, 64]"], "257"),
        (
            ['format = "rgb565"', "camera = [48, 64]", "resize = [20, 24]", "center_crop = [9, 9]"],
            "center_crop",
        ),
    ],
)
def test_a_bad_value_is_an_error_that_names_its_key(
    tmp_path: Path, lines: list[str], says: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, *lines)
    assert says in caught.value.what
    assert "m.toml" in caught.value.where


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("yuv_range", ["full", "limited"])
def test_a_picture_survives_the_camera(form: str, yuv_range: str) -> None:
    """Packed and unpacked it is what was packed, but for the bits that a format leaves out."""
    camera = CameraFormat(form, (48, 64), (0, 0, 48, 64), yuv_range)
    picture = np.asarray(SMOOTH.convert("L" if form == "gray" else "RGB")).reshape(48, 64, -1)
    frame = camera.pack(picture)
    assert frame.shape == camera.shape and frame.dtype == np.uint8
    channels = "gray" if form == "gray" else "rgb"
    size = (24, 32) if camera.bayer else (48, 64)
    found = camera.picture(frame, size, channels).astype(int)
    wanted = picture.astype(int)
    if camera.bayer:
        wanted = wanted.reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))
    off = np.abs(found - wanted)
    most = {"rgb565": 7, "rgb565be": 7, "yuv422": 18, "uyvy": 18}.get(
        form, 20 if camera.bayer else 0
    )
    assert off.max() <= most and off.mean() <= most / 3


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_rgb565_is_the_upper_bits(order: str) -> None:
    form = "rgb565" if order == "<u2" else "rgb565be"
    picture = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [8, 4, 8]]], np.uint8)
    camera = CameraFormat(form, (1, 4), (0, 0, 1, 4))
    words = camera.pack(picture).reshape(-1).view(order)
    assert [hex(word) for word in words] == ["0xf800", "0x7e0", "0x1f", "0x821"]


def test_yuv_is_bt601() -> None:
    """The corners of the cube, by the definition: Y, U and V within half a step."""
    corners = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)])
    pairs = np.repeat(corners, 2, axis=0)[None].astype(np.uint8)
    y = corners @ np.array([0.299, 0.587, 0.114])
    u, v = (corners[:, 2] - y) / 1.772 + 128, (corners[:, 0] - y) / 1.402 + 128
    full = CameraFormat("yuv422", (1, 16), (0, 0, 1, 16)).pack(pairs)[0].astype(float)
    for found, wanted in ((full[:, 0], y), (full[:, 1], u), (full[:, 3], v)):
        assert np.abs(found - np.clip(wanted, 0, 255)).max() <= 0.51
    limited = CameraFormat("uyvy", (1, 16), (0, 0, 1, 16), "limited").pack(pairs)[0].astype(float)
    scaled = (limited[:, 1] - 16, (limited[:, 0] - 128) * 255 / 224 + 128)
    assert np.abs(scaled[0] * 255 / 219 - y).max() <= 0.6
    assert np.abs(scaled[1] - u).max() <= 0.6


def test_places_of_the_network_are_those_of_the_camera(tmp_path: Path) -> None:
    lines = ('format = "rgb565"', "camera = [240, 320]", "crop = [0, 40, 240, 240]")
    pre = read(tmp_path, *lines, "resize = [96, 96]")
    placed = pre.camera_placement
    assert placed.to_picture([0, 0, 96, 96]).tolist() == [40, 0, 280, 240]
    assert placed.to_input([160.0, 120.0]).tolist() == [48, 48]
    file = pre.placement((480, 640))  # a picture of twice the camera's size
    assert file.to_picture([0, 0, 96, 96]).tolist() == [80, 0, 560, 480]
    boxed = read(tmp_path, *lines, "resize = [96, 96]", 'fit = "letterbox"')
    assert boxed.placement((100, 100)).to_picture([0, 0, 96, 96]).tolist() == [0, 0, 100, 100]


def test_pictures_are_resized_to_the_camera(tmp_path: Path) -> None:
    pre = read(tmp_path, 'format = "bgr888"', "camera = [24, 32]", 'filter = "bicubic"')
    frame = pre.camera_bytes(PICTURE)
    whole = np.asarray(PICTURE.resize((32, 24), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(frame, whole[..., ::-1])
    mean = (whole.reshape(12, 2, 16, 2, 3).sum(axis=(1, 3), dtype=int) + 2) // 4
    np.testing.assert_array_equal(pre.picture(frame), mean)
