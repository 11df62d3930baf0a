"""The passes in order, the graph verified after each."""

from __future__ import annotations

from collections.abc import Callable

from mcucc.ir.graph import Graph
from mcucc.ir.verify import verify
from mcucc.passes import (
    channel_order,
    dead_code,
    fold_affine,
    fold_pad,
    fuse_activation,
    fuse_attention,
    fuse_choices,
    fuse_functions,
    late_queries,
    merge_branches,
    pick_pixels,
    pixel_shapes,
    share,
    simplify_layout,
    split_projections,
)

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "fuse_functions": fuse_functions.run,
    "fuse_choices": fuse_choices.run,
    "dead_code": dead_code.run,
    "fuse_attention": fuse_attention.run,
    "split_projections": split_projections.run,
    "pixel_shapes": pixel_shapes.run,
    "late_queries": late_queries.run,
    "simplify_layout": simplify_layout.run,
    "pick_pixels": pick_pixels.run,
    "fold_affine": fold_affine.run,
    "fold_pad": fold_pad.run,
    "fuse_activation": fuse_activation.run,
    "share": share.run,
    "channel_order": channel_order.run,
    "merge_branches": merge_branches.run,
}
MOST_ROUNDS = 20


def optimize(graph: Graph, after: Callable[[str, Graph], None] | None = None) -> Graph:
    """Run the passes, again while one of them still finds something.

    `after` is called with a pass's name and the graph it made, for passes that changed it. Every
    tensor that keeps its name keeps its real values.
    """
    for _ in range(MOST_ROUNDS):
        before = graph
        for name, run in PASSES.items():
            made = run(graph)
            if made is graph:
                continue
            verify(made)
            graph = made
            if after is not None:
                after(name, graph)
        if graph is before:
            break
    return graph
