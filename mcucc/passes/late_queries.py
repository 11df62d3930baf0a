"""Queries are made when an attention reads them, a row at a time.

Keys and values must be whole before the first query; queries need not. Where the three come from
one norm, that is computed once more for the queries, a hundredth of an encoder's work: so they need
nothing that keys and values left behind.
"""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.ops.attention import Attention
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.layer_norm import LayerNorm
from mcucc.passes.rewrite import Rewriter


def run(graph: Graph) -> Graph:
    """Move every projection to queries, with its norm, to where its attention stands."""
    rewriter = Rewriter(graph)
    for node in rewriter.nodes:
        if isinstance(node.op, Attention):
            _late(rewriter, node)
    return rewriter.finish()


def _late(rewriter: Rewriter, node: Node) -> None:
    projection = rewriter.producer(node.inputs[0])
    if projection is None or not isinstance(projection.op, Conv2d):
        return
    alone = rewriter.sole_user(projection.output) is not None
    norm = rewriter.producer(projection.inputs[0])
    if not alone or norm is None or not isinstance(norm.op, LayerNorm):
        return
    if rewriter.sole_user(norm.output) is not None:
        return
    name = rewriter.add_like(norm.output, f"{norm.output}.queries")
    again = replace(norm, name=rewriter.fresh(f"{norm.name}.queries"), outputs=(name,))
    own = replace(projection, inputs=(name, *projection.inputs[1:]))
    rewriter.replace(projection)
    rewriter.replace(node, again, own, node)
