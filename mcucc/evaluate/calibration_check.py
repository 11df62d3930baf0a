"""Whether the calibration samples look like what the network will see; a line for each doubt.

Thresholds are far from what ordinary sets have (100 pictures each of ImageNet, COCO and CIFAR-10
differ by 50 to 57 of 255 a cell, and none has less than 16 within a picture): a doubt is meant to
be one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mcucc.evaluate.diagnosis import CUT, Diagnosis
from mcucc.images.samples import Picture, Sample

DoubleArray = npt.NDArray[np.float64]
FEWEST = 20
CELLS = 8  # a picture is looked at as so many rows and columns of means
ALIKE = 6.0  # of 255, a cell's mean deviation over pictures: not different pictures
BLANK = 2.0  # of 255, a picture's deviation: one colour
ALIKE_ARRAYS = 0.02  # of the deviation of all values
BRIGHTNESS = 3.0  # of 255: finer differences of brightness mean nothing
FAR_DB = 8.0  # two logits of mcunet-10fps are 3 dB off by luck, 9 of 5 pictures' ranges
CUT_LAYERS = 0.1  # so many layers that cut too much are no accident
MOST_VALUES = 4096  # of an array sample


def calibration_warnings(
    calibration: Sequence[Sample], unseen: Sequence[Sample], found: Diagnosis | None
) -> tuple[str, ...]:
    """What is wrong with the `calibration` samples, each with what to do.

    `unseen` are others of the same data, `found` the layers as they compute them.
    """
    said = [
        _too_few(calibration),
        _alike(calibration),
        _brightness(calibration, unseen),
        _cut(found),
    ]
    return tuple(line for line in said if line)


def _too_few(samples: Sequence[Sample]) -> str:
    if len(samples) >= FEWEST:
        return ""
    return (
        f"calibrated on {len(samples)} picture{'s' if len(samples) > 1 else ''}: ranges of fewer "
        f"than {FEWEST} are not those of new ones; 100 are usual (--data, --calibrate)"
    )


def _alike(samples: Sequence[Sample]) -> str:
    """Copies, blank pictures, pictures of one scene."""
    count = len(samples)
    different = len({sample.raw for sample in samples if isinstance(sample, Picture)})
    blank = sum(
        isinstance(sample, Picture) and float(sample.pixels.std()) < BLANK for sample in samples
    )
    advice = "calibrate on pictures such as the network will see"
    if blank > count / 2:
        return f"{blank} of {count} calibration pictures are of one colour: {advice}"
    if count > 1 and 0 < different <= count / 2:
        are = "is only 1 picture" if different == 1 else f"are only {different} different pictures"
        return f"among the {count} calibration pictures there {are}: {advice}"
    if count > 1 and _spread(samples) < 1.0:
        return f"the {count} calibration pictures are nearly alike: {advice}"
    return ""


def _spread(samples: Sequence[Sample]) -> float:
    """How far samples differ; below 1 they are nearly alike."""
    if all(isinstance(sample, Picture) for sample in samples):
        return float(np.array([cells(s) for s in samples]).std(axis=0).mean()) / ALIKE
    rows = np.array([_values(sample) for sample in samples])
    whole = float(rows.std())
    return float(rows.std(axis=0).mean()) / (ALIKE_ARRAYS * whole) if whole > 0 else 0.0


def _values(sample: Sample) -> DoubleArray:
    flat = np.concatenate([np.asarray(value, np.float64).reshape(-1) for value in sample.real])
    return flat[:: -(-flat.size // MOST_VALUES)]


def cells(sample: Sample) -> DoubleArray:
    """The mean of each cell and channel of a picture's bytes."""
    assert isinstance(sample, Picture)
    image = sample.pixels.astype(np.float64)
    for axis in (0, 1):
        starts = np.unique(np.linspace(0, image.shape[axis], CELLS, endpoint=False).astype(int))
        lengths = np.diff([*starts, image.shape[axis]])
        sums = np.add.reduceat(image, starts, axis=axis)
        image = sums / lengths.reshape([-1 if i == axis else 1 for i in range(3)])
    return image.reshape(-1)


def _brightness(calibration: Sequence[Sample], unseen: Sequence[Sample]) -> str:
    """Others of the data are mostly darker or brighter than all that calibrated."""
    seen, others = (
        np.array([float(s.pixels.mean()) for s in samples if isinstance(s, Picture)])
        for samples in (calibration, unseen)
    )
    if len(seen) < 2 or len(others) < FEWEST // 2:
        return ""
    low, high = seen.min() - BRIGHTNESS, seen.max() + BRIGHTNESS
    outside = int(((others < low) | (others > high)).sum())
    if outside <= len(others) / 2:
        return ""
    return (
        f"{outside} of {len(others)} pictures that did not calibrate are darker or brighter than "
        f"all that did (mean {seen.min():.0f} to {seen.max():.0f} of 255): mix the pictures, or "
        "calibrate on more of them (--calibrate)"
    )


def _cut(found: Diagnosis | None) -> str:
    """Layers whose ranges are too narrow for pictures that did not calibrate."""
    if found is None or not found.held_back:
        return ""
    advice = "the calibration pictures are unlike these; mix them, or give more (--calibrate)"
    cut = [layer for layer in found.layers if (layer.saturated or 0.0) >= CUT]
    if len(cut) < max(1, CUT_LAYERS * len(found.layers)):
        predicted, measured = found.predicted_db, found.measured_db
        if predicted is None or measured is None or measured > predicted - FAR_DB:
            return ""
        return (
            f"on pictures that did not calibrate the outputs have {measured:.1f} dB where rounding "
            f"alone would leave {predicted:.1f}: {advice}"
        )
    worst = max(cut, key=lambda layer: layer.saturated or 0.0)
    return (
        f"on pictures that did not calibrate {len(cut)} of {len(found.layers)} layers cut more "
        f"than {100 * CUT:.0f} % of their values, {worst.layer} {100 * (worst.saturated or 0):.0f} "
        f"%; {advice}"
    )
