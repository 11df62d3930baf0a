"""`report` and `compare`: what a compiled folder says, and what two of them say together."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mcucc.report.layer_table import layer_table
from tests.cli.project import Project, mcucc

pytestmark = pytest.mark.emulated


def edited(project: Project, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the compiled folder whose report was changed."""
    shutil.copytree(project.folder / "out", folder)
    path = folder / "report.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))
    return folder


def test_the_verdict_comes_first(compiled: Project) -> None:
    result = mcucc("report", compiled.folder / "out")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    report = json.loads((compiled.folder / "out" / "report.json").read_text())
    assert lines[0].startswith("fits stm32f746g-disco: SRAM ")
    assert f"{report['sram']['total'] / 1000:.1f} of 327.7 kB" in lines[0]
    peak = next(line for line in lines if line.startswith("peak "))
    assert f"{report['plan']['peak_bytes']:,} bytes" in peak
    for node in report["nodes"]:
        assert any(node["name"] in line for line in lines)
    assert max(map(len, lines[:-1])) <= 80


def test_json_is_the_file(compiled: Project) -> None:
    result = mcucc("report", compiled.folder / "out", "--json")
    assert json.loads(result.out) == json.loads(
        (compiled.folder / "out" / "report.json").read_text()
    )


def test_csv_has_a_line_a_layer(compiled: Project) -> None:
    report = json.loads((compiled.folder / "out" / "report.json").read_text())
    rows = list(csv.DictReader(io.StringIO(mcucc("report", compiled.folder / "out", "--csv").out)))
    assert [row["layer"] for row in rows] == [node["name"] for node in report["nodes"]]
    assert sum(int(row["macs"]) for row in rows) == report["macs"]["network"]
    counted = {row["step"]: int(row["step_instructions"]) for row in rows}
    assert list(counted.values()) == [layer["instructions"] for layer in report["layers"]]


def test_the_page_can_be_written_again(compiled: Project, tmp_path: Path) -> None:
    folder = edited(compiled, tmp_path / "copy", lambda report: None)
    page = (folder / "report.html").read_text(encoding="utf-8")
    (folder / "report.html").unlink()
    assert mcucc("report", folder, "--html").code == 0
    assert (folder / "report.html").read_text(encoding="utf-8") == page


def test_wrong_folders_and_options(compiled: Project, tmp_path: Path) -> None:
    out = compiled.folder / "out"
    for arguments, words in (
        (("report", tmp_path), "compile first"),
        (("report", out, "--json", "--csv"), "one of"),
        (("compare", out, tmp_path), str(tmp_path)),
    ):
        result = mcucc(*arguments)
        assert result.code == 2
        assert words in result.err
    old = edited(compiled, tmp_path / "old", lambda report: report.update(schema=1))
    assert "compile again" in mcucc("report", old).err


def test_a_folder_equals_itself(compiled: Project) -> None:
    out = compiled.folder / "out"
    result = mcucc("compare", out, out, "--fail-on-regression", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["differing"] == found["layers"] == found["steps"] == found["regressions"] == []
    assert all(total["difference"] == 0 for total in found["totals"])


def test_what_grew_is_a_regression(compiled: Project, tmp_path: Path) -> None:
    def worse(report: dict[str, Any]) -> None:
        report["instructions"]["total"] += 1000
        report["layers"][0]["instructions"] += 1000
        report["sram"]["total"] -= 8
        report["tools"]["compiler"] = "another"

    out, other = compiled.folder / "out", edited(compiled, tmp_path / "worse", worse)
    result = mcucc("compare", out, other, "--fail-on-regression", "--json")
    assert result.code == 1
    found = json.loads(result.out)
    assert found["regressions"] == ["instructions"]
    totals = {total["figure"]: total["difference"] for total in found["totals"]}
    assert (totals["instructions"], totals["SRAM"], totals["flash"]) == (1000, -8, 0)
    (step,) = found["steps"]
    assert step["changes"][0]["difference"] == 1000
    assert found["layers"] == []
    assert any(line.startswith("compiler: ") for line in found["differing"])
    assert mcucc("compare", out, other).code == 0
    assert mcucc("compare", other, out, "--fail-on-regression").code == 1  # SRAM grew by 8
    tolerant = ("--fail-on-regression", "--tolerance", "50")
    assert mcucc("compare", out, other, *tolerant).code == 0


def test_layers_that_one_side_lacks_are_named(compiled: Project, tmp_path: Path) -> None:
    def renamed(report: dict[str, Any]) -> None:
        node = report["nodes"][0]
        report["flash"]["layers"]["new"] = report["flash"]["layers"].pop(node["name"])
        node["name"] = "new"

    other = edited(compiled, tmp_path / "renamed", renamed)
    found = json.loads(mcucc("compare", compiled.folder / "out", other, "--json").out)
    assert {layer["status"] for layer in found["layers"]} == {"added", "removed"}
    text = mcucc("compare", compiled.folder / "out", other).out
    assert "(added) new" in text
    assert "(removed) n_conv_0" in text


def test_uncounted_instructions_are_no_regression(compiled: Project, tmp_path: Path) -> None:
    def uncounted(report: dict[str, Any]) -> None:
        report["instructions"]["total"] = None
        for layer in report["layers"]:
            layer["instructions"] = None

    other = edited(compiled, tmp_path / "uncounted", uncounted)
    for pair in ((compiled.folder / "out", other), (other, compiled.folder / "out")):
        assert mcucc("compare", *pair, "--fail-on-regression").code == 0
        assert "–" in mcucc("compare", *pair).out


@pytest.mark.parametrize("width", [60, 80, 120])
def test_figures_are_whole_at_any_width(width: int) -> None:
    rows = [["1", "a_layer_of_a_long_name" * 3, "Conv2d 3x3 s2,2 p1,1,1,1", "12,345,678", "999"]]
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    with console.capture() as captured:
        console.print(layer_table(["", "layer", "op", "MACs", "flash"], rows, width))
    lines = captured.get().splitlines()
    assert "12,345,678" in lines[1]
    assert "999" in lines[1]
    assert max(len(line.rstrip()) for line in lines) <= width
    assert ("Conv2d" in lines[1]) == (width == 120)


def test_a_report_of_before_has_no_text_and_is_read(compiled: Project, tmp_path: Path) -> None:
    def older(report: dict[str, Any]) -> None:
        assert any(line.startswith("stage 0: ") for line in report.pop("program_text"))

    folder = edited(compiled, tmp_path / "older", older)
    assert mcucc("report", folder).code == 0
    found = mcucc("compare", folder, compiled.folder / "out", "--fail-on-regression")
    assert found.code == 0, found.err
    assert mcucc("report", folder, "--html").code == 0
    assert "as text" in (compiled.folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "as text" not in (folder / "report.html").read_text(encoding="utf-8")
