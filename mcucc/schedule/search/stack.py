"""How deep the stack of a run goes, estimated before anything is compiled."""

from __future__ import annotations

from mcucc.ir.kernel import Granularity
from mcucc.kernels.stack import kernel_stack
from mcucc.schedule.plan.program import Compute, Program, Receive, Step

# Frames of generated functions, gcc 12, -O2, Cortex-M4: those that call each other up to a step's,
# and the step's own. The latter were, without the camera's rows, 40 bytes for one layer at once, 72
# where it goes row by row, 104 to 160 for several of whole rows, 144 to 200 for tiles one wide,
# the more the longer the step. M0+ was within 40 bytes of that, M55 takes up to 84 more; -Os takes
# up to 40 less. An image whose stack is another is planned again.
ENTRY = 40
ONE_LAYER, ITS_ROWS, WHOLE_ROWS = 48, 80, 152
TILES, EACH_LAYER, WIDE_TILES = 140, 6, 48
RECEIVES = 40


def stack_of(program: Program, core: str, optimize: str) -> int:
    """Bytes of the deepest path: entry, a step's loops, and what the kernels they call take."""
    return ENTRY + max((_depth(step, core, optimize) for step in program.steps), default=0)


def _depth(step: Step, core: str, optimize: str) -> int:
    nodes = [node for node in step.nodes if node.kernel.granularity is not Granularity.ALIAS]
    kernels = [
        kernel_stack(part.id, core, optimize) for node in nodes for part in node.call().calls
    ]
    return _frame(step, len(nodes)) + max(kernels, default=0)


def _frame(step: Step, nodes: int) -> int:
    """The own frame of the generated function of a step."""
    actions = [action for stage in step.stages for action in stage.actions]
    columns = max(stage.plan.tile[1] for stage in step.stages)
    if columns:
        layers = sum(isinstance(action, Compute) for action in actions)
        frame = TILES + EACH_LAYER * layers + (WIDE_TILES if columns > 1 else 0)
    elif nodes > 1:
        frame = WHOLE_ROWS
    else:
        frame = ITS_ROWS if any(stage.turns > 1 for stage in step.stages) else ONE_LAYER
    return frame + (RECEIVES if any(isinstance(action, Receive) for action in actions) else 0)
