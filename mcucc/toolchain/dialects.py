"""How each compiler is told about a core, and what it needs beside the generated C.

GCC comes with libgcc, and for Arm with a C library; zig brings a run-time library of its own with
memcpy and its kin, and headers of neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mcucc.boards.board import Board, Core, Isa
from mcucc.errors import ToolError
from mcucc.toolchain.compilers import Compiler, run_tool

# Single precision is enough (generated code is integer), and unicorn's M7 has no double.
_GCC_FPU = {
    Core.M4: "fpv4-sp-d16",
    Core.M7: "fpv5-sp-d16",
    Core.M33: "fpv5-sp-d16",
    Core.M55: "auto",
}
# zig's names of the cores with everything they can have.
_ZIG_CPU = {
    Core.M0PLUS: ("cortex_m0plus", frozenset[Isa]()),
    Core.M3: ("cortex_m3", frozenset[Isa]()),
    Core.M4: ("cortex_m4", frozenset({Isa.DSP, Isa.FPU})),
    Core.M7: ("cortex_m7-fp64", frozenset({Isa.DSP, Isa.FPU})),
    Core.M33: ("cortex_m33", frozenset({Isa.DSP, Isa.FPU})),
    Core.M55: ("cortex_m55+mve+mve_fp", frozenset({Isa.DSP, Isa.FPU, Isa.MVE})),
    Core.RV32IMC: ("generic_rv32+m+c", frozenset[Isa]()),
}


@dataclass(frozen=True)
class Dialect:
    """One compiler's flags for the cores of one architecture.

    `core` chooses core, instruction set and calling convention; `harness`, `library` and `link`
    are added to the harness, the library and the linking. `sources` below runtime_c/firmware count
    as the library's, `include` are folders of headers there. `libraries` gives the last words of
    the linking.
    """

    core: Callable[[Board], tuple[str, ...]]
    link: tuple[str, ...]
    harness: tuple[str, ...] = ()
    library: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    libraries: Callable[[Compiler], tuple[str, ...]] = lambda compiler: ()


def _gcc_arm_core(board: Board) -> tuple[str, ...]:
    cpu = board.core.value
    flags: list[str] = []
    if board.core is Core.M33 and Isa.DSP not in board.isa:
        cpu += "+nodsp"
    if board.core is Core.M55 and Isa.MVE not in board.isa:
        cpu += "+nomve"
    if board.core in _GCC_FPU and Isa.FPU in board.isa:
        flags += ["-mfloat-abi=hard", f"-mfpu={_GCC_FPU[board.core]}"]
    else:
        flags += ["-mfloat-abi=soft"]
        if board.core is Core.M55:
            cpu += "+nofp"
    return (f"-mcpu={cpu}", "-mthumb", *flags)


def _gcc_riscv_core(board: Board) -> tuple[str, ...]:
    return (f"-march={board.core.value}", "-mabi=ilp32", "-msmall-data-limit=0")


def _gcc_riscv_libgcc(compiler: Compiler) -> tuple[str, ...]:
    """The path of libgcc for rv32imac: Debian has none for rv32imc."""
    command = [*compiler.command, "-march=rv32imac", "-mabi=ilp32", "-print-libgcc-file-name"]
    path = run_tool(command, what="looking for libgcc").strip()
    if not Path(path).is_file():
        raise ToolError("the compiler has no libgcc for rv32imac", where=compiler.command[0])
    return (path,)


def _zig_core(board: Board) -> tuple[str, ...]:
    cpu, isa = _ZIG_CPU[board.core]
    if board.isa != isa:
        raise ToolError(
            f"zig compiles {board.core.value} with all it can have, {board.name} lacks some of it",
            hint="use gcc",
        )
    riscv = board.core is Core.RV32IMC
    arm = f"thumb-freestanding-eabi{'hf' if Isa.FPU in isa else ''}"
    return ("-target", "riscv32-freestanding-none" if riscv else arm, f"-mcpu={cpu}")


# Loops that copy stay loops: a call of memcpy would count as the library's.
_GCC_HARNESS = ("-fno-tree-loop-distribute-patterns",)

GCC_ARM = Dialect(core=_gcc_arm_core, link=("-nostartfiles",), harness=_GCC_HARNESS)
# No C library: Debian brings none for RISC-V, and generated C needs four functions of it.
GCC_RISCV = Dialect(
    core=_gcc_riscv_core,
    link=("-nostdlib",),
    harness=("-march=rv32imc_zicsr", *_GCC_HARNESS),
    # Freestanding for gcc's own stdint.h; builtins stay, small copies are inlined.
    library=("-ffreestanding", "-fbuiltin", "-fno-tree-loop-distribute-patterns"),
    sources=("freestanding/string.c",),
    include=("freestanding",),
    libraries=_gcc_riscv_libgcc,
)
ZIG = Dialect(
    core=_zig_core,
    link=("-nostartfiles",),
    harness=("-fomit-frame-pointer",),
    library=("-fomit-frame-pointer",),
    include=("freestanding",),
)
