"""`doctor` and `ops`: what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcucc.ops.registry import registry
from tests.cli.project import mcucc


def test_doctor_names_versions_and_places() -> None:
    found = json.loads(mcucc("doctor", "--json").out)
    tools = {tool["name"]: tool for tool in found["tools"]}
    assert tools["numpy"]["version"].count(".") >= 1
    assert tools["numpy"]["needed"]
    for tool in found["tools"]:
        assert (tool["version"] is None) == bool(tool["get"])
    text = mcucc("doctor").out
    assert text.splitlines()[0] == found["verdict"]


def test_doctor_says_how_to_get_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("MCUCC_CC", "MCUCC_ARM_GCC", "MCUCC_QEMU"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MCUCC_ZIG", "none")
    result = mcucc("doctor")
    assert result.code == 1
    assert result.out.startswith("cannot compile: arm-none-eabi-gcc is missing")
    for package in ("gcc-arm-none-eabi libnewlib-arm-none-eabi", "qemu-system-arm", "libc6-dev"):
        assert package in " ".join(result.out.split())
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert "MCUCC_ARM_GCC" in mcucc("doctor").out


def test_doctor_finds_a_compiler_without_a_c_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "arm-none-eabi-gcc"
    fake.write_text(
        '#!/bin/sh\ntest "$1" = --version && echo "gcc (15:12.2.rel1-1) 12.2.1" || echo libc.a\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("MCUCC_ARM_GCC", str(fake))
    result = mcucc("doctor")
    assert result.code == 1
    assert "newlib" in result.out.splitlines()[0]


def test_doctor_takes_zig_where_there_is_no_gcc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "zig"
    fake.write_text('#!/bin/sh\ntest "$1" = version && echo 0.99.0\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("MCUCC_CC", "MCUCC_ARM_GCC", "MCUCC_ZIG"):
        monkeypatch.delenv(variable, raising=False)
    found = json.loads(mcucc("doctor", "--json").out)
    tools = {tool["name"]: tool for tool in found["tools"]}
    assert tools["zig, as arm-none-eabi-gcc"]["version"] == "0.99.0"
    assert found["verdict"].startswith("ready")


def test_doctor_lists_the_gdb_servers_that_are_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = {tool["name"]: tool for tool in json.loads(mcucc("doctor", "--json").out)["tools"]}
    assert tools["a GDB server"]["version"] is None and tools["a GDB server"]["get"]
    for name in ("openocd", "JLinkGDBServerCLExe"):
        fake = tmp_path / name
        # J-Link's server takes --version for a start, and would wait for a probe.
        fake.write_text(
            "#!/bin/sh\ncase $0 in *openocd) echo 'Open On-Chip Debugger 0.12.0' >&2;; "
            "*) while :; do :; done;; esac\n"
        )
        fake.chmod(0o755)
    tools = {tool["name"]: tool for tool in json.loads(mcucc("doctor", "--json").out)["tools"]}
    assert tools["openocd"]["version"] == "0.12.0" and "a GDB server" not in tools
    assert tools["JLinkGDBServerCLExe"]["version"] == "found"
    assert "--on jlink:DEVICE" in tools["JLinkGDBServerCLExe"]["use"]


def test_ops_lists_the_registry_and_the_operators_read() -> None:
    found = json.loads(mcucc("ops", "--json").out)
    assert [op["name"] for op in found["ops"]] == list(registry())
    assert {"Conv", "Gemm"} <= set(found["onnx"])
    assert {"CONV_2D", "ADD"} <= set(found["tflite"])
    text = mcucc("ops").out
    assert all(name in text for name in registry())


def test_ops_explains_one_and_guesses_at_misspelt_names() -> None:
    assert registry()["Softmax"].LIMITS.split(",")[0] in mcucc("ops", "softmax").out
    wrong = mcucc("ops", "conv")
    assert wrong.code == 2
    assert "did you mean Conv2d?" in wrong.err
