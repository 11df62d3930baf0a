"""A camera's bytes by formulas written for this test, pixel by pixel, and by Pillow."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from mcucc.ops.bayer_bin import PATTERNS, BayerBin
from mcucc.ops.camera_picture import CameraPicture, division
from mcucc.ops.common.pixels import LAYOUTS, Area
from tests.ops.draw import Case
from tests.ops.draw_camera import camera_picture_cases

KR, KB = Fraction(299, 1000), Fraction(114, 1000)  # ITU-R BT.601
KG = 1 - KR - KB


def pixel(form: str, row: list[int], column: int) -> tuple[int, ...]:
    """Red, green, blue; or Y, U, V; or the brightness of one pixel of a row of bytes."""
    if form == "gray":
        return (row[column],)
    if form in ("rgb888", "bgr888"):
        three = row[3 * column : 3 * column + 3]
        return tuple(three if form == "rgb888" else three[::-1])
    if form.startswith("rgb565"):
        two = bytes(row[2 * column : 2 * column + 2])
        word = int.from_bytes(two, "big" if form.endswith("be") else "little")
        five = [format(word, "016b")[part] for part in (slice(0, 5), slice(5, 11), slice(11, 16))]
        return tuple(int((bits + bits)[:8], 2) for bits in five)
    quad = row[4 * (column // 2) : 4 * (column // 2) + 4]
    y0, u, y1, v = quad if form == "yuv422" else (quad[1], quad[0], quad[3], quad[2])
    return ((y0, y1)[column % 2], u, v)


def overlap(area: Area, output: int) -> dict[int, Fraction]:
    """How much of an output each pixel is."""
    width = Fraction(area.length, area.size)
    begin, end = output * width, (output + 1) * width
    shares = {
        area.begin + p: (min(end, Fraction(p + 1)) - max(begin, Fraction(p))) / width
        for p in range(area.length)
    }
    return {p: share for p, share in shares.items() if share > 0}


def nearest(value: Fraction) -> int:
    """Halves up, as a byte."""
    return min(max(floor(value + Fraction(1, 2)), 0), 255)


def to_rgb(yuv: list[int], limited: bool) -> list[Fraction]:
    y, u, v = (Fraction(x) for x in yuv)
    y, u, v = (y - 16) * 255 / 219 if limited else y, u - 128, v - 128
    u, v = (u * 255 / 224, v * 255 / 224) if limited else (u, v)
    red, blue = y + 2 * (1 - KR) * v, y + 2 * (1 - KB) * u
    return [red, (y - KR * red - KB * blue) / KG, blue]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(case=camera_picture_cases())
def test_every_pixel_is_the_mean_of_its_area(case: Case) -> None:
    op = case.op
    assert isinstance(op, CameraPicture)
    raw = case.images[0].view(np.uint8)
    rows = raw.reshape(raw.shape[1], -1).tolist()
    found = op.picture(raw)[0]
    for r in range(op.rows.size):
        for c in range(op.columns.size):
            parts = [
                [a * b * x for x in pixel(op.format, rows[i], j)]
                for i, a in overlap(op.rows, r).items()
                for j, b in overlap(op.columns, c).items()
            ]
            means = [nearest(sum(part)) for part in zip(*parts, strict=True)]
            off = 0.0
            wanted = [Fraction(mean) for mean in means]
            if LAYOUTS[op.format].components == "yuv":
                wanted = (
                    to_rgb(means, op.yuv_range == "limited") if op.channels == 3 else wanted[:1]
                )
                off = 0.01 if op.channels == 3 else 0.0  # constants of 16 bits
            elif op.channels == 1 and len(wanted) == 3:
                wanted, off = [KR * wanted[0] + KG * wanted[1] + KB * wanted[2]], 0.01
            if op.colours == "bgr":
                wanted = wanted[::-1]
            for byte, real in zip(found[r, c].tolist(), wanted, strict=True):
                assert abs(byte - min(max(real, Fraction(0)), Fraction(255))) <= 0.5 + off


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5])
def test_whole_factors_are_what_pillow_reduces(factor: int) -> None:
    """To the byte for powers of two. Else Pillow multiplies by a fraction that is a little small,
    and is 1 lower where a sum is a multiple; its `resize` with BOX rounds after each axis.
    """
    rng = np.random.default_rng(factor)
    picture = rng.integers(0, 256, (6 * factor, 4 * factor, 3), np.uint8)
    rows, columns = Area(0, 6 * factor, 6), Area(0, 4 * factor, 4)
    op = CameraPicture("rgb888", "rgb", rows, columns, (1.0,) * 3, (0.0,) * 3)
    image = Image.fromarray(picture)
    ours = op.picture(picture[None])[0].astype(int)
    lower = ours - np.asarray(image.reduce(factor))
    sums = picture.reshape(6, factor, 4, factor, 3).sum(axis=(1, 3), dtype=int)
    multiple = (sums + factor * factor // 2) % factor**2 == 0
    exact = factor & (factor - 1) == 0
    assert not lower.any() if exact else (lower[~multiple] == 0).all() and lower.max() <= 1
    box = np.asarray(image.resize((4, 6), Image.Resampling.BOX)).astype(int)
    assert np.abs(ours - box).max() <= 1


def test_gray_of_colours_is_pillows() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 50, 3), np.uint8)
    op = CameraPicture("rgb888", "gray", Area(0, 40, 40), Area(0, 50, 50), (1.0,), (0.0,))
    gray = np.asarray(Image.fromarray(picture).convert("L"))
    np.testing.assert_array_equal(op.picture(picture[None])[0, :, :, 0], gray)


def test_black_white_and_gray_of_yuv_are_exact() -> None:
    """Full range: Y itself. Limited: 16 is black and 235 white."""
    levels = np.arange(256, dtype=np.uint8)
    raw = np.stack([levels, np.full(256, 128, np.uint8)] * 2, axis=-1).reshape(1, 1, 256, 4)
    for name in ("full", "limited"):
        area = Area(0, 512, 512)
        op = CameraPicture("yuv422", "rgb", Area(0, 1, 1), area, (1.0,) * 3, (0.0,) * 3, name)
        found = op.picture(raw)[0, 0, ::2]
        assert (found == found[:, :1]).all()
        if name == "full":
            assert found[:, 0].tolist() == list(range(256))
        else:
            assert (found[16, 0], found[235, 0], found[0, 0], found[255, 0]) == (0, 255, 0, 255)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_square_of_sites_is_a_pixel(pattern: str) -> None:
    sites = np.array([10, 20, 31, 40], np.uint8).reshape(1, 2, 2, 1)
    by_colour: dict[str, list[int]] = {"r": [], "g": [], "b": []}
    for colour, value in zip(pattern, sites.reshape(-1).tolist(), strict=True):
        by_colour[colour].append(value)
    found = BayerBin(pattern).binned(sites.view(np.int8)).view(np.uint8).reshape(-1).tolist()
    green = by_colour["g"]
    assert found == [by_colour["r"][0], (green[0] + green[1] + 1) // 2, by_colour["b"][0]]


@pytest.mark.parametrize("units", [*range(1, 120), 225, 257, 400])
def test_a_division_by_multiplying_is_exact(units: int) -> None:
    """For all sums of bytes and a half; where 32 bits do not suffice there is none."""
    multiplier, shift = division(units)
    if not multiplier:
        assert units > 180
        return
    sums = np.arange(255 * units + units // 2 + 1, dtype=np.uint64)
    products = sums * np.uint64(multiplier)
    assert products.max() < 2**32
    np.testing.assert_array_equal(products >> np.uint64(shift), sums // np.uint64(units))


@pytest.mark.parametrize(
    ("area", "why"),
    [
        (Area(0, 3, 4), "3 pixels cannot be averaged to 4, which is more"),
        (Area(8, 3, 3), "cannot take 8:11 as 3 of 10 pixels"),
        (Area(-1, 3, 3), "cannot take -1:2 as 3 of 10 pixels"),
    ],
)
def test_an_area_lies_within_the_picture(area: Area, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        area.check(10)


def test_an_area_of_too_many_units_is_refused() -> None:
    with pytest.raises(ValueError, match="in lowest terms is 300 / 7: at most 257"):
        Area(0, 300, 7).check(300)
