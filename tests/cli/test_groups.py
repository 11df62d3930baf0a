"""`mcucc validate` by groups of pictures."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.project import Project, mcucc

pytestmark = pytest.mark.emulated


@pytest.fixture
def grouped(compiled: Project, tmp_path: Path) -> Path:
    """The project's pictures in one folder, with labels.csv."""
    rows = [["file", "label", "light", "serial"]]
    for label in range(3):
        for index in range(3):
            name = f"{label}-{index}.png"
            shutil.copy(compiled.data / f"class{label}" / f"{index}.png", tmp_path / name)
            rows.append([name, str(label), "<b>day" if index else "night", f"n{label}{index}"])
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return tmp_path


def test_a_row_a_group_with_float_beside_int8(compiled: Project, grouped: Path) -> None:
    out = compiled.folder / "out"
    told = mcucc("validate", out, "--data", grouped, "--emulator", "none", "--groups", "light")
    assert told.code == 0, told.err
    assert "groups of pictures, top-1" in told.out and "McNemar" in told.out
    assert (
        "\nby light " in told.out
        and "\n  night " in told.out
        and "95 % confidence (Wilson)" in told.out
    )
    page = (out / "validate.html").read_text()
    assert "Groups of pictures, top-1" in page and "by light" in page and "&lt;b&gt;day" in page
    found = json.loads((out / "validate.json").read_text())
    (table,) = found["answers"][0]["groups"]
    assert [(row["column"], row["value"], row["count"]) for row in table["rows"]] == [
        ("", "", 9),
        ("light", "<b>day", 6),
        ("light", "night", 3),
    ]
    assert table["rows"][0]["figures"]["quantized"]["value"] == found["quantized_top1"]
    low, high = table["rows"][1]["figures"]["float"]["interval"]
    assert 0 <= low <= table["rows"][1]["figures"]["float"]["value"] <= high <= 1


def test_columns_that_make_groups_are_found(compiled: Project, grouped: Path) -> None:
    told = mcucc("validate", compiled.folder / "out", "--data", grouped, "--emulator", "none")
    assert told.code == 0, told.err
    assert "by light" in told.out and "serial" not in told.out  # it names each picture
