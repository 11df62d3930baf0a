"""`mcucc analyze`: does it fit, what is short, what helps; no pictures, no compiler."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mcucc.boards.board import board_names
from tests.cli.project import BOARD, Project, mcucc, net
from tests.frontends.onnx_nets import Net


def small_board(folder: Path, sram: int, flash: int = 65536) -> Path:
    """A Cortex-M4 with so much memory."""
    path = folder / "small.toml"
    path.write_text(
        f"""title = "small"
core = "cortex-m4"
isa = ["dsp", "fpu"]
clock_hz = 80_000_000
[[memory]]
name = "flash"
kind = "flash"
origin = 0x08000000
size = {flash}
[[memory]]
name = "sram"
kind = "ram"
origin = 0x20000000
size = {sram}
[placement]
code = "flash"
weights = "flash"
data = "sram"
arena = "sram"
[emulator]
machine = "mps2-an386"
[source]
title = "a test"
revision = "1"
section = "1"
"""
    )
    return path


def large_net(folder: Path) -> Path:
    """Tensors of early layers that are much larger than the rows a plan needs."""
    n = Net([1, 3, 40, 40])
    x = n("Relu", n.conv("image", 3, 8, 3))
    x = n("Relu", n.conv(x, 8, 8, 3, group=8))
    x = n("Relu", n.conv(x, 8, 8, 3, strides=[2, 2]))
    x = n("Flatten", n("GlobalAveragePool", n.conv(x, 8, 6, 1)))
    n.save(folder, n("Gemm", x, n.weights(3, 6), n.weights(3), transB=1))
    return folder / "net.onnx"


def analyzed(*arguments: object) -> dict[str, Any]:
    result = mcucc("analyze", *arguments, "--json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def test_the_verdict_comes_first_without_pictures_and_tools(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.folder / "net.toml").unlink()
    monkeypatch.setenv("PATH", "/nothing")
    result = mcucc("analyze", project.model, "--board", BOARD)
    assert result.code == 0, result.err
    first, *rest = result.out.splitlines()
    assert re.fullmatch(
        rf"fits {BOARD}: SRAM \d+\.\d of 327\.7 kB, flash about \d+ of 1,049 kB", first
    )
    text = " ".join(" ".join(rest).split())
    for word in ("estimated for the stack", "code estimated", "quantized on noise"):
        assert word in text
    for layer in ("n_conv_0", "n_conv_3", "n_conv_5"):
        assert layer in text


@pytest.mark.emulated
def test_it_agrees_with_what_compile_measures(compiled: Project) -> None:
    report = json.loads((compiled.folder / "out" / "report.json").read_text())
    found = analyzed(compiled.model, "--board", BOARD)
    (verdict,) = found["verdicts"]
    assert verdict["fits"]
    assert verdict["way"]["arena"] == report["sram"]["arena"]
    assert verdict["way"]["sram"] >= report["sram"]["total"]
    assert abs(verdict["way"]["flash"] - report["flash"]["total"]) < 8000  # code is an estimate
    shapes = [(node["name"], node["macs"], node["output"]) for node in found["layers"]]
    assert shapes == [(node["name"], node["macs"], node["output"]) for node in report["nodes"]]
    assert [n["before_bytes"] for n in found["layers"]] == [
        node["before_bytes"] for node in report["nodes"]
    ]


def test_every_board_gets_one_line(project: Project) -> None:
    result = mcucc("analyze", project.model, "--board", "all")
    lines = result.out.splitlines()
    assert re.fullmatch(r"fits \d+ of \d+ boards.*", lines[0])
    starts = [line.split()[0] for line in lines[2:] if line.strip() and not line[0].isspace()]
    assert starts[: len(board_names())] == list(board_names())
    found = analyzed(project.model)
    assert [verdict["board"] for verdict in found["verdicts"]] == list(board_names())


def test_what_is_short_where_and_what_helps(tmp_path: Path) -> None:
    model = large_net(tmp_path)
    arguments = (model, "--board", small_board(tmp_path, 6144))
    (verdict,) = analyzed(*arguments)["verdicts"]
    assert not verdict["fits"]
    assert verdict["way"]["schedule"] == "layers"
    assert verdict["least_fits"]
    assert verdict["least"]["sram"] <= 6144 < verdict["way"]["sram"]
    text = " ".join(mcucc("analyze", *arguments).out.split())
    short = verdict["way"]["sram"] - 6144
    assert text.startswith("does not fit small: ")
    assert (
        f"SRAM {short / 1000:.1f} kB short; the peak is at {verdict['way']['peak_layer']}" in text
    )
    least = f"{verdict['least']['sram'] / 1000:.1f} kB"
    assert f"what helps: --image rows --objective sram: SRAM {least}" in text


def test_a_plan_that_fits_is_found_before_anything_is_called_short(tmp_path: Path) -> None:
    model = large_net(tmp_path)
    (verdict,) = analyzed(model, "--board", small_board(tmp_path, 12288))["verdicts"]
    found = analyzed(model, "--board", small_board(tmp_path, 65536))
    layers = max(node["before_bytes"] for node in found["layers"])
    assert verdict["fits"]
    assert verdict["way"]["schedule"] == "auto"
    assert verdict["way"]["sram"] <= 12288 < layers


def test_nothing_helps_where_even_the_least_is_too_much(tmp_path: Path) -> None:
    arguments = (large_net(tmp_path), "--board", small_board(tmp_path, 1024))
    (verdict,) = analyzed(*arguments)["verdicts"]
    assert not verdict["fits"]
    assert not verdict["least_fits"]
    assert any("still too much" in line for line in verdict["helps"])
    assert any("fewer channels" in line for line in verdict["helps"])
    short = verdict["least"]["sram"] - 1024
    (line,) = verdict["short"]
    assert line.startswith(f"SRAM at least {short / 1000:.1f} kB short; the peak is at ")


def test_flash_that_is_short(tmp_path: Path) -> None:
    arguments = (large_net(tmp_path), "--board", small_board(tmp_path, 65536, flash=4096))
    (verdict,) = analyzed(*arguments)["verdicts"]
    assert not verdict["fits"]
    assert [line.split()[0] for line in verdict["short"]] == ["flash"]
    assert any("channels in large layers" in line for line in verdict["helps"])


def test_what_cannot_be_read_is_one_message(project: Project) -> None:
    for arguments, words in (
        ((project.folder / "no.onnx",), "no such file"),
        ((project.model, "--board", "stm32f7"), "unknown board"),
        ((project.model, "--image", "nowhere"), "--image"),
    ):
        result = mcucc("analyze", *arguments)
        assert result.code == 2
        assert words in result.err


def test_open_sizes_are_given(project: Project) -> None:
    n, output = net("height", "width")
    n.save(project.folder, output)
    assert mcucc("analyze", project.model, "--board", BOARD).code == 2
    given = ("--input-shape", "image=1,3,14,12")
    assert analyzed(project.model, "--board", BOARD, *given)["input"] == [[14, 12, 3]]


def test_a_table_is_proposed_for_outputs_that_nothing_explains(project: Project) -> None:
    found = json.loads(mcucc("analyze", project.model, "--board", BOARD, "--json").out)
    assert found["proposed"]["why"] == "a vector of 3"
    text = found["proposed"]["output"]
    assert text == '[output.classes]\ntensor = "scores"\nscore = "softmax"\n'
    printed = mcucc("analyze", project.model, "--board", BOARD).out
    assert "(a proposal): a vector of 3" in printed and text.splitlines()[0] in printed
    toml = project.folder / "net.toml"
    toml.write_text(toml.read_text() + text)
    assert (
        json.loads(mcucc("analyze", project.model, "--board", BOARD, "--json").out)["proposed"]
        is None
    )
