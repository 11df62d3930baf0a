"""A plan of `squeeze_excite` that computes its gated tensor twice."""

from __future__ import annotations

from mcucc.quantize.lower import lower
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.spans import Reuse
from tests.whole.networks import squeeze_excite

Edges = tuple[EdgePlan, ...]

NODES = tuple(node.name for node in lower(squeeze_excite()).nodes)
POOL = next(i for i, name in enumerate(NODES) if name.startswith("globalaveragepool"))
GATED = next(i for i, name in enumerate(NODES) if name.startswith("mul"))


def twice_plan(tile: tuple[int, int], edges: Edges, image: ImagePolicy = ImagePolicy.ROWS) -> Plan:
    """Into the pool; the gate's layers one by one; again, from the first convolution on."""
    again = NODES[1:POOL]
    gate = tuple(StagePlan((name,), (1, 0)) for name in NODES[POOL + 1 : GATED])
    stages = (
        StagePlan(NODES[:1], (1, 0)),
        StagePlan(NODES[1 : POOL + 1], tile, edges),
        *gate,
        StagePlan((*again, NODES[GATED]), tile, edges, again=again),
        *(StagePlan((name,), (1, 0)) for name in NODES[GATED + 1 :]),
    )
    return Plan("test", image, stages)


def _all(form: Form, reuse: Reuse) -> Edges:
    return tuple(
        EdgePlan(node.output, form, reuse, reuse) for node in lower(squeeze_excite()).nodes
    )


TWICE: dict[str, tuple[tuple[int, int], Edges]] = {
    "whole rows": ((1, 0), _all(Form.RING, Reuse.CACHE)),
    "tiles": ((2, 3), ()),
    "sliding tiles": ((1, 2), _all(Form.SLIDE, Reuse.CACHE)),
    "rows and columns computed again": ((2, 2), _all(Form.TILE, Reuse.RECOMPUTE)),
}
