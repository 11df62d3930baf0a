"""How far the search for offsets goes. More of anything takes time and finds smaller arenas.

All limits count work, none of them time, so that a plan has the same offsets on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArenaLimits:
    """Limits of an arena's layout.

    `width`: states kept while the least top of some buffers is looked for, and arrangements of the
    buffers that outlive a phase while all phases are swept. `rounds`: how often all phases are laid
    out, each time those first that stuck out before, at most `together` buffers at once. `tries`:
    changed orders of all buffers at the end.
    Of a phase with at most `proved` buffers the least top is proved, by 16 times the width.
    """

    width: int = 12
    rounds: int = 8
    together: int = 24
    tries: int = 100
    proved: int = 10
