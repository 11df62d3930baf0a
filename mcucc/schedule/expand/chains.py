"""Stages that run interleaved: a stage that feeds the next one hands its rows over in a ring.

The last stage of a chain leads. Before one of its row steps every stage it reads from takes as many
row steps as that asks for, and so on up the chain. So each stage has a tile of its own, and where
the tensor between two of them is narrow, no stage has to keep up with the rates of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcucc.errors import ModelError
from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.axis import Track
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import Plan

MOST_STAGES = 255  # of a chain: its order in C is a table of bytes
Tracks = Mapping[int, Track]


@dataclass(frozen=True)
class Member:
    """A stage of a chain: its nodes [begin, end), its row steps, its tensors along the rows."""

    begin: int
    end: int
    steps: int
    rows: Tracks


@dataclass(frozen=True)
class Interleaved:
    """The order of a chain's row steps, and its rings.

    `order` holds positions of stages in the chain; before entry i the stages have taken
    `done[i]` row steps. `rings` gives each ring's slots by tensor.
    """

    order: tuple[int, ...]
    done: tuple[tuple[int, ...], ...]
    rings: Mapping[int, int]

    def steps_of(self, part: int) -> Iterator[tuple[int, ...]]:
        """What all stages have done before each row step of one of them."""
        return (done for at, done in zip(self.order, self.done, strict=True) if at == part)


def chains_of(plan: Plan) -> list[range]:
    """Numbers of the stages of each chain; a stage that feeds none and is fed by none is one.

    Raises ModelError for a chain of more stages than its order in C can number.
    """
    found: list[range] = []
    begin = 0
    for number, stage in enumerate(plan.stages):
        if not stage.feeds or number + 1 == len(plan.stages):
            found.append(range(begin, number + 1))
            if len(found[-1]) > MOST_STAGES:
                raise ModelError(
                    f"stages {begin} to {number} feed each other: at most {MOST_STAGES} may, "
                    "so one between them has to end the chain"
                )
            begin = number + 1
    return found


def handed_on(net: PlannerGraph, parts: Sequence[Member]) -> dict[int, int]:
    """Tensors that a stage of a chain hands to later ones, and the position of that stage.

    Raises ModelError for stages that cannot run row by row beside others.
    """
    if len(parts) == 1:
        return {}
    begin, end = parts[0].begin, parts[-1].end
    made = {node.output for node in net.nodes[begin:end]}
    pools = {n.output for n in net.nodes[begin:end] if n.granularity is Granularity.SINK}
    for node in net.nodes[begin:end]:
        whole = any(o.rows is None and o.tensor in made for o in node.operands)
        if not node.streams or whole or any(o.tensor in pools for o in node.operands):
            raise ModelError(
                f"{node.name} needs whole tensors: no stage that makes them can feed its stage",
                where=f"stages {net.nodes[begin].name} .. {net.nodes[end - 1].name}",
            )
    return {
        node.output: i
        for i, part in enumerate(parts[:-1])
        for node in net.nodes[part.begin : part.end]
        if any(part.end <= reader < end for reader in net.readers(node.output))
    }


def interleaved(net: PlannerGraph, parts: Sequence[Member]) -> Interleaved:
    """The order in which the stages of a chain take their row steps."""
    maker = handed_on(net, parts)
    # What each stage reads of stages before it.
    reads = [[t for t in maker if t in part.rows and maker[t] < i] for i, part in enumerate(parts)]
    # An image that several stages read arrives as a whole, at the first step of the first of them.
    images = [
        {i for i in range(at) for t in net.inputs if t in part.rows and t in parts[i].rows}
        for at, part in enumerate(parts)
    ]
    order: list[int] = []
    done: list[tuple[int, ...]] = []
    taken = [0] * len(parts)

    def step(part: int) -> None:
        for source in images[part]:
            if not taken[source]:
                step(source)
        for tensor in reads[part]:
            source = maker[tensor]
            ends = parts[source].rows[tensor].ends
            wanted = parts[part].rows[tensor].needs[taken[part]][1]
            while wanted > (ends[taken[source] - 1] if taken[source] else 0):
                step(source)
        order.append(part)
        done.append(tuple(taken))
        taken[part] += 1

    # The last stage leads; every other takes a step when its rows are asked for, no sooner: so as
    # few rows as possible wait in the rings.
    while taken[-1] < parts[-1].steps:
        step(len(parts) - 1)
    for part in range(len(parts)):  # rows that only readers after the chain wait for
        while taken[part] < parts[part].steps:
            step(part)
    slots = {
        tensor: _slots(net, parts, source, tensor, order, done)
        for tensor, source in maker.items()
        if net.tensors[tensor].last < parts[-1].end  # else it is stored whole
    }
    return Interleaved(tuple(order), tuple(done), slots)


def rows_held(
    parts: Sequence[Tracks], maker: int, tensor: int, done: Sequence[int], busy: bool
) -> tuple[int, int]:
    """Rows of a ring that are alive when its stages have done so many steps.

    With `busy` its maker is at its next step, whose rows count as well.
    """
    made = parts[maker][tensor]
    taken = done[maker] + (1 if busy else 0)
    end = made.ends[taken - 1] if taken else 0
    low = min(track.keep[done[i]] for i, rows in enumerate(parts) if (track := rows.get(tensor)))
    if busy:
        begin, stop = made.ranges[done[maker]]
        low = min(low, begin) if begin < stop else low
    return low, end


def _slots(
    net: PlannerGraph,
    parts: Sequence[Member],
    maker: int,
    tensor: int,
    order: Sequence[int],
    done: Sequence[tuple[int, ...]],
) -> int:
    tracks = [part.rows for part in parts]
    held = 1
    for part, taken in zip(order, done, strict=True):
        if part == maker:
            low, end = rows_held(tracks, maker, tensor, taken, True)
            held = max(held, end - low)
    return min(net.tensors[tensor].height, held)
