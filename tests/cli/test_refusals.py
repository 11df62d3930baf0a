"""What a user gets wrong: one message, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def test_too_large_an_arena_names_gap_and_peak(project: Project) -> None:
    n = Net([1, 3, 64, 64])
    x = n("Relu", n.conv("image", 3, 40))
    x = n.conv(x, 40, 2, 3, strides=[2, 2])
    n.save(project.folder, x)
    (project.folder / "net.toml").write_text(TOML.replace("[14, 12]", "[64, 64]"))
    result = project.compile("--board", "bluepill", "--schedule", "layers")
    refused(result, "bluepill", "too many", "20,480", "peak", "n_conv", "163,840")
    nothing_written(project)


@pytest.mark.emulated
def test_too_little_flash_for_weights_and_code(project: Project) -> None:
    n = Net([1, 3, 14, 12])
    x = n.conv("image", 3, 64, 3, strides=[7, 6])
    n.save(project.folder, n.conv(n("Relu", x), 64, 104, 3))
    refused(project.compile("--board", "bluepill"), "bluepill", "flash", "missing", "code")
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

    monkeypatch.setattr("mcucc.driver.compile.build_image", stop)
    result = project.compile("--out", project.folder / "deep" / "er")
    assert result.code == 130
    assert "interrupted" in result.err
    assert "Traceback" not in result.err
    nothing_written(project)


@pytest.mark.parametrize("whole_group", [True, False])
def test_ctrl_c_while_the_compiler_runs(whole_group: bool, project: Project) -> None:
    """A terminal signals the whole group, `kill -INT` only mcucc."""
    started, gcc = project.data / "started", project.data / "gcc"
    gcc.write_text(f'#!/bin/sh\n[ "$1" = --version ] || {{ touch "{started}"; exec sleep 5; }}\n')
    gcc.chmod(0o755)
    out = project.folder / "deep" / "er"
    words = ("compile", project.model, "--board", BOARD, "--data", project.data, "--out", out)
    running = subprocess.Popen(
        [sys.executable, "-c", "from mcucc.cli import main; main()", *map(str, words)],
        env={**os.environ, "MCUCC_ARM_GCC": str(gcc)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not started.exists() and running.poll() is None:
        time.sleep(0.05)
    if whole_group:
        os.killpg(running.pid, signal.SIGINT)
    else:
        running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    assert (running.returncode, err) == (130, "interrupted; nothing was written\n")
    nothing_written(project)


def test_a_broken_picture_is_named_and_the_rest_goes_on(project: Project) -> None:
    whole = (project.data / "class1" / "0.png").read_bytes()
    (project.data / "class1" / "torn.png").write_bytes(whole[:60])
    result = project.compile("--emulator", "none")
    assert result.code == 0
    assert "warning: left out" in result.err
    assert "torn.png" in result.err
    manifest = json.loads((project.folder / "out" / "manifest.json").read_text())
    assert manifest["quantization"]["calibration"]["count"] == 9


def test_a_defect_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr("mcucc.driver.compile.build_image", fail)
    result = project.compile()
    assert result.code == 70
    assert "a wheel came off" in result.err
    assert "defect of mcucc" in result.err
    nothing_written(project)


def test_verbose_shows_where(project: Project) -> None:
    result = project.compile("--verbose", "--board", "none")
    assert result.code == 2
    assert "Traceback" in result.err
    assert "board.py" in result.err


def test_json_errors(project: Project) -> None:
    for options in (("--board", "none"), ("--calibrate", "-1")):
        result = project.compile(*options, "--json")
        assert result.code == 2
        assert result.out == ""
        assert set(json.loads(result.err)) == {"error", "where", "hint"}


@pytest.mark.emulated
@pytest.mark.parametrize("name", ["network.npz", "manifest.json", "source.onnx", "net.c"])
def test_damaged_results(name: str, compiled: Project, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(compiled.folder / "out", folder)
    (folder / name).unlink()
    refused(mcucc("validate", folder, "--data", compiled.data, "--limit", 1), str(folder))
    (folder / name).write_bytes(b"{}")
    refused(mcucc("validate", folder, "--data", compiled.data, "--limit", 1))


def test_help_loads_no_heavy_package() -> None:
    heavy = "numpy", "onnx", "onnxruntime", "PIL", "unicorn", "jinja2"
    code = f"import sys, mcucc.cli; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_and_version() -> None:
    assert mcucc("--version").out.startswith("mcucc ")
    for verb in ("compile", "run", "validate"):
        assert verb in mcucc().out
        assert "--json" in mcucc(verb, "--help").out
