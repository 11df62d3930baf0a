"""Live ranges of all buffers of a plan: those of its chains, and of the tensors between them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcucc.schedule.arena.requests import InPlace as PairsByIndex
from mcucc.schedule.arena.requests import Request
from mcucc.schedule.expand.known import KnownChain
from mcucc.schedule.expand.liveness import by_index
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.buffers import BufferId
from mcucc.schedule.plan.live_ranges import InPlace, LiveRange


@dataclass(frozen=True, eq=False)
class Live:
    """Live bytes of every buffer by number of the stages, sizes, pairs that may share an offset."""

    ranges: Mapping[BufferId, Mapping[int, LiveRange]]
    sizes: Mapping[BufferId, int]
    in_place: InPlace

    @property
    def requests(self) -> list[Request]:
        """What the arena is asked for, in the order of `ranges`."""
        return [
            Request(self.sizes[id], {number: each.at_times for number, each in by_stage.items()})
            for id, by_stage in self.ranges.items()
        ]

    @property
    def in_place_by_index(self) -> PairsByIndex:
        """The pairs by position among the requests."""
        return by_index(self.in_place, self.ranges)


def live_ranges(net: PlannerGraph, chains: Sequence[KnownChain], begins: Sequence[int]) -> Live:
    """Of some chains in a row; `begins` are positions of their first nodes, and the end of all.

    What is born before them is alive from the first one on.
    """
    found: dict[BufferId, dict[int, LiveRange]] = {}
    sizes = {id: buffer.size for chain in chains for id, buffer in chain.buffers.items()}
    first = 0
    for chain, passing in zip(chains, _passing(net, begins), strict=True):
        times = chain.times
        parts = dict(chain.local)
        for number in passing:
            tensor = net.tensors[number]
            id = BufferId(tensor.name)
            if id in chain.whole:
                parts[id] = chain.whole[id]
            elif id in sizes or tensor.alive(begins[0]):
                size = sizes.setdefault(id, tensor.size)
                parts[id] = {i: LiveRange.always(size, count) for i, count in enumerate(times)}
        parts.update(chain.rings)
        for id, by_stage in parts.items():
            known = found.setdefault(id, {})
            known.update((first + number, each) for number, each in by_stage.items())
        first += len(times)
    pairs = frozenset(pair for chain in chains for pair in chain.in_place)
    return Live(found, sizes, pairs)


def _passing(net: PlannerGraph, begins: Sequence[int]) -> list[list[int]]:
    """The tensors that are alive at any time of each chain, by number."""
    chain_of = [
        i for i, (begin, end) in enumerate(itertools.pairwise(begins)) for _ in range(begin, end)
    ]
    found: list[list[int]] = [[] for _ in begins[1:]]
    for number, tensor in enumerate(net.tensors):
        first = max(tensor.born, begins[0])
        last = min(max(tensor.last, tensor.born), begins[-1] - 1)
        if tensor.root == number and first <= last:
            for chain in range(chain_of[first - begins[0]], chain_of[last - begins[0]] + 1):
                found[chain].append(number)
    return found
