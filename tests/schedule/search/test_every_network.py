"""Every network has a plan: what no tile fits is a stage of its own, search and expand agree."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.attention import Attention
from mcucc.ops.concat import Concat
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.rates import COLUMNS, ROWS, Rates
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.named import SCHEDULES
from tests.fronts import quick
from tests.graphs import Builder
from tests.schedule.networks import networks
from tests.schedule.parts import sampling

SEARCHED = ("auto", "patch", "stream", "msf")


def scaled(b: Builder, x: str, height: int, width: int, mode: str = "half_pixel") -> str:
    _, rows, columns, _ = b.tensors[x].shape
    return b.node(ResizeBilinear(sampling(rows, height, mode), sampling(columns, width, mode)), x)


def from_a_pixel(b: Builder) -> str:
    """An image pooling branch: one pixel becomes a map."""
    x = b.conv("image", 4, 3, 2)
    pixel = b.conv(b.node(GlobalAveragePool(), x), 4)
    return b.conv(b.node(Concat(3), x, scaled(b, pixel, 6, 6)), 3)


def a_pixel_at_the_end(b: Builder) -> str:
    """Nothing reads the map: a pool's convolution and the resize are the last stages."""
    return scaled(b, b.conv(b.node(GlobalAveragePool(), b.conv("image", 4, 3, 2)), 4), 6, 6)


def odd_factor(b: Builder) -> str:
    """No tile of a few rows is a whole number of rows below."""
    return b.conv(b.node(ResizeNearest(7), b.conv("image", 2, 3, 3)), 2, 3)


def corners(b: Builder) -> str:
    """x2 with aligned corners: 5 steps of the small map are 11 of the large one."""
    return b.conv(scaled(b, b.conv("image", 4, 3, 2), 12, 12, "align_corners"), 2, 3)


def pyramid(b: Builder) -> str:
    """Down by a stride, down by a resize, added: rates that differ meet (PAN)."""
    x = b.conv("image", 4, 3, 1)
    low = b.conv(x, 4, 3, 2)
    top = b.add(x, scaled(b, low, 11, 11))
    return b.add(low, scaled(b, top, 6, 6, "asymmetric"))


def view(b: Builder) -> str:
    """The image's bytes under another shape, and nothing else."""
    return b.node(Reshape((1, 11, 33, 1)), "image")


def tokens(b: Builder) -> str:
    """Attention of all tokens, then of those of each row, behind a window and before one."""
    x = b.conv("image", 4, 3, 2)
    for by_row in (False, True):
        q, k, v = (b.conv(x, 4) for _ in range(3))
        x = b.add(x, b.node(Attention(2, 0.3, by_row=by_row), q, k, v))
    return b.conv(x, 4, 3, 2)


NETWORKS: tuple[tuple[int, Callable[[Builder], str]], ...] = (
    (12, from_a_pixel),
    (12, a_pixel_at_the_end),
    (9, odd_factor),
    (12, corners),
    (11, pyramid),
    (11, view),
    (11, tokens),
)


@pytest.mark.parametrize(("size", "build"), NETWORKS, ids=[n[1].__name__ for n in NETWORKS])
def test_every_network_has_a_plan(size: int, build: Callable[[Builder], str]) -> None:
    b = Builder(size, size, 3)
    graph = lower(b.graph(build(b)))
    for schedule in SEARCHED:
        image = ImagePolicy.RESIDENT if schedule == "auto" else ImagePolicy.ROWS
        front = search(graph, SearchOptions(SCHEDULES[schedule], image, limits=quick()))
        assert front.refused == 0
        for point in front.points:
            check(point.program)


@pytest.mark.slow
@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(networks(more=True), st.sampled_from(SEARCHED), st.sampled_from(ImagePolicy))
def test_what_the_search_proposes_expand_makes(
    graph: IntegerGraph, schedule: str, image: ImagePolicy
) -> None:
    front = search(graph, SearchOptions(SCHEDULES[schedule], image, limits=quick()))
    assert front.refused == 0
    for point in front.points:
        check(point.program)


def test_readers_set_the_rate_of_what_they_read() -> None:
    """Also of a tensor that another stage reads as well, whatever strides lie in between."""
    b = Builder(11, 11, 3)
    x = b.conv("image", 4)
    low = b.conv(x, 4, 3, 2)
    same = b.add(low, scaled(b, x, 6, 6))  # from here on strides are not comparable
    graph = lower(b.graph(b.conv(b.node(ResizeNearest(2), same), 2), same))
    network = PlannerGraph(graph, ImagePolicy.ROWS)
    *_, odd, added, repeated, last = network.nodes
    rates = Rates(network, last, ROWS, 4)
    assert [rates.add(node) for node in (last, repeated, added, odd)] == [4, 4, 2, None]
    assert Rates(network, last, COLUMNS, 3).add(repeated) is None
    stages = [StagePlan((node.name,), (1, 0)) for node in graph.nodes[:-2]]
    stages[2] = StagePlan((graph.nodes[2].name,), (6, 0))
    end = StagePlan(tuple(node.name for node in graph.nodes[-2:]), (4, 4))
    check(expand(graph, Plan("", ImagePolicy.ROWS, (*stages, end))))
    odd = StagePlan(end.nodes, (3, 0))
    with pytest.raises(ModelError, match="3 x 0 does not fit its strides"):
        expand(graph, Plan("", ImagePolicy.ROWS, (*stages, odd)))
