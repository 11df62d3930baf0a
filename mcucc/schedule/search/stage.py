"""Search inside a stage: backward dynamic programming over its tensors.

From the last node backwards, a state is what the nodes so far ask of tensors not yet computed: the
lower ends of the spans they need (upper ends never depend on policies). Its value is a Pareto set
of (bytes that persist, bytes of the largest call, cost). Every prefix of the walk is a stage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import Operand, PlannerGraph, PlannerNode, PlannerTensor
from mcucc.schedule.expand.rates import COLUMNS, ROWS, Rates, measured_tensor, proportional
from mcucc.schedule.plan.spans import Span, covered, needed, steps_of
from mcucc.schedule.search.costs import ALIKE, CostModel
from mcucc.schedule.search.space import (
    Choice,
    Option,
    Space,
    State,
    Strip,
    Trail,
    Value,
    choices,
    thinned,
)


@dataclass(frozen=True)
class Segment:
    """A stage of nodes [begin, end) with one input and one output, as part of a chain.

    Bytes that it keeps between row steps, bytes of its largest call, cost above the least, rows of
    its input `source` that a row step reads.
    """

    begin: int
    end: int
    tile: tuple[int, int]
    lasting: int
    largest: int
    cost: float
    need: int
    source: int
    trail: Trail


@dataclass
class _Front:
    """What is known of every pending tensor whatever the policies: upper ends, first steps."""

    highs: dict[int, tuple[int, int]] = field(default_factory=dict)
    starts: dict[int, tuple[int, int]] = field(default_factory=dict)
    # The lowest column needed where every column is computed again at the next step.
    lefts: dict[int, int] = field(default_factory=dict)
    outside: set[int] = field(default_factory=set)
    # Tensors stored whole: number, rates, upper ends (rate 0: written at the very end).
    outputs: list[tuple[int, tuple[int, int], tuple[int, int]]] = field(default_factory=list)


class StageSearch:
    """Stages that end at any node of a network."""

    def __init__(self, network: PlannerGraph, cost: CostModel) -> None:
        self.network, self.cost = network, cost
        self.scratches: dict[tuple[str, int, int], int] = {}
        self.alive = [self._alive(i) for i in range(len(network.nodes) + 1)]

    def _alive(self, position: int) -> int:
        """Bytes of tensors computed before `position` and read at or after it."""
        total = 0
        for number, tensor in enumerate(self.network.tensors):
            if tensor.root == number and tensor.born < position <= tensor.last:
                total += tensor.size
        return total

    def least_cost(self, node: PlannerNode) -> float:
        """The cost of a node by itself: every pixel once, one call a row."""
        out = self.network.tensors[node.output]
        x = self.network.tensors[node.operands[0].tensor]
        taken = x.height, x.width
        return self.cost.node(node, out.channels, out.height, out.width, out.height, taken)

    def scratch(self, node: PlannerNode, columns: int, rows: int) -> int:
        """Scratch bytes of a node's calls of so many columns and (of a BLOCK) rows."""
        key = node.name, columns, rows if node.granularity is Granularity.BLOCK else 1
        if key not in self.scratches:
            self.scratches[key] = node.scratch(columns, rows)
        return self.scratches[key]

    def single(self, position: int) -> Option:
        """The stage of one node that needs whole tensors."""
        node = self.network.nodes[position]
        out = self.network.tensors[node.output]
        size = self.alive[position]
        if node.granularity is not Granularity.ALIAS:
            size += out.size + node.scratch_bytes
        for tensor in {self.network.tensors[o.tensor] for o in node.operands}:
            if tensor.arrives(position):
                size += tensor.size
        return Option(position, position + 1, size, 0.0, (out.height, 0))

    def stages(
        self, end: int, tile: tuple[int, int], space: Space, effort: int
    ) -> tuple[list[Option], int, bool]:
        """Every stage that ends before node `end` with this tile, Pareto-thinned.

        Returns them, the effort spent (states visited), and whether `effort` cut the walk short.
        """
        walk = _Walk(self, end, tile, space)
        if space.strips > walk.units:
            return [], 0, False
        found: list[Option] = []
        for position in range(end - 1, max(-1, end - 1 - space.longest), -1):
            if walk.effort > effort:
                return found, walk.effort, True
            if not walk.step(position):
                break
            found += walk.options(position)
        return found, walk.effort, False

    def segments(
        self, end: int, tile: tuple[int, int], space: Space, low: int
    ) -> Iterator[Segment]:
        """The stages that end before node `end`, as parts of chains, down to node `low`."""
        walk = _Walk(self, end, tile, space)
        for position in range(end - 1, max(-1, low), -1):
            if not walk.step(position):
                return
            yield from walk.segments(position)


