"""Compiling twice gives the same bytes: from other places, under other hash seeds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.project import BOARD, Project

pytestmark = [pytest.mark.host, pytest.mark.slow]
CODE = "from mcucc.cli import main; main()"


def compile_in(place: Path, project: Project, seed: int) -> dict[str, bytes]:
    """The files of `mcucc compile` run in a process of its own, in the folder `place`."""
    place.mkdir()
    plan = ("--image", "rows", "--max-macs", "1.1", "--emulator", "none", "--out", "out")
    command = [sys.executable, "-c", CODE, "compile", project.model, "--board", BOARD]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": root}
    command += ["--data", project.data, *plan]
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)
    out = place / "out"
    files = (path for path in sorted(out.rglob("*")) if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_same_input_same_bytes(project: Project, tmp_path: Path) -> None:
    first = compile_in(tmp_path / "here", project, 1)
    second = compile_in(tmp_path / "there", project, 77)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert {"manifest.json", "report.json", "net.c", "net.elf"} <= first.keys()
    place = str(tmp_path).encode()
    assert [name for name, data in first.items() if place in data] == []
