"""The table of measured cycles: what becomes a file, what is refused, what is printed of none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.board_cycles import FOLDER, main, measurements, tables
from tests.cli.project import make_project

STEPS = [
    {"name": "begin", "kernels": "", "cycles": 130, "instructions": 100},
    {"name": "conv", "kernels": "mcucc_conv2d", "cycles": 3_900, "instructions": 3_000},
]
BOARD = {
    "server": "openocd:board/st_nucleo_f4.cfg",
    "machine": "stm32f746g-disco",
    "emulated": False,
    "memory": "RAM",
    "fence": "every byte but the network's is fenced off",
    "uncounted": "",
    "counter": "DWT CYCCNT",
    "clock_hz": 216_000_000,
    "cycles": 4_320,
    "instructions": 3_200,
    "emulator": "qemu",
    "steps": STEPS,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("cycles"))
    quick = ("--c-only", "--emulator", "none", "--quantize", "fast")
    assert project.compile(*quick).code == 0
    return project.folder / "out"


def add(folder: Path, to: Path, board: Any) -> int:
    run = to / "run.txt"
    run.write_text(json.dumps({"outputs": {}, "board": board}), encoding="utf-8")
    words = ["--cycles", str(to), "add", str(run), "--folder", str(folder)]
    return main([*words, "--probe", "a test's, no real one", "--date", "2026-11-30"])


def test_a_run_becomes_a_file_and_a_row(folder: Path, tmp_path: Path) -> None:
    assert add(folder, tmp_path, BOARD) == 0
    (path,) = tmp_path.glob("*.json")
    assert path.name == "stm32f746g_disco-net-ram.json"
    (found,) = measurements(tmp_path)
    assert (found.core, found.cycles, found.steps[1].cycles) == ("cortex-m7", 4_320, 3_900)
    text = tables([found])
    assert "| 3,200 | 4,320 | 1.350 | 0.02 at 216 MHz |" in text
    assert "| mcucc_conv2d | 1.300 |" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"emulated": True}, "emulator's cycles"),
        ({"cycles": None, "uncounted": "its DWT cannot be switched on"}, "DWT"),
        ({"instructions": None}, "count instructions"),
        ({"memory": 7}, "memory"),
        ({"steps": [{**STEPS[0], "cycles": "many"}]}, "cycles"),
        ({"clock_hz": 0}, "not positive"),
    ],
)
def test_what_is_no_measurement_is_refused(
    change: dict[str, Any],
    words: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert add(folder, tmp_path, {**BOARD, **change}) == 2
    assert words in capsys.readouterr().err and not list(tmp_path.glob("*.json"))


def test_a_run_without_a_board(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(folder, tmp_path, None) == 2
    assert "no run on a board" in capsys.readouterr().err


def test_the_committed_table_says_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    none = not list(FOLDER.glob("*.json"))
    assert ("No measurements yet" in shown) is none
