"""When which bytes of a buffer are live: what offsets are decided from, and what reports show.

Schedule time runs within a stage: one time before its loops, one for every action of every
iteration in the order of execution, one after the loops. The stages of a chain run interleaved;
what another stage of the chain holds meanwhile is live at the times of this one as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mcucc.schedule.plan.buffers import BufferId

# [low, high) of a buffer's bytes by schedule time, (times, 2); empty where it is dead.
LiveBytes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LiveRange:
    """The live bytes of a buffer over a stage, kept as runs of equal times.

    A stage of many small steps has 100,000 times and more, at which most buffers seldom change:
    programs on a front keep all their live ranges, so these must be small.
    """

    lengths: npt.NDArray[np.int64]  # times of each run
    runs: LiveBytes  # (runs, 2)

    @staticmethod
    def of(extents: LiveBytes) -> LiveRange:
        """The live range with these bytes at every time."""
        low, high = extents[:, 0], extents[:, 1]
        changes = np.flatnonzero((low[1:] != low[:-1]) | (high[1:] != high[:-1])) + 1
        starts = np.concatenate([[0], changes])
        lengths = np.diff(np.append(starts, len(extents)))
        return LiveRange(lengths, np.ascontiguousarray(extents[starts]))

    @staticmethod
    def always(size: int, times: int) -> LiveRange:
        """That of a buffer which is wholly live at so many times."""
        return LiveRange(np.array([times]), np.array([[0, size]], dtype=np.int64))

    @property
    def at_times(self) -> LiveBytes:
        """The live bytes at every time, (times, 2)."""
        return np.repeat(self.runs, self.lengths, axis=0)

    @cached_property
    def ever(self) -> bool:
        """Whether a byte is live at any time."""
        return bool((self.runs[:, 0] < self.runs[:, 1]).any())


# By number of the stages at whose times something of the buffer is known.
LiveRanges = Mapping[BufferId, Mapping[int, LiveRange]]
# (operand, result): a result may be written over an operand that dies, at the same offset.
InPlace = frozenset[tuple[BufferId, BufferId]]
