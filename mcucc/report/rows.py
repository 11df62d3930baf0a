"""When a run asks for the rows of its camera, and the line buffers that a sensor's pace needs."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from mcucc.schedule.plan.line_buffers import line_buffers, times_read

TIMES = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0)  # of the average work a row, that a report shows


@dataclass(frozen=True)
class Pace:
    """What a line period asks for: times of the average work a row, buffers, their bytes.

    The run ends `tail_us` after the last line of the frame, or before it where that is negative.
    """

    period_us: float
    times: float
    buffers: int
    bytes: int
    tail_us: float


@dataclass(frozen=True)
class RowFacts:
    """The rows of a network's camera: `height` of a frame, of `row_bytes`.

    `requests` are the instructions before each row that is asked for, `total` those of a run.
    Times are of `clock_hz` at `cycles_per_instruction`, which is an assumption, not a measurement.
    `line_period_us` is the sensor's, None where it was not said.
    """

    height: int
    row_bytes: int
    requests: tuple[int, ...]
    total: int
    clock_hz: int
    cycles_per_instruction: float
    line_period_us: float | None = None

    def microseconds(self, instructions: float) -> float:
        """The time of some instructions."""
        return instructions * self.cycles_per_instruction / self.clock_hz * 1e6

    @property
    def average_us(self) -> float:
        """The time of a run over the rows of a frame: the least line period that it keeps up with,
        frame after frame."""
        return self.microseconds(self.total) / self.height

    def pace(self, period_us: float) -> Pace:
        """What a sensor of this line period asks for."""
        instruction = Fraction(self.cycles_per_instruction) * 1_000_000 / self.clock_hz
        period = Fraction(period_us) / instruction
        buffers = line_buffers(self.requests, period)
        end = times_read(self.requests, period)[-1] + self.total - self.requests[-1]
        return Pace(
            period_us=period_us,
            times=period_us / self.average_us,
            buffers=buffers,
            bytes=buffers * self.row_bytes,
            tail_us=float((end - self.height * period) * instruction),
        )

    @property
    def paces(self) -> tuple[Pace, ...]:
        """From a fourth of the average work a row to four times it."""
        return tuple(self.pace(times * self.average_us) for times in TIMES)

    @property
    def wanted(self) -> Pace | None:
        """That of the sensor's line period."""
        return None if self.line_period_us is None else self.pace(self.line_period_us)
