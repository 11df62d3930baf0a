"""Rough fronts: near those of searches, in the same order, shared or not."""

from __future__ import annotations

from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.lower import lower
from mcucc.schedule.search.costs import MACS, cost_model
from mcucc.schedule.search.estimate import estimate
from mcucc.schedule.search.front import SearchOptions
from mcucc.schedule.search.walks.shared import SharedWalks
from tests.fronts import quick, searched
from tests.graphs import Builder


def network(side: int, kernel: int, wide: int) -> IntegerGraph:
    """A stem and three inverted bottlenecks, one with a sum."""
    b = Builder(side, side, 3)
    x = b.conv("image", 8, 3, 2)
    x = b.conv(b.depthwise(b.conv(x, wide), kernel, 2), 8)
    x = b.add(x, b.conv(b.depthwise(b.conv(x, wide), kernel), 8))
    x = b.conv(b.depthwise(b.conv(x, wide), 3, 2), 16)
    return lower(b.graph(x))


NETWORKS = [network(*shape) for shape in ((24, 3, 16), (24, 5, 16), (32, 3, 24), (40, 5, 32))]


def test_the_order_of_networks_is_that_of_searches() -> None:
    options = SearchOptions(max_factor=1.0, recompute=False, limits=quick())
    rough = [estimate(graph)[0].bytes for graph in NETWORKS]
    full = [searched(graph, options).points[0].bytes for graph in NETWORKS]
    assert sorted(range(4), key=rough.__getitem__) == sorted(range(4), key=full.__getitem__)
    assert all(
        0.95 * exact <= about <= 1.4 * exact for about, exact in zip(rough, full, strict=True)
    )


def test_shared_walks_change_nothing() -> None:
    shared = SharedWalks()
    for cost in (MACS, cost_model("cortex-m4")):
        for graph in NETWORKS:
            assert estimate(graph, cost, shared=shared) == estimate(graph, cost)


def test_fewer_bytes_cost_more() -> None:
    front = estimate(NETWORKS[0], cost_model("cortex-m4"))
    assert [point.bytes for point in front] == sorted(point.bytes for point in front)
    assert [point.factor for point in front] == sorted((p.factor for p in front), reverse=True)
    assert front[-1].factor >= 1.0
