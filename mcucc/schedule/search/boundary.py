"""What a walk needs as a stage that begins at a node: its inputs, its outputs, what lies beside.

Inside, a stage is what the walk added up. At its boundary whole tensors are read and written, and
an output may take the place of an input that dies: its bytes are written behind the last read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mcucc.schedule.expand.planner_graph import PlannerTensor
from mcucc.schedule.search.candidate import Candidate, Decisions, Trail
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.limits import Tile
from mcucc.schedule.search.space import Needs
from mcucc.schedule.search.walk import Output, Walk


@dataclass(frozen=True)
class ChainSegment:
    """A stage of nodes [begin, end) with one input and one output, as part of a chain.

    Bytes that it keeps between row steps, bytes of its largest call, cost above the least, rows of
    its input `source` that a row step reads.
    """

    begin: int
    end: int
    tile: Tile
    lasting: int
    largest: int
    cost: float
    need: int
    source: int
    trail: Trail


def stages_of(walk: Walk, begin: int) -> Iterator[Candidate]:
    """The stages that begin at node `begin`, least memory first."""
    facts, tensors, strips = walk.facts, walk.network.tensors, walk.space.strips
    base = facts.alive[begin] + sum(walk.held(out) for out in walk.pending.outputs)
    budget = walk.space.cap - base
    found: list[tuple[int, float, Trail]] = []
    shared: dict[Needs, int] = {}
    for (needs, top), values in walk.states.items():
        if strips > 1 and any(_comes_once(tensors[need[0]], begin) for need in needs):
            continue  # every strip reads the input again
        least = min(v[0] + max(v[1], top) for v in values)
        if least - max((tensors[need[0]].size for need in needs), default=0) > budget:
            continue  # not even an input wholly shared with the output makes it fit
        if needs not in shared:
            shared[needs] = _arriving(walk, begin, needs) - _saved(walk, begin, needs)
        for persistent, largest, cost, trail in values:
            size = base + shared[needs] + persistent + max(largest, top)
            if size <= walk.space.cap:
                found.append((size, cost, trail))
    found.sort(key=lambda item: item[:2])
    best = float("inf")
    for size, cost, trail in found:
        if cost < best - ALIKE:
            best = cost
            how = None if trail is None else Decisions(trail)
            yield Candidate(begin, walk.end, size, cost, walk.asked, how, strips=strips)


def segments_of(walk: Walk, begin: int) -> Iterator[ChainSegment]:
    """The stages that begin at node `begin` and have one input and one output, lists aside."""
    outputs = [out.tensor for out in walk.pending.outputs]
    lists = [tensor for tensor in outputs if walk.facts.listed(tensor)]
    if walk.pending.outside or not outputs or len(outputs) - len(lists) > 1:
        return
    found: list[ChainSegment] = []
    for (needs, top), values in walk.states.items():
        if len(needs) != 1:
            return
        source, low, _ = needs[0]
        need = walk.pending.highs[source][0] - low
        for lasting, largest, cost, trail in values:
            large = max(largest, top)
            found.append(
                ChainSegment(
                    begin, walk.end, walk.grid.tile, lasting, large, cost, need, source, trail
                )
            )
    found.sort(key=lambda s: (s.lasting + s.largest, s.cost))
    yield from found[: walk.space.limits.values]


def _comes_once(tensor: PlannerTensor, begin: int) -> bool:
    """Whether a stage that begins here takes rows that cannot be read again."""
    return tensor.arrives(begin) and tensor.source is not None and tensor.source.once


def _arriving(walk: Walk, begin: int, needs: Needs) -> int:
    """Bytes of images whose rows arrive in the stage: as many as a step reads, or for later all."""
    total = 0
    for number, low, _ in needs:
        tensor = walk.network.tensors[number]
        if tensor.arrives(begin):
            rows = walk.pending.highs[number][0] - low
            rows = min(tensor.height, rows) if tensor.last < walk.end else tensor.height
            total += rows * tensor.row_bytes
    return total


def _saved(walk: Walk, begin: int, needs: Needs) -> int:
    """The most bytes that an output may share with one input that dies in the stage.

    A stage of strips reads its input to the last row until the last strip, and shares none.
    """
    saved = 0
    for number, low, left in needs:
        tensor = walk.network.tensors[number]
        dies = tensor.last < walk.end and tensor.root == number and walk.space.strips == 1
        if not dies or tensor.arrives(begin):
            continue
        for output in walk.pending.outputs:
            out = walk.network.tensors[output.tensor].size
            if walk.network.tensors[output.tensor].leaves:
                continue  # a few rows, which lie anywhere
            if output.rate[0] and min(tensor.size, out) > saved:
                distance = _distance(walk, number, (low, left), output)
                both = max(distance + tensor.size, out)
                saved = max(saved, tensor.size + out - both)
    return saved


def _distance(walk: Walk, number: int, low: tuple[int, int], output: Output) -> int:
    """Bytes by which an output must lie below the input it is written over.

    The most bytes written and not yet dead, an estimate: it is looked at in the first step, where
    rows begin to die, and in the last two only. Exact distances come with expansion.
    """
    grid = walk.grid
    tensor, out = walk.network.tensors[number], walk.network.tensors[output.tensor]
    rate, high = output.rate, output.high
    down = walk.rows.known[number]
    across = 0 if walk.columns is None else walk.columns.known[number]
    begins = max(0, -low[0] // down)
    distance = 0
    for t in (0, begins, begins + 1, grid.row_steps - 2, grid.row_steps - 1):
        if not 0 <= t < grid.row_steps:
            continue
        rows = min(out.height, rate[0] * t + high[0]) - 1
        dead = max(0, down * t + low[0]) * tensor.row_bytes
        for u in {0, grid.column_steps - 1}:
            right = out.width if grid.full else min(out.width, rate[1] * u + high[1])
            left = 0 if grid.full else max(0, across * u + low[1])
            written = rows * out.row_bytes + right * out.pixel_bytes
            distance = max(distance, written - dead - left * tensor.pixel_bytes)
    return distance
