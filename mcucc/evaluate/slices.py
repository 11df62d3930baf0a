"""The worst slice of an output: what a mean over all of it does not show.

Under one scale a channel of small values beside large ones becomes one constant, and the cosine of
the whole stays 1.0000. Here every slice's error is measured against its own energy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DoubleArray = npt.NDArray[np.float64]
VARIES = 0.1  # of a slice's largest value: less is no variation that anything depends on
AXES = {2: "column", 3: "channel"}


@dataclass(frozen=True)
class Slices:
    """Of all slices of all outputs: the one of least signal to noise, and those that are dead.

    `snr_db` is 10 log10(sum float^2 / sum (float - int8)^2) over all pictures, None without a
    difference. A slice is dead that is one constant in int8 though the float network's varies;
    `dead_output` is the output of the first, `dead_largest` the largest float value in any.
    """

    output: str
    slice: str
    snr_db: float | None
    count: int
    dead: int = 0
    dead_output: str = ""
    dead_largest: float = 0.0

    @property
    def shown(self) -> str:
        """The ratio as a table shows it."""
        return "exact" if self.snr_db is None else f"{self.snr_db:.1f} dB"


def worst_slice(floats: Mapping[str, DoubleArray], made: Mapping[str, DoubleArray]) -> Slices:
    """Channels of outputs (pictures, H, W, C), of matrices (H = 1) the columns too.

    Slices that are 0 in both are left out.
    """
    worst = ("", "", math.inf)
    count = dead = 0
    dead_output, dead_largest = "", 0.0
    for name, real in floats.items():
        for axis in (3, 2) if real.shape[1] == 1 and real.shape[2] > 1 else (3,):
            if real.shape[axis] == 1 and axis == 2:
                continue
            others = tuple(i for i in range(4) if i != axis)
            snr, gone = _measure(real, made[name], others)
            count += snr.size
            if gone.any():
                dead += int(gone.sum())
                dead_output = dead_output or name
                largest = np.abs(real).max(axis=others)[gone].max()
                dead_largest = max(dead_largest, float(largest))
            index = int(snr.argmin())
            # A slice that is 0 and is not written as 0 has none of its own.
            if snr[index] < worst[2]:
                worst = (name, f"{AXES[axis]} {index}", float(snr[index]))
    output, place, snr_db = worst
    some = snr_db if math.isfinite(snr_db) else None
    return Slices(output, place, some, count, dead, dead_output, dead_largest)


def _measure(
    real: DoubleArray, made: DoubleArray, others: tuple[int, ...]
) -> tuple[DoubleArray, npt.NDArray[np.bool_]]:
    """Signal to noise of each slice in dB, and whether it is dead."""
    signal = (real * real).sum(axis=others)
    noise = ((real - made) ** 2).sum(axis=others)
    snr = np.full(signal.shape, np.inf)
    some = noise > 0
    with np.errstate(divide="ignore"):
        snr[some] = 10.0 * np.log10(signal[some] / noise[some])
    span = real.max(axis=others) - real.min(axis=others)
    constant = made.max(axis=others) == made.min(axis=others)
    return snr, constant & (span > VARIES * np.abs(real).max(axis=others))
