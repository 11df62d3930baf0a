"""A detector on the command line: boxes and scores have scales of their own, said everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.project import BOARD, HEIGHT, TOML, WIDTH, Project, Result, make_project, mcucc
from tests.frontends.onnx_nets import Net

pytestmark = pytest.mark.host


def detector(folder: Path) -> Path:
    """`out` is boxes in pixels beside scores; `raw` a convolution, small in one channel of five."""
    n = Net([1, 3, HEIGHT, WIDTH])
    x = n("Relu", n.conv("image", 3, 4))
    boxes = n("Mul", n("Sigmoid", n.conv(x, 4, 4, 1)), n.const(320.0))
    n("Concat", boxes, n("Sigmoid", n.conv(x, 4, 2, 1)), out="out", axis=1)
    weights = n.rng.normal(0, 1, (5, 4, 1, 1))
    weights[3] *= 1e-3
    n("Conv", x, n.const(weights), out="raw", kernel_shape=[1, 1])
    return n.save(folder, "out", "raw")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Result]:
    project = make_project(tmp_path_factory.mktemp("detector"))
    detector(project.folder)
    (project.folder / "net.toml").write_text(TOML)
    options = ("--board", BOARD, "--data", project.data, "--c-only", "--keep-constant-channels")
    result = mcucc("compile", project.model, *options, "--out", project.folder / "out")
    assert result.code == 0, result.err
    return project, result


def test_compile_says_what_an_output_became(made: tuple[Project, Result]) -> None:
    project, result = made
    words = " ".join(result.out.split())
    assert "output out is written as out_0 (0..3 of axis 1, " in words
    assert "and out_1 (4..5 of axis 1, 0 to " in words
    header = (project.folder / "out" / "net.h").read_text()
    assert "Elements 0..3 of axis 1 of the file's output out." in header
    assert "const int8_t *net_output_out_1(const void *arena);" in header
    report = json.loads((project.folder / "out" / "report.json").read_text())
    (split,) = report["split_outputs"]
    assert [part["name"] for part in split["parts"]] == ["out_0", "out_1"]
    assert split["parts"][0]["scale"] > 100 * split["parts"][1]["scale"]
    assert report["worst_slice"]["dead_output"] == "raw"
    assert "warning: 1 of 11 slices of the outputs are one constant in int8" in words
    assert "Output out is written as out_0" in (project.folder / "out" / "report.html").read_text()


def test_run_gives_every_part_with_its_scale(made: tuple[Project, Result]) -> None:
    project, _ = made
    picture = next(project.data.rglob("*.png"))
    arguments = ("--input", picture, "--emulator", "host", "--json")
    result = mcucc("run", project.folder / "out", *arguments)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert list(found["outputs"]) == ["out_0", "out_1", "raw"]
    assert np.shape(found["outputs"]["out_1"]) == (HEIGHT, WIDTH, 2)
    assert len(set(np.ravel(found["outputs"]["out_1"]))) > 20
    assert found["quantization"]["out_1"]["scale"] < 0.01


def test_validate_compares_parts_and_shows_the_worst_slice(made: tuple[Project, Result]) -> None:
    project, _ = made
    arguments = ("--data", project.data, "--limit", 3, "--emulator", "none")
    result = mcucc("validate", project.folder / "out", *arguments, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    row = next(way for way in found["ways"] if way["name"] == "quantized")
    assert row["cosine"] > 0.99
    worst = row["worst"]
    assert (worst["output"], worst["slice"]) == ("raw", "channel 3")
    assert worst["snr_db"] < 10
    assert worst["count"] == 4 + 2 + 5
    assert (worst["dead"], worst["dead_output"]) == (1, "raw")
    lines = " ".join(mcucc("validate", project.folder / "out", *arguments).out.split())
    assert "worst slice: channel 3 of raw" in lines
    assert "warning: 1 of 11 slices of the outputs are one constant in int8" in lines
