"""Placement: where a picture lies in the network's input, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mcucc.images.placement import Fit, Placement, Region, region_of
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import load_picture

SIDES = st.integers(1, 700)
SIZES = st.tuples(SIDES, SIDES)


@pytest.mark.parametrize(
    ("picture", "room", "region"),
    [
        ((480, 640), (192, 192), Region(24, 0, 144, 192)),
        ((640, 480), (192, 192), Region(0, 24, 192, 144)),
        ((427, 640), (320, 320), Region(53, 0, 214, 320)),  # 213.5 rounds to the even 214
        ((425, 640), (320, 320), Region(54, 0, 212, 320)),  # 212.5 too, to 212
        ((3, 7), (10, 10), Region(3, 0, 4, 10)),
        ((6, 10), (9, 10), Region(1, 0, 6, 10)),  # of 3 rows 1 above, 2 below
        ((1, 700), (20, 20), Region(9, 0, 1, 20)),  # never less than a pixel
        ((10, 10), (20, 30), Region(0, 5, 20, 20)),  # small pictures are enlarged
    ],
)
def test_letterbox_keeps_the_shape_and_centres_as_ultralytics_does(picture, room, region):
    assert region_of(Fit.LETTERBOX, picture, room) == region
    assert region_of(Fit.STRETCH, picture, room) == Region(0, 0, *room)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(picture=SIZES, room=SIZES)
def test_letterbox_has_the_numbers_of_ultralytics_formula(picture, room):
    ratio = min(room[0] / picture[0], room[1] / picture[1])
    rest = [
        (big - max(1, round(side * ratio))) / 2 for big, side in zip(room, picture, strict=True)
    ]
    found = region_of(Fit.LETTERBOX, picture, room)
    assert (found.top, found.left) == (round(rest[0] - 0.1), round(rest[1] - 0.1))
    assert room[0] - found.top - found.height == round(rest[0] + 0.1)
    assert room[1] - found.left - found.width == round(rest[1] + 0.1)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(picture=SIZES, room=SIZES, fit=st.sampled_from(Fit), inner=st.floats(0.3, 1))
def test_there_and_back_is_where_one_began(picture, room, fit, inner):
    crop = tuple(max(1, int(side * inner)) for side in room)
    placement = Preprocess("rgb", room, center_crop=crop, fit=fit).placement(picture)
    boxes = np.random.default_rng(0).uniform(-5, 700, (6, 4))
    assert np.allclose(placement.to_picture(placement.to_input(boxes)), boxes)
    assert np.allclose(placement.to_input(boxes)[:, 2:], placement.to_input(boxes[:, 2:]))
    clipped = placement.clipped(placement.to_picture(boxes))
    assert clipped.min() >= 0 and (clipped <= [picture[1], picture[0]] * 2).all()


@pytest.mark.parametrize("channels", ["rgb", "bgr", "gray"])
@pytest.mark.parametrize(
    ("fit", "crop"), [("stretch", None), ("letterbox", None), ("letterbox", (50, 30))]
)
def test_what_is_bright_in_the_picture_is_bright_where_its_box_is_mapped(
    tmp_path, channels, fit, crop
):
    pixels = np.zeros((60, 90, 3), np.uint8)
    pixels[20:40, 30:66] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    preprocess = Preprocess(channels, (64, 48), "bilinear", crop, fit=Fit(fit), fill=7)
    sample = load_picture(tmp_path / "a.png", preprocess)
    assert sample.size == (60, 90)
    left, top, right, bottom = sample.placement.to_input([30, 20, 66, 40])
    bright = np.argwhere(sample.image[..., 0] > 127)
    assert np.abs(bright.min(axis=0) - [top, left]).max() <= 0.5
    assert np.abs(bright.max(axis=0) + 1 - [bottom, right]).max() <= 0.5
    bars = sample.image == 7
    assert bars[0].all() and bars[-1].all() if fit == "letterbox" else not bars.any()
    assert (np.asarray(sample.shown()) == pixels).all()


def test_bytes_of_a_camera_lie_where_they_are():
    placement = Placement.same((4, 6))
    assert (placement.to_picture([1, 2, 3, 4]) == [1, 2, 3, 4]).all()


def test_a_map_is_spread_over_what_the_network_saw():
    preprocess = Preprocess("rgb", (4, 4), center_crop=(4, 2))  # columns 2..5 of 8 are seen
    values = np.array([[1, 2], [3, 4]])
    found = preprocess.placement((4, 8)).map_to_picture(values, outside=9)
    upper, lower = [9, 9, 1, 1, 2, 2, 9, 9], [9, 9, 3, 3, 4, 4, 9, 9]
    assert found.tolist() == [upper, upper, lower, lower]


def test_cells_have_the_pixels_that_are_drawn_with_them():
    placement = Preprocess("rgb", (40, 30), center_crop=(37, 22)).placement((61, 47))
    drawn = placement.map_to_picture(np.arange(20).reshape(5, 4), outside=-1)
    counts = [int((drawn == cell).sum()) for cell in range(20)]
    assert placement.pixels_of((5, 4)).ravel().tolist() == counts


def test_a_picture_of_another_size_has_its_boxes_where_they_were():
    placement = Preprocess("rgb", (40, 30), fit=Fit.LETTERBOX).placement((60, 90))
    half = placement.resized((30, 45))
    assert np.allclose(half.to_picture([7, 12, 20, 22]), placement.to_picture([7, 12, 20, 22]) / 2)


@pytest.mark.parametrize("length", [1, 3])
def test_neither_points_nor_boxes(length):
    with pytest.raises(ValueError, match="points have 2 numbers"):
        Placement.same((4, 4)).to_input(np.zeros(length))
