"""What a sensor's pace asks of a network that reads its camera row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from mcucc.boards.board import Board
from mcucc.codegen.model import ModelCode
from mcucc.driver.measure import Measured
from mcucc.errors import FitError, ModelError, ToolError
from mcucc.report.rows import RowFacts
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program


@dataclass(frozen=True)
class Sensor:
    """The time between two lines, None where it is not said, and how long an instruction takes."""

    line_period_us: float | None = None
    cycles_per_instruction: float = 1.0


def in_instructions(sensor: Sensor, board: Board) -> float | None:
    """The time between two lines in instructions of the board; None where it is not said."""
    if sensor.line_period_us is None:
        return None
    return sensor.line_period_us * board.clock_hz / 1e6 / sensor.cycles_per_instruction


def check_sensor(sensor: Sensor, image: ImagePolicy, c_only: str) -> None:
    """Raises ModelError or ToolError, before anything takes time, where no pace can be judged."""
    if sensor.line_period_us is None:
        return
    if image is not ImagePolicy.ROWS:
        raise ModelError(
            f"--line-period says how fast rows come, with --image {image.value} none do",
            hint="--image rows",
        )
    if c_only:
        raise ToolError(
            f"--line-period needs the network run under emulation ({c_only})",
            hint="when rows are asked for is measured there",
        )


def row_facts(
    program: Program, measured: Measured, board: Board, sensor: Sensor
) -> RowFacts | None:
    """When rows are asked for; None where no camera sends rows, or nothing was counted.

    Raises TooSlow where the sensor's frames take less time than a run, ModelError or ToolError
    where a pace was given and cannot be judged.
    """
    inputs, requests, total = program.graph.inputs, measured.requests, measured.instructions
    streams = program.plan.image is ImagePolicy.ROWS
    if streams and len(inputs) == 1 and requests is not None and total is not None:
        a = program.graph.activations[inputs[0]]
        facts = RowFacts(
            height=a.height,
            row_bytes=a.width * a.channels,
            requests=requests,
            total=total,
            clock_hz=board.clock_hz,
            cycles_per_instruction=sensor.cycles_per_instruction,
            line_period_us=sensor.line_period_us,
        )
        _check_pace(facts, board)
        return facts
    if sensor.line_period_us is not None:
        if len(inputs) > 1:
            raise ModelError(f"--line-period is of one camera, the network has {len(inputs)}")
        raise ToolError(
            "--line-period needs to know when rows are asked for: they were not counted",
            where=measured.emulator,
            hint="--emulator qemu; of frames of more than 512 rows it is not recorded",
        )
    return None


class TooSlow(FitError):
    """The sensor is faster than a run, which took so many `instructions`.

    A plan that keeps up may exist.
    """

    def __init__(self, what: str, *, where: str, hint: str, instructions: int) -> None:
        super().__init__(what, where=where, hint=hint)
        self.instructions = instructions


def _check_pace(facts: RowFacts, board: Board) -> None:
    pace = facts.wanted
    if pace is None or pace.times >= 1.0:
        return
    frame, run = facts.height * pace.period_us, facts.microseconds(facts.total)
    least = math.ceil(10 * facts.average_us) / 10
    raise TooSlow(
        f"a frame of {facts.height} lines every {pace.period_us:g} us takes {frame:,.0f} us, a run "
        f"{run:,.0f} us: the sensor is faster than the network",
        where=board.name,
        hint=f"this plan keeps up from a line period of {least:,.1f} us on, where another may be "
        f"chosen, at {facts.clock_hz / 1e6:g} MHz and {facts.cycles_per_instruction:g} cycles an "
        "instruction; or keep the frame (--image resident, mapped) and leave some out",
        instructions=facts.total,
    )


def with_line_buffers(code: ModelCode, facts: RowFacts | None) -> ModelCode:
    """The same with NAME_LINE_BUFFERS in NAME.h; no other code depends on it."""
    pace = None if facts is None else facts.wanted
    if facts is None or pace is None:
        return code
    note = (
        f"lines {pace.period_us:g} us apart, {facts.clock_hz / 1e6:g} MHz, "
        f"{facts.cycles_per_instruction:g} cycles an instruction"
    )
    return replace(code, line_buffers=pace.buffers, line_buffers_for=note)
