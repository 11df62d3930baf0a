"""Plan to Program: ranges of every step, the places they live in, and the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.ir.window import Window
from mcucc.schedule.arena.allocate import allocate, peak_live
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.arena.requests import Request
from mcucc.schedule.expand.axis import Axis, Link, Track, stepped_axis, whole_axis
from mcucc.schedule.expand.chains import Member, chains_of, interleaved
from mcucc.schedule.expand.liveness import ChainFacts, StageFacts, all_lives, pairs_by_index
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.rates import COLUMNS, ROWS, Rates, measured_tensor, proportional
from mcucc.schedule.expand.strips import Across, Columns, joined, strip_columns
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind, Part
from mcucc.schedule.plan.live_ranges import LiveRange
from mcucc.schedule.plan.plan import EdgePlan, Form, Plan, StagePlan
from mcucc.schedule.plan.program import (
    Action,
    Chain,
    Compute,
    Copy,
    Program,
    Receive,
    Stage,
    Storage,
)
from mcucc.schedule.plan.spans import EMPTY
from mcucc.schedule.split.rewrite import with_splits

# int32 sums and word-wise kernels want their buffers aligned.
ALIGNMENT = 4
DEFAULT_LIMITS = ArenaLimits()


def expand(graph: IntegerGraph, plan: Plan, limits: ArenaLimits = DEFAULT_LIMITS) -> Program:
    """Every step and every byte of a plan.

    Raises ModelError when the plan does not fit the network: unknown or missing nodes, an order
    that reads what is not computed yet, tiles whose rates do not fit together.
    """
    net, _, chains, places = _built(graph, plan)
    return _placed(net, plan, chains, places, limits)


def _built(
    graph: IntegerGraph, plan: Plan
) -> tuple[PlannerGraph, Plan, list[ChainFacts], dict[BufferId, Buffer]]:
    """The chains of a plan, and places without offsets; network and plan are those of `splits`."""
    ordered = replace(graph, nodes=_ordered(graph, plan))
    graph, plan = with_splits(ordered, plan)
    net = PlannerGraph(graph, plan.image)
    places: dict[BufferId, Buffer] = {}
    chains: list[ChainFacts] = []
    begin = 0
    for numbers in chains_of(plan):
        stage_plans = [plan.stages[number] for number in numbers]
        chains.append(_chain(net, stage_plans, begin, places))
        begin = chains[-1].end
    return net, plan, chains, places


def _chain(
    net: PlannerGraph,
    plans: Sequence[StagePlan],
    begin: int,
    places: dict[BufferId, Buffer],
) -> ChainFacts:
    """The stages of a chain; `places` takes what they add."""
    stages = []
    for plan in plans:
        stages.append(_Stage(net, plan, begin, begin + len(plan.nodes), places))
        begin += len(plan.nodes)
        if len(plans) > 1 and plan.strips > 1:
            raise stages[-1].error("stages that feed each other have no strips")
    parts = [Member(s.begin, s.end, s.rows.steps * s.plan.strips, s.rows.tracks) for s in stages]
    turns = interleaved(net, parts)
    facts = []
    for stage in stages:
        stage.rings, stage.chain_end = turns.rings, begin
        facts.append(stage.facts())
        places.update(stage.places)
    return ChainFacts(tuple(facts), turns)


def chain_bytes(net: PlannerGraph, plans: Sequence[StagePlan], begin: int) -> int:
    """The most bytes live at a time of a chain of nodes from `begin` on, run by itself."""
    return peak_live(*_chain_lives(net, plans, begin))


def chain_arena(
    net: PlannerGraph,
    plans: Sequence[StagePlan],
    begin: int,
    limits: ArenaLimits,
) -> int:
    """The arena of such a chain, with what else is alive during it: more where gaps remain."""
    lives, same = _chain_lives(net, plans, begin)
    return allocate(lives, same, ALIGNMENT, [range(len(plans))], limits).size


def _chain_lives(
    net: PlannerGraph, plans: Sequence[StagePlan], begin: int
) -> tuple[list[Request], frozenset[tuple[int, int]]]:
    places: dict[BufferId, Buffer] = {}
    for number, tensor in enumerate(net.tensors):
        if tensor.born < begin:
            kind = BufferKind.IMAGE if number in net.inputs else BufferKind.TENSOR
            pitch = tensor.row_bytes
            buffer = BufferId(tensor.name)
            places[buffer] = Buffer(
                buffer, tensor.name, kind, tensor.height, pitch, tensor.channels
            )
    chain = _chain(net, plans, begin, places)
    lives, same = all_lives(net, [chain], places)
    names = list(lives)
    sizes = [Request(places[n].size, lives[n]) for n in names]
    return sizes, pairs_by_index(names, same)


def _ordered(graph: IntegerGraph, plan: Plan) -> tuple[IntegerNode, ...]:
    by_name = {node.name: node for node in graph.nodes}
    names = [name for stage in plan.stages for name in stage.nodes]
    where = f"plan for {graph.name}"
    if sorted(names) != sorted(by_name):
        odd = sorted(set(names) ^ set(by_name)) or sorted(names)
        raise ModelError(
            f"the stages do not hold every node once (see {odd[0]})",
            where=where,
            hint="a plan belongs to one network; make a new one with `mcucc plan`",
        )
    known = set(graph.inputs)
    for name in names:
        missing = [x for x in by_name[name].inputs if x not in known]
        if missing:
            raise ModelError(f"{name} runs before {missing[0]} is computed", where=where)
        known.add(by_name[name].output)
    return tuple(by_name[name] for name in names)


@dataclass
class _Stage:
    """Builds one stage; `places` collects what it adds."""

    net: PlannerGraph
    plan: StagePlan
    begin: int
    end: int
    known: dict[BufferId, Buffer]

    def __post_init__(self) -> None:
        self.places: dict[BufferId, Buffer] = {}
        self.rings: Mapping[int, int] = {}
        self.chain_end = self.end
        self.storage: dict[str, Storage] = {}
        self.produced: dict[int, Track] = {}  # rows of inputs that sources hand over
        self.edges = {edge.tensor: edge for edge in self.plan.edges}
        self.nodes = self.net.nodes[self.begin : self.end]
        self.made = {node.output for node in self.nodes}
        self.kept = frozenset(t for t in self.made if self.net.tensors[t].last >= self.end)
        pools = {n.output for n in self.nodes if n.granularity is Granularity.SINK}
        if any(o.tensor in pools for node in self.nodes for o in node.operands):
            raise self.error("a global pool is complete only after its stage; cut there")
        streamed = all(self._streams(i) for i in range(len(self.nodes)))
        if not streamed and len(self.nodes) > 1:
            raise self.error("a node that needs whole tensors cannot share its stage")
        if not streamed and self.plan.strips > 1:
            raise self.error("a node that needs whole tensors has no strips")
        self.rows, self.columns = self._axes() if streamed else self._whole()

    def error(self, what: str) -> ModelError:
        """What is wrong with the stage's plan."""
        return ModelError(what, where=f"stage {self.nodes[0].name} .. {self.nodes[-1].name}")

    def _streams(self, i: int) -> bool:
        """Whether the node may work by steps: whole operands must come from earlier stages."""
        node = self.nodes[i]
        if not node.streams:
            return False
        return all(o.rows is not None or o.tensor not in self.made for o in node.operands)

    def _edge(self, tensor: int) -> EdgePlan:
        name = self.net.tensors[tensor].name
        return self.edges.get(name, EdgePlan(name))

    def _whole(self) -> tuple[Axis, Columns]:
        touched = {o.tensor for node in self.nodes for o in node.operands} | self.made
        tensors = self.net.tensors
        return (
            whole_axis({t: tensors[t].height for t in touched}),
            joined([whole_axis({t: tensors[t].width for t in touched})]),
        )

    def _axes(self) -> tuple[Axis, Columns]:
        tensors = self.net.tensors
        touched = {o.tensor for node in self.nodes for o in node.operands} | self.made
        heights = {t: tensors[t].height for t in touched}
        widths = {t: tensors[t].width for t in touched}
        rows_links, columns_links = [], []
        for node in self.nodes:
            sink = node.granularity is Granularity.SINK
            down = tuple((o.tensor, o.rows or Window()) for o in node.operands if o.rows)
            across = tuple((o.tensor, o.columns or Window()) for o in node.operands if o.columns)
            rows_links.append(Link(node.output, down, sink))
            columns_links.append(Link(node.output, across, sink))
        height, width = self.plan.tile
        rates = self._rates(ROWS, height) if height else None
        rows = None
        if rates is not None:
            rows = stepped_axis(rows_links, heights, rates, self.kept, lambda t: self._edge(t).rows)
        if rows is None and height >= heights[self._reference()]:
            rows = whole_axis(heights)  # one step has no rate: a resize by any factor
        columns = self._columns(columns_links, widths)
        if rows is None or columns is None:
            raise self.error(f"a tile of {height} x {width} does not fit its strides")
        return rows, columns

    def _columns(self, links: Sequence[Link], sizes: Mapping[int, int]) -> Columns | None:
        """The columns of the one strip, or of every strip."""
        width, strips = self.plan.tile[1], self.plan.strips
        if width == 0 and strips == 1:
            return joined([whole_axis(sizes)])
        units = -(-sizes[self._reference()] // (width or 1))
        if not 1 <= strips <= units:
            raise self.error(f"{strips} strips of a row of {units} tiles")
        rates = self._rates(COLUMNS, width)
        if rates is None:
            return None
        return strip_columns(
            links,
            sizes,
            rates,
            self.kept,
            lambda t: self._edge(t).columns,
            tiles=width > 0,
            bounds=[i * units // strips for i in range(strips + 1)],
        )

    def _reference(self) -> int:
        """The tensor that the tile counts rows and columns of."""
        return measured_tensor(self.nodes[-1])

    def _rates(self, axis: int, tile: int) -> dict[int, int] | None:
        """Positions a step of each kept tensor and each global pool's input; None: nothing fits.

        Without a tile they are the columns for one of the last tensor, where whole rows are cut.
        """
        measured = [
            measured_tensor(node)
            for node in self.nodes
            if node.output in self.kept or node.granularity is Granularity.SINK
        ]
        if tile:
            rates = Rates(self.net, self.nodes[-1], axis, tile)
            fits = all(rates.add(node) is not None for node in reversed(self.nodes))
            return {tensor: rates.known[tensor] for tensor in measured} if fits else None
        found = {}
        for tensor in measured:
            rate = proportional(self.net, self._reference(), tensor, axis, 1)
            if rate is None:
                return None
            found[tensor] = rate
        return found

    def facts(self) -> StageFacts:
        """The stage with what lifetimes need to know of it."""
        stage = self.tiled()
        rows = {**self.rows.tracks, **self.produced}
        return StageFacts(stage, self.begin, self.end, rows, self.columns.tracks)

    # Places and actions ---------------------------------------------------------------------

    def tiled(self) -> Stage:
        """The stage with its body and places."""
        before: dict[int, list[Action]] = {}
        after: dict[int, list[Action]] = {}
        receive: list[Action] = []
        inputs = {o.tensor for node in self.nodes for o in node.operands} - self.made
        for tensor in sorted(inputs):
            if self.net.tensors[tensor].arrives(self.begin):
                receive.append(self._receive(tensor))
            else:
                self._input(tensor)
        for tensor in sorted(self.made):
            position = self.net.tensors[tensor].producer - self.begin
            readers = [p - self.begin for p in self.net.readers(tensor) if p < self.end]
            load, save = self._output(tensor)
            before.setdefault(position, []).extend(load)
            after.setdefault(max([position, *readers]), []).extend(save)
        body = list(receive)
        sinks: dict[str, BufferId] = {}
        scratch: dict[str, BufferId] = {}
        sources = tuple(self._narrowed(i) for i in range(len(self.nodes)))
        for position, node in enumerate(self.nodes):
            source = sources[position]
            body += before.get(position, [])
            if node.granularity is not Granularity.ALIAS:
                body.append(self._compute(position))
            body += after.get(position, [])
            if source.scratch_bytes:
                place = self._scratch(node.name, node.output, source.scratch_bytes)
                (sinks if node.granularity is Granularity.SINK else scratch)[source.name] = place
        return Stage(
            plan=self.plan,
            nodes=sources,
            row_steps=self.rows.steps,
            strips=self.columns.strips,
            actions=tuple(body),
            storage=self.storage,
            sinks=sinks,
            scratch=scratch,
        )

    def _narrowed(self, position: int) -> IntegerNode:
        """The node with the kernel that makes no more columns at a time than the steps ask for."""
        source = self.net.graph.nodes[self.begin + position]
        track = self.columns.tracks.get(self.nodes[position].output)
        if track is None or source.kernel.granularity not in (Granularity.ROW, Granularity.BLOCK):
            return source
        rows = self.rows.tracks[self.nodes[position].output].tallest
        return source.narrowed(track.tallest, rows)

    def _compute(self, position: int) -> Compute:
        node = self.nodes[position]
        sink = node.granularity is Granularity.SINK
        name = self.net.tensors[node.output].name
        storage = self.storage[name]
        if sink:
            tensor = node.operands[0].tensor
            rows, columns = self.rows.sinks[tensor], self.columns.sinks[tensor]
        else:
            rows = self.rows.tracks[node.output].ranges
            columns = self.columns.tracks[node.output].ranges
        return Compute(node.name, storage.newest, rows, columns)

    def _scratch(self, node: str, tensor: int, size: int) -> BufferId:
        buffer, made = BufferId(node, Part.SCRATCH), self.net.tensors[tensor].name
        self.places[buffer] = Buffer(buffer, made, BufferKind.SCRATCH, 1, size, 1)
        return buffer

    def _add(self, tensor: int, part: Part, kind: BufferKind, slots: int, pixels: int) -> BufferId:
        facts = self.net.tensors[tensor]
        buffer, pitch = BufferId(facts.name, part), pixels * facts.channels
        self.places[buffer] = Buffer(buffer, facts.name, kind, slots, pitch, facts.channels)
        return buffer

    def _shift(self, buffer: BufferId, origins: tuple[int, ...]) -> None:
        """The place holds columns from these on, at each column step."""
        self.places[buffer] = replace(self.places[buffer], origins=origins)

    def _whole_place(self, tensor: int, kind: BufferKind) -> None:
        """The place of a whole tensor; an alias is another name of its root's bytes."""
        facts = self.net.tensors[tensor]
        whole = BufferId(facts.name)
        if whole not in self.known:
            self._add(tensor, Part.WHOLE, kind, facts.height, facts.width)
        self.storage[facts.name] = Storage(None, whole)

    def _input(self, tensor: int) -> None:
        """Where a tensor made before this stage is read."""
        facts = self.net.tensors[tensor]
        if tensor in self.rings:
            self.storage[facts.name] = Storage(None, BufferId(facts.name, Part.RING))
        else:
            self._whole_place(tensor, self._kind(tensor))

    def _receive(self, tensor: int) -> Receive:
        """The buffer of rows that a source produces, and what it hands over at each step."""
        facts = self.net.tensors[tensor]
        if self.plan.strips > 1 and facts.source and facts.source.once:
            raise self.error("strips read the image again, and rows of a camera come only once")
        readers = self.net.readers(tensor)
        track = self.rows.tracks.get(tensor)
        whole = facts.last >= self.end or track is None
        slots = facts.height if whole or track is None else min(facts.height, track.held)
        place = self._add(tensor, Part.WHOLE, BufferKind.IMAGE, slots, facts.width)
        self.storage[facts.name] = Storage(None, place)
        beside = any(self.end <= reader < self.chain_end for reader in readers)
        if track is None or beside:
            ends: tuple[int, ...] = (facts.height,) * self.rows.steps
        else:
            ends = track.ends
            if whole:
                ends = (*ends[:-1], facts.height)
        arrivals = []
        for step, end in enumerate(ends):
            start = ends[step - 1] if step else 0
            arrivals.append((start, end) if start < end else EMPTY)
        if track is not None:
            self.produced[tensor] = replace(track, ranges=tuple(arrivals))
        begins = {begin for begin, _ in self.columns.strips}
        across = tuple(
            (0, facts.width) if u in begins else EMPTY for u in range(self.columns.steps)
        )
        return Receive(facts.name, place, tuple(arrivals), across)

    def _output(self, tensor: int) -> tuple[list[Action], list[Action]]:
        """Places of a computed tensor; copies before its node and after its last reader."""
        facts = self.net.tensors[tensor]
        node = self.nodes[facts.producer - self.begin]
        sink = node.granularity is Granularity.SINK
        if tensor in self.rings:
            ring = self._add(tensor, Part.RING, BufferKind.RING, self.rings[tensor], facts.width)
            self.storage[facts.name] = Storage(None, ring)
            return [], []
        if sink or tensor in self.kept or facts.last < 0 or tensor not in self.rows.tracks:
            self._whole_place(tensor, self._kind(tensor))
            return [], []
        down, across = self.rows.tracks[tensor], self.columns.tracks[tensor]
        edge = self._edge(tensor)
        if edge.form is Form.RING and (down.cached or across.cached):
            slots = min(down.size, down.held)
            ring = self._add(tensor, Part.RING, BufferKind.RING, slots, across.width)
            self._shift(ring, across.origins)
            self.storage[facts.name] = Storage(None, ring)
            return [], []
        return self._tile(tensor, down, across, edge)

    def _kind(self, tensor: int) -> BufferKind:
        if tensor in self.net.inputs:
            return BufferKind.IMAGE
        roots = {self.net.tensors[t].root for t in self.net.outputs}
        return BufferKind.OUTPUT if self.net.tensors[tensor].root in roots else BufferKind.TENSOR

    def _tile(
        self, tensor: int, down: Track, across: Across, edge: EdgePlan
    ) -> tuple[list[Action], list[Action]]:
        facts = self.net.tensors[tensor]
        slots = max(1, down.tallest)
        tile = self._add(tensor, Part.TILE, BufferKind.TILE, slots, across.held)
        self._shift(tile, across.lefts)
        load: list[Action] = []
        save: list[Action] = []
        carried = across.carried
        if across.left_over and any(a < b for a, b in carried):
            if edge.form is Form.SLIDE:
                save.append(Copy(facts.name, tile, tile, 1, down.ranges, carried))
            else:
                widest = max(b - a for a, b in carried)
                cache = self._add(tensor, Part.COLUMNS, BufferKind.COLUMN_CACHE, slots, widest)
                self._shift(cache, across.keep)
                late = (EMPTY, *carried[:-1])
                load.append(Copy(facts.name, cache, tile, 0, down.ranges, late))
                save.append(Copy(facts.name, tile, cache, 1, down.ranges, carried))
        if down.cached and down.left_over:
            rows = self._add(tensor, Part.ROWS, BufferKind.ROW_CACHE, down.cached, across.width)
            self._shift(rows, across.origins)
            update = Copy(facts.name, tile, rows, 0, down.lasting, across.retired)
            save.insert(0, update)
            self.storage[facts.name] = Storage(tile, rows, down.ranges)
        else:
            self.storage[facts.name] = Storage(tile, None)
        return load, save


def _placed(
    net: PlannerGraph,
    plan: Plan,
    chains: Sequence[ChainFacts],
    places: dict[BufferId, Buffer],
    limits: ArenaLimits,
) -> Program:
    lives, same = all_lives(net, chains, places)
    names = list(lives)
    ordered = _numbered(chains)
    layout = allocate(
        [Request(places[n].size, lives[n]) for n in names],
        pairs_by_index(names, same),
        ALIGNMENT,
        [chain.stages for chain in ordered],
        limits,
    )
    for name, offset in zip(names, layout.offsets, strict=True):
        places[name] = replace(places[name], offset=offset)
    for tensor in net.tensors:
        own, root = BufferId(tensor.name), BufferId(net.tensors[tensor.root].name)
        if own in places and root != own:
            places[own] = replace(places[own], offset=places[root].offset)
    stages = tuple(facts.stage for chain in chains for facts in chain.stages)
    bound = {node.name: node for stage in stages for node in stage.nodes}
    return Program(
        graph=replace(net.graph, nodes=tuple(bound[node.name] for node in net.graph.nodes)),
        plan=plan,
        stages=stages,
        chains=tuple(ordered),
        buffers=places,
        live_ranges={
            buffer: {stage: LiveRange.of(extents) for stage, extents in by_stage.items()}
            for buffer, by_stage in lives.items()
        },
        in_place=same,
        arena_bytes=layout.size,
        lower_bound=layout.lower_bound,
        stage_bytes=tuple(layout.loads.get(i, 0) for i in range(len(stages))),
        macs=sum(stage.macs for stage in stages),
    )


def _numbered(chains: Sequence[ChainFacts]) -> list[Chain]:
    """The chains with the numbers that their stages have in the program."""
    found: list[Chain] = []
    for chain in chains:
        first = found[-1].stages[-1] + 1 if found else 0
        numbers = tuple(range(first, first + len(chain.stages)))
        found.append(Chain(numbers, tuple(first + part for part in chain.turns.order)))
    return found