class _Walk:
    """One backward walk from the last node of a stage."""

    def __init__(self, search: StageSearch, end: int, tile: tuple[int, int], space: Space) -> None:
        self.search, self.network, self.end = search, search.network, end
        self.asked, self.space = tile, space
        last = self.network.nodes[end - 1]
        facts = self.network.tensors[measured_tensor(last)]
        # In strips a strip of whole rows is a tile as wide as that.
        self.single = space.strips > 1 and tile[1] == 0
        self.tile = (tile[0], steps_of(space.strips, facts.width)) if self.single else tile
        self.full = self.tile[1] == 0
        self.row_steps = steps_of(self.tile[0], facts.height)
        self.column_steps = 1 if self.full else steps_of(self.tile[1], facts.width)
        self.units = steps_of(tile[1] or 1, facts.width)  # a strip has at least one
        self.strip_steps = steps_of(space.strips, self.column_steps)
        self.rows = Rates(self.network, last, ROWS, self.tile[0])
        self.columns = None if self.full else Rates(self.network, last, COLUMNS, self.tile[1])
        self.front = _Front()
        self.effort = 0
        self.states: dict[State, list[Value]] = {((), 0): [(0, 0, 0.0, None)]}

    def _rate(self, node: PlannerNode, measured: bool) -> tuple[int, int] | None:
        """Rows and columns (0: whole rows) of a node that come with a step.

        `measured` ones are those whose columns strips of whole rows are cut from.
        """
        rows = self.rows.add(node)
        columns = 0 if self.columns is None else self.columns.add(node)
        if self.single and measured:
            tensor, reference = measured_tensor(node), self.rows.reference
            if proportional(self.network, reference, tensor, COLUMNS, 1) is None:
                return None
        return None if rows is None or columns is None else (rows, columns)

    def step(self, position: int) -> bool:
        """Add a node in front; False when no stage can hold it."""
        node, front = self.network.nodes[position], self.front
        tensor = self.network.tensors[node.output]
        pending = node.output in front.highs
        sink = node.granularity is Granularity.SINK
        if not node.streams or node.output in front.outside or (sink and pending):
            return False
        whole = tensor.last >= self.end
        if not (pending or whole):
            return False
        rate = self._rate(node, whole or sink)
        if rate is None:
            return False
        high = front.highs.pop(node.output, rate)
        left = front.lefts.pop(node.output, high[1] - rate[1])
        if whole:
            front.outputs.append((node.output, (0, 0) if sink else rate, high))
            left = min(left, high[1] - rate[1])
        spans = self._operands(node, rate, high, left)
        if not self._admit(node, spans, rate, high):
            return False
        self.states = self._advance(
            position, node, rate, high, whole, self._strip(node, rate, high, left)
        )
        return bool(self.states)

    def _strip(
        self, node: PlannerNode, rate: tuple[int, int], high: tuple[int, int], left: int
    ) -> Strip | None:
        """The node's output in a strip; None without strips."""
        if self.space.strips == 1:
            return None
        widest = (self.strip_steps - 1) * rate[1] + high[1] - left
        width = min(self.network.tensors[node.output].width, widest)
        return Strip(width, left, self.single)

    def _operands(
        self, node: PlannerNode, rate: tuple[int, int], high: tuple[int, int], left: int
    ) -> list[tuple[int, Span, Span]]:
        """What the newest position of every operand needs (upper ends)."""
        found = []
        for operand in node.operands:
            if operand.rows is None or operand.columns is None:
                self.front.outside.add(operand.tensor)
                continue
            rows = needed(Span(rate[0], high[0] - rate[0], high[0]), operand.rows)
            columns = self._columns(operand, rate[1], high[1] - rate[1], high[1])
            assert rows is not None and columns is not None  # their rates are known
            found.append((operand.tensor, rows, columns))
            lowest = self._columns(operand, rate[1], left, high[1])
            if lowest is not None:
                old = self.front.lefts.get(operand.tensor, lowest.lo)
                self.front.lefts[operand.tensor] = min(old, lowest.lo)
        return found

    def _columns(self, operand: Operand, rate: int, lo: int, hi: int) -> Span | None:
        if self.full or operand.columns is None:
            return Span(0, 0, 0)
        return needed(Span(rate, lo, hi), operand.columns)

    def _admit(
        self,
        node: PlannerNode,
        spans: list[tuple[int, Span, Span]],
        rate: tuple[int, int],
        high: tuple[int, int],
    ) -> bool:
        front = self.front
        sink = node.granularity is Granularity.SINK
        first = 0 if sink else Span(rate[0], 0, high[0]).first_step()
        across = 0 if sink or self.full else Span(rate[1], 0, high[1]).first_step()
        for tensor, rows, columns in spans:
            if tensor in front.outside:
                return False
            old = front.highs.get(tensor, (rows.hi, columns.hi))
            front.highs[tensor] = max(old[0], rows.hi), max(old[1], columns.hi)
            begin = front.starts.get(tensor, (first, across))
            front.starts[tensor] = min(begin[0], first), min(begin[1], across)
        return True

    def _advance(
        self,
        position: int,
        node: PlannerNode,
        rate: tuple[int, int],
        high: tuple[int, int],
        whole: bool,
        strip: Strip | None,
    ) -> dict[State, list[Value]]:
        """All states after the choices for the node's output."""
        space = self.space
        # What is alive after the stage lies in the arena during it, overlapped with inputs at best.
        beside = self.search.alive[self.end] if space.around is None else space.around
        cap = space.cap - beside
        tensor = self.network.tensors[node.output]
        alone = whole or (
            tensor.last == position + 1 and len(self.network.readers(node.output)) == 1
        )
        found: dict[State, list[Value]] = {}
        for (needs, top), values in self.states.items():
            lows = {t: (rows, columns) for t, rows, columns in needs}
            own = lows.pop(node.output, None)
            if whole:
                own = None
            rates = rate[0], 0 if self.full else rate[1]
            for choice in choices(space, tensor, rates, high, own, strip):
                state = self._state(node, lows, rate, high, choice, alone)
                if state is None:
                    continue
                cost = self._cost(node, tensor, rate, high, choice, strip)
                lasting = choice.persistent + (0 if alone else choice.tile)
                load = top + choice.tile if alone else top
                self.effort += 1
                bucket = found.setdefault(state, [])
                for persistent, largest, spent, trail in values:
                    kept, largest = persistent + lasting, max(largest, load)
                    if kept + max(largest, state[1]) > cap or spent + cost > space.slack:
                        continue
                    if not choice.whole:
                        step = (trail, node.output, choice.form, choice.rows, choice.columns)
                        bucket.append((kept, largest, spent + cost, step))
                    else:
                        bucket.append((kept, largest, spent + cost, trail))
        thin = {s: thinned(v, space.values) for s, v in found.items() if v}
        if len(thin) <= space.states:
            return thin
        best = sorted(thin, key=lambda s: min(v[0] + max(v[1], s[1]) for v in thin[s]))
        return {s: thin[s] for s in best[: space.states]}

    def _state(
        self,
        node: PlannerNode,
        lows: dict[int, tuple[int, int]],
        rate: tuple[int, int],
        high: tuple[int, int],
        choice: Choice,
        alone: bool,
    ) -> State | None:
        found = dict(lows)
        for operand in node.operands:
            if operand.rows is None:
                continue
            rows = needed(Span(rate[0], choice.lo, high[0]), operand.rows)
            columns = self._columns(operand, rate[1], choice.lo_columns, high[1])
            if rows is None or columns is None:
                return None
            old = found.get(operand.tensor, (rows.lo, columns.lo))
            found[operand.tensor] = min(old[0], rows.lo), min(old[1], columns.lo)
        needs = tuple(sorted((t, rows, columns) for t, (rows, columns) in found.items()))
        made, tall = self.network.tensors[node.output].width, high[0] - choice.lo
        if not self.full:
            made = min(made, high[1] - choice.lo_columns)
        tall = min(tall, self.network.tensors[node.output].height)
        scratch = self.search.scratch(node, made, tall)
        return needs, scratch + (choice.tile if alone else 0)

    def _cost(
        self,
        node: PlannerNode,
        tensor: PlannerTensor,
        rate: tuple[int, int],
        high: tuple[int, int],
        choice: Choice,
        strip: Strip | None,
    ) -> float:
        """The node's cost above the least possible."""
        if node.granularity is Granularity.SINK:
            return 0.0
        start = self.front.starts.get(node.output, (0, 0))
        rows = _positions(rate[0], choice.lo, high[0], tensor.height, start[0], self.row_steps)
        columns, calls = tensor.width, 1
        if not self.full:
            columns = _positions(
                rate[1], choice.lo_columns, high[1], tensor.width, start[1], self.column_steps
            )
            calls = steps_of(rate[1], tensor.width)
        if strip is not None:
            steps, strips = self.strip_steps, self.space.strips
            end = (steps - 1) * rate[1] + high[1]
            again = covered(steps * rate[1], strip.low, end, tensor.width, 0, strips)
            columns = again if strip.single else max(columns, again)
        model = self.search.cost
        copied = choice.persistent * self.row_steps * model.per_copied_byte
        taken = self._taken(node, rate, high, choice, start) if node.parts else (0, 0)
        spent = model.node(node, tensor.channels, rows, columns, rows * calls, taken)
        return max(0.0, spent - self.search.least_cost(node)) + copied

    def _taken(
        self,
        node: PlannerNode,
        rate: tuple[int, int],
        high: tuple[int, int],
        choice: Choice,
        start: tuple[int, int],
    ) -> tuple[int, int]:
        """Rows and columns of its input that a block reads over a stage."""
        operand = node.operands[0]
        x = self.network.tensors[operand.tensor]
        assert operand.rows is not None
        rows = needed(Span(rate[0], choice.lo, high[0]), operand.rows)
        columns = self._columns(operand, rate[1], choice.lo_columns, high[1])
        assert rows is not None and columns is not None
        tall = _positions(rows.rate, rows.lo, rows.hi, x.height, start[0], self.row_steps)
        if self.full:
            return tall, x.width
        wide = _positions(
            columns.rate, columns.lo, columns.hi, x.width, start[1], self.column_steps
        )
        return tall, wide

    # Stages -----------------------------------------------------------------------------------

    def options(self, begin: int) -> Iterator[Option]:
        """The stages that begin at node `begin`, least memory first."""
        tensors = self.network.tensors
        base = self.search.alive[begin] + sum(tensors[o[0]].size for o in self.front.outputs)
        room = self.space.cap - base
        found: list[tuple[int, float, Trail]] = []
        shared: dict[tuple[tuple[int, int, int], ...], int] = {}
        for (needs, top), values in self.states.items():
            least = min(v[0] + max(v[1], top) for v in values)
            if self.space.strips > 1 and any(self._once(tensors[n[0]], begin) for n in needs):
                continue
            if least - max((tensors[n[0]].size for n in needs), default=0) > room:
                continue  # not even an input wholly shared with the output makes it fit
            if needs not in shared:
                shared[needs] = self._inputs(begin, needs)
            extra = shared[needs]
            for persistent, largest, cost, trail in values:
                size = base + extra + persistent + max(largest, top)
                if size <= self.space.cap:
                    found.append((size, cost, trail))
        found.sort(key=lambda item: item[:2])
        best = float("inf")
        for size, cost, trail in found:
            if cost < best - ALIKE:
                best = cost
                yield Option(
                    begin, self.end, size, cost, self.asked, trail, strips=self.space.strips
                )

    @staticmethod
    def _once(tensor: PlannerTensor, begin: int) -> bool:
        """Whether a tensor comes from a camera in a stage, once."""
        return tensor.arrives(begin) and tensor.source is not None and tensor.source.once

    def segments(self, begin: int) -> Iterator[Segment]:
        """The stages that begin at node `begin` and take one tensor."""
        if len(self.front.outputs) != 1 or self.front.outside:
            return
        found: list[Segment] = []
        for (needs, top), values in self.states.items():
            if len(needs) != 1:
                return
            source, low, _ = needs[0]
            need = self.front.highs[source][0] - low
            for lasting, largest, cost, trail in values:
                large = max(largest, top)
                found.append(
                    Segment(begin, self.end, self.tile, lasting, large, cost, need, source, trail)
                )
        found.sort(key=lambda s: (s.lasting + s.largest, s.cost))
        yield from found[: self.space.values]

    def _inputs(self, begin: int, needs: tuple[tuple[int, int, int], ...]) -> int:
        """Bytes of arriving images, less what the output may share with a dying input."""
        extra, saved = 0, 0
        for number, low, left in needs:
            tensor = self.network.tensors[number]
            if tensor.arrives(begin):
                rows = self.front.highs[number][0] - low
                rows = min(tensor.height, rows) if tensor.last < self.end else tensor.height
                extra += rows * tensor.row_bytes
            elif tensor.last < self.end and tensor.root == number and self.space.strips == 1:
                for output, rate, high in self.front.outputs:
                    most = min(tensor.size, self.network.tensors[output].size)
                    if rate[0] and most > saved:
                        distance = self._distance(number, (low, left), output, rate, high)
                        out = self.network.tensors[output].size
                        both = max(distance + tensor.size, out)
                        saved = max(saved, tensor.size + out - both)
        return extra - saved

    def _distance(
        self,
        number: int,
        low: tuple[int, int],
        output: int,
        rate: tuple[int, int],
        high: tuple[int, int],
    ) -> int:
        """Bytes by which an output must lie below the input it is written over."""
        tensor, out = self.network.tensors[number], self.network.tensors[output]
        down = self.rows.known[number]
        across = 0 if self.columns is None else self.columns.known[number]
        begins = max(0, -low[0] // down)
        distance = 0
        for t in (0, begins, begins + 1, self.row_steps - 2, self.row_steps - 1):
            if not 0 <= t < self.row_steps:
                continue
            rows = min(out.height, rate[0] * t + high[0]) - 1
            dead = max(0, down * t + low[0]) * tensor.row_bytes
            for u in {0, self.column_steps - 1}:
                right = out.width if self.full else min(out.width, rate[1] * u + high[1])
                left = 0 if self.full else max(0, across * u + low[1])
                written = rows * out.row_bytes + right * out.channels
                distance = max(distance, written - dead - left * tensor.channels)
        return distance


def _positions(rate: int, lo: int, hi: int, size: int, start: int, steps: int) -> int:
    """Positions computed over a stage; cached ones once each, from their first step on."""
    if hi - lo == rate:
        return size
    return covered(rate, lo, hi, size, max(start, Span(rate, lo, hi).first_step()), steps)
