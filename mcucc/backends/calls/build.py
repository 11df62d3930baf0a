"""Compiles the kernels of instruction sets for a core and links them alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcucc.base.package_data import resource_dir
from mcucc.ir.kernel_id import InstructionSet
from mcucc.toolchain.compilers import Compiler, compile_objects, find_compiler, run_tool

RUNTIME = resource_dir("runtime_c")
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")


def kernel_sources(isas: Sequence[InstructionSet]) -> list[Path]:
    """The C files of instruction sets."""
    return [path for isa in isas for path in sorted((RUNTIME / "kernels" / isa.value).glob("*.c"))]


def arm_compiler() -> Compiler:
    """The cross compiler; ToolError when there is none."""
    names = ("arm-none-eabi-gcc",)
    return find_compiler(None, "MCUCC_ARM_GCC", names, "gcc-arm-none-eabi")


def compile_kernels(
    compiler: Compiler, isas: Sequence[InstructionSet], flags: Sequence[str], folder: Path
) -> tuple[Path, ...]:
    """The objects of all kernels of `isas`, relative to `folder`; ToolError with the compiler's
    words."""
    options = [*flags, *WARNINGS, f"-I{RUNTIME / 'include'}"]
    return compile_objects(compiler, kernel_sources(isas), options, Path("kernels"), folder)


def link(
    compiler: Compiler, objects: Sequence[Path], flags: Sequence[str], script: str, image: Path
) -> Path:
    """Links objects below the image's folder by a linker script; ToolError."""
    layout = image.with_suffix(".ld")
    layout.write_text(script, encoding="ascii")
    command = [*compiler.command, *flags, "-nostartfiles", "-T", str(layout), "-Wl,-e,0"]
    words = [*command, *map(str, objects), "-o", str(image)]
    run_tool(words, what=f"linking {image.name}", cwd=image.parent)
    return image
