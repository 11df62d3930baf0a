"""Preprocessing: reading the TOML, camera bytes, real values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mcucc.errors import DataError
from mcucc.images.preprocess import EXAMPLE, Preprocess, find_preprocess, load_preprocess

RNG = np.random.default_rng(5)
PICTURE = Image.fromarray(RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_of_the_error_message_is_valid(tmp_path):
    pre = load_preprocess(write(tmp_path / "m.toml", EXAMPLE))
    assert pre == Preprocess(
        "rgb", (80, 80), "bilinear", None, 0.00392156862745098, (0.5,) * 3, (0.5,) * 3
    )


def test_the_file_beside_the_model_is_found_and_the_option_wins(tmp_path):
    write(tmp_path / "net.toml", '[preprocess]\nchannels = "gray"\nresize = [8, 9]\n')
    other = write(tmp_path / "x.toml", '[preprocess]\nchannels = "rgb"\nresize = [3, 4]\n')
    assert find_preprocess(tmp_path / "net.onnx").shape == (8, 9, 1)
    assert find_preprocess(tmp_path / "net.onnx", other).shape == (3, 4, 3)


def test_a_missing_file_is_an_error_that_shows_an_example(tmp_path):
    with pytest.raises(DataError) as caught:
        find_preprocess(tmp_path / "net.onnx")
    assert "net.toml" in str(caught.value)
    assert "[preprocess]" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('channels = "cmyk"', "channels"),
        ("channels = 3", "channels"),
        ("resize = 80", "resize"),
        ("resize = [80]", "resize"),
        ("resize = [80.0, 80.0]", "resize"),
        ("resize = [0, 80]", "resize"),
        ("resize = [100000, 80]", "resize"),
        ("center_crop = [81, 10]", "center_crop"),
        ('filter = "sinc"', "filter"),
        ('scale = "1/255"', "scale"),
        ("scale = nan", "scale"),
        ("mean = [0.5]", "mean"),
        ("mean = 0.5", "mean"),
        ("std = [1.0, 0.0, 1.0]", "std"),
        ("std = [1.0, true, 1.0]", "std"),
        ("crop = [3, 3]", "crop"),
        ('fit = "contain"', "fit"),
        ("fit = 1", "fit"),
        ('fit = "letterbox"\nfill = 256', "fill"),
        ('fit = "letterbox"\nfill = [114, 114, 114]', "fill"),
        ("fill = 114", "fill"),  # there are no bars
    ],
)
def test_a_bad_value_is_an_error_that_names_its_key(tmp_path, line, key):
    lines = {"channels": 'channels = "rgb"', "resize": "resize = [80, 80]", key: line}
    text = "[preprocess]\n" + "\n".join(lines.values())
    with pytest.raises(DataError) as caught:
        load_preprocess(write(tmp_path / "m.toml", text))
    assert key in caught.value.what
    assert "m.toml" in caught.value.where


@pytest.mark.parametrize("text", ["[preprocess", "x = 1", '[preprocess]\nchannels = "rgb"', "\0"])
def test_a_file_that_is_no_preprocessing_is_an_error(tmp_path, text):
    with pytest.raises(DataError):
        load_preprocess(write(tmp_path / "m.toml", text))


def test_camera_bytes_are_resized_then_cropped_in_the_centre():
    pre = Preprocess("rgb", (20, 24), "bicubic", (11, 10))
    whole = np.asarray(PICTURE.resize((24, 20), Image.Resampling.BICUBIC))
    assert (pre.camera_bytes(PICTURE) == whole[4:15, 7:17]).all()


def test_letterbox_has_bars_of_fill_around_the_picture(tmp_path):
    text = '[preprocess]\nchannels = "rgb"\nresize = [21, 20]\nfit = "letterbox"\n'
    found = load_preprocess(write(tmp_path / "m.toml", text)).camera_bytes(PICTURE)
    assert (found[3:18] == np.asarray(PICTURE.resize((20, 15), Image.Resampling.BILINEAR))).all()
    assert (found[:3] == 114).all() and (found[18:] == 114).all()


def test_bgr_is_rgb_reversed_and_gray_is_luma():
    rgb = Preprocess("rgb", (30, 40)).camera_bytes(PICTURE)
    assert (rgb == np.asarray(PICTURE)).all()
    assert (Preprocess("bgr", (30, 40)).camera_bytes(PICTURE) == rgb[..., ::-1]).all()
    gray = Preprocess("gray", (30, 40)).camera_bytes(PICTURE)
    assert gray.shape == (30, 40, 1)
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    assert np.abs(gray[..., 0] - luma).max() <= 1.0


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "LA"])
def test_pictures_of_any_mode_become_camera_bytes(mode):
    picture = PICTURE.convert("L").convert(mode) if mode == "LA" else PICTURE.convert(mode)
    for channels, count in (("rgb", 3), ("gray", 1)):
        bytes_ = Preprocess(channels, (6, 5)).camera_bytes(picture)
        assert bytes_.shape == (6, 5, count) and bytes_.dtype == np.uint8


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    scale=st.floats(1e-3, 10),
    mean=st.tuples(*[st.floats(-200, 200)] * 3),
    std=st.tuples(*[st.floats(0.01, 100)] * 3),
)
def test_real_values_follow_the_formula_and_the_affine_form(scale, mean, std):
    pre = Preprocess("rgb", (2, 2), scale=scale, mean=mean, std=std)
    camera = RNG.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    expected = (camera * scale - np.array(mean)) / np.array(std)
    assert np.allclose(pre.real_values(camera), expected, rtol=1e-5, atol=1e-3)
    factor, offset = pre.affine()
    assert np.allclose(factor * camera + offset, expected)


def test_a_picture_size_that_is_not_the_models_is_an_error_with_both_sizes():
    pre = Preprocess("rgb", (96, 80))
    pre.check_input((96, 80, 3))
    with pytest.raises(DataError, match=r"96x80x3.*96x96x1"):
        pre.check_input((96, 96, 1))
