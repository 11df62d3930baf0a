"""Plans that compute a tensor twice, where keeping it for its gate is what bounds all others.

Which of a network's squeeze-and-excite blocks to compute twice is a choice a block. They are taken
one by one: the one that bounds the smallest plan known, then the one that bounds the plans which
that allows, as long as plans get smaller. Each set is a network of its own, searched like any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.plan.program import Program
from mcucc.schedule.twice.gated import Gated, computed_twice, gated_tensors


def twice_where_it_bounds(
    graph: IntegerGraph,
    known: Sequence[Program],
    searched: Callable[[IntegerGraph], Sequence[Program]],
    most: int,
) -> list[Program]:
    """Programs of `graph` (in order) that compute up to `most` of its gated tensors twice.

    `known` are programs that compute none twice; `searched` finds those of a network with clones.
    """
    left = list(gated_tensors(graph))
    chosen: list[Gated] = []
    found: list[Program] = []
    while len(chosen) < most:
        least = min([*known, *found], key=lambda program: program.arena_bytes)
        bounding = next((gated for gated in left if _bounds(least, graph, gated)), None)
        if bounding is None:
            break
        left.remove(bounding)
        chosen.append(bounding)
        more = searched(computed_twice(graph, chosen))
        found += more
        if not any(program.arena_bytes < least.arena_bytes for program in more):
            break
    return found


def _bounds(program: Program, graph: IntegerGraph, gated: Gated) -> bool:
    """Whether a tensor is there as a whole where a program needs the most.

    It may be the gated one, or one that it is made of pixel by pixel, in the same bytes.
    """
    made = {graph.node(name).output for name in gated.nodes}
    live = {buffer.tensor for buffer in program.live(program.peak_stage)}
    return any(program.whole(name) is not None for name in made & live)
