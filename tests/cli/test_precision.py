"""`--precision`: tensors in 16 bits, outputs too, the same bytes on the host and emulated."""

from __future__ import annotations

import json

import pytest

from tests.cli.project import Project, mcucc

pytestmark = pytest.mark.emulated


def test_a_named_tensor_and_an_output_are_int16_everywhere(project: Project) -> None:
    plain = json.loads(project.compile("--board", "rpi-pico", "--json", out="int8").out)
    tensors = [node["tensor"] for node in plain["nodes"]]
    wanted = [
        option for name in ("scores", tensors[0]) for option in ("--precision", f"{name}=int16")
    ]
    result = project.compile("--board", "rpi-pico", "--quantize", "fast", *wanted, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    bits = {node["tensor"]: node["value_bits"] for node in report["nodes"]}
    assert bits["scores"] == bits[tensors[0]] == 16
    assert report["sram"]["arena"] > plain["sram"]["arena"]
    out = project.folder / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["quantization"]["precision"]) >= {"scores", tensors[0]}
    assert "const int16_t *net_output_scores(const void *arena);" in (out / "net.h").read_text()
    checked = mcucc("validate", out, "--data", project.data, "--limit", 3)
    assert checked.code == 0, checked.out + checked.err


def test_the_terminal_says_which(project: Project) -> None:
    result = project.compile("--board", "rpi-pico", "--precision", "scores=int16")
    assert result.code == 0, result.err
    assert "16 bits in 1 of" in result.out and "scores" in result.out


def test_tensors_are_chosen_for_a_board(project: Project) -> None:
    auto = ("--precision", "auto", "--wide-bound", "2", "--quantize", "fast", "--c-only")
    result = project.compile("--board", "nucleo-l4r5zi", *auto, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert any(node["value_bits"] == 16 for node in report["nodes"])


def test_auto_needs_pictures(project: Project) -> None:
    result = mcucc("plan", project.model, "--board", "nucleo-l4r5zi", "--precision", "auto")
    assert result.code == 2 and "--data" in result.err
