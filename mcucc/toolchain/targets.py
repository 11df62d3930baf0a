"""What each architecture needs to become firmware: one table.

A target names its compilers, how they are told about a core, the harness's sources and the
emulator's program. Nothing else in mcucc asks for an architecture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.boards.board import Architecture, Board
from mcucc.errors import ToolError
from mcucc.toolchain.compilers import Compiler, Kind, find_compiler
from mcucc.toolchain.dialects import GCC_ARM, GCC_RISCV, ZIG, Dialect

_NO_TARGET = "mcucc has no compiler and no emulator"


@dataclass(frozen=True)
class Target:
    """How C of one architecture becomes firmware.

    `compilers` are searched on PATH in this order, `compiler_variable` names one of the user's
    own; `install` says how to get one. `harness` are sources below runtime_c/firmware.
    `emulator` is QEMU's program.
    """

    compilers: tuple[str, ...]
    compiler_variable: str
    install: str
    dialects: Mapping[Kind, Dialect]
    harness: tuple[str, ...]
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
    """The compiler for a board: `path`, else the target's variable, else what is on PATH, or zig.

    Raises ToolError when there is none, or when it cannot compile for this board.
    """
    target = find_target(board)
    compiler = find_compiler(path, target.compiler_variable, target.compilers, target.install)
    target.dialects[compiler.kind].core(board)
    return compiler


def dialect_of(board: Board, compiler: Compiler) -> Dialect:
    """How a compiler is told about a board's core."""
    return find_target(board).dialects[compiler.kind]


_TARGETS = {
    Architecture.ARM: Target(
        compilers=("arm-none-eabi-gcc",),
        compiler_variable="MCUCC_ARM_GCC",
        install="arm-none-eabi-gcc (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi)",
        dialects={Kind.GCC: GCC_ARM, Kind.ZIG: ZIG},
        harness=("arm/reset.c", "arm/core.c", "arm/fence.c"),
        emulator="qemu-system-arm",
        emulator_variable="MCUCC_QEMU",
        emulator_package="qemu-system-arm",
    ),
    Architecture.RISCV: Target(
        compilers=(
            "riscv64-unknown-elf-gcc",
            "riscv32-unknown-elf-gcc",
            "riscv-none-elf-gcc",
            "riscv64-elf-gcc",
            "riscv32-esp-elf-gcc",
        ),
        compiler_variable="MCUCC_RISCV_GCC",
        install="riscv64-unknown-elf-gcc (Debian: gcc-riscv64-unknown-elf)",
        dialects={Kind.GCC: GCC_RISCV, Kind.ZIG: ZIG},
        harness=("riscv/reset.c", "riscv/core.c", "riscv/fence.c"),
        emulator="qemu-system-riscv32",
        emulator_variable="MCUCC_QEMU_RISCV",
        emulator_package="qemu-system-misc",
    ),
}
