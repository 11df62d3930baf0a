"""The times of a stage, at which its buffers are live or not.

There is one time before the loops, one for every action of every (row step, column step) in the
order of execution, one after the loops. A grid of live bytes has an entry for each of those in
between; `timed` puts them in order. A stage of several strips takes all its row steps in one strip
before the next. At the times of the chain's other stages, what this one holds is live as it is
between two of its own row steps.
"""

from __future__ import annotations

import numpy as np

from mcucc.schedule.arena.requests import Extents
from mcucc.schedule.expand.built import BuiltChain
from mcucc.schedule.plan.buffers import BufferId
from mcucc.schedule.plan.program import Action, Compute, Copy, Deliver

# Live bytes by number of the stages of a chain at whose times they are known.
ByStage = dict[int, Extents]


class StageTime:
    """The times of the stage of a chain that has this number in it.

    `uses` are the actions of the body that touch each buffer, `writes` the first that fills it.
    """

    def __init__(self, chain: BuiltChain, number: int) -> None:
        self.chain, self.number = chain, number
        self.built = chain.stages[number]
        self.stage = stage = self.built.stage
        self.body = max(1, len(stage.actions))
        # Row and column steps in order of execution.
        order = np.array(stage.iterations, dtype=np.int64)
        self.order = order[:, 0], order[:, 1]
        self.nodes = {node.name: node for node in stage.nodes}
        self.uses: dict[BufferId, list[int]] = {}
        self.writes: dict[BufferId, int] = {}
        for i, action in enumerate(stage.actions):
            for buffer in sorted(self._touched(action), key=lambda each: each.order):
                self.uses.setdefault(buffer, []).append(i)
            if not isinstance(action, Copy | Deliver):
                self.writes.setdefault(action.target, i)

    def _touched(self, action: Action) -> set[BufferId]:
        if isinstance(action, Deliver):
            return {action.source}
        found = {action.target}
        if isinstance(action, Copy):
            found.add(action.source)
        if isinstance(action, Compute):
            for tensor in self.nodes[action.node].inputs:
                storage = self.stage.storage[tensor]
                found |= {buffer for buffer in (storage.fresh, storage.kept) if buffer}
            if action.node in self.stage.scratch:
                found.add(self.stage.scratch[action.node])
        return found

    def never(self) -> Extents:
        """A grid in which nothing is live: (row steps, column steps, actions, 2)."""
        steps = self.stage.row_steps, self.stage.column_steps
        return np.zeros((*steps, self.body, 2), dtype=np.int64)

    def between(self) -> Extents:
        """Nothing live after 0, 1, .. row steps: (row steps + 1, 2)."""
        return np.zeros((self.stage.row_steps + 1, 2), dtype=np.int64)

    def timed(
        self, grid: Extents, between: Extents | None = None, ends: tuple[int, int] = (0, 0)
    ) -> ByStage:
        """A grid at all times in order, with so many bytes live before and after the loops.

        `between` is what is live after 0, 1, .. row steps (nothing): so it is at the times of the
        chain's other stages.
        """
        before, after = np.array([[0, ends[0]]]), np.array([[0, ends[1]]])
        own = np.concatenate([before, grid[self.order].reshape(-1, 2), after])
        found = {self.number: own}
        if between is None and not any(ends):
            return found
        held = self.between() if between is None else between
        for other, built in enumerate(self.chain.stages):
            if other != self.number:
                rows = [held[done[self.number]] for done in self.chain.turns.steps_of(other)]
                times = built.stage.column_steps * max(1, len(built.stage.actions))
                spread = np.repeat(np.array(rows, dtype=np.int64), times, axis=0)
                found[other] = np.concatenate([before, spread, after])
        return found

    def always(self, size: int) -> ByStage:
        """Wholly live at all times of the chain."""
        grid, between = self.never(), self.between()
        grid[..., 1] = between[:, 1] = size
        return self.timed(grid, between, (size, size))
