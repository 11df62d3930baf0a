"""What is known of a network's image: from linking and emulating it, or without one.

Without a firmware (a board of another core, no compiler wanted) stack and code stay unknown, and
the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcucc.backends.camera_rows import as_asked, in_order
from mcucc.backends.choose import choose_emulator
from mcucc.backends.interface import EmulationFault, Emulator, RunResult
from mcucc.base.progress import Progress
from mcucc.codegen.symbols import symbol_owners
from mcucc.driver.limits import stack_too_small
from mcucc.driver.load import LoadedModel
from mcucc.errors import ToolError
from mcucc.ir.integer import IntegerGraph
from mcucc.report.flash import FlashFacts, flash_facts, table_facts, weight_bytes
from mcucc.schedule.plan.program import Program
from mcucc.toolchain.firmware import Firmware

NOT_EMULATED = "not emulated"


@dataclass(frozen=True)
class Measured:
    """Bytes and instructions of the library.

    `incomplete` says what is not known and why, "" where everything is; what is not known is 0.
    `stack_source` says how the stack was found, `steps` are instructions one step at a time,
    `requests` those before each row that the camera is asked for.
    """

    arena: int
    static: int
    stack: int
    stack_source: str
    flash: FlashFacts
    instructions: int | None
    steps: tuple[int, ...] | None
    requests: tuple[int, ...] | None
    emulator: str
    compiler: str
    incomplete: str = ""


def without_firmware(program: Program, why: str) -> Measured:
    """What the plan alone tells. The library has no static data: its only globals are const."""
    return Measured(
        arena=program.arena_bytes,
        static=0,
        stack=0,
        stack_source="unknown",
        flash=table_facts(program),
        instructions=None,
        steps=None,
        requests=None,
        emulator=NOT_EMULATED,
        compiler="none",
        incomplete=f"no firmware ({why}): stack and code are not known and not counted",
    )


def measure(
    network: LoadedModel,
    program: Program,
    firmware: Firmware,
    wanted: str,
    time_limit_s: float,
    progress: Progress,
) -> Measured:
    """Run one picture under emulation: outputs must equal NumPy, counts and stack are taken.

    Raises FitError when the stack overflows, HangError after the limit, ToolError.
    """
    sizes, frames = firmware.sizes, firmware.stack_usage
    name = firmware.models[0].name
    owners = symbol_owners(program, name)
    linked = Measured(
        arena=sizes.arena,
        static=sizes.static,
        stack=sum(frames.values()),
        stack_source="sum of gcc's frame sizes, not run" if frames else "unknown",
        flash=flash_facts(
            owners,
            name,
            firmware.image,
            weights=sizes.weights,
            code=sizes.code,
            values=weight_bytes(program.graph),
        ),
        instructions=None,
        steps=None,
        requests=None,
        emulator=NOT_EMULATED,
        compiler=firmware.compiler.version,
        incomplete="" if frames else "nothing was emulated: the stack is not known and not counted",
    )
    emulator = choose_emulator(wanted, firmware.board)
    if emulator is None:
        return linked
    progress("counting instructions", 0, 0)
    result = _run_one(network, program, firmware, emulator, time_limit_s)
    return replace(
        linked,
        stack=result.stack_bytes or 0,
        stack_source="painted",
        instructions=result.instructions,
        steps=result.step_instructions,
        requests=result.row_requests,
        emulator=emulator.name,
        incomplete="",
    )


def _run_one(
    network: LoadedModel,
    program: Program,
    firmware: Firmware,
    emulator: Emulator,
    time_limit_s: float,
) -> RunResult:
    """One picture through the firmware, counted; its outputs are NumPy's."""
    camera = random_bytes(network)
    handed = as_asked(program, camera.tobytes())
    try:
        result = emulator.run(firmware, [handed], count=True, timeout_s=time_limit_s)
    except EmulationFault as error:
        if error.fault.stack_overflow:
            raise stack_too_small(program, firmware) from error
        raise
    made = in_order(program, result.outputs[0])
    if made != reference_bytes(network, network.integer, camera):
        raise ToolError(
            "the emulated firmware's output differs from the NumPy reference",
            where=firmware.models[0].name,
            hint="this is a defect of mcucc; `mcucc validate` finds the first layer",
        )
    return result


def random_bytes(network: LoadedModel) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Bytes of every value in a fixed order: no picture is needed to count and to measure."""
    sizes = [network.integer.activations[name].size for name in network.integer.inputs]
    rng = np.random.default_rng(0)
    return np.concatenate([rng.integers(0, 256, size, np.uint8) for size in sizes])


def reference_bytes(
    network: LoadedModel, integer: IntegerGraph, raw: np.ndarray[Any, np.dtype[np.uint8]]
) -> bytes:
    """Outputs of the integer network for the bytes a firmware reads."""
    inputs, at = {}, 0
    for name in integer.inputs:
        a = integer.activations[name]
        part = raw[at : at + a.size]
        camera = network.cameras.get(name)
        if camera is not None:
            inputs[name] = camera.apply(part.reshape(1, *a.shape))
        else:
            inputs[name] = a.read(part.tobytes())[None]
        at += a.size
    values = integer.run(inputs)
    return b"".join(values[name].tobytes() for name in integer.outputs)
