"""Stages that end before a node: every prefix of a backward walk from there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mcucc.schedule.search.boundary import ChainSegment, segments_of, stages_of
from mcucc.schedule.search.candidate import Candidate
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.limits import Tile
from mcucc.schedule.search.space import Space
from mcucc.schedule.search.walk import Walk


class Walked(NamedTuple):
    """The stages found, the effort spent (states visited), whether its limit cut the walk short."""

    stages: list[Candidate]
    effort: int
    cut_short: bool


def stages_ending(facts: SearchFacts, end: int, tile: Tile, space: Space, effort: int) -> Walked:
    """Every stage that ends before node `end` with this tile, Pareto-thinned."""
    walk = Walk(facts, end, tile, space)
    if space.strips > walk.grid.tiles_of_row:
        return Walked([], 0, False)
    found: list[Candidate] = []
    for position in range(end - 1, max(-1, end - 1 - space.limits.longest), -1):
        if walk.effort > effort:
            return Walked(found, walk.effort, True)
        if not walk.step(position):
            break
        found += stages_of(walk, position)
    return Walked(found, walk.effort, False)


def segments_ending(
    facts: SearchFacts, end: int, tile: Tile, space: Space, low: int
) -> Iterator[ChainSegment]:
    """The stages that end before node `end`, as parts of chains, down to node `low`."""
    walk = Walk(facts, end, tile, space)
    for position in range(end - 1, max(-1, low), -1):
        if not walk.step(position):
            return
        yield from segments_of(walk, position)
