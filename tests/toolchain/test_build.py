"""Compilers and linked images: what is counted, what is refused, what errors say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.errors import BoardError, FitError, ToolError
from mcucc.toolchain import ModelUnit, build_firmware, cross_compiler, host_compiler
from mcucc.toolchain.dialects import GCC_ARM, ZIG
from mcucc.toolchain.machines import find_machine
from tests.backends.firmware_fixtures import build_tiny


@pytest.mark.emulated
def test_sizes_are_the_librarys_and_the_harness_is_apart() -> None:
    firmware = build_tiny("nucleo-l4r5zi")
    sizes, image = firmware.sizes, firmware.image
    assert sizes.arena == 128
    assert sizes.static == 8  # one initialised word, one zeroed
    assert sizes.code == (image.size_of(".library.text") + image.size_of(".library.rodata") + 4)
    assert 100 < sizes.weights < 400  # bias, tensors, names, the model
    assert sizes.flash == sizes.code + sizes.weights
    assert sizes.harness_code > 2_000 and sizes.harness_ram > 100
    layout = firmware.layout
    assert layout.stack_bytes == 655_360 - 128 - 8
    harness = {image.function_at(image.symbols[name]) for name in ("mcucc_main", "mcucc_start")}
    assert harness == {"mcucc_main", "mcucc_start"}
    assert image.symbols["mcucc_main"] < firmware.machine.harness_code.end
    assert layout.code.origin <= image.symbols["tiny_misbehave"] < layout.code.end


@pytest.mark.emulated
def test_weights_count_as_weights_and_are_refused_when_too_many(tmp_path: Path) -> None:
    source = tmp_path / "heavy.c"
    tiny = (Path(__file__).parents[1] / "backends" / "tiny.c").read_text(encoding="utf-8")
    table = ", ".join(str(value % 100) for value in range(60_000))
    heavy = tiny.replace(
        "static const int8_t bias[8] = {1,", f"static const int8_t bias[60000] = {{1, {table},"
    )
    heavy = heavy.replace("bias[index]", "bias[index * (bytes[0] + 1)]")
    source.write_text(heavy.replace("bias[60000] = {1, ", "bias[60009] = {1, "), encoding="utf-8")
    unit = [ModelUnit("tiny", 128, (source,))]
    firmware = build_firmware(unit, [], load_board("bluepill"), tmp_path / "pill")
    assert 60_000 < firmware.sizes.weights < 60_700
    twice = tmp_path / "twice.c"
    twice.write_text("#define NAME twice\n" + source.read_text(encoding="utf-8"), encoding="utf-8")
    both = [*unit, ModelUnit("twice", 128, (twice,))]
    with pytest.raises(FitError, match=r"flash is too small: \d+ bytes needed, 65536 there"):
        build_firmware(both, [], load_board("bluepill"), tmp_path / "both")


@pytest.mark.emulated
def test_an_arena_that_does_not_fit_is_refused_with_the_difference(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "backends" / "tiny.c"
    unit = ModelUnit("tiny", 20_480, (source,))
    with pytest.raises(FitError, match=r"20744 bytes needed, 20480 there, 264 missing"):
        build_firmware([unit], [], load_board("bluepill"), tmp_path)


@pytest.mark.emulated
def test_a_compile_error_shows_the_compilers_words(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int f(void) { return undeclared_name; }\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"broken\.c: [^:]*failed:(.|\n)*undeclared_name"):
        build_firmware([ModelUnit("x", 8, (source,))], [], load_board("bluepill"), tmp_path / "o")


def test_a_missing_compiler_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCUCC_ARM_GCC", "no-such-gcc")
    with pytest.raises(ToolError, match=r"no-such-gcc is not there\n.*install arm-none-eabi-gcc"):
        cross_compiler(load_board("bluepill"))
    monkeypatch.delenv("MCUCC_ARM_GCC")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("MCUCC_ZIG", "none")
    with pytest.raises(ToolError, match=r"not found on PATH\n.*gcc-riscv64-unknown-elf.* set"):
        cross_compiler(load_board("esp32-c3"))
    with pytest.raises(ToolError, match=r"esp32-s3: no firmware: .* xtensa-lx7"):
        cross_compiler(load_board("esp32-s3"))
    monkeypatch.setenv("MCUCC_CC", "no-such-cc")
    with pytest.raises(ToolError, match="install gcc"):
        host_compiler()


def test_flags_follow_core_and_isa() -> None:
    flags = {name: GCC_ARM.core(load_board(name)) for name in ("rpi-pico", "corstone-300")}
    assert flags["rpi-pico"] == ("-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft")
    assert "-mfloat-abi=hard" in flags["corstone-300"]
    assert ZIG.core(load_board("corstone-300"))[1:] == (
        "thumb-freestanding-eabihf",
        "-mcpu=cortex_m55+mve+mve_fp",
    )
    lame = replace(load_board("rpi-pico2"), isa=frozenset())
    with pytest.raises(ToolError, match="rpi-pico2 lacks some of it"):
        ZIG.core(lame)


def test_a_machine_must_run_the_core() -> None:
    with pytest.raises(BoardError, match=r"mps2-an386 cannot run cortex-m55\n.*mps3-an547"):
        find_machine("mps2-an386", load_board("corstone-300").core)
    with pytest.raises(BoardError, match="unknown emulated machine"):
        find_machine("mps9", load_board("corstone-300").core)
