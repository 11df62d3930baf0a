"""Self-test: firmware with pictures and the right outputs in flash, for CI without mcucc.

It prints `##exit 0`, or the first byte of the outputs that is wrong and `##exit 1`: in QEMU, in
Renode (board.repl, inference.robot) and, with two functions of the user's, on a board.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from mcucc.base.names import comment
from mcucc.base.package_data import resource_dir
from mcucc.boards.board import Architecture, Board
from mcucc.codegen.model import ModelCode
from mcucc.errors import FitError, ToolError
from mcucc.exports.library import Example, Files, Library, c_files
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.compilers import Kind
from mcucc.toolchain.machines import Machine, machine_of, renode_cpu
from mcucc.toolchain.targets import find_target, no_firmware

_NUMBERS_A_LINE = 20
# Of .data, .bss and stack, beside the arena.
_RAM_BESIDE = 64 << 10
# Of the emulated core's time in Renode, which computes 100 million instructions of it a second.
_LIMIT_S = 120
_FREESTANDING = ("string.c", "string.h")


def check(board: Board) -> None:
    """ToolError for a board whose core has no compiler or no emulated machine."""
    reason = no_firmware(board)
    if reason is not None:
        raise ToolError(f"no self-test: {reason}", where=board.name)
    machine_of(board)


def files(library: Library) -> Files:
    """A CMake project that builds self_test.elf and runs it by ctest."""
    trial = library.trial
    if trial is None:
        raise ToolError("a self-test needs a board and pictures", where=library.name)
    if library.name.startswith("self_test"):
        what = "a self-test has files and functions of that name"
        raise ToolError(what, where=library.name, hint="--name gives the network another")
    placed = library.placed("include", "src")
    examples = trial.examples()
    values = _values(library.code, trial.board, examples, c_files(placed))
    arm = trial.board.core.architecture is Architecture.ARM
    names = {
        "CMakeLists.txt": "CMakeLists.txt",
        "toolchain.cmake": "toolchain.cmake",
        "self_test.h": "self_test.h",
        "self_test.c": "self_test.c",
        "self_test_data.h": "self_test_data.h",
        "self_test_data.c": "self_test_data.c",
        "emulator.c": "arm.c" if arm else "riscv.c",
        "emulator.ld": "emulator.ld",
        "board.repl": "board.repl",
        "run.resc": "run.resc",
        "inference.robot": "inference.robot",
    }
    own = resource_dir("runtime_c") / "firmware" / "freestanding"
    return {
        **{to: library.render(f"self_test/{of}.j2", **values) for to, of in names.items()},
        **placed,
        **{f"freestanding/{each}": (own / each).read_text("ascii") for each in _FREESTANDING},
    }


@dataclass(frozen=True)
class _Printed:
    """An example as the lines of two C tables."""

    what: str
    input_lines: tuple[str, ...]
    output_lines: tuple[str, ...]


def _values(
    code: ModelCode, board: Board, examples: Sequence[Example], sources: Sequence[str]
) -> dict[str, object]:
    """What the templates need beside the model."""
    machine, target = machine_of(board), find_target(board)
    sizes = [end.size for end in code.inputs]
    input_bytes, output_bytes = sum(sizes), sum(end.size for end in code.outputs)
    for example in examples:
        assert (len(example.inputs), len(example.outputs)) == (input_bytes, output_bytes)
    pictures = len(examples) * (input_bytes + output_bytes)
    ram = code.arena_bytes + _RAM_BESIDE
    return {
        "title": comment(board.title),
        "core": board.core.value,
        "machine": machine,
        "arm": board.core.architecture is Architecture.ARM,
        "compilers": target.compilers,
        "core_flags": target.dialects[Kind.GCC].core(board),
        "qemu": target.emulator,
        "renode_cpu": renode_cpu(board.core),
        "boot": machine.harness_code,
        "flash": _window(machine, machine.flash, board.flash_bytes + pictures, pictures),
        "ram": _window(machine, machine.ram, ram, ram),
        "sources": sources,
        "starts": tuple(accumulate(sizes, initial=0)),
        "output_starts": tuple(accumulate((end.size for end in code.outputs), initial=0)),
        "input_bytes": input_bytes,
        "output_bytes": output_bytes,
        "limit": _LIMIT_S,
        "examples": [
            _Printed(example.what, _lines(example.inputs), _lines(example.outputs))
            for example in examples
        ],
    }


def _window(machine: Machine, windows: Sequence[Span], wanted: int, least: int) -> Span:
    """The first window of `wanted` bytes, else the largest; FitError where `least` do not fit."""
    largest = max(windows, key=lambda window: window.size)
    if largest.size < least:
        raise FitError(
            f"the self-test needs {least} bytes of one memory, {machine.name} has {largest.size}",
            where="--export self-test",
            hint="a smaller camera picture, or leave the export out",
        )
    return next((window for window in windows if window.size >= wanted), largest)


def _lines(data: bytes) -> tuple[str, ...]:
    """The elements of a C table."""
    return tuple(
        ", ".join(map(str, data[at : at + _NUMBERS_A_LINE])) + ","
        for at in range(0, len(data), _NUMBERS_A_LINE)
    )
