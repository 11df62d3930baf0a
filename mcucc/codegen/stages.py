"""Stages of a Program as C: their loops, and above them what a reader has to know."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from mcucc.base.names import comment
from mcucc.codegen.action_writer import ActionWriter, Writing
from mcucc.codegen.actions import ActionCode, RowCode, SinkCode
from mcucc.codegen.cases import Case, cases_of
from mcucc.codegen.constants import Constant
from mcucc.codegen.expression import Extent, Loop
from mcucc.codegen.layout import COLUMNS, Cells
from mcucc.codegen.ports import Ports, ports_of, result_of
from mcucc.schedule.plan.program import Chain, Stage
from mcucc.schedule.plan.text import Naming, ProgramText


@dataclass(frozen=True)
class Level:
    """A variable that counts steps, strips or parts of a step."""

    variable: str
    count: int


@dataclass(frozen=True)
class StageCode:
    """One stage: its loops and actions. `name` is the function the network calls.

    `constants` are declared above its actions. A chain of interleaved stages has the actions of all
    its `members`, each a function of one row step, and the `order` of their row steps. A stage of
    several `strips` takes all row steps for the columns of a strip, `strip_steps` of them, before
    it goes on to the next.
    """

    number: int
    name: str
    comments: tuple[str, ...]
    constants: tuple[Constant, ...]
    row_steps: int
    column_steps: int
    actions: tuple[ActionCode, ...]
    members: tuple[StageCode, ...] = ()
    order: tuple[int, ...] = ()
    strips: int = 1
    strip_steps: Extent | None = None

    @property
    def sinks(self) -> tuple[SinkCode, ...]:
        """Reductions, which begin before the loops and finish after them."""
        return tuple(action for action in self.actions if isinstance(action, SinkCode))

    @property
    def ports(self) -> Ports:
        """What its actions call."""
        return ports_of(action.ports for action in self.actions)

    @property
    def returns(self) -> str:
        """The C type of its result."""
        return result_of(self.ports)

    @property
    def takes_row_step(self) -> bool:
        """Whether the row step matters to any action."""
        return any(Loop.ROW_STEP in action.loops for action in self.actions)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Where a step is cut. One that goes through columns of its own accord is not."""
        never = self.strip_steps is not None
        return tuple(replace(case, whole=never) for case in cases_of(self.actions))

    @property
    def parts(self) -> int:
        """Slices of a step; 1 where its columns are a loop inside."""
        return 1 if self.strip_steps is not None else self.cases[-1].end

    @property
    def parameters(self) -> str:
        """Of the function that makes one row step, or a slice of it: `part`."""
        step = ", int32_t t" if self.takes_row_step else ""
        part = ", int32_t part" if self.row_slices > 1 else ""
        return f"int8_t *arena{step}{part}{self._ports_declared}"

    @property
    def called_row(self) -> str:
        """A call of it; in the loop over the row steps of a chain `at` is the slice."""
        step = ", t" if self.takes_row_step else ""
        part = ", at" if self.row_slices > 1 else ""
        return f"{self.name}(arena{step}{part}{self._ports_called})"

    @property
    def _ports_declared(self) -> str:
        return "".join(f", {port.parameter}" for port in self.ports)

    @property
    def _ports_called(self) -> str:
        return "".join(f", {port.value}" for port in self.ports)

    @property
    def row_slices(self) -> int:
        """Slices of a row step."""
        return self.column_steps * self.parts

    @property
    def levels(self) -> tuple[Level, ...]:
        """What the number of a slice counts, from the outermost to the innermost."""
        rows, columns = Level("t", self.row_steps), Level("u", self.column_steps)
        if self.strip_steps is not None:
            found: tuple[Level, ...] = (Level("strip", self.strips), rows)
        else:
            found = (columns, rows) if self.strips > 1 else (rows, columns)
        return tuple(x for x in (*found, Level("part", self.parts)) if x.count > 1)

    @property
    def slices(self) -> int:
        """In how many calls it can be made."""
        if self.members:
            return sum(self.members[member].row_slices for member in self.order)
        return prod(level.count for level in self.levels)

    @property
    def counter(self) -> str:
        """The variable of the loop over slices."""
        return "i" if len(self.levels) > 1 else self.levels[0].variable

    @property
    def counted(self) -> tuple[tuple[str, str], ...]:
        """The variables of a slice, where it has several, and what they are at slice `begin`."""
        found, behind = [], self.slices
        for depth, level in enumerate(self.levels):
            behind //= level.count
            value = f"begin / {behind}" if behind > 1 else "begin"
            found.append((level.variable, f"{value} % {level.count}" if depth else value))
        return tuple(found[self._unread :]) if len(found) > 1 else ()

    @property
    def counting(self) -> tuple[str, ...]:
        """The lines that count them on to the next slice, the innermost first."""
        lines: tuple[str, ...] = ()
        if len(self.levels) < 2:
            return lines
        for depth, level in enumerate(self.levels[self._unread :], self._unread):
            if depth == 0:
                lines = (f"{level.variable}++;",)
                continue
            inner = tuple(f"    {line}" for line in lines)
            head = f"if (++{level.variable} == {level.count}) {{"
            lines = (head, f"    {level.variable} = 0;", *inner, "}")
        return lines

    @property
    def _unread(self) -> int:
        """1 where nothing depends on the outermost of several variables, else 0."""
        read = {loop.value for action in self.actions for loop in action.loops}
        read |= {"strip"} if self.strip_steps is not None else set()
        return 0 if self.levels[0].variable in read | {"part"} else 1

    @property
    def declared(self) -> str:
        """The parameters of its function."""
        slices = ", int32_t begin, int32_t end" if self.slices > 1 else ""
        return f"int8_t *arena{slices}{self._ports_declared}"

    @property
    def called(self) -> str:
        """The call of its function for slices [begin, end)."""
        slices = ", begin, end" if self.slices > 1 else ""
        return f"{self.function}(arena{slices}{self._ports_called})"

    @property
    def is_action(self) -> bool:
        """Whether it is one action and nothing around it: its function is that of the action."""
        loops = self.row_steps > 1 or self.column_steps > 1
        return len(self.actions) == 1 and not (self.members or loops or self.sinks)

    @property
    def order_cells(self) -> Cells:
        """The order in C."""
        return Cells(tuple(map(str, self.order)))

    @property
    def member_slices(self) -> Cells:
        """Slices of a row step of each member, in C."""
        return Cells(tuple(str(member.row_slices) for member in self.members))

    @property
    def function(self) -> str:
        """The function that the network calls."""
        return self.actions[0].name if self.is_action else self.name


