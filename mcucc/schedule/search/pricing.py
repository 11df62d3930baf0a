"""The time of a node that is added to a walk: pixels computed again, calls, copies."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import Operand, PlannerNode, PlannerTensor
from mcucc.schedule.expand.rates import measured_tensor
from mcucc.schedule.plan.spans import Span, covered, needed, steps_of
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.limits import Tile
from mcucc.schedule.search.space import EdgeChoice, StripColumns


@dataclass(frozen=True)
class Grid:
    """The steps of a stage over its last tensor.

    `full`: a step makes whole rows. `single`: each strip is one column step, as wide as a strip.
    A row has room for `tiles_of_row` tiles as they were asked for; a stage has no more strips.
    """

    tile: Tile
    full: bool
    row_steps: int
    column_steps: int
    strips: int
    single: bool
    tiles_of_row: int

    @staticmethod
    def of(asked: Tile, tensor: PlannerTensor, strips: int) -> Grid:
        """Steps of a tile over a tensor; a strip of whole rows is a tile as wide as the strip."""
        single = strips > 1 and asked[1] == 0
        tile = (asked[0], steps_of(strips, tensor.width)) if single else asked
        return Grid(
            tile=tile,
            full=tile[1] == 0,
            row_steps=steps_of(tile[0], tensor.height),
            column_steps=1 if tile[1] == 0 else steps_of(tile[1], tensor.width),
            strips=strips,
            single=single,
            tiles_of_row=steps_of(asked[1] or 1, tensor.width),
        )

    @property
    def strip_steps(self) -> int:
        """Column steps of the widest strip."""
        return steps_of(self.strips, self.column_steps)


@dataclass(frozen=True)
class Added:
    """A node added in front of a walk, with what is asked of it however tensors are held.

    Its output comes with `rate` rows and columns a step, up to `high` at step 0, from step `start`
    on. It is stored `whole`; or `alone`: the node behind reads all of it, and nothing else does.
    """

    node: PlannerNode
    tensor: PlannerTensor
    rate: tuple[int, int]
    high: tuple[int, int]
    whole: bool
    alone: bool
    start: tuple[int, int]
    strip: StripColumns | None

    @property
    def state(self) -> int:
        """Bytes of scratch that a sink holds as long as the stage works."""
        return self.node.scratch_bytes if self.node.granularity is Granularity.SINK else 0


def columns_of(grid: Grid, operand: Operand, rate: int, lo: int, hi: int) -> Span | None:
    """The columns of an operand that [lo, hi) need; nothing where steps are whole rows."""
    if grid.full or operand.columns is None:
        return Span(0, 0, 0)
    return needed(Span(rate, lo, hi), operand.columns)


def added_cost(facts: SearchFacts, grid: Grid, added: Added, choice: EdgeChoice) -> float:
    """The node's cost above the least possible."""
    node, tensor, rate, high = added.node, added.tensor, added.rate, added.high
    if node.granularity is Granularity.SINK:
        return _sink_cost(facts, grid, added) - facts.least_cost(node)
    rows = _computed(rate[0], choice.lo, high[0], tensor.height, added.start[0], grid.row_steps)
    columns, calls = tensor.width, 1
    if not grid.full:
        columns = _computed(
            rate[1], choice.lo_columns, high[1], tensor.width, added.start[1], grid.column_steps
        )
        calls = steps_of(rate[1], tensor.width)
    if added.strip is not None:  # columns at borders are computed in both strips
        end = (grid.strip_steps - 1) * rate[1] + high[1]
        strip_rate = grid.strip_steps * rate[1]
        again = covered(strip_rate, added.strip.low, end, tensor.width, 0, grid.strips)
        columns = again if grid.single else max(columns, again)
    copied = choice.persistent * grid.row_steps * facts.cost.per_copied_byte
    taken = _taken(facts, grid, added, choice) if node.work.parts else (0, 0)
    spent = facts.cost.node(node.work, tensor.channels, rows, columns, rows * calls, taken)
    return max(0.0, spent - facts.least_cost(node)) + copied


def _sink_cost(facts: SearchFacts, grid: Grid, added: Added) -> float:
    """A sink takes every pixel once, in a call a row of every tile."""
    node = added.node
    taken = facts.network.tensors[measured_tensor(node)]
    tiles = 1 if grid.full else steps_of(added.rate[1], taken.width)
    calls = taken.height * tiles
    return facts.cost.node(node.work, taken.channels, taken.height, taken.width, calls)


def _taken(facts: SearchFacts, grid: Grid, added: Added, choice: EdgeChoice) -> tuple[int, int]:
    """Rows and columns of its input that a block reads over a stage."""
    operand, rate, high = added.node.operands[0], added.rate, added.high
    x = facts.network.tensors[operand.tensor]
    assert operand.rows is not None
    rows = needed(Span(rate[0], choice.lo, high[0]), operand.rows)
    columns = columns_of(grid, operand, rate[1], choice.lo_columns, high[1])
    assert rows is not None and columns is not None
    tall = _computed(rows.rate, rows.lo, rows.hi, x.height, added.start[0], grid.row_steps)
    if grid.full:
        return tall, x.width
    wide = _computed(
        columns.rate, columns.lo, columns.hi, x.width, added.start[1], grid.column_steps
    )
    return tall, wide


def _computed(rate: int, lo: int, hi: int, size: int, start: int, steps: int) -> int:
    """Positions computed over a stage; cached ones once each, from their first step on."""
    if hi - lo == rate:
        return size
    return covered(rate, lo, hi, size, max(start, Span(rate, lo, hi).first_step()), steps)
