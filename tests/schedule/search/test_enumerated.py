"""The search against every plan of small networks: where it is at the optimum, and where not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mcucc.ir.integer import IntegerGraph
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.costs import MACS, program_cost
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import SearchLimits
from tests.graphs import Builder
from tests.schedule.search.enumerated import Best, Menu, front

FACTORS = (1.0, 1.1, 1.25, 2.0)
LIMITS = SearchLimits.of("thorough")
QUICK = Menu(heights=(1, 2), widths=(0, 1, 2), strips=(1, 2))


def strided() -> IntegerGraph:
    """A separable block of stride 2."""
    b = Builder(8, 7, 2)
    return lower(b.graph(b.conv(b.depthwise(b.conv("image", 3, 3), 3, 2), 4)))


def residual() -> IntegerGraph:
    """A branch around a window: the other operand waits."""
    b = Builder(7, 8, 2)
    return lower(b.graph(b.add("image", b.conv(b.conv("image", 3, 3), 2, 3))))


def upsampled() -> IntegerGraph:
    """Down and up again."""
    b = Builder(8, 8, 2)
    return lower(b.graph(b.conv(b.node(ResizeNearest(2), b.conv("image", 3, 3, 2)), 2, 3)))


CASES = [(strided, ImagePolicy.ROWS), (residual, ImagePolicy.RESIDENT)]
CASES += [(upsampled, ImagePolicy.MAPPED)]


def least(found: list[Best], most: float) -> int:
    return min(best.bytes for best in found if best.cost <= most + 0.5)


@pytest.mark.parametrize(("network", "image"), CASES)
def test_search_finds_the_least_bytes_of_all_plans(
    network: Callable[[], IntegerGraph], image: ImagePolicy
) -> None:
    graph = network()
    exact = front(graph, image, QUICK, MACS)
    for best in exact:  # what is joined is what a program of those stages needs and costs
        program = expand(graph, best.plan)
        assert best.bytes == max(program.stage_bytes)
        assert best.cost == program_cost(program, MACS)
    points = search(graph, SearchOptions(image=image, max_factor=2.0, limits=LIMITS)).points
    once = exact[-1].cost
    for factor in FACTORS:
        found = [max(p.program.stage_bytes) for p in points if p.cost <= factor * once + 0.5]
        assert min(found) <= least(exact, factor * once)
