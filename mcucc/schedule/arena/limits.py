"""How far the search for offsets goes. More takes time and finds smaller arenas.

All limits count work, none of them time, so that a plan has the same offsets on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArenaLimits:
    """Limits of an arena's layout: in how many ways offsets may fail before it gives up.

    `alone`: of the buffers of one phase, which mostly proves that nothing less holds them.
    `whole`: of all buffers.
    """

    alone: int = 100
    whole: int = 400
