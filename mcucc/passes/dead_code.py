"""Nodes whose values reach no output, dropped."""

from __future__ import annotations

from mcucc.ir.graph import Graph, Node


def run(graph: Graph) -> Graph:
    """Keep what the outputs depend on; inputs of the network stay, read or not."""
    live = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if live.intersection(node.outputs):
            kept.append(node)
            live.update(node.inputs)
    return graph if len(kept) == len(graph.nodes) else graph.with_(nodes=reversed(kept))
