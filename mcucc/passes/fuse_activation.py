"""Clips fused into the op before them; the fused tensor keeps the Clip's name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mcucc.ir.graph import Graph
from mcucc.numerics.fixed_point import Clamp
from mcucc.ops.clip import Clip
from mcucc.passes.rewrite import Rewriter


def run(graph: Graph) -> Graph:
    """Fuse every Clip whose input nobody else reads."""
    rewriter = Rewriter(graph)
    for clip in graph.nodes:
        if not isinstance(clip.op, Clip):
            continue
        # Look again: the clip may have been fused with one before it.
        maker = rewriter.producer(clip.inputs[0])
        if maker is None or rewriter.sole_user(clip.inputs[0]) is None:
            continue
        changed: Any = maker.op  # a dataclass; those with a clamp apply it last
        if not isinstance(getattr(changed, "clamp", None), Clamp):
            continue
        fused = replace(changed, clamp=changed.clamp.intersect(clip.op.clamp))
        rewriter.replace(clip)
        rewriter.replace(maker, replace(maker, op=fused, outputs=clip.outputs))
    return rewriter.finish()
