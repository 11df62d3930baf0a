"""Compilers and emulators that are missing, fail or hang; and what works without them."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.cli.project import Project, Result, mcucc
from tests.cli.test_boards_verb import own_board
from tests.cli.test_refusals import nothing_written, refused


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH; returns the only folder on it."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    for name in list(os.environ):
        if name.startswith("MCUCC_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MCUCC_ZIG", "none")
    return folder


def script(path: Path, text: str) -> Path:
    """A tool that does what the shell lines say."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def report_of(project: Project) -> dict[str, object]:
    report: dict[str, object] = json.loads((project.folder / "out" / "report.json").read_text())
    return report


def one_error(result: Result) -> str:
    """The message, of which there is one."""
    assert result.err.count("error: ") == 1
    return result.err


@pytest.mark.parametrize(
    ("board", "package", "variable"),
    [
        ("bluepill", "gcc-arm-none-eabi", "MCUCC_ARM_GCC"),
        ("esp32-c3", "gcc-riscv64-unknown-elf", "MCUCC_RISCV_GCC"),
    ],
)
def test_no_compiler(board: str, package: str, variable: str, project: Project, bare: Path) -> None:
    result = project.compile("--board", board)
    refused(result, "not found on PATH", package, variable, "--compiler PATH", "--c-only")
    one_error(result)
    nothing_written(project)


def test_no_compiler_is_said_before_anything_takes_time(project: Project, bare: Path) -> None:
    shutil.rmtree(project.data)
    refused(project.compile(), "no C compiler")


def test_a_compiler_that_is_not_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(project.compile("--compiler", "/no/such/gcc"), "/no/such/gcc is not there")
    monkeypatch.setenv("MCUCC_ARM_GCC", "no-such-gcc")
    refused(project.compile(), "MCUCC_ARM_GCC=no-such-gcc: no C compiler", "is not there")
    nothing_written(project)


def test_a_compiler_that_fails_shows_its_last_lines(project: Project, bare: Path) -> None:
    lines = "; ".join(f"echo complaint {number} >&2" for number in range(40))
    version = '[ "$1" = --version ] && { echo fake 1.0; exit 0; }'
    script(bare / "arm-none-eabi-gcc", f"{version}\n{lines}; exit 3")
    result = project.compile()
    refused(result, "arm-none-eabi-gcc failed:", "complaint 39", "complaint 15")
    assert "complaint 14\n" not in one_error(result)
    nothing_written(project)


def test_a_compiler_that_cannot_be_started(project: Project, bare: Path) -> None:
    (bare / "arm-none-eabi-gcc").write_bytes(b"\x7fELF no program")
    (bare / "arm-none-eabi-gcc").chmod(0o755)
    refused(project.compile(), "cannot start", "arm-none-eabi-gcc")
    nothing_written(project)


@pytest.mark.emulated
def test_a_compiler_by_option_needs_no_path(project: Project, bare: Path) -> None:
    found = shutil.which("arm-none-eabi-gcc", path=os.defpath)
    if found is None:
        pytest.skip("no arm-none-eabi-gcc in the default folders")
    # gcc finds its assembler and linker by its own place, not on PATH.
    result = project.compile("--compiler", found, "--emulator", "none")
    assert result.code == 0, result.err
    assert "arm-none-eabi-gcc" in str(report_of(project)["tools"])


def test_an_emulator_that_is_missing(project: Project, bare: Path) -> None:
    script(bare / "arm-none-eabi-gcc", "echo fake 1.0")
    shutil.rmtree(project.data)  # it is said before anything takes time
    result = project.compile("--emulator", "qemu")
    refused(result, "qemu", "is not", "--on auto takes the emulator that there is")


