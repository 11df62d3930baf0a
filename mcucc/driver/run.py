"""`run`: samples through the C of a compiled folder, on this host or emulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.backends.camera_rows import as_asked, in_order
from mcucc.backends.choose import choose_emulator
from mcucc.backends.gdb.backend import Gdb
from mcucc.backends.host import run_host
from mcucc.backends.interface import Emulator, RunResult
from mcucc.base.progress import Progress, silent
from mcucc.driver.folder import CompiledFolder, scratch_folder
from mcucc.driver.on_board import OnBoard, on_board
from mcucc.errors import ToolError
from mcucc.images.samples import Sample
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.plan.program import Program
from mcucc.toolchain.firmware import Firmware

Outputs = dict[str, npt.NDArray[Any]]  # by name: (samples, H, W, C)


@dataclass(frozen=True, eq=False)
class Run:
    """int8 outputs, and where they were computed: an emulator's name, or "host".

    `instructions` are those of the first sample, None on the host. `board` is there where a
    debugger was in front of the core.
    """

    outputs: Outputs
    instructions: int | None
    emulator: str
    board: OnBoard | None = None


@dataclass(frozen=True)
class NotEmulated:
    """Why nothing was emulated, where that is no error."""

    why: str


def run_samples(
    compiled: CompiledFolder,
    samples: Sequence[Sample],
    emulator: str = "auto",
    time_limit_s: float = 1800.0,
    progress: Progress = silent,
    flash: bool = False,
) -> Run:
    """Run samples on the host ("host"), an emulator or a board; `flash` as choose_emulator.

    Raises ToolError when a compiler or emulator is missing or fails.
    """
    with scratch_folder() as scratch:
        work = Path(scratch)
        if emulator == "host":
            return Run(on_host(compiled, compiled.host_library(work), samples), None, "host")
        made = emulated(compiled, samples, emulator, time_limit_s, work, progress, flash)
    if isinstance(made, NotEmulated):
        raise ToolError(made.why, hint="--on host needs no emulator")
    return made


def on_host(compiled: CompiledFolder, library: Path, samples: Sequence[Sample]) -> Outputs:
    """What the folder's `host_library` computes of samples."""
    raw = run_host(library, compiled.manifest.name, [sample.raw for sample in samples])
    return _by_name(compiled.integer, raw)


def emulated(
    compiled: CompiledFolder,
    samples: Sequence[Sample],
    wanted: str,
    time_limit_s: float,
    work: Path,
    progress: Progress,
    flash: bool = False,
) -> Run | NotEmulated:
    """What the firmware computes of samples; it is built in `work`.

    Where `wanted` is "none" nothing runs, nor where it is "auto" and a tool is missing. Raises
    ToolError for a tool that is missing otherwise, or fails.
    """
    if wanted == "none":
        return NotEmulated("not asked for")
    progress("building firmware", 0, 0)
    try:
        firmware = compiled.firmware(work / "firmware")
    except ToolError as error:
        if wanted == "auto":
            return NotEmulated(error.what)
        raise
    emulator = choose_emulator(wanted, firmware.board, flash)
    if emulator is None:
        return NotEmulated("no emulator runs here (mcucc needs qemu-system-arm or unicorn)")
    progress(f"running on {emulator.name}", 0, 0)
    program = compiled.program()
    raw = [as_asked(program, sample.raw) for sample in samples]
    # A debugger's server may serve one session and end: all pictures are in it, and are counted.
    first = len(raw) if isinstance(emulator, Gdb) else 1
    counted = emulator.run(firmware, raw[:first], count=True, timeout_s=time_limit_s)
    outputs = counted.outputs
    if raw[first:]:
        outputs += emulator.run(firmware, raw[first:], count=False, timeout_s=time_limit_s).outputs
    board = _board(firmware, program, emulator, counted, raw[0], time_limit_s)
    return Run(
        _by_name(compiled.integer, [in_order(program, each) for each in outputs]),
        counted.instructions if board is None else board.instructions,
        emulator.name,
        board,
    )


def _board(
    firmware: Firmware,
    program: Program,
    ran: Emulator,
    found: RunResult,
    picture: bytes,
    time_limit_s: float,
) -> OnBoard | None:
    """What a debugger's run tells; beside cycles the instructions that an emulator counts."""
    counter = choose_emulator("auto", firmware.board) if found.cycles is not None else None
    counted = None
    if counter is not None:
        counted = counter.run(firmware, [picture], count=True, timeout_s=time_limit_s)
        if counted.outputs[0] != found.outputs[0]:
            raise ToolError(
                f"outputs differ from those on {counter.name}",
                where=ran.name,
                hint="is it the board that was compiled for? validate finds the first layer",
            )
    name = "" if counter is None else counter.name
    return on_board(program, firmware.board, ran.name, found, counted, name)


def _by_name(graph: IntegerGraph, outputs: Sequence[bytes]) -> Outputs:
    """Each sample's outputs, one after the other in its bytes, as arrays by name."""
    values: Outputs = {}
    at = 0
    for name in graph.outputs:
        a = graph.activations[name]
        parts = [a.read(raw, at) for raw in outputs]
        values[name] = np.stack(parts)
        at += a.size
    return values
