"""What a walk may try: tile sizes of a menu, the ways to hold a tensor, limits that switch off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcucc.errors import McuccError
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerTensor
from mcucc.schedule.plan.plan import Form, ImagePolicy
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.around import Around
from mcucc.schedule.search.costs import MACS
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.limits import SearchLimits, StripLimits, TileMenu, WalkLimits
from mcucc.schedule.search.named import SCHEDULES, named
from mcucc.schedule.search.space import EdgeChoice, Space, StripColumns, edge_choices
from mcucc.schedule.search.table import StageTable
from tests.graphs import mobile_net

# 20 x 30 pixels of 8 channels, of which a step makes 2 rows x 4 columns and reads 4 x 7.
TENSOR = PlannerTensor("x", 20, 30, 8, 8, producer=0, last=1, root=0, born=0)
RATE, HIGH, OWN = (2, 4), (3, 6), (-1, -1)


def ways(space: Space, strip: StripColumns | None = None) -> list[EdgeChoice]:
    return list(edge_choices(space, TENSOR, RATE, HIGH, OWN, strip))


def test_a_menu_has_no_tile_that_is_larger_than_the_tensor_or_narrower_than_asked() -> None:
    menu = TileMenu((1, 4, 9), (0, 1, 4, 7), half_width=True)
    assert menu.tiles(8, 7, 1) == [(r, c) for r in (1, 4) for c in (0, 1, 4)]
    assert menu.tiles(8, 13, 2) == [(r, c) for r in (1, 4) for c in (0, 4, 7)]
    assert menu.tiles(9, 4, 5) == [(1, 0), (4, 0), (9, 0)]


def test_halves_are_rounded_up_and_the_whole_height_is_a_tile() -> None:
    menu = TileMenu((1,), (0,), half_height=True, half_width=True, whole_height=True)
    assert menu.tiles(7, 5, 1) == [(r, c) for r in (1, 4, 7) for c in (0, 3)]


def test_what_is_kept_takes_bytes_and_what_is_computed_again_takes_work() -> None:
    for way in ways(Space()):
        assert way.lo == (1 if way.rows is Reuse.CACHE else -1)
        assert way.lo_columns == (2 if way.columns is Reuse.CACHE else -1)
        if way.rows is way.columns is Reuse.RECOMPUTE:
            assert (way.persistent, way.tile) == (0, 4 * 7 * 8)
        else:
            assert way.persistent > 0
    (ring,) = (way for way in ways(Space()) if way.form is Form.RING)
    assert (ring.persistent, ring.tile) == (4 * 30 * 8, 0)
    (tile,) = ways(Space(forms=(Form.TILE,), recompute=False))
    assert (tile.persistent, tile.tile) == (2 * 30 * 8 + 3 * 2 * 8, 2 * 7 * 8)


def test_pinned_policies_are_the_only_ones() -> None:
    found = ways(Space(forms=(Form.TILE,), pinned=(Reuse.RECOMPUTE, Reuse.CACHE)))
    assert [(way.rows, way.columns) for way in found] == [(Reuse.RECOMPUTE, Reuse.CACHE)]


def test_a_strip_of_one_column_step_caches_no_columns() -> None:
    strip = StripColumns(width=9, low=-1, single=True)
    assert {way.lo_columns for way in ways(Space(recompute=False), strip)} == {OWN[1]}
    assert max(way.persistent for way in ways(Space(recompute=False), strip)) == 4 * 9 * 8


def test_a_corner_of_the_space_is_what_its_paper_says() -> None:
    corners = {name: s.corner for name, s in SCHEDULES.items() if s.corner is not None}
    spaces = {n: Space.of(c, 1000, 5.0, WalkLimits()) for n, c in corners.items()}
    assert {n: (s.cache, s.recompute) for n, s in spaces.items()} == {
        "patch": (False, True),
        "stream": (True, False),
        "msf": (True, True),
    }
    assert [n for n, c in corners.items() if c.first_stage_only] == ["patch", "stream"]
    assert spaces["stream"].slack == float("inf")  # copies cost time, and no work is repeated
    with pytest.raises(McuccError, match="unknown schedule 'best'"):
        named("best")


def test_without_numbers_of_strips_none_are_searched() -> None:
    graph = PlannerGraph(lower(mobile_net()), ImagePolicy.MAPPED)
    facts, usual = SearchFacts(graph, MACS), SearchLimits()
    searched: list[int] = []
    for limits in (usual, replace(usual, strips=StripLimits(counts=()))):
        table = StageTable(graph, limits)
        for i in range(len(graph.nodes)):
            table.add(facts.single(i))
        fill = lambda space, ends, tiles: searched.append(space.strips)  # noqa: E731
        around = Around(table, facts, limits, True, 1, lambda factor: factor, fill)
        around.strips(1.1)
    assert searched == [*usual.strips.counts] * 2  # at factors 1.05 and 1.1
