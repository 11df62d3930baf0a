"""Branches that became one layer are named: on the terminal, in report.json and on the page."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.project import BOARD, HEIGHT, TOML, WIDTH, Project, mcucc
from tests.frontends.onnx_nets import Net


def test_the_report_names_the_branches_of_a_layer(project: Project, tmp_path: Path) -> None:
    n = Net([1, 3, HEIGHT, WIDTH])
    x = n("Relu", n.conv("image", 3, 4, 3, pads=[1, 1, 1, 1]))
    three = n.conv(x, 4, 4, 3, pads=[1, 1, 1, 1], strides=[2, 2])
    n("Relu", n("Add", n.conv(x, 4, 4, 1, strides=[2, 2]), three), out="y")
    n.save(tmp_path, "y")
    (tmp_path / "net.toml").write_text(TOML)
    out = tmp_path / "out"
    options = ("--board", BOARD, "--data", project.data, "--emulator", "none", "--out", out)
    done = mcucc("compile", tmp_path / "net.onnx", *options)
    assert done.code == 0, done.err
    words = "branches that are added are computed at once: 2 layers of the file as 1"
    assert words in " ".join(done.out.split())
    report = json.loads((out / "report.json").read_text())
    (merged,) = report["merged"]
    assert [node["name"] for node in report["nodes"]][1] == merged["layer"]
    assert merged["layer"] in merged["parts"]
    assert len(merged["parts"]) == 2
    assert words[1:] in (out / "report.html").read_text()
