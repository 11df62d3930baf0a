"""report.html: complete in itself, harmless whatever the model's names are, alive in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import onnx
import pytest

from mcucc.report.format import amount, printable
from mcucc.report.html import report_page
from mcucc.report.html.axis import nice_steps
from mcucc.report.stored import read_report
from tests.cli.project import Project, make_project

pytestmark = pytest.mark.emulated
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EVIL = "<script>window.evil = 1</script>\"'&\u202e`${1}{{7*7}}"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
# What a person does: points at the peak, sorts by MACs, chooses another step, points at a column.
HOOK = """<script>
const found = {};
const tip = document.getElementById("tip");
function point(selector) {
  document.querySelector(selector).dispatchEvent(
    new PointerEvent("pointermove", {bubbles: true, clientX: 200, clientY: 200}));
  return tip.hidden ? null : tip.textContent;
}
found.peak = point("#peak");
found.column = point(".columns span");
found.buffer = point(".map path");
document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
found.hidden = tip.hidden;
const heads = Array.from(document.querySelectorAll("#layers .sortable th"));
const macs = heads.findIndex((head) => head.textContent.trim() === "MACs");
const values = () => Array.from(document.querySelectorAll("#layers .sortable tbody tr"))
  .map((row) => Number(row.cells[macs].dataset.v));
heads[macs].firstElementChild.click();
found.rising = values();
heads[macs].firstElementChild.click();
found.falling = values();
const choice = document.getElementById("round");
found.rounds = document.querySelectorAll(".round:not([hidden])").length;
if (choice) {
  choice.selectedIndex = choice.options.length - 1;
  choice.dispatchEvent(new Event("change"));
  found.chosen = document.querySelector(".round:not([hidden])").dataset.round === choice.value;
}
found.evil = window.evil === undefined;
found.width = document.documentElement.scrollWidth;
const result = document.createElement("pre");
result.id = "found";
result.textContent = JSON.stringify(found);
document.body.append(result);
</script></body>"""


def browse(page: str, folder: Path, width: int = 1280) -> dict[str, Any]:
    """What the hook found in the page, in headless Chromium; nothing may reach its console."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    (folder / "page.html").write_text(page.replace("</body>", HOOK), encoding="utf-8")
    options = [*FLAGS, "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}"]
    options += [f"--window-size={width},900"]
    command = [browser, *options, "--dump-dom", (folder / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match is not None, done.stdout[-2000:]
    found: dict[str, Any] = json.loads(unescape(match.group(1)))
    return found


def folder_of(project: Project, out: str = "out") -> tuple[dict[str, Any], str]:
    folder = project.folder / out
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report, (folder / "report.html").read_text(encoding="utf-8")


def behaves(found: dict[str, Any], report: dict[str, Any]) -> None:
    """The page of a report does what a person expects."""
    lines = found["peak"].splitlines()
    assert f"{report['plan']['peak_bytes']:,} bytes" in lines[0]
    listed = sorted(int(line.split()[0].replace(",", "")) for line in lines[1:])
    assert listed == sorted(live["size"] for live in report["plan"]["peak_live"])
    roles = sorted(re.findall(r"\(([a-z ]+)\)$", found["peak"], re.MULTILINE))
    assert roles == sorted(live["role"] for live in report["plan"]["peak_live"])
    first = report["nodes"][0]
    assert found["column"].startswith(printable(first["name"]))
    assert f"{first['executed']:,} MACs" in found["column"]
    assert any(
        found["buffer"].startswith(printable(b["tensor"])) for b in report["memory"]["buffers"]
    )
    assert found["hidden"]
    assert found["rising"] == sorted(node["macs"] for node in report["nodes"])
    assert found["falling"] == found["rising"][::-1]
    assert found["evil"]


def test_layer_by_layer_in_a_browser(compiled: Project, tmp_path: Path) -> None:
    report, page = folder_of(compiled)
    found = browse(page, tmp_path)
    behaves(found, report)
    names = {live["tensors"][0] for live in report["plan"]["peak_live"]}
    assert names
    assert all(name in found["peak"] for name in names)  # short names are kept whole
    assert found["rounds"] == 0


def test_a_fused_plan_in_a_browser(compiled: Project, tmp_path: Path) -> None:
    result = compiled.compile("--image", "rows", "--max-macs", "1.3", out="rows")
    assert result.code == 0, result.err
    report, page = folder_of(compiled, "rows")
    assert len(report["layers"]) < len(report["nodes"])
    found = browse(page, tmp_path)
    behaves(found, report)
    assert found["rounds"] == 1
    assert found["chosen"]
    narrow = browse(page, tmp_path, width=500)  # the narrowest window that Chromium opens
    assert narrow["width"] <= 500


def test_it_is_complete_in_itself(compiled: Project) -> None:
    _, page = folder_of(compiled)
    assert "http" not in page.replace("http-equiv", "")
    assert not re.search(r"\b(src|href)=(?!\"data:)", page)
    assert "<link rel=" not in page.replace('<link rel="icon" href="data:,">', "")


def test_names_are_text(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    model = onnx.load(str(project.model))
    renamed = {node.output[0]: f"{EVIL}{i}" for i, node in enumerate(model.graph.node)}
    del renamed[model.graph.output[0].name]
    for node in model.graph.node:
        node.name = f"{EVIL}/{node.name}"
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    onnx.save(model, str(project.model))
    result = project.compile("--emulator", "none")
    assert result.code == 0, result.err
    report, page = folder_of(project)
    assert any(EVIL in node["name"] for node in report["nodes"])
    assert "<script>window.evil" not in page
    assert "49" not in re.findall(r"\{1\}(\d+)", page)
    behaves(browse(page, tmp_path), report)


def test_a_report_that_was_never_run_has_a_page(project: Project) -> None:
    assert project.compile("--emulator", "none").code == 0
    _, page = folder_of(project)
    assert report_page(read_report(project.folder / "out")) == page
    assert "not emulated" in page
    assert "MACs of a layer" in page


def test_grid_lines_are_round_and_few() -> None:
    for most in (1, 9, 255, 13_168, 97_008, 342_024, 5_000_000):
        lines = nice_steps(most)
        assert lines[0] == 0
        assert 1 <= len(lines) <= 8
        assert lines[-1] <= most
        assert len({b - a for a, b in pairwise(lines)}) <= 1


def test_amounts_have_three_or_four_digits() -> None:
    shown = [amount(n, "MACs") for n in (0, 930, 1_234, 17_226_398, 999_020, 2_000_000_000)]
    assert shown == [
        "0 MACs",
        "930 MACs",
        "1.23 k MACs",
        "17.2 M MACs",
        "999 k MACs",
        "2.00 G MACs",
    ]
