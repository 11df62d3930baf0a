"""`--weights`: layers of fewer bits, stored packed, the same bytes on the host and emulated."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.project import Project, mcucc

pytestmark = pytest.mark.emulated


@pytest.mark.parametrize("bits", ["int4", "ternary"])
def test_layers_between_the_first_and_the_last_are_packed(bits: str, project: Project) -> None:
    pico = ("--board", "rpi-pico")
    result = project.compile(*pico, "--weights", bits, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    stored = [n["weight_bits"] for n in report["nodes"] if n["macs"]]
    packed = {"int4": 4, "ternary": 2}[bits]
    assert stored == [8, packed, packed, 8]
    whole = json.loads(project.compile(*pico, "--json", out="int8").out)
    assert report["flash"]["weights"] < whole["flash"]["weights"]
    out = project.folder / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["quantization"]["weights"].values()) == {bits}
    c = (out / "net_weights.c").read_text()
    assert f"Weights of {packed} bits" in c and re.search(
        r"uint32_t \w+_weights\[\d+\] = \{\n +0x", c
    )
    checked = mcucc("validate", out, "--data", project.data, "--limit", 3)
    assert checked.code == 0, checked.out + checked.err


def test_layers_are_named_and_the_terminal_says_what_they_take(project: Project) -> None:
    last = ("--weights", "scores=int4")
    result = project.compile("--board", "rpi-pico", *last, "--weights", "ternary")
    assert result.code == 0, result.err
    words = "weights of 8 bits in 1 layers"
    assert words in result.out and "of 4 bits in 1" in result.out and "of 2 bits in 2" in result.out


def test_analyze_and_plan_count_them(project: Project) -> None:
    for verb in ("analyze", "plan"):
        words = (verb, project.model, "--board", "rpi-pico", "--weights", "int4")
        assert mcucc(*words).code == 0


def test_auto_takes_what_the_flash_asks_for(project: Project) -> None:
    pico = ("--board", "rpi-pico", "--json")
    int4 = json.loads(project.compile(*pico, "--weights", "int4", out="int4").out)
    limit = int4["flash"]["total"] + 40
    result = project.compile(*pico, "--weights", "auto", "--flash", limit)
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["flash"]["total"] <= limit
    refused = project.compile(*pico, "--weights", "auto", "--flash", "1kB", out="none")
    assert refused.code == 2 and "--flash allows 1,000" in refused.err
