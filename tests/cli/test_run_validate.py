"""`mcucc run` and `mcucc validate` on a compiled folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.project import Project, mcucc

pytestmark = pytest.mark.emulated


def outputs(compiled: Project, picture: Path, emulator: str) -> dict[str, Any]:
    result = mcucc(
        "run", compiled.folder / "out", "--input", picture, "--emulator", emulator, "--json"
    )
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    assert found["emulator"] == emulator
    return found


def camera_bytes(picture: Path) -> np.ndarray:
    image = Image.open(picture).convert("RGB")
    return np.asarray(image.resize((12, 14), Image.Resampling.BILINEAR))


def test_pictures_and_arrays_give_the_same_everywhere(compiled: Project, tmp_path: Path) -> None:
    picture = compiled.data / "class0" / "0.png"
    array = tmp_path / "x.npy"
    np.save(array, camera_bytes(picture))
    found = {
        "host": outputs(compiled, picture, "host"),
        "qemu": outputs(compiled, array, "qemu"),
        "unicorn": outputs(compiled, picture, "unicorn"),
    }
    scores = found["host"]["outputs"]
    assert len(set(np.ravel(scores["scores"]).tolist())) > 1
    assert found["qemu"]["outputs"] == found["unicorn"]["outputs"] == scores
    assert found["qemu"]["instructions"] == found["unicorn"]["instructions"] > 1000


def test_scores_are_printed_best_first(compiled: Project) -> None:
    picture = compiled.data / "class2" / "0.png"
    result = mcucc("run", compiled.folder / "out", "--input", picture, "--top", 2)
    assert result.code == 0, result.err
    scores = [float(line.split("=")[1]) for line in result.out.splitlines() if " = " in line]
    assert len(scores) == 2
    assert scores[0] >= scores[1]


def test_validate_agrees_on_every_byte(compiled: Project) -> None:
    result = mcucc(
        "validate",
        compiled.folder / "out",
        "--data",
        compiled.data,
        "--emulator",
        "qemu",
        "--json",
    )
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["images"] == found["labelled"] == 9
    assert found["all_equal"] is True
    assert found["quantized_top1"] == found["host_top1"] == found["emulated_top1"]
    assert 0 <= found["float_top1"] <= 1
    assert found["instructions"] > 1000
    ways = {way["name"]: way for way in found["ways"]}
    assert ways["emulated"]["different_pictures"] == 0
    assert ways["quantized"]["cosine"] > 0.99
    # A classifier's confusion is in the files, beside the C.
    written = json.loads((compiled.folder / "out" / "validate.json").read_text())
    (answer,) = written.pop("answers")
    assert written == found
    assert "What is taken for what" in (compiled.folder / "out" / "validate.html").read_text()
    score = answer["ways"]["emulated"]
    assert sum(count for *_, count in score["confusion"]["cells"]) == 9
    assert score["top1"]["value"] == found["quantized_top1"]


def test_the_table_names_every_way(compiled: Project) -> None:
    result = mcucc("validate", compiled.folder / "out", "--data", compiled.data, "--limit", 2)
    assert result.code == 0, result.err
    for words in ("float network", "int8, NumPy", "C on this host", "C emulated", "2 pictures"):
        assert words in result.out


def test_unlabelled_pictures_have_no_top1(compiled: Project) -> None:
    result = mcucc(
        "validate",
        compiled.folder / "out",
        "--data",
        compiled.data / "class0",
        "--emulator",
        "none",
        "--json",
    )
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["float_top1"] is None
    assert found["images"] == 3
    assert found["all_equal"] is None
    assert found["instructions"] is None


def test_wrong_c_is_found_and_the_layer_named(compiled: Project, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(compiled.folder / "out", broken)
    camera = broken / "runtime" / "kernels" / "portable" / "camera.c"
    text = camera.read_text()
    assert "0x80808080" in text
    camera.write_text(text.replace("0x80808080", "0x00000000"))
    result = mcucc("validate", broken, "--data", compiled.data, "--limit", 3)
    assert result.code == 1, result.err
    report = json.loads((broken / "report.json").read_text())
    assert f"host: first difference in {report['layers'][0]['name']} " in result.out
    assert f"emulated: first difference in {report['layers'][-1]['name']} " in result.out
    assert "agree on every byte" not in result.out
