"""`validate --layers`, and the same in report.json and report.html."""

from __future__ import annotations

import json

from tests.cli.project import Project, mcucc


def test_layers_are_in_the_table_the_json_and_the_page(compiled: Project) -> None:
    folder = compiled.folder / "out"
    asked = ("validate", folder, "--data", compiled.data, "--emulator", "none", "--layers")
    shown = mcucc(*asked)
    assert shown.code == 0, shown.err
    assert "signal to noise of the outputs" in shown.out and "dB predicted" in shown.out
    found = json.loads(mcucc(*asked, "--json").out)["layers"]
    assert found["compared"] and found["predicted_db"] > 10 and found["measured_db"] > 10
    rows = found["layers"]
    stored = json.loads((folder / "report.json").read_text())["diagnosis"]
    assert [row["tensor"] for row in rows] == [row["tensor"] for row in stored["layers"]]
    total = sum((row["activation"] or 0) + (row["weights"] or 0) for row in rows)
    assert abs(total - 1.0) < 1e-6
    assert all(row["snr_db"] is None or row["snr_db"] > 5 for row in rows)
    page = (folder / "report.html").read_text()
    assert '<section id="noise">' in page and "signal to noise" in page.lower()


def test_without_the_option_nothing_of_it_is_computed_or_said(compiled: Project) -> None:
    asked = ("validate", compiled.folder / "out", "--data", compiled.data, "--emulator", "none")
    assert "layers" not in json.loads(mcucc(*asked, "--json").out)
