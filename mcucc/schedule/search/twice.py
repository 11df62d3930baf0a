"""Plans that compute a tensor twice, where keeping it for its gate is what bounds all others.

Which of a network's squeeze-and-excite blocks to compute twice is a choice a block. They are taken
one by one: the one that bounds the smallest plan known, then the one that bounds the plans which
that allows, as long as plans get smaller. Each set is a network of its own, searched like any.
"""

from __future__ import annotations

from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.plan.program import Program
from mcucc.schedule.twice.gated import Gated, computed_twice, gated_tensors


class Twice:
    """The gated tensors of a network (its nodes in order) that are computed twice so far."""

    def __init__(self, graph: IntegerGraph, most: int) -> None:
        self.graph, self.most = graph, most
        self._left = list(gated_tensors(graph)) if most else []
        self._chosen: list[Gated] = []

    def next(self, least: Program) -> IntegerGraph | None:
        """The network with clones of what bounds a program too; None where that is no such tensor.

        `most` tensors are computed twice.
        """
        bounding = next((gated for gated in self._left if _bounds(least, self.graph, gated)), None)
        if bounding is None or len(self._chosen) == self.most:
            return None
        self._left.remove(bounding)
        self._chosen.append(bounding)
        return computed_twice(self.graph, self._chosen)


def _bounds(program: Program, graph: IntegerGraph, gated: Gated) -> bool:
    """Whether a tensor is there as a whole where a program needs the most.

    It may be the gated one, or one that it is made of pixel by pixel, in the same bytes.
    """
    made = {graph.node(name).output for name in gated.nodes}
    live = {buffer.tensor for buffer in program.live(program.peak_stage)}
    return any(program.whole(name) is not None for name in made & live)
