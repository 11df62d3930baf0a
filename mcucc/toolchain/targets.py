"""What each architecture needs to become firmware: one table.

A target names its compilers, the flags of its cores, the harness's sources, what stands in for a
missing C library, and the emulator's program. Nothing else in mcucc asks for an architecture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mcucc.boards import Architecture, Board, Core, Isa
from mcucc.errors import ToolError
from mcucc.toolchain.compilers import Compiler, find_compiler, run_tool

# Single precision is enough (generated code is integer), and unicorn's M7 has no double.
_ARM_FPU = {
    Core.M4: "fpv4-sp-d16",
    Core.M7: "fpv5-sp-d16",
    Core.M33: "fpv5-sp-d16",
    Core.M55: "auto",
}

_NO_TARGET = "mcucc has no compiler and no emulator"


@dataclass(frozen=True)
class Target:
    """How C of one architecture becomes firmware.

    `compilers` are searched on PATH in this order, `compiler_variable` names one of the user's
    own; `install` says how to get one. `harness` and `library` are sources below
    runtime_c/firmware: the harness's, and what counts as the library's. `include` are folders of
    headers there. `libraries` gives the last words of the linker's command.
    """

    compilers: tuple[str, ...]
    compiler_variable: str
    install: str
    core_flags: Callable[[Board], tuple[str, ...]]
    harness: tuple[str, ...]
    harness_flags: tuple[str, ...]
    library_flags: tuple[str, ...]
    library: tuple[str, ...]
    include: tuple[str, ...]
    link_flags: tuple[str, ...]
    libraries: Callable[[Compiler], tuple[str, ...]]
    uart: bool
    emulator: str
    emulator_variable: str
    emulator_package: str


def find_target(board: Board) -> Target:
    """The target of a board's core; ToolError when mcucc builds no firmware for it."""
    target = _TARGETS.get(board.core.architecture)
    if target is None:
        raise ToolError(f"no firmware: {_NO_TARGET} for {board.core.value}", where=board.name)
    return target


def no_firmware(board: Board) -> str | None:
    """Why a board gets no firmware, None when it does."""
    if board.core.architecture not in _TARGETS:
        return f"{_NO_TARGET} for {board.core.value}"
    if board.machine is None:
        return "the board names no emulated machine"
    return None


def cross_compiler(board: Board, path: str | None = None) -> Compiler:
    """The compiler for a board: `path`, else the target's variable, else what is on PATH."""
    target = find_target(board)
    return find_compiler(path, target.compiler_variable, target.compilers, target.install)


def core_flags(board: Board) -> tuple[str, ...]:
    """The flags that choose core, instruction set and calling convention."""
    return find_target(board).core_flags(board)


def _arm_flags(board: Board) -> tuple[str, ...]:
    cpu = board.core.value
    flags: list[str] = []
    if board.core is Core.M33 and Isa.DSP not in board.isa:
        cpu += "+nodsp"
    if board.core is Core.M55 and Isa.MVE not in board.isa:
        cpu += "+nomve"
    if board.core in _ARM_FPU and Isa.FPU in board.isa:
        flags += ["-mfloat-abi=hard", f"-mfpu={_ARM_FPU[board.core]}"]
    else:
        flags += ["-mfloat-abi=soft"]
        if board.core is Core.M55:
            cpu += "+nofp"
    return (f"-mcpu={cpu}", "-mthumb", *flags)


def _riscv_flags(board: Board) -> tuple[str, ...]:
    return (f"-march={board.core.value}", "-mabi=ilp32", "-msmall-data-limit=0")


def _riscv_libgcc(compiler: Compiler) -> tuple[str, ...]:
    """The path of libgcc for rv32imac: Debian has none for rv32imc."""
    command = [*compiler.command, "-march=rv32imac", "-mabi=ilp32", "-print-libgcc-file-name"]
    path = run_tool(command, what="looking for libgcc").strip()
    if not Path(path).is_file():
        raise ToolError("the compiler has no libgcc for rv32imac", where=compiler.command[0])
    return (path,)


_TARGETS = {
    Architecture.ARM: Target(
        compilers=("arm-none-eabi-gcc",),
        compiler_variable="MCUCC_ARM_GCC",
        install="arm-none-eabi-gcc (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi)",
        core_flags=_arm_flags,
        harness=("arm/reset.c", "arm/core.c", "arm/fence.c"),
        harness_flags=(),
        library_flags=(),
        library=(),
        include=(),
        link_flags=("-nostartfiles",),
        libraries=lambda compiler: (),
        uart=True,
        emulator="qemu-system-arm",
        emulator_variable="MCUCC_QEMU",
        emulator_package="qemu-system-arm",
    ),
    # No C library: Debian brings none for RISC-V, and generated C needs four functions of it.
    Architecture.RISCV: Target(
        compilers=(
            "riscv64-unknown-elf-gcc",
            "riscv32-unknown-elf-gcc",
            "riscv-none-elf-gcc",
            "riscv32-esp-elf-gcc",
        ),
        compiler_variable="MCUCC_RISCV_GCC",
        install="riscv64-unknown-elf-gcc (Debian: gcc-riscv64-unknown-elf)",
        core_flags=_riscv_flags,
        harness=("riscv/reset.c", "riscv/core.c", "riscv/fence.c"),
        harness_flags=("-march=rv32imc_zicsr",),
        # Freestanding for gcc's own stdint.h; builtins stay, small copies are inlined.
        library_flags=("-ffreestanding", "-fbuiltin", "-fno-tree-loop-distribute-patterns"),
        library=("freestanding/string.c",),
        include=("freestanding",),
        link_flags=("-nostdlib",),
        libraries=_riscv_libgcc,
        uart=False,
        emulator="qemu-system-riscv32",
        emulator_variable="MCUCC_QEMU_RISCV",
        emulator_package="qemu-system-misc",
    ),
}
