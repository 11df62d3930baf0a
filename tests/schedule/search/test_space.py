"""What a search may try: tile sizes of a menu, corners of the space, fields that switch off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcucc.errors import McuccError
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.costs import MACS
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.find import Finder
from mcucc.schedule.search.limits import NORMAL, Effort
from mcucc.schedule.search.named import SCHEDULES, named
from mcucc.schedule.search.stages import Rules
from mcucc.schedule.search.table import StageTable
from mcucc.schedule.search.tiles import TileMenu
from tests.graphs import mobile_net


def test_a_menu_has_no_tile_that_is_larger_than_the_tensor() -> None:
    menu = TileMenu((1, 4, 9), (0, 1, 4, 7), half_width=True)
    assert menu.tiles(8, 7) == [(r, c) for r in (1, 4) for c in (0, 1, 4)]
    assert menu.tiles(9, 1) == [(1, 0), (4, 0), (9, 0)]


def test_halves_are_rounded_up_and_the_whole_height_is_a_tile() -> None:
    menu = TileMenu((1,), (0,), half_height=True, half_width=True, whole_height=True)
    assert menu.tiles(7, 5) == [(r, c) for r in (1, 4, 7) for c in (0, 3)]


def test_a_corner_of_the_space_is_what_its_paper_says() -> None:
    corners = {name: s.corner for name, s in SCHEDULES.items() if s.corner is not None}
    spaces = {n: Rules.of(c, 1000, 5.0) for n, c in corners.items()}
    assert {n: (s.cache, s.recompute) for n, s in spaces.items()} == {
        "patch": (False, True),
        "stream": (True, False),
        "msf": (True, True),
    }
    assert [n for n, c in corners.items() if c.first_stage_only] == ["patch", "stream"]
    assert spaces["stream"].slack == float("inf")  # copies cost time, and no work is repeated
    with pytest.raises(McuccError, match="unknown schedule 'best'"):
        named("best")


def strips(effort: Effort) -> set[int]:
    """Numbers of strips of the stages that are found where nothing fits."""
    graph = PlannerGraph(lower(mobile_net()), ImagePolicy.MAPPED)
    table = StageTable(graph, effort.margin)
    finder = Finder(SearchFacts(graph, MACS), table, effort, None)
    finder.singles()
    finder.within(4000, 1e9, again=True)
    rows = range(len(table.bytes))
    return {plan.strips for row in rows for plan in table.plans(row)}


def test_without_numbers_of_strips_none_are_searched() -> None:
    assert strips(NORMAL) > {1}
    assert strips(replace(NORMAL, strips=())) == {1}
