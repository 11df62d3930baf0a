"""`--output rows` from the command line: planned, compiled, run and validated; what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mcucc.report.facts import Report
from mcucc.schedule.plan.plan import Plan
from tests.cli.project import BOARD, HEIGHT, TOML, WIDTH, Project, mcucc
from tests.frontends.onnx_nets import Net

ROWS = ("--image", "rows", "--max-macs", 1.0)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A map of two channels and one of four; a convolution in front of both."""
    project = Project(tmp_path_factory.mktemp("maps"))
    n = Net([1, 3, HEIGHT, WIDTH])
    x = n("Relu", n.conv("image", 3, 8, 3))
    outputs = [n("Relu", n.conv(x, 8, 2, 3), out="mask"), n("Sigmoid", n.conv(x, 8, 4, 1))]
    n.save(project.folder, *outputs)
    (project.folder / "net.toml").write_text(TOML)
    rng = np.random.default_rng(0)
    (project.data / "a").mkdir(parents=True)
    for index in range(3):
        pixels = rng.integers(0, 256, (20, 17, 3), np.uint8)
        Image.fromarray(pixels).save(project.data / "a" / f"{index}.png")
    return project


def report_of(project: Project, out: str) -> Report:
    return Report.from_json((project.folder / out / "report.json").read_text())


@pytest.mark.emulated
def test_rows_take_less_sram_and_every_way_agrees(maps: Project) -> None:
    assert maps.compile(*ROWS, out="whole").code == 0
    result = maps.compile(*ROWS, "--output", "rows", out="rows")
    assert result.code == 0, result.err
    whole, rows = report_of(maps, "whole").sram, report_of(maps, "rows").sram
    assert rows.total < whole.total and rows.output < whole.output
    assert len(rows.row_outputs) == 2 and whole.row_outputs == ()
    assert "output (rows)" in result.out
    assert "what takes the rows of outputs that are handed out" in rows.not_counted
    words = ("--data", maps.data, "--emulator", "qemu", "--json")
    result = mcucc("validate", maps.folder / "rows", *words)
    assert result.code == 0, result.err
    assert json.loads(result.out)["all_equal"] is True
    picture = maps.data / "a" / "0.png"
    found = []
    for out, on in (("whole", "host"), ("rows", "host"), ("rows", "qemu")):
        words = ("--input", picture, "--on", on, "--json")
        result = mcucc("run", maps.folder / out, *words)
        assert result.code == 0, result.err
        found.append(json.loads(result.out)["outputs"])
    assert found[0] == found[1] == found[2]


@pytest.mark.host
def test_one_output_by_its_name(maps: Project, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    words = (maps.model, "--data", maps.data, *ROWS, "--output", "mask=rows", "--save", saved)
    result = mcucc("plan", *words, "--print")
    assert result.code == 0, result.err
    assert "by rows mask" in result.out and "deliver" in result.out
    assert Plan.from_json(saved.read_text()).row_outputs == ("mask",)
    assert maps.compile("--c-only", *ROWS, "--output", "mask=rows", out="one").code == 0
    header = (maps.folder / "one" / "net.h").read_text()
    assert "NET_MASK_ROW_BYTES" in header and "net_output_mask" not in header
    assert header.count("net_output_") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--output", "lines"), "'lines' is not allowed"),
        (("--output", "mask=whole"), "'whole' is not allowed"),
        (("--output", "nothing=rows"), "output nothing cannot leave by rows: it is no output"),
    ],
)
def test_what_is_refused(maps: Project, words: tuple[str, ...], said: str) -> None:
    result = mcucc("plan", maps.model, "--data", maps.data, *words)
    assert result.code != 0 and said in " ".join(result.err.split())


def test_a_classifier_has_nothing_to_hand_out(compiled: Project) -> None:
    result = mcucc(
        "plan", compiled.model, "--board", BOARD, "--data", compiled.data, "--output", "rows"
    )
    assert result.code != 0 and "no output has more than one row" in " ".join(result.err.split())
