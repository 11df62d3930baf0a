"""Reads the text records of firmware: `##mcucc key=value` lines and a last `##exit N`."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mcucc.backends.interface import EmulationFault, Fault, RunResult
from mcucc.errors import ToolError
from mcucc.toolchain.firmware import Firmware

_RECORD = re.compile(r"^##mcucc ([a-z0-9_.]+)=([0-9]{1,10})\s*$")  # a word of 32 bits
_EXIT = re.compile(r"^##exit ([0-9]{1,10})\s*$")

EXIT_PASS, EXIT_MISMATCH, EXIT_FAULT, EXIT_FENCE, EXIT_REQUEST = 0, 1, 70, 71, 72
# What known() of main.c executes.
KNOWN_INSTRUCTIONS = 502
# A stack that ran over is met this far below its end at most: one frame's size.
_OVERFLOW_REACH = 1 << 16

# CFSR, Armv7-M Architecture Reference Manual, B3.2.15: the first that is set names the fault.
_CFSR = (
    (1 << 1, "data access outside the board's memory"),
    (1 << 0, "instruction fetch outside the board's code"),
    (1 << 9, "bus error"),
    (1 << 10, "bus error, imprecise"),
    (1 << 8, "bus error at an instruction fetch"),
    (1 << 16, "undefined instruction"),
    (1 << 17, "invalid state (not Thumb code)"),
    (1 << 18, "invalid exception return"),
    (1 << 19, "no coprocessor (FPU or MVE is not there)"),
    (1 << 20, "stack limit"),
    (1 << 24, "unaligned access"),
    (1 << 25, "division by zero"),
)
# mcause, RISC-V privileged architecture, Machine Cause Register.
_MCAUSE = {
    0: "instruction address misaligned",
    1: "instruction fetch outside the board's code",
    2: "undefined instruction",
    3: "breakpoint",
    4: "unaligned load",
    5: "data access outside the board's memory",
    6: "unaligned store",
    7: "data access outside the board's memory",
}
_RISCV_DATA_FAULTS = (4, 5, 6, 7)
_MMARVALID, _BFARVALID, _STACKING = 1 << 7, 1 << 15, 1 << 4 | 1 << 12


@dataclass(frozen=True)
class Records:
    """All records of a run; `exit` is None when the last line is missing."""

    values: Mapping[str, int]
    exit: int | None


class _Values(dict[str, int]):
    """Records by name; ToolError for one that was not printed."""

    def __missing__(self, key: str) -> int:
        raise ToolError(f"the firmware did not report {key!r}")


def parse_records(text: str) -> Records:
    """Reads the records among whatever else was printed."""
    values = _Values()
    status = None
    for line in text.splitlines():
        if match := _RECORD.match(line):
            values[match[1]] = int(match[2])
        elif match := _EXIT.match(line):
            status = int(match[1])
    return Records(values, status)


def check_exit(records: Records, firmware: Firmware, name: str, tail: str = "") -> None:
    """Raises what the exit code says; `tail` is what the emulator itself printed."""
    status, where = records.exit, name
    if status == EXIT_PASS:
        return
    if status is None:
        raise ToolError(f"the firmware ended without a result\n{tail}".strip(), where=where)
    if status == EXIT_FAULT:
        raise EmulationFault(fault_of(records.values, firmware), records.values, where=where)
    if status == EXIT_MISMATCH:
        raise ToolError(
            "two runs on one image differ: the network reads arena bytes before writing them",
            where=where,
        )
    if status == EXIT_FENCE:
        raise ToolError(
            "the MPU has too few regions for the fence",
            where=where,
            hint="mpu_regions in [probe] of the board's TOML is more than the core has",
        )
    if status == EXIT_REQUEST:
        raise ToolError(
            "the firmware refused its input: images of the wrong size, or a tensor outside "
            "the arena",
            where=where,
        )
    raise ToolError(f"the firmware ended with the unknown code {status}", where=where)


def result_of(
    records: Records,
    output: bytes,
    images: int,
    count: bool,
    instructions: Callable[[int], int],
) -> RunResult:
    """The result of a run that passed.

    `instructions` turns a difference of timer readings into executed instructions. The overhead
    record is the reading around an empty function, which is itself one instruction.
    """
    values = records.values
    if len(output) % images:
        raise ToolError(f"{len(output)} output bytes for {images} images")
    each = len(output) // images
    outputs = tuple(output[index * each : (index + 1) * each] for index in range(images))
    _check_outputs(values, outputs)
    counted = None
    if count:
        _check_timer(known_of(values, instructions))
        counted = counts_of(values, images, instructions)
    return RunResult(
        outputs=outputs,
        instructions=counted.totals[0] if counted else None,
        step_instructions=counted.steps if counted else None,
        image_instructions=counted.totals if counted else None,
        row_requests=counted.requests if counted else None,
        stack_bytes=values["stack"],
        arena_high_water=values["arena_high_water"],
        records=values,
    )


@dataclass(frozen=True)
class Counts:
    """What a timer counted: of every image, of the steps of the first, and when it asked for rows.

    `requests` is None where no rows were asked for.
    """

    totals: tuple[int, ...]
    steps: tuple[int, ...]
    requests: tuple[int, ...] | None


def known_of(values: Mapping[str, int], convert: Callable[[int], int]) -> int:
    """What the stretch of KNOWN_INSTRUCTIONS took."""
    return convert(values["known"]) - convert(values["overhead"]) + 1


def counts_of(values: Mapping[str, int], images: int, convert: Callable[[int], int]) -> Counts:
    """Differences of timer readings as `convert` has them, without what is around the network.

    What a transport executes is not counted: every row costs it the same.
    """
    overhead = convert(values["overhead"]) - 1
    row = convert(values["read"]) - overhead if "read" in values else 0
    stamp = convert(values["stamp"]) - overhead if "stamp" in values else 0
    reads = _reads(values)
    steps = tuple(
        convert(values[f"image.0.step.{step}"]) - overhead - (row + stamp) * read
        for step, read in enumerate(reads)
    )
    totals = tuple(
        convert(values[f"image.{image}.ticks"])
        - overhead
        - row * values.get(f"image.{image}.reads", 0)
        for image in range(images)
    )
    asked = [values[key] for n in range(len(values)) if (key := f"image.0.asked.{n}") in values]
    requests = None
    if asked and len(asked) == sum(reads):
        requests = _requests([convert(each) for each in asked], reads, steps, row + stamp)
    return Counts(totals, steps, requests)


def _check_outputs(values: Mapping[str, int], outputs: Sequence[bytes]) -> None:
    """ToolError where other bytes arrived than the firmware computed."""
    for image, output in enumerate(outputs):
        if zlib.crc32(output) != values[f"image.{image}.output_crc"]:
            raise ToolError(f"the outputs of image {image} were damaged on their way")


def check_inputs(values: Mapping[str, int], images: Sequence[bytes]) -> None:
    """ToolError where the core saw other bytes than it was sent; rows are not looked at."""
    for image, sent in enumerate(images):
        if "read" not in values and zlib.crc32(sent) != values[f"image.{image}.input_crc"]:
            raise ToolError(f"image {image} was damaged on its way")


def _reads(values: Mapping[str, int]) -> list[int]:
    """Rows that each step of the first image read."""
    if values["steps"] > len(values):
        raise ToolError("the firmware did not report its steps")
    return [values.get(f"image.0.reads.{step}", 0) for step in range(values["steps"])]


def _requests(
    asked: Sequence[int], reads: Sequence[int], steps: Sequence[int], each: int
) -> tuple[int, ...] | None:
    """Instructions from the begin of the run to each request of a row.

    `asked` counts from the begin of the step that asks; `reads` are the requests of every step, of
    which each costs the firmware `each` instructions that are not the network's.
    """
    found: list[int] = []
    before, requests = 0, iter(asked)
    for step, count in zip(steps, reads, strict=True):
        found += [before + max(0, next(requests) - each * n) for n in range(count)]
        before += step
    return tuple(found) if found == sorted(found) else None  # a timer that ran over in a step


def _check_timer(known: int) -> None:
    """ToolError when a stretch of known length was not counted as long as it is."""
    if known != KNOWN_INSTRUCTIONS:
        raise ToolError(
            f"the emulator counted {known} instructions where {KNOWN_INSTRUCTIONS} ran",
            hint="its timer is not the one mcucc knows; run without counts, or another version",
        )


def unwrap_totals(values: Mapping[str, int], images: int, bits: int) -> dict[str, int]:
    """Adds the timer periods that a 32-bit counter loses in a long `run`.

    The steps of a network, timed one by one, add up to nearly its total: what the total lacks
    to them in whole periods is put back. `bits` is the counter's width.
    """
    fixed = _Values(values)
    period = 1 << bits
    for image in range(images):
        key = f"image.{image}.ticks"
        expected = sum(
            values[f"image.{image}.step.{step}"] - values["overhead"]
            for step in range(values["steps"])
        )
        fixed[key] += round((expected - values[key]) / period) * period
    return fixed


def describe_address(address: int, firmware: Firmware) -> str:
    """An address of the machine in the board's words."""
    layout, board = firmware.layout, firmware.board
    for span, memory in ((layout.arena, board.arena), (layout.data, board.data)):
        if address >= span.end and address - span.end < 1 << 20:
            return f"0x{address:08x} ({address - span.end + 1} bytes behind {memory.name})"
        if address < span.origin and span.origin - address <= 1 << 20:
            return f"0x{address:08x} ({span.origin - address} bytes before {memory.name})"
    return f"0x{address:08x}"


