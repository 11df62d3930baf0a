"""`mcucc run` with [output]: words, --json, drawings, folders of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.project import TOML, Project, make_project, mcucc

pytestmark = pytest.mark.emulated
OUTPUT = (
    '\n[output.classes]\nclasses = ["cat", "dog", "eel"]\nscore = "softmax"\nthreshold = 0.34\n'
)


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project compiled with [output.classes]."""
    project = make_project(tmp_path_factory.mktemp("answering"))
    (project.folder / "net.toml").write_text(TOML + OUTPUT)
    result = project.compile("--schedule", "layers")
    assert result.code == 0, result.err
    return project


def test_one_picture_is_answered_and_drawn(answering: Project, tmp_path: Path) -> None:
    out, picture = answering.folder / "out", answering.data / "class0" / "0.png"
    told = mcucc("run", out, "--input", picture, "--draw", tmp_path / "new" / "a.png")
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert "0.png on qemu, " in lines[0] and lines[1].split()[0] in ("cat", "dog", "eel")
    drawn = Image.open(tmp_path / "new" / "a.png")
    assert drawn.format == "PNG" and drawn.width == 16 * 17 and drawn.height > 16 * 20
    found = json.loads(mcucc("run", out, "--input", picture, "--json", "--emulator", "host").out)
    (answer,) = found["answers"]
    assert answer["task"] == "classes" and answer["scores"][0]["name"] == lines[1].split()[0]
    assert found["outputs"][answer["output"]] and found["quantization"]


def test_a_folder_is_a_line_and_a_drawing_a_picture(answering: Project, tmp_path: Path) -> None:
    out = answering.folder / "out"
    told = mcucc("run", out, "--input", answering.data, "--draw", tmp_path / "d", "--limit", 4)
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert [line.split(":")[0] for line in lines[1:]] == [
        "class0/0.png",
        "class1/0.png",
        "class2/0.png",
        "class0/1.png",
    ]
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [
        "class0_0.png",
        "class0_1.png",
        "class1_0.png",
        "class2_0.png",
    ]
    host = mcucc("run", out, "--input", answering.data, "--json", "--emulator", "host")
    rows = json.loads(host.out)["pictures"]
    assert len(rows) == 9 and "outputs" not in rows[0]
    best = [row["answers"][0]["scores"][0]["name"] for row in rows]
    assert all(
        name in line or "no class" in line for name, line in zip(best, lines[1:], strict=False)
    )


def test_without_output_a_folder_prints_the_largest_values(compiled: Project) -> None:
    out, data = compiled.folder / "out", compiled.data / "class1"
    told = mcucc("run", out, "--input", data, "--emulator", "host")
    assert told.code == 0, told.err
    assert len(told.out.splitlines()) == 4 and " = " in told.out.splitlines()[1]
    found = json.loads(mcucc("run", out, "--input", data, "--emulator", "host", "--json").out)
    assert np.shape(found["pictures"][2]["outputs"]["scores"]) == (1, 1, 3)
    assert "scores" in found["quantization"]


def test_the_picture_itself_is_never_drawn_over(answering: Project) -> None:
    picture = answering.data / "class0" / "0.png"
    before = picture.read_bytes()
    told = mcucc("run", answering.folder / "out", "--input", picture, "--draw", picture)
    assert told.code == 2 and "would replace" in told.err
    assert picture.read_bytes() == before
