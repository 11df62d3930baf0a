"""Plans and programs as text: a loop nest to read, to compare in tests, to print above the C.

The text of a program says what its stages do at row step t and column step u: rows and columns are
[begin .. end), cut to the tensor, and formulas of t and u where they are. An action that has
nothing to do at a step is left out there. Names are those of the model file, as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcucc.ir.integer import Activation, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind, Part, labels
from mcucc.schedule.plan.moments import fullest
from mcucc.schedule.plan.plan import EdgePlan, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import (
    Action,
    Chain,
    Compute,
    Copy,
    Deliver,
    Program,
    Receive,
    Stage,
)
from mcucc.schedule.plan.spans import EMPTY
from mcucc.schedule.plan.text_parts import one_line, order_text, ranges_text, table, wrapped

READ_TOGETHER = (
    "rows and columns [begin .. end) are those of row step t and column step u, cut to the tensor"
)


def schedule_text(program: Program) -> str:
    """A plan and what becomes of it."""
    return f"{plan_text(program.plan)}\n{program_text(program)}"


# Plans


def plan_text(plan: Plan) -> str:
    """The stages of a plan: nodes, tiles, how tensors inside are held, splits, strips, chains."""
    lines = [f"plan {plan.schedule}, image {plan.image.value}"]
    if plan.row_outputs:
        lines += wrapped("  by rows ", ", ".join(map(one_line, plan.row_outputs)))
    for number, stage in enumerate(plan.stages):
        lines += _stage_plan(number, stage)
    return "\n".join(lines) + "\n"


def _stage_plan(number: int, stage: StagePlan) -> list[str]:
    what = [f"tile {tile_text(stage.tile)}"]
    if stage.strips > 1:
        what.append(f"{stage.strips} strips")
    if stage.feeds:
        what.append("feeds the next stage")
    lines = [f"  stage {number}: {', '.join(what)}"]
    lines += wrapped("    nodes ", ", ".join(map(one_line, stage.nodes)))
    if stage.again:
        lines += wrapped("    again ", ", ".join(map(one_line, stage.again)))
    alike: dict[str, list[str]] = {}
    for edge in stage.edges:
        alike.setdefault(held_text(edge), []).append(one_line(edge.tensor))
    for held, tensors in alike.items():
        lines += wrapped("    hold ", f"{', '.join(tensors)} {held}")
    lines += [
        f"    split {one_line(split.node)} into groups of {split.channels} channels"
        for split in stage.splits
    ]
    return lines


def tile_text(tile: tuple[int, int]) -> str:
    """Rows and columns of one step."""
    rows, columns = tile
    return f"{rows} x {columns}" if columns else f"{rows} whole row{'' if rows == 1 else 's'}"


def held_text(edge: EdgePlan) -> str:
    """How a tensor inside a stage is held."""
    return f"as {edge.form.value}, rows {edge.rows.value}, columns {edge.columns.value}"


# Programs


@dataclass(frozen=True)
class Naming:
    """What a text calls nodes, tensors and buffers."""

    node: Callable[[str], str]
    tensor: Callable[[str], str]
    buffer: Callable[[BufferId], str]


def names_of_the_model(program: Program) -> Naming:
    """Nodes and tensors as the model file calls them, buffers after their tensor: `conv.tile`."""
    known = labels(program.buffers)
    return Naming(one_line, one_line, lambda buffer: one_line(known[buffer]))


def program_text(program: Program) -> str:
    """Chains and stages in order with their loops and actions, and the arena below them."""
    text = ProgramText(program)
    parts = [text.head()]
    parts += [text.chain(chain) for chain in program.chains]
    parts.append(text.arena())
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


class ProgramText:
    """The text of a program in parts, each as lines without an end."""

    def __init__(self, program: Program, naming: Naming | None = None) -> None:
        self.program, self.naming = program, naming or names_of_the_model(program)
        self.buffer = self.naming.buffer

    def head(self) -> list[str]:
        """What is computed and what it takes."""
        program = self.program
        again = f", {program.factor:.3f} times those of the network" if program.factor != 1 else ""
        return [
            f"program {one_line(program.graph.name)}: {program.plan.schedule}, "
            f"image {program.plan.image.value}",
            f"{program.macs:,} MACs{again}, arena {program.arena_bytes:,} bytes",
            READ_TOGETHER,
        ]

    def chain(self, chain: Chain) -> list[str]:
        """A stage with its loops; several with the order in which they take row steps."""
        stages = [self.program.stages[number] for number in chain.stages]
        if len(stages) == 1:
            return self.stage(chain.stages[0])
        first, last = chain.stages[0], chain.stages[-1]
        lines = [f"chain of stages {first} .. {last}: each feeds rows to the next one as it asks"]
        lines += wrapped("  row steps of stages ", order_text(chain.order))
        for number in chain.stages:
            lines += [f"  {line}" for line in self.stage(number, chained=True)]
        return lines

    def stage(self, number: int, *, chained: bool = False) -> list[str]:
        """The loops of a stage and what a step does."""
        stage = self.program.stages[number]
        title = f"stage {number}: {self._nodes(stage)}"
        if not stage.actions:
            return [title, "  no code: other names of bytes that are there"]
        nest = self.loop_nest(number, chained=chained)
        return [*wrapped("", f"{title}, {self._shape(number)}", "    "), *nest]

    def loop_nest(self, number: int, *, chained: bool = False) -> list[str]:
        """The loops of a stage and the actions in them; where `chained`, what one row step does."""
        stage, lines = self.program.stages[number], []
        for split in self.program.plan.stages[number].splits:
            block = self.naming.node(split.node)
            lines.append(f"  {block} ends a block in groups of {split.channels} channels")
        for node in stage.sink_nodes:
            lines.append(f"  begin {self.naming.node(node.name)}: {self._sums(stage, node)} = 0")
        loops = _loops(stage, chained=chained)
        lines += [f"{'  ' * (1 + depth)}{loop}" for depth, loop in enumerate(loops)]
        lines += table(
            [self._action(stage, action) for action in stage.actions], "  " * (1 + len(loops))
        )
        for node in stage.sink_nodes:
            output = self.buffer(stage.storage[node.output].oldest)
            sums = self._sums(stage, node)
            lines.append(f"  finish {self.naming.node(node.name)}: {sums} -> {output}")
        return lines

    def _nodes(self, stage: Stage) -> str:
        names = [self.naming.node(node.name) for node in stage.nodes]
        return names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"

    def _shape(self, number: int) -> str:
        """How much a step makes, and from when on."""
        stage, parts = self.program.stages[number], []
        if len(stage.nodes) > 1 or len(stage.iterations) > 1:
            parts.append(f"tile {tile_text(stage.plan.tile)}")
        if len(stage.strips) > 1:
            parts.append(f"{len(stage.strips)} strips")
        computed = [a for a in stage.actions if isinstance(a, Compute)]
        early = next((t for t, rows in enumerate(computed[-1].rows) if rows != EMPTY), 0)
        if early:
            parts.append(f"output from t = {early} on")
        return ", ".join([*parts, f"{self.program.stage_bytes[number]:,} bytes in use"])

    def _sums(self, stage: Stage, node: IntegerNode) -> str:
        return self.buffer(stage.sinks[node.name])

    def _action(self, stage: Stage, action: Action) -> list[str]:
        """The cells of an action: verb, what, rows, columns, from where to where."""
        if isinstance(action, Compute):
            return self._compute(stage, action)
        a = self.program.graph.activations[action.tensor]
        if isinstance(action, Receive):
            mapped = self.program.plan.image is ImagePolicy.MAPPED
            verb, source = "receive", "image elsewhere" if mapped else "camera"
            flow = f"{source} -> {self.buffer(action.target)}"
        elif isinstance(action, Deliver):
            verb, flow = "deliver", f"{self.buffer(action.source)} -> whoever takes rows"
        else:
            verb = _moving(action)
            flow = f"{action.source.part.value} -> {action.target.part.value}"
            if action.ahead:
                flow += f" as of u+{action.ahead}"
        return [verb, self.naming.tensor(action.tensor), *_part(action, a), flow]

    def _compute(self, stage: Stage, action: Compute) -> list[str]:
        node = next(node for node in stage.nodes if node.name == action.node)
        sink = action.node in stage.sinks
        a = self.program.graph.activations[node.inputs[0] if sink else node.output]
        sources: list[str] = []
        for tensor in node.inputs:
            storage = stage.storage[tensor]
            # earlier rows come first, as in the tensor
            sources += [self.buffer(b) for b in (storage.kept, storage.fresh) if b is not None]
        target = stage.sinks[action.node] if sink else action.target
        flow = f"{', '.join(dict.fromkeys(sources))} -> {self.buffer(target)}"
        if action.node in stage.scratch:
            flow += " with scratch"
        return [
            node.kernel.describe().split()[0].rstrip(","),
            self.naming.node(node.name),
            *_part(action, a),
            flow,
        ]

    # The arena ------------------------------------------------------------------------------

    def arena(self) -> list[str]:
        """Every buffer in order of first use: bytes [begin .. end), geometry, when it is live."""
        program = self.program
        peak = program.peak_stage
        lines = [
            f"arena of {program.arena_bytes:,} bytes; these buffers need at least "
            f"{program.lower_bound:,}",
            f"  most in use: {program.stage_bytes[peak]:,} bytes in stage {peak}"
            f"{self._moment(peak)}",
        ]
        live = program.stages_in_use()
        roots = {
            BufferId(node.output): node.inputs[0]
            for node in program.graph.nodes
            if node.kernel.granularity is Granularity.ALIAS
        }
        order = sorted(live, key=lambda b: (live[b][0], program.buffers[b].offset, b.order))
        cells = [["begin", "end", "buffer", "kind", "live in", "H x W x C"]]
        cells += [self._buffer(program.buffers[buffer], live[buffer]) for buffer in order]
        cells += [
            [
                "",
                "",
                self.buffer(buffer),
                f"the bytes of {self.naming.tensor(roots[buffer])}",
            ]
            for buffer in program.buffers
            if buffer not in live and buffer in roots
        ]
        return lines + table(cells, "  ", numbers=2)

    def _moment(self, number: int) -> str:
        """When a stage has the most bytes in use: the step, and the action that runs then."""
        stage, moment = self.program.stages[number], fullest(self.program, number)
        if not 0 <= moment.action < len(stage.actions):
            return " before its loops" if moment.action < 0 else " after its loops"
        steps = [f"t = {moment.row_step}"] if stage.row_steps > 1 else []
        steps += [f"u = {moment.column_step}"] if stage.column_steps > 1 else []
        verb, what, *_ = self._action(stage, stage.actions[moment.action])
        return f", {verb} {what}{' at ' if steps else ''}{', '.join(steps)}"

    def _buffer(self, buffer: Buffer, stages: tuple[int, int]) -> list[str]:
        if buffer.kind is BufferKind.SCRATCH:
            shape = f"{buffer.size:,} bytes"
        else:
            columns = buffer.pitch // buffer.pixel_bytes
            shape = f"{buffer.slots} x {columns} x {buffer.pixel_bytes}"
        if any(buffer.origins):
            edges = tuple((origin, origin + 1) for origin in buffer.origins)
            shape += f", left edge {ranges_text(edges, 'u', max(buffer.origins) + 2)}"
        first, last = stages
        when = f"stage {first}" if first == last else f"stages {first} .. {last}"
        label = self.buffer(buffer.id)
        return [f"{buffer.offset:,}", f"{buffer.end:,}", label, buffer.kind.value, when, shape]


def _part(action: Action, a: Activation) -> tuple[str, str]:
    """The cells of rows and columns; whole rows go without saying."""
    rows = ranges_text(action.rows, "t", a.height)
    columns = ranges_text(action.columns, "u", a.width)
    return (
        "all rows" if rows == "all" else f"rows {rows}",
        "" if columns == "all" else f"columns {columns}",
    )


def _moving(action: Copy) -> str:
    """What a copy is for: columns of the step before, of this step for later ones, or in place."""
    if action.source == action.target:
        return "slide"
    return "load" if action.source.part is Part.COLUMNS else "keep"


def _loops(stage: Stage, *, chained: bool) -> list[str]:
    """The heads of the loops around the actions, those that run once left out."""
    across = stage.column_steps
    if chained:  # the chain says when a row step is due
        rows = [f"row step t of {stage.row_steps}:"]
    else:
        rows = [f"for t in 0 .. {stage.row_steps}:"] if stage.row_steps > 1 else []
    if len(stage.strips) == 1:
        return [*rows, f"for u in 0 .. {across}:"] if across > 1 else rows
    if len(stage.strips) == across:
        return [f"for strip u in 0 .. {across}:", *rows]
    strips = ", ".join(f"{begin} .. {end}" for begin, end in stage.strips)
    return [f"for strip in ({strips}):", *rows, "for u in strip:"]
