"""The exports of a compiled network, and the pictures of those that run it without mcucc."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcucc.base.names import comment
from mcucc.boards.board import Board
from mcucc.codegen.model import ModelCode
from mcucc.driver.load import LoadedModel
from mcucc.driver.measure import random_bytes, reference_bytes
from mcucc.exports import Example, Library, Trial, export_to
from mcucc.images.arrays import is_arrays
from mcucc.images.datasets import load_dataset

# Two of these pictures would be most of the flash of a small board.
_LARGE = 64 << 10


def export_all(
    ecosystems: Sequence[str],
    code: ModelCode,
    network: LoadedModel,
    board: Board,
    data: Path | None,
    optimize: str,
    folder: Path,
) -> None:
    """Writes the exports that were asked for; `data` is what `compile` was given.

    `optimize` is the flag that the firmware is built with.
    """
    if not ecosystems:
        return
    trial = Trial(board, lambda: examples_of(network, data))
    library = Library.of(code, network.integer, network.cameras, network.answers, trial, optimize)
    for ecosystem in ecosystems:
        export_to(ecosystem, library, folder)


def examples_of(network: LoadedModel, data: Path | None) -> tuple[Example, ...]:
    """The first picture of `data`, where pictures are read, and bytes of every value.

    Of inputs over 64 kB just one.
    """
    noise = random_bytes(network)
    pictures = {"random bytes": noise.tobytes()}
    if data is not None and network.preprocess is not None and not is_arrays(data):
        sample = load_dataset(data).calibration(network.preprocess, 1).samples[0]
        pictures = {comment(sample.name): sample.raw, **pictures}
    wanted = list(pictures.items())[: 1 if noise.size > _LARGE else 2]
    return tuple(
        Example(what, raw, reference_bytes(network, network.integer, np.frombuffer(raw, np.uint8)))
        for what, raw in wanted
    )
