"""Flash: the weights themselves beside what is stored with them."""

from __future__ import annotations

from typing import Any, cast

from mcucc.boards.board import load_board
from mcucc.driver.target import bind
from mcucc.report.flash import table_facts, weight_bytes
from mcucc.schedule.expand.expand import expand
from tests.schedule.split.test_splits import network, split_plan


def test_a_split_of_channels_stores_the_weights_of_its_layers() -> None:
    graph = network()
    kernels = [cast(Any, node.kernel) for node in graph.nodes]
    count = sum(kernel.weights.size for kernel in kernels)
    split = expand(graph, split_plan(graph, (4, 0), 8)).graph
    assert weight_bytes(graph) == weight_bytes(split) == count


def test_size_stores_less_beside_the_weights_and_never_less_than_them() -> None:
    over = {}
    for optimize in ("speed", "balanced", "size"):
        graph = bind(network(), load_board("nucleo-l4r5zi"), optimize)
        facts = table_facts(expand(graph, split_plan(graph, (4, 0), 8)))
        over[optimize] = facts.weights - facts.values
    assert over["speed"] >= over["balanced"] > over["size"] > 0
