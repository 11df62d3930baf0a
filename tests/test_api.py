"""`import mcucc`: the verbs as functions, and nothing heavy before one is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mcucc
from mcucc.errors import OutputError
from mcucc.schedule.plan.plan import ImagePolicy
from tests.cli.project import BOARD, make_project


def test_every_public_name_is_there() -> None:
    for name in mcucc.__all__:
        assert getattr(mcucc, name) is not None
        assert name in dir(mcucc)
    with pytest.raises(AttributeError, match="nothing"):
        _ = mcucc.nothing  # type: ignore[attr-defined]


def test_the_command_line_starts_without_heavy_imports() -> None:
    code = (
        "import sys, mcucc, mcucc.cli\n"
        "print(sorted({'numpy', 'onnx', 'onnxruntime', 'jinja2'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_from_a_file_to_a_plan(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert mcucc.load(project.model).graph.outputs == ("scores",)
    network = mcucc.quantized(project.model, project.data)
    mcucc.verify(network.graph)
    rows = mcucc.ScheduleOptions(image=ImagePolicy.ROWS, max_macs=1.0)
    resident, streamed = mcucc.plan(network, BOARD), mcucc.plan(network, BOARD, rows)
    assert streamed.program.arena_bytes < resident.program.arena_bytes


@pytest.mark.emulated
def test_compile_open_validate_run(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    out = tmp_path / "out"
    report = mcucc.compile(project.model, board=BOARD, out=out, data=project.data, name="tiny")
    assert report.fits
    folder = mcucc.open_folder(out)
    found = mcucc.validate(folder, project.data, limit=3)
    assert found.passed and found.all_equal
    made = mcucc.run(folder, project.data / "class0" / "0.png", emulator="host")
    assert made.outputs["scores"].shape == (1, 1, 1, 3)
    with pytest.raises(OutputError):
        mcucc.open_folder(tmp_path)
