"""What a user gets wrong: one message, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.cli.project import BOARD, TOML, Project, Result, mcucc
from tests.frontends.onnx_nets import Net

PROJECT_FILES = ["data", "net.onnx", "net.toml"]


def refused(result: Result, *words: str) -> None:
    assert result.code == 2, result.err
    assert result.out == ""
    assert [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in result.err
    assert "defect" not in result.err
    for word in words:
        assert word in result.err, result.err


def nothing_written(project: Project) -> None:
    assert sorted(p.name for p in project.folder.iterdir()) == PROJECT_FILES


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.onnx", None, "no such file"),
        ("net.pt", b"x", ".onnx, .tflite"),
        ("net", b"x", ".onnx, .tflite"),
        ("empty.onnx", b"", "empty"),
        ("text.onnx", b"hello, this is no model at all", "ONNX"),
        ("empty.tflite", b"", "empty.tflite"),
        ("text.tflite", b"hello, this is no model at all", "text.tflite"),
    ],
)
def test_no_model(name: str, content: bytes | None, words: str, project: Project) -> None:
    path = project.folder / "data" / name
    if content is not None:
        path.write_bytes(content)
    refused(project.compile(model=path), words, name)
    nothing_written(project)


def test_a_truncated_model(project: Project) -> None:
    content = project.model.read_bytes()
    for size in (10, len(content) // 2, len(content) - 3):
        project.model.write_bytes(content[:size])
        refused(project.compile(), "net.onnx")
    nothing_written(project)


def test_all_unsupported_nodes_at_once(project: Project) -> None:
    n = Net([1, 3, 8, 8])
    x = n("Erf", n("Sin", "image"))
    n.save(project.folder, x)
    refused(project.compile(), "2 unsupported", "n_sin_0", "n_erf_1")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (None, "--preprocess"),
        ("[preprocess", "TOML"),
        (TOML.replace("[14, 12]", "[14, 13]"), "14x13x3"),
        (TOML.replace("rgb", "cmyk"), "channels"),
        (TOML.replace("resize", "resise"), "resise"),
    ],
)
def test_no_preprocessing(toml: str | None, words: str, project: Project) -> None:
    if toml is None:
        (project.folder / "net.toml").unlink()
    else:
        (project.folder / "net.toml").write_text(toml)
    refused(project.compile(), words)
    assert not (project.folder / "out").exists()


def test_no_pictures(project: Project) -> None:
    empty = project.folder / "data" / "nothing"
    empty.mkdir()
    refused(project.compile("--data", empty), "no pictures", "nothing")
    refused(project.compile("--data", project.folder / "missing"), "missing")
    refused(
        mcucc("compile", project.model, "--board", BOARD, "--out", project.folder / "o"), "--data"
    )
    (empty / "broken.jpg").write_bytes(b"no picture")
    refused(project.compile("--data", empty), "not one picture")
    nothing_written(project)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--board", "stm32f746"), ("stm32f746", "did you mean stm32f746g-disco")),
        (("--board", "none.toml"), ("none.toml",)),
        (("--observer", "guess"), ("--observer", "min-max")),
        (("--rounding", "up"), ("single, double",)),
        (("--optimize", "fast"), ("speed, balanced, size",)),
        (("--emulator", "bochs"), ("qemu",)),
        (("--calibrate", "0"), ("--calibrate",)),
        (("--calibrate", "many"), ("--calibrate",)),
        (("--input-shape", "image=1,x"), ("NAME=",)),
        (("--input-shape", "picture=1,3,14,12"), ("picture", "image")),
        (("--print-after", "lunch"), ("quantize",)),
        (("--wrong",), ("--wrong",)),
    ],
)
def test_wrong_options(options: tuple[str, ...], words: tuple[str, ...], project: Project) -> None:
    refused(project.compile(*options), *words)
    nothing_written(project)


def test_missing_options_and_verbs(project: Project) -> None:
    refused(mcucc("compile"), "model")
    refused(mcucc("compile", project.model, "--board", BOARD), "--out")
    refused(mcucc("launch"), "launch", "--help")


def test_too_large_an_arena_names_gap_and_peak(project: Project) -> None:
    n = Net([1, 3, 64, 64])
    x = n("Relu", n.conv("image", 3, 40))
    x = n.conv(x, 40, 2, 3, strides=[2, 2])
    n.save(project.folder, x)
    (project.folder / "net.toml").write_text(TOML.replace("[14, 12]", "[64, 64]"))
    result = project.compile("--board", "bluepill", "--schedule", "layers")
    refused(result, "bluepill", "too many", "20,480", "peak", "n_conv", "163,840")
    nothing_written(project)


def test_too_little_flash_for_the_weights(project: Project) -> None:
    n = Net([1, 3, 14, 12])
    x = n.conv("image", 3, 120, 3, strides=[7, 6])
    n.save(project.folder, n.conv(n("Relu", x), 120, 130, 3))
    refused(project.compile("--board", "bluepill"), "bluepill", "65,536", "too many", "n_conv_2")
    nothing_written(project)


@pytest.mark.emulated
def test_too_little_flash_for_weights_and_code(project: Project) -> None:
    n = Net([1, 3, 14, 12])
    x = n.conv("image", 3, 64, 3, strides=[7, 6])
    n.save(project.folder, n.conv(n("Relu", x), 64, 106, 3))
    refused(project.compile("--board", "bluepill"), "bluepill", "flash", "missing", "code")
    nothing_written(project)


def test_no_compiler(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    monkeypatch.delenv("MCUCC_ARM_GCC", raising=False)
    refused(project.compile(), "arm-none-eabi-gcc", "install")
    nothing_written(project)


def test_a_failure_keeps_the_older_result(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = project.folder / "out"
    assert project.compile("--emulator", "none").code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    monkeypatch.setenv("MCUCC_ARM_GCC", "/bin/false")
    refused(project.compile("--optimize", "size"), "/bin/false")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert sorted(p.name for p in project.folder.iterdir()) == [*PROJECT_FILES, "out"]


def test_other_peoples_folders_are_left_alone(project: Project) -> None:
    place = project.folder / "data" / "site"
    place.mkdir()
    (place / "index.html").write_text("mine")
    refused(project.compile("--out", place), "holds other files")
    (place / "manifest.json").write_text(
        json.dumps({"name": "a web page", "files": ["index.html"]})
    )
    refused(project.compile("--out", place), "holds other files")
    refused(project.compile("--out", place / "index.html"), "is a file")
    refused(project.compile("--out", place / "index.html" / "deeper"), "index.html")
    assert (place / "index.html").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(project: Project) -> None:
    place = project.folder / "data" / "locked"
    place.mkdir(mode=0o500)
    refused(project.compile("--out", place / "out"), "locked")


def test_interrupted(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mcucc.build.build_image", stop)
    result = project.compile("--out", project.folder / "deep" / "er")
    assert result.code == 130
    assert "interrupted" in result.err
    assert "Traceback" not in result.err
    nothing_written(project)


def test_a_defect_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr("mcucc.build.build_image", fail)
    result = project.compile()
    assert result.code == 70
    assert "a wheel came off" in result.err
    assert "defect of mcucc" in result.err
    nothing_written(project)


def test_verbose_shows_where(project: Project) -> None:
    result = project.compile("--verbose", "--board", "none")
    assert result.code == 2
    assert "Traceback" in result.err
    assert "boards.py" in result.err


def test_json_errors(project: Project) -> None:
    for options in (("--board", "none"), ("--calibrate", "-1")):
        result = project.compile(*options, "--json")
        assert result.code == 2
        assert result.out == ""
        assert set(json.loads(result.err)) == {"error", "where", "hint"}


@pytest.mark.emulated
def test_run_and_validate_refuse(compiled: Project, tmp_path: Path) -> None:
    out, data = compiled.folder / "out", compiled.data
    picture = data / "class0" / "0.png"
    refused(mcucc("run", tmp_path, "--input", picture), "compile first")
    refused(mcucc("validate", tmp_path / "none", "--data", data), "compile first")
    refused(mcucc("run", out, "--input", tmp_path / "none.png"), "none.png")
    refused(mcucc("run", out, "--input", picture, "--emulator", "bochs"), "bochs", "host")
    refused(mcucc("run", out, "--input", picture, "--top", 0), "--top")
    refused(mcucc("validate", out, "--data", data, "--limit", 0), "--limit")
    refused(mcucc("validate", out, "--data", tmp_path), "no pictures")
    refused(mcucc("validate", out, "--data", data, "--emulator", "bochs"), "bochs")
    for array in (np.zeros((14, 12, 3), np.float32), np.zeros((12, 14, 3), np.uint8)):
        np.save(tmp_path / "x.npy", array)
        refused(mcucc("run", out, "--input", tmp_path / "x.npy"), "uint8", "[14, 12, 3]")
    (tmp_path / "x.npy").write_bytes(b"no array")
    refused(mcucc("run", out, "--input", tmp_path / "x.npy"), "x.npy")
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    refused(mcucc("run", out, "--input", tmp_path / "x.jpg"), "x.jpg")


@pytest.mark.emulated
def test_labels_beyond_the_classes(compiled: Project, tmp_path: Path) -> None:
    shutil.copyfile(compiled.data / "class0" / "0.png", tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("a.png,3\n")
    found = mcucc("validate", compiled.folder / "out", "--data", tmp_path)
    refused(found, "label 3", "3 classes")


@pytest.mark.emulated
@pytest.mark.parametrize("name", ["network.npz", "manifest.json", "source.onnx", "net.c"])
def test_damaged_results(name: str, compiled: Project, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(compiled.folder / "out", folder)
    (folder / name).unlink()
    refused(mcucc("validate", folder, "--data", compiled.data, "--limit", 1), str(folder))
    (folder / name).write_bytes(b"{}")
    refused(mcucc("validate", folder, "--data", compiled.data, "--limit", 1))


def test_a_network_of_two_inputs(project: Project) -> None:
    n = Net([1, 3, 14, 12])
    n.inputs.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1, 3, 14, 12]))
    n.save(project.folder, n("Add", n.conv("image", 3, 3), "other"))
    refused(project.compile(), "one input")


def test_help_loads_no_heavy_package() -> None:
    heavy = "numpy", "onnx", "onnxruntime", "PIL", "unicorn", "jinja2", "networkx"
    code = f"import sys, mcucc.cli; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_and_version() -> None:
    assert mcucc("--version").out.startswith("mcucc ")
    for verb in ("compile", "run", "validate"):
        assert verb in mcucc().out
        assert "--json" in mcucc(verb, "--help").out