@pytest.mark.emulated
@pytest.mark.parametrize("text", ["sleep 100", "sleep 100 & wait", "while :; do :; done"])
def test_an_emulator_that_hangs_is_stopped_at_the_limit(
    text: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCUCC_QEMU", str(script(tmp_path / "qemu", text)))
    result = project.compile("--emulator", "qemu", "--time-limit", "0.3")
    refused(result, "qemu: the network did not finish within 0.3 s", "a larger --time-limit")
    one_error(result)
    assert not (project.folder / "out").exists()


@pytest.mark.emulated
def test_an_emulator_that_fails_shows_what_it_says(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = script(tmp_path / "qemu", "echo unsupported machine >&2; exit 1")
    monkeypatch.setenv("MCUCC_QEMU", str(fake))
    result = project.compile("--emulator", "qemu")
    refused(result, "the firmware ended without a result", "unsupported machine")


@pytest.mark.emulated
def test_a_board_whose_memory_is_too_small_for_the_stack(project: Project, tmp_path: Path) -> None:
    extra = '\n[[memory]]\nname = "tiny"\nkind = "ram"\norigin = 0x10000000\nsize = {size}\n'
    for size, words in ((32, ("tiny is too small", "stack at least 256")), (256, ("stack needs",))):
        board = own_board(
            tmp_path,
            ('data = "sram"', 'data = "tiny"'),
            ("\n[placement]", extra.format(size=size) + "\n[placement]"),
        )
        result = project.compile("--board", board)
        refused(result, "mine", *words)
        one_error(result)
        assert not (project.folder / "out").exists()


def test_c_only_needs_no_compiler_and_says_what_is_unknown(project: Project, bare: Path) -> None:
    result = project.compile("--c-only", "--export", "arduino")
    assert result.code == 0, result.err
    assert "as far as known fits" in result.out
    unknown = "no firmware (--c-only): stack and code are not known and not counted"
    assert unknown in result.out
    out = project.folder / "out"
    assert (out / "net.c").is_file() and not (out / "net.elf").exists()
    assert (out / "arduino" / "net" / "library.properties").is_file()
    report = report_of(project)
    assert report["incomplete"] == unknown
    assert report["tools"] == {"compiler": "none", "emulator": "not emulated"}
    picture = project.data / "class0" / "0.png"
    refused(mcucc("run", out, "--input", picture), "arm-none-eabi-gcc", "--on host")
    refused(mcucc("run", out, "--input", picture, "--emulator", "host"), "gcc or cc or clang")


@pytest.mark.host
def test_with_a_host_compiler_alone_numpy_and_host_c_are_compared(
    project: Project, bare: Path
) -> None:
    assert project.compile("--c-only").code == 0
    for name in ("gcc", "as", "ld"):
        found = shutil.which(name, path=os.defpath)
        if found is None:
            pytest.skip(f"no {name} in the default folders")
        (bare / name).symlink_to(found)
    result = mcucc("validate", project.folder / "out", "--data", project.data, "--json")
    assert result.code == 0, result.err
    ways = {way["name"]: way for way in json.loads(result.out)["ways"]}
    assert ways["host"]["different_pictures"] == 0
    assert "arm-none-eabi-gcc not found on PATH" in ways["emulated"]["absent"]


def test_a_board_without_compiler_and_emulator_gets_its_library(project: Project) -> None:
    result = project.compile("--board", "esp32-s3", "--export", "esp-idf")
    assert result.code == 0, result.err
    assert "no compiler and no emulator for xtensa-lx7" in result.out
    report = report_of(project)
    assert "xtensa-lx7" in str(report["incomplete"])
    out = project.folder / "out"
    assert (out / "esp-idf" / "net" / "idf_component.yml").is_file()
    assert not list(out.glob("*.elf"))
    refused(
        mcucc("run", out, "--input", project.data / "class0" / "0.png", "--emulator", "qemu"),
        "xtensa-lx7",
    )


@pytest.mark.emulated
def test_exports_are_part_of_the_folder_and_not_of_the_firmware(project: Project) -> None:
    exports = ("arduino", "cmake", "cmsis-pack", "esp-idf", "platformio", "zephyr")
    asked = [word for name in exports for word in ("--export", name)]
    result = project.compile("--emulator", "none", *asked)
    assert result.code == 0, result.err
    out = project.folder / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert "zephyr/net/zephyr/module.yml" in manifest["files"]
    assert mcucc("run", out, "--input", project.data / "class0" / "0.png").code == 0
    assert project.compile("--emulator", "none").code == 0
    assert not (out / "arduino").exists(), "an export that is no longer asked for goes"


def test_a_wrong_ecosystem(project: Project) -> None:
    refused(project.compile("--export", "mbed"), "--export", "arduino, cmake, cmsis-pack")
    nothing_written(project)
