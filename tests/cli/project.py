"""A tiny trained-looking network with pictures, and the command line run in this process."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from mcucc.cli import main
from tests.frontends.onnx_nets import Net

BOARD = "stm32f746g-disco"
HEIGHT, WIDTH, CLASSES = 14, 12, 3
TOML = f"""[preprocess]
channels = "rgb"
resize = [{HEIGHT}, {WIDTH}]
scale = 0.00392156862745098
mean = [0.5, 0.4, 0.5]
std = [0.5, 0.25, 0.5]
"""


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def mcucc(*arguments: object) -> Result:
    """Run the command line as the shell would."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["mcucc", *(str(argument) for argument in arguments)]
    with patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert code is None or isinstance(code, int)
    return Result(code or 0, out.getvalue(), err.getvalue())


def net(height: Any = HEIGHT, width: Any = WIDTH) -> tuple[Net, str]:
    """A convolution, a depthwise one, a classifier; the network and its output's name."""
    n = Net([1, 3, height, width])
    x = n("Relu", n.batch_norm(n.conv("image", 3, 8, 3, bias=False, strides=[2, 2]), 8))
    x = n("Clip", n.conv(x, 8, 8, 3, group=8), n.const(0.0), n.const(6.0))
    x = n("Flatten", n("GlobalAveragePool", n.conv(x, 8, 6, 1)))
    return n, n("Gemm", x, n.weights(CLASSES, 6), n.weights(CLASSES), out="scores", transB=1)


@dataclass(frozen=True)
class Project:
    """A folder as a user has it: model, TOML beside it, labelled pictures."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "net.onnx"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def compile(self, *more: object, model: Path | None = None, out: str = "out") -> Result:
        """`mcucc compile` with the usual options, overridden by `more`."""
        usual = ("--board", BOARD, "--data", self.data, "--out", self.folder / out)
        return mcucc("compile", model or self.model, *usual, *more)


def make_project(folder: Path) -> Project:
    """Write model, preprocessing and one folder of pictures a class."""
    project = Project(folder)
    n, output = net()
    n.save(folder, output)
    (folder / "net.toml").write_text(TOML)
    rng = np.random.default_rng(3)
    for label in range(CLASSES):
        place = project.data / f"class{label}"
        place.mkdir(parents=True)
        for index in range(3):
            pixels = rng.integers(0, 256, (20, 17, 3), np.uint8)
            Image.fromarray(pixels).save(place / f"{index}.png")
    return project
