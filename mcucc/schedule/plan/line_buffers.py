"""The lines that a camera's driver must hold, by when a run asks for its rows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def times_read(requests: Sequence[int], period: Fraction) -> list[Fraction]:
    """When a run reads each row, which waits for a line that is not there, from its begin on.

    `requests` are the times at which a run that never waits asks for each row; `period` is the time
    between two lines, in the same unit: line k has come at (k + 1) * period.
    """
    found: list[Fraction] = []
    now, before = Fraction(0), 0
    for row, work in enumerate(requests):
        now, before = max(now + work - before, (row + 1) * period), work
        found.append(now)
    return found


def line_buffers(requests: Sequence[int], period: Fraction) -> int:
    """Lines that must be held at once so that none is lost, the one being filled among them.

    The model: the run begins with the frame; line k is filled from k * period to (k + 1) * period
    and cannot be held up; the run waits for a line that is not there, which delays all that
    follows; a row is copied the moment it is asked for and there. Its buffer is free for the next
    line that begins after that. At least 2.
    """
    most, first = 2, 0  # the oldest line whose buffer is not free
    freed = times_read(requests, period)
    for line in range(len(freed)):
        while first < line and freed[first] < line * period:
            first += 1
        most = max(most, line - first + 1)
    return most