def make_fault(
    firmware: Firmware,
    what: str,
    address: int | None,
    pc: int | None,
    sp: int,
    *,
    stacking: bool = False,
    step: int | None = None,
    image: int | None = None,
) -> Fault:
    """A fault in the board's words; tells a stack that ran over from other accesses."""
    base = firmware.layout.stack_base
    near = address is not None and base - _OVERFLOW_REACH <= address < base
    overflow = stacking or (sp < base and near)
    if overflow:
        what = f"stack overflow: more than {firmware.layout.stack_bytes} bytes"
    if address is not None:
        what = f"{what}: {describe_address(address, firmware)}"
    function = firmware.image.function_at(pc) if pc is not None else None
    return Fault(what, address, pc, function, step, image, overflow)


def fault_of(values: Mapping[str, int], firmware: Firmware) -> Fault:
    """The fault that the firmware's handler recorded."""
    if "fault.mcause" in values:
        cause = values["fault.mcause"]
        what = _MCAUSE.get(cause, f"trap {cause}")
        address = values.get("fault.mtval") if cause in _RISCV_DATA_FAULTS else None
        return _recorded(values, firmware, what, address, stacking=False)
    status = values.get("fault.cfsr", 0)
    what = next((text for bit, text in _CFSR if status & bit), "fault")
    address = None
    if status & _MMARVALID:
        address = values.get("fault.mmfar")
    elif status & _BFARVALID:
        address = values.get("fault.bfar")
    return _recorded(values, firmware, what, address, stacking=bool(status & _STACKING))


def _recorded(
    values: Mapping[str, int], firmware: Firmware, what: str, address: int | None, *, stacking: bool
) -> Fault:
    """The fault with what every architecture records."""
    return make_fault(
        firmware,
        what,
        address,
        values.get("fault.pc"),
        values.get("fault.sp", firmware.layout.stack_top),
        stacking=stacking,
        step=values.get("fault.step"),
        image=values.get("fault.image"),
    )
