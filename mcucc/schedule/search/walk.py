"""The walk backwards from a stage's last node: dynamic programming over its tensors.

A state is what the nodes so far ask of tensors not yet computed: the lower ends of the spans they
need at a step (upper ends never depend on how tensors are held). Its value is a Pareto set of
(bytes that persist, bytes of the largest call, cost). Adding a node in front of the walk decides
how its output is held: to compute a row again costs time and asks more of what lies before, to keep
it costs memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerNode, PlannerTensor
from mcucc.schedule.expand.rates import COLUMNS, ROWS, Rates, measured_tensor, proportional_all
from mcucc.schedule.plan.spans import Span, needed
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.limits import Tile
from mcucc.schedule.search.pricing import Added, Grid, added_cost, columns_of
from mcucc.schedule.search.space import (
    EdgeChoice,
    Space,
    State,
    StripColumns,
    Value,
    edge_choices,
    thinned,
)


@dataclass(frozen=True)
class Output:
    """A tensor that a stage stores whole: its rates (0: written at the very end), upper ends."""

    tensor: int
    rate: tuple[int, int]
    high: tuple[int, int]


@dataclass
class Pending:
    """What is known of tensors asked for, however they are held. Rows first, then columns.

    `highs` are upper ends of what a step needs, `starts` the first steps that need it, `lefts` the
    lowest columns needed where every column is computed again at the next step. `outside` are
    tensors that must be there whole before the stage begins.
    """

    highs: dict[int, tuple[int, int]] = field(default_factory=dict)
    starts: dict[int, tuple[int, int]] = field(default_factory=dict)
    lefts: dict[int, int] = field(default_factory=dict)
    outside: set[int] = field(default_factory=set)
    outputs: list[Output] = field(default_factory=list)


class Walk:
    """One backward walk from the last node of a stage."""

    def __init__(self, facts: SearchFacts, end: int, tile: Tile, space: Space) -> None:
        self.facts, self.network, self.end = facts, facts.network, end
        self.asked, self.space = tile, space
        last = self.network.nodes[end - 1]
        self.grid = Grid.of(tile, self.network.tensors[measured_tensor(last)], space.strips)
        self.rows = Rates(self.network, last, ROWS, self.grid.tile[0])
        full, columns = self.grid.full, self.grid.tile[1]
        self.columns = None if full else Rates(self.network, last, COLUMNS, columns)
        self.pending = Pending()
        self.effort = 0
        self.states: dict[State, list[Value]] = {((), 0): [(0, 0, 0.0, None)]}

    def step(self, position: int) -> bool:
        """Add a node in front; False when no stage can hold it."""
        added = self._added(position)
        if added is None:
            return False
        self.states = self._advance(added)
        return bool(self.states)

    def held(self, output: Output) -> int:
        """Bytes of an output: all of it, or the rows of a step where they leave."""
        tensor = self.network.tensors[output.tensor]
        if not tensor.leaves or self.space.strips > 1:
            return tensor.size
        return min(tensor.height, output.rate[0]) * tensor.row_bytes

    # What no choice changes -------------------------------------------------------------------

    def _added(self, position: int) -> Added | None:
        """The node with what is asked of it, from here on asked of its operands; None: no stage."""
        node, pending = self.network.nodes[position], self.pending
        tensor = self.network.tensors[node.output]
        asked = node.output in pending.highs
        whole = tensor.stored(self.end)
        sink = node.granularity is Granularity.SINK
        if not node.streams or node.output in pending.outside or (sink and asked):
            return None
        if not (asked or whole):
            return None
        rate = self._rate(node, whole or sink)
        if rate is None:
            return None
        high = pending.highs.pop(node.output, rate)
        left = pending.lefts.pop(node.output, high[1] - rate[1])
        if whole:
            pending.outputs.append(Output(node.output, (0, 0) if sink else rate, high))
            left = min(left, high[1] - rate[1])
        spans = self._asked_of_operands(node, rate, high, left)
        if not self._ask(node, spans, rate, high):
            return None
        read_once = tensor.last == position + 1 and len(self.network.readers(node.output)) == 1
        return Added(
            node,
            tensor,
            rate,
            high,
            whole=whole,
            alone=whole or read_once,
            start=pending.starts.get(node.output, (0, 0)),
            strip=self._strip(tensor, rate, high, left),
        )

    def _rate(self, node: PlannerNode, measured: bool) -> tuple[int, int] | None:
        """Rows and columns (0: whole rows) of a node that come with a step.

        `measured` ones are those whose columns strips of whole rows are cut from.
        """
        rows = self.rows.add(node)
        columns = 0 if self.columns is None else self.columns.add(node)
        if self.grid.single and measured:
            reference = self.rows.reference
            if proportional_all(self.network, reference, node, COLUMNS, 1) is None:
                return None
        return None if rows is None or columns is None else (rows, columns)

    def _strip(
        self, tensor: PlannerTensor, rate: tuple[int, int], high: tuple[int, int], left: int
    ) -> StripColumns | None:
        """The node's output in a strip; None without strips."""
        if self.space.strips == 1:
            return None
        widest = (self.grid.strip_steps - 1) * rate[1] + high[1] - left
        return StripColumns(min(tensor.width, widest), left, self.grid.single)

    def _asked_of_operands(
        self, node: PlannerNode, rate: tuple[int, int], high: tuple[int, int], left: int
    ) -> list[tuple[int, Span, Span]]:
        """What the newest position of every operand needs (upper ends)."""
        found = []
        for operand in node.operands:
            if operand.rows is None or operand.columns is None:
                self.pending.outside.add(operand.tensor)
                continue
            rows = needed(Span(rate[0], high[0] - rate[0], high[0]), operand.rows)
            columns = columns_of(self.grid, operand, rate[1], high[1] - rate[1], high[1])
            assert rows is not None and columns is not None  # their rates are known
            found.append((operand.tensor, rows, columns))
            lowest = columns_of(self.grid, operand, rate[1], left, high[1])
            if lowest is not None:
                old = self.pending.lefts.get(operand.tensor, lowest.lo)
                self.pending.lefts[operand.tensor] = min(old, lowest.lo)
        return found

    def _ask(
        self,
        node: PlannerNode,
        spans: Sequence[tuple[int, Span, Span]],
        rate: tuple[int, int],
        high: tuple[int, int],
    ) -> bool:
        """The hull of what all readers ask; False where a tensor must be there whole as well."""
        pending = self.pending
        sink = node.granularity is Granularity.SINK
        first = 0 if sink else Span(rate[0], 0, high[0]).first_step()
        across = 0 if sink or self.grid.full else Span(rate[1], 0, high[1]).first_step()
        for tensor, rows, columns in spans:
            if tensor in pending.outside:
                return False
            old = pending.highs.get(tensor, (rows.hi, columns.hi))
            pending.highs[tensor] = max(old[0], rows.hi), max(old[1], columns.hi)
            begin = pending.starts.get(tensor, (first, across))
            pending.starts[tensor] = min(begin[0], first), min(begin[1], across)
        return True

    # Choices ----------------------------------------------------------------------------------

    def _advance(self, added: Added) -> dict[State, list[Value]]:
        """All states after the choices for the node's output."""
        space = self.space
        # Tensors live after the stage occupy arena bytes during it; at best they overlap dying
        # inputs, so this is a lower bound.
        beside = self.facts.alive[self.end] if space.beside is None else space.beside
        cap, slack = space.cap - beside, space.slack
        rate = added.rate[0], 0 if self.grid.full else added.rate[1]
        found: dict[State, list[Value]] = {}
        for (needs, top), values in self.states.items():
            lows = {tensor: (rows, columns) for tensor, rows, columns in needs}
            own = lows.pop(added.node.output, None)
            own = None if added.whole else own
            for choice in edge_choices(space, added.tensor, rate, added.high, own, added.strip):
                state = self._state(added, lows, choice)
                if state is None:
                    continue
                cost = added_cost(self.facts, self.grid, added, choice)
                # A tile that one node fills and the next one empties is there for these two calls
                # only; any other stays while the stage works.
                lasting = choice.persistent + added.state + (0 if added.alone else choice.tile)
                load = top + choice.tile if added.alone else top
                self.effort += 1
                bucket = found.setdefault(state, [])
                for persistent, largest, spent, trail in values:
                    kept, largest = persistent + lasting, max(largest, load)
                    if kept + max(largest, state[1]) > cap or spent + cost > slack:
                        continue
                    if not choice.whole:
                        trail = trail, added.node.output, choice.form, choice.rows, choice.columns
                    bucket.append((kept, largest, spent + cost, trail))
        return self._fewer(found)

    def _state(
        self, added: Added, lows: dict[int, tuple[int, int]], choice: EdgeChoice
    ) -> State | None:
        """What is asked for after a choice; None where a window has no rate."""
        node, high = added.node, added.high
        found = dict(lows)
        for operand in node.operands:
            if operand.rows is None:
                continue
            rows = needed(Span(added.rate[0], choice.lo, high[0]), operand.rows)
            columns = columns_of(self.grid, operand, added.rate[1], choice.lo_columns, high[1])
            if rows is None or columns is None:
                return None
            old = found.get(operand.tensor, (rows.lo, columns.lo))
            found[operand.tensor] = min(old[0], rows.lo), min(old[1], columns.lo)
        needs = tuple(sorted((t, rows, columns) for t, (rows, columns) in found.items()))
        wide = added.tensor.width
        if not self.grid.full:
            wide = min(wide, high[1] - choice.lo_columns)
        tall = min(high[0] - choice.lo, added.tensor.height)
        scratch = 0 if added.state else self.facts.scratch(node, wide, tall)
        return needs, scratch + (choice.tile if added.alone else 0)

    def _fewer(self, found: dict[State, list[Value]]) -> dict[State, list[Value]]:
        """Every state thinned, and of too many states those of least memory."""
        limits = self.space.limits
        thin = {state: thinned(values, limits.values) for state, values in found.items() if values}
        if len(thin) <= limits.states:
            return thin
        best = sorted(thin, key=lambda s: min(v[0] + max(v[1], s[1]) for v in thin[s]))
        return {state: thin[state] for state in best[: limits.states]}
