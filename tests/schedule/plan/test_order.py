"""Operator order: the least peak over all orders, checked against brute force."""

import itertools

import numpy as np
import pytest

from mcucc.ir import IntegerGraph, IntegerNode
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.attention import Attention
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.order import least_peak_order, with_early_lists, with_late_queries
from tests.graphs import Builder, mobile_net
from tests.schedule.parts import head


def branches(seed: int) -> IntegerGraph:
    """Three branches of different widths, added up: order matters."""
    rng = np.random.default_rng(seed)
    b = Builder(8, 8, 2, seed)
    ends = []
    for _ in range(3):
        x = b.conv("image", int(rng.integers(1, 30)))
        ends.append(b.conv(x, 4))
    return lower(b.graph(b.add(b.add(ends[0], ends[1]), ends[2])), Rounding.SINGLE)


def brute_force_peak(graph: IntegerGraph) -> int:
    """The least peak over every topological order (outputs never share an input's bytes here)."""
    best = 1 << 60
    for order in itertools.permutations(graph.nodes):
        peak = order_peak(graph, order)
        best = min(best, peak)
    return best


def order_peak(graph: IntegerGraph, order: tuple[IntegerNode, ...]) -> int:
    """The peak of one order; huge when it is not topological."""
    live = set(graph.inputs)
    peak = 0
    for i, node in enumerate(order):
        if not live.issuperset(node.inputs):
            return 1 << 60
        later = {name for other in order[i + 1 :] for name in other.inputs} | {*graph.outputs}
        dying = [name for name in live if name not in later]
        in_place = any(
            node.kernel.in_place(k)
            and name in dying
            and graph.activations[name].size == graph.activations[node.output].size
            for k, name in enumerate(node.inputs)
        )
        bytes_live = sum(graph.activations[name].size for name in live)
        taken = 0 if in_place else graph.activations[node.output].size
        peak = max(peak, bytes_live + taken)
        live = (live - {*dying}) | {node.output}
    return peak


@pytest.mark.parametrize("seed", range(6))
def test_peak_equals_brute_force(seed: int) -> None:
    graph = branches(seed)
    ordered = least_peak_order(graph)
    assert ordered.optimal
    assert ordered.peak == brute_force_peak(graph) == order_peak(graph, ordered.nodes)


def test_chain_keeps_its_order() -> None:
    graph = lower(mobile_net(), Rounding.SINGLE)
    assert [n.name for n in least_peak_order(graph).nodes] == [n.name for n in graph.nodes]


def test_queries_are_made_behind_keys_and_values() -> None:
    """What one operand of an attention streams through comes last, whatever the order was."""
    b = Builder(6, 6, 3)
    x = b.conv("image", 4)
    q, k, v = b.conv(b.conv(x, 6), 4), b.conv(x, 4), b.conv(x, 4)
    y = b.conv(b.node(Attention(2, 0.3), q, k, v), 4)
    graph = lower(b.graph(y), Rounding.SINGLE)
    names = [node.output for node in with_late_queries(graph, graph.nodes)]
    assert names.index(q) > max(names.index(k), names.index(v))
    assert order_peak(graph, tuple(with_late_queries(graph, graph.nodes))) < 1 << 60
    made = [node.output for node in graph.nodes]
    assert sorted(made) == sorted(names) and made != names


def test_wide_graph_gets_a_valid_order_with_a_true_peak() -> None:
    b = Builder(4, 4, 2)
    ends = [b.conv(b.conv("image", 3 + i % 7), 2) for i in range(40)]
    total = ends[0]
    for end in ends[1:]:
        total = b.add(total, end)
    graph = lower(b.graph(total), Rounding.SINGLE)
    ordered = least_peak_order(graph)
    assert len(ordered.nodes) == len(graph.nodes)
    assert order_peak(graph, ordered.nodes) == ordered.peak


def test_heads_stand_right_behind_their_maps() -> None:
    b = Builder(16, 16, 3)
    x, lists = "image", []
    for channels in (4, 6, 8):
        x = b.conv(x, channels, 3, 2)
        lists.append(head(b, b.conv(x, 2), b.conv(x, 4), most=2))
    graph = lower(b.graph(*lists))
    late = [node for node in graph.nodes if node.name in ("conv_0", "conv_4", "conv_8")]
    late += [node for node in graph.nodes if node not in late]
    assert with_early_lists(graph, late) == list(graph.nodes)


def test_a_global_pool_stays_where_it_is() -> None:
    graph = lower(mobile_net())
    assert with_early_lists(graph, graph.nodes) == list(graph.nodes)