def stage_codes(writing: Writing) -> tuple[StageCode, ...]:
    """Every chain of stages that has something to do."""
    found: list[StageCode] = []
    for chain in writing.program.chains:
        stages = {number: writing.program.stages[number] for number in chain.stages}
        acting = {number: stage for number, stage in stages.items() if stage.actions}
        codes = {
            number: _stage_code(writing, number, stage, chained=len(acting) > 1)
            for number, stage in acting.items()
        }
        if len(codes) == 1:
            found += codes.values()
        elif codes:
            found.append(_chain_code(chain, codes))
    return tuple(found)


def _chain_code(chain: Chain, codes: Mapping[int, StageCode]) -> StageCode:
    first, last = chain.stages[0], chain.stages[-1]
    members = tuple(replace(code, name=f"rows_of_{code.name}") for code in codes.values())
    return StageCode(
        number=last,
        name=codes[last].name,
        comments=_filled(
            f"Stages {first} to {last}, interleaved: each feeds the next one rows as it asks."
        ),
        constants=(),
        row_steps=len(chain.order),
        column_steps=1,
        actions=tuple(action for code in members for action in code.actions),
        members=members,
        order=tuple(number - first for number in chain.order),
    )


def _stage_code(writing: Writing, number: int, stage: Stage, *, chained: bool) -> StageCode:
    name = writing.names.of_node(stage.nodes[-1].name, f"stage_{number}_{{}}")
    writer = ActionWriter(writing, stage)
    actions = tuple(writer.code(index, action) for index, action in enumerate(stage.actions))
    strip_steps = None
    if len(stage.strips) not in (1, stage.column_steps):
        strip_steps = writing.constants.extent(
            stage.strips, Loop.STRIP, stage.column_steps, f"{name}_strips"
        )
    code = StageCode(
        number=number,
        name=name,
        comments=(
            *_filled(*_sentences(writing, number, stage)),
            *_loop_nest(writing, number, chained=chained),
        ),
        constants=writing.constants.taken(),
        row_steps=stage.row_steps,
        column_steps=stage.column_steps,
        actions=actions,
        strips=len(stage.strips),
        strip_steps=strip_steps,
    )
    if strip_steps is not None:
        return code
    in_rows = (a.sliced() if isinstance(a, RowCode | SinkCode) else a for a in code.actions)
    return replace(code, actions=tuple(in_rows))


# Comments ----------------------------------------------------------------------------------------


def _sentences(writing: Writing, number: int, stage: Stage) -> Iterable[str]:
    """What stands above a stage: its nodes and what its loops count."""
    yield f"Stage {number}: {comment(stage.title)}"
    if len(stage.nodes) == 1:
        return
    rows, columns = stage.plan.tile
    tile = f"{rows} x {columns} pixels" if columns else f"{rows} whole row{'s' if rows > 1 else ''}"
    yield f"{len(stage.nodes)} nodes run together, each step a tile of {tile} of the last."
    last = stage.nodes[-1]
    measured = last.inputs[0] if last.name in stage.sinks else last.output
    shape = writing.program.graph.activations[measured]
    yield _loop("t counts row steps", stage.row_steps, -(-shape.height // rows), "below")
    if columns and len(stage.strips) == 1:
        across = -(-shape.width // columns)
        yield _loop("u counts column steps", stage.column_steps, across, "to the right of")
    elif len(stage.strips) > 1:
        yield (
            f"u counts column steps, {stage.column_steps} in {len(stage.strips)} vertical strips: "
            "what two strips read at their border is computed in both."
        )


def _loop_nest(writing: Writing, number: int, *, chained: bool) -> Iterable[str]:
    """What one step does, as `mcucc plan --print` says it; nothing for a layer by itself."""
    stage, names = writing.program.stages[number], writing.names
    if len(stage.nodes) == 1 and len(stage.actions) == 1:
        return
    buffers = writing.program.buffers
    naming = Naming(
        node=names.nodes.__getitem__,
        tensor=names.tensors.__getitem__,
        buffer=lambda buffer: names.buffer(buffers[buffer]),
    )
    yield ""
    yield from ProgramText(writing.program, naming).loop_nest(number, chained=chained)


def _loop(what: str, steps: int, tiles: int, where: str) -> str:
    """Why there may be more steps than tiles."""
    ahead = steps - tiles
    if ahead <= 0:
        return f"{what}, {steps} of them."
    return (
        f"{what}, {steps} of them for {tiles} tiles: the last node lags {ahead} behind the first, "
        f"because windows read what lies {where} the tile, which must be there before."
    )


def _filled(*paragraphs: str) -> tuple[str, ...]:
    """Lines of a comment."""
    width = COLUMNS - len(" *  */")
    return tuple(line for text in paragraphs for line in textwrap.wrap(text, width))
