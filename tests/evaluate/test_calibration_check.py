"""Doubts about calibration pictures: each wrong set has its line, ordinary sets have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcucc.evaluate.calibration_check import calibration_warnings, cells
from mcucc.evaluate.diagnosis import SEEN, UNSEEN, Diagnosis
from mcucc.evaluate.layer_noise import LayerNoise
from mcucc.frontends.imported import Port
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import ArraySample, Picture

PRE = Preprocess("rgb", (16, 12), scale=1 / 255)


def scenes(count: int, seed: int = 0, dimmed: float = 1.0, contrast: float = 60.0):
    """Pictures of coarse blotches, as different from each other as photographs are."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        coarse = rng.normal(120, contrast, (4, 4, 3))
        fine = np.kron(coarse, np.ones((4, 3, 1))) + rng.normal(0, 10, (16, 12, 3))
        found.append(Picture(np.clip(fine * dimmed, 0, 255).astype(np.uint8), PRE))
    return found


def flat(value: int, count: int):
    return [Picture(np.full((16, 12, 3), value, np.uint8), PRE) for _ in range(count)]


@pytest.mark.parametrize("count", [20, 100])
def test_ordinary_pictures_raise_no_doubt(count: int) -> None:
    assert calibration_warnings(scenes(count), scenes(40, seed=1), None) == ()
    assert calibration_warnings(scenes(count), (), None) == ()


def test_so_do_dark_ones_where_all_are_dark() -> None:
    seen, others = scenes(30, dimmed=0.4), scenes(40, seed=1, dimmed=0.4)
    assert calibration_warnings(seen, others, None) == ()


@pytest.mark.parametrize(
    ("calibration", "others", "words"),
    [
        (scenes(5), [], "calibrated on 5 pictures"),
        (scenes(1), [], "calibrated on 1 picture:"),
        (flat(0, 30), [], "30 of 30 calibration pictures are of one colour"),
        (flat(0, 20) + scenes(15), [], "20 of 35 calibration pictures are of one colour"),
        (scenes(1) * 25, [], "there is only 1 picture"),
        (scenes(5) * 5, [], "only 5 different pictures"),
        (scenes(30, contrast=0.0), [], "nearly alike"),
        (scenes(30, dimmed=0.3), scenes(30, seed=1), "darker or brighter than all that did"),
    ],
)
def test_a_wrong_set_is_named_with_what_to_do(calibration, others, words: str) -> None:
    said = calibration_warnings(calibration, others, None)
    (line,) = [line for line in said if words in line]
    assert "calibrat" in line.split(words)[1] or "--" in line or "mix" in line


def test_arrays_are_looked_at_as_numbers() -> None:
    port = Port("x", "x", (1, 4, 4, 2), (1, 4, 4, 2), (0, 1, 2, 3), np.dtype(np.float32))
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 3, (30, 1, 4, 4, 2)).astype(np.float32)
    different = [ArraySample((port,), (row,)) for row in rows]
    alike = [ArraySample((port,), (rows[0] + 1e-3 * row,)) for row in rows]
    assert calibration_warnings(different, (), None) == ()
    assert "nearly alike" in calibration_warnings(alike, (), None)[0]


def layers(cut: float, count: int, source: str, measured: float = 24.0) -> Diagnosis:
    row = LayerNoise("l", "Conv2d", "t", "int8", 20.0, False, 0.0, 0, 8)
    rows = [replace(row, layer=f"l{i}", saturated=cut if i < count else 0.0) for i in range(20)]
    return Diagnosis(16, source, True, 25.0, measured, tuple(rows))


def test_ranges_too_narrow_for_other_pictures_are_seen() -> None:
    seen, others = scenes(30), scenes(30, seed=1)
    (line,) = calibration_warnings(seen, others, layers(0.1, 5, UNSEEN))
    assert "5 of 20 layers cut" in line and "l0 10 %" in line
    assert calibration_warnings(seen, others, layers(0.1, 1, UNSEEN)) == ()
    assert calibration_warnings(seen, others, layers(0.005, 20, UNSEEN)) == ()
    assert calibration_warnings(seen, others, layers(0.1, 5, SEEN)) == ()
    (line,) = calibration_warnings(seen, others, layers(0.0, 0, UNSEEN, measured=12.0))
    assert "12.0 dB where rounding alone would leave 25.0" in line


def test_cells_are_means_of_parts_of_any_picture() -> None:
    image = np.arange(3 * 20 * 3).reshape(3, 20, 3).astype(np.uint8)
    found = cells(Picture(image, PRE)).reshape(3, 8, 3)
    np.testing.assert_allclose(found[1, 0], image[1, :2].mean(axis=0))
    np.testing.assert_allclose(found[2, 7], image[2, 17:].mean(axis=0))
