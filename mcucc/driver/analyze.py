"""`analyze`: whether a model fits a board, and what would help, without pictures and compiler.

The arena comes from the plan that `compile` would take (its bytes are exact), weights and tables
from the kernels. Stack and code need a compiler: they are estimates, and named so.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from mcucc.answers.propose import Proposed
from mcucc.answers.write import output_text
from mcucc.base.names import short_paths
from mcucc.base.progress import Progress
from mcucc.boards.board import Board, board_names, load_board
from mcucc.driver.ends import proposal
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.room import (
    CODE_BASE,
    CODE_PER_ACTION,
    CODE_PER_FUNCTION,
    CODE_PER_FUSED_ACTION,
    TABLES_BASE,
    TABLES_PER_LAYER,
    table_bytes,
)
from mcucc.driver.target import bind, target_of
from mcucc.driver.wide_cost import with_widening
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.ir.kernel_id import InstructionSet
from mcucc.report.facts import RecognisedFacts
from mcucc.report.format import kilobytes, short_step
from mcucc.report.nodes import NodeFacts, node_facts
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.choose import Schedule, judged_for, room_for, schedule
from mcucc.schedule.search.need import Room
from mcucc.schedule.search.wishes import ScheduleOptions
from mcucc.toolchain.layout import ARENA_ALIGNMENT


@dataclass(frozen=True)
class Way:
    """One way to run the network on a board: options of compile, and the bytes it takes.

    `sram` is the arena and the estimate of `stack`, `flash` weights, tables and that of `code`.
    """

    options: str
    schedule: str
    arena: int
    stack: int
    sram: int
    flash: int
    code: int
    factor: float
    peak_layer: str
    peak_bytes: int


@dataclass(frozen=True)
class Verdict:
    """What a board says to the network.

    `way` is how compile runs it without options where a plan fits, else layer by layer; `least` is
    the least memory found, looked for where none does. `short` says what is missing: to
    `least` where not even that fits, else to `way`.
    """

    board: str
    core: str
    sram: int
    flash: int
    fits: bool
    way: Way
    least: Way | None
    least_fits: bool
    short: tuple[str, ...]
    helps: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """`[output]` that a network's outputs look like, as TOML: why, and what is only assumed."""

    output: str
    why: str
    assumed: str

    @staticmethod
    def of(found: Proposed) -> Proposal:
        """As text."""
        return Proposal(output_text(found.spec), found.why, found.assumed)


@dataclass(frozen=True)
class Analysis:
    """A network, its layers one by one on the first board's kernels, and the verdicts."""

    model: str
    macs: int
    params: int
    input: tuple[tuple[int, int, int], ...]
    synthetic: bool
    layers: tuple[NodeFacts, ...]
    verdicts: tuple[Verdict, ...]
    recognised: RecognisedFacts | None = None  # outputs that are decoded boxes
    output: str = ""  # [output] of what was recognised, as TOML
    proposed: Proposal | None = None  # what outputs look like, where nothing says it


def analyze(
    model: Path,
    board: str,
    network_options: NetworkOptions,
    options: ScheduleOptions,
    progress: Progress,
) -> Analysis:
    """Analyze a model file for a board, or for every board (`all`).

    Raises ModelError for what cannot be compiled at all.
    """
    boards = [load_board(name) for name in (board_names() if board == "all" else (board,))]
    network_options = with_widening(network_options, boards[0], options)
    network = load_network(model, dataclasses.replace(network_options, noise=True), progress)
    made = _Analyst(network, options, progress)
    verdicts = []
    for number, each in enumerate(boards):
        progress(f"planning for {each.name}", number, len(boards))
        verdicts.append(made.verdict(each))
    first = made.layer_by_layer(boards[0])
    guess = None if network.answers else proposal(network.imported)
    return Analysis(
        model=network.file.path.name,
        macs=first.program.graph.macs,
        params=network.graph.parameters,
        input=tuple(network.integer.activations[n].shape for n in network.integer.inputs),
        synthetic=network.synthetic,
        layers=node_facts(first.program, first.layers),
        verdicts=tuple(verdicts),
        recognised=RecognisedFacts.of(network.recognised),
        output="" if network.recognised is None else output_text(network.recognised.spec),
        proposed=None if guess is None else Proposal.of(guess),
    )


class _Analyst:
    """Plans once for all boards whose cores have the same kernels, by the costs of the first."""

    def __init__(self, network: LoadedModel, options: ScheduleOptions, progress: Progress) -> None:
        # Limits of memory are applied here, so that boards can share what was found.
        self.options = dataclasses.replace(options, unlimited=True)
        self.network, self.progress = network, progress
        self.short = short_paths(node.name for node in network.integer.nodes)
        self.known: dict[tuple[InstructionSet, ScheduleOptions], Schedule] = {}

    def verdict(self, board: Board) -> Verdict:
        """The plan compile takes, where none fits layer by layer and the least there is."""
        layers, least = self.layer_by_layer(board), None
        fitting = self._fitting(board)
        way = self._way(layers, fitting or layers.program, board, "")
        if fitting is None:
            least = self._least(board)
        missing = self._missing(way, board)
        hopeless = least is not None and self._missing(least, board)[0] > 0
        bounding = least if least is not None and hopeless else way
        return Verdict(
            board=board.name,
            core=board.core.value,
            sram=board.ram_bytes,
            flash=board.flash_bytes,
            fits=max(missing) <= 0,
            way=way,
            least=least,
            least_fits=least is not None and max(self._missing(least, board)) <= 0,
            short=_short(bounding, self._missing(bounding, board)),
            helps=self._helps(board, missing, least),
        )

    def layer_by_layer(self, board: Board) -> Schedule:
        """Every layer whole."""
        return self._schedule(board, dataclasses.replace(self.options, schedule="layers"))

    def _fitting(self, board: Board) -> Program | None:
        """What compile takes without options; None where no plan fits the board."""
        made = self._schedule(board, self.options)
        offer = dataclasses.replace(made, room=self._room(board)).best(self.options.aim)
        return None if offer is None else offer.program

    def _least(self, board: Board) -> Way:
        """The least memory: image by rows, plans that compute nothing again tried first."""
        words = "--image rows --objective sram"
        rows = dataclasses.replace(self.options, image=ImagePolicy.ROWS, objective="sram")
        once = self._schedule(board, dataclasses.replace(rows, max_macs=1.0))
        way = self._way(once, once.program, board, words)
        if self._missing(way, board)[0] <= 0:
            return way
        again = self._schedule(board, rows)
        return self._way(again, again.program, board, words)

    def _missing(self, way: Way, board: Board) -> tuple[int, int]:
        """Bytes of SRAM and of flash that are short (not positive: none)."""
        # Arena, stack and code may have memories of their own.
        arena = way.arena - self._room(board).arena(way.stack)
        flash = max(way.flash - board.flash_bytes, way.flash - way.code - board.weights.size)
        return max(arena, way.sram - board.ram_bytes), flash

    def _schedule(self, board: Board, options: ScheduleOptions) -> Schedule:
        target = target_of(board)
        key = target.isa, options
        if key not in self.known:
            self.known[key] = schedule(self.network.integer, target, options, self.progress)
        found = self.known[key]
        return found if found.cost.name == target.core else judged_for(found, target, options)

    def _room(self, board: Board) -> Room:
        """The board's own memory."""
        return room_for(target_of(board), dataclasses.replace(self.options, unlimited=False))

    def _way(self, made: Schedule, program: Program, board: Board, words: str) -> Way:
        tables, code = _tables(program.graph), _code(program)
        arena = -(-program.arena_bytes // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
        peak, stack = program.peak_stage, made.need(program).stack
        return Way(
            options=words,
            schedule="layers" if program is made.layers else program.plan.schedule,
            arena=arena,
            stack=stack,
            sram=arena + stack,
            flash=tables + code,
            code=code,
            factor=program.factor,
            peak_layer=short_step(self.short, [n.name for n in program.stages[peak].nodes]),
            peak_bytes=program.stage_bytes[peak],
        )

    def _helps(self, board: Board, missing: tuple[int, int], least: Way | None) -> tuple[str, ...]:
        lines = []
        if least is not None:
            verb = "fits" if self._missing(least, board)[0] <= 0 else "is still too much"
            again = f", F = {least.factor:.2f}" if least.factor > 1.005 else ""
            lines.append(f"{least.options}: SRAM {kilobytes(least.sram)}{again}, {verb}")
            if self._missing(least, board)[0] > 0:
                lines.append(f"a smaller input, or fewer channels in {least.peak_layer}")
        if missing[1] > 0 and self.options.optimize != "size":
            small = _tables(bind(self.network.integer, board, "size"))
            large = _tables(bind(self.network.integer, board, self.options.optimize))
            if small < large:
                lines.append(
                    f"--optimize size: {kilobytes(large - small)} less of flash for weights"
                )
        if missing[1] > 0:
            lines.append(f"fewer channels in large layers: {_largest(self.network)}")
        return tuple(lines)


def _short(way: Way, missing: tuple[int, int]) -> tuple[str, ...]:
    lines = []
    if missing[0] > 0:
        least = "at least " if way.options else ""
        amount = kilobytes(missing[0])
        lines.append(f"SRAM {least}{amount} short; the peak is at {way.peak_layer}")
    if missing[1] > 0:
        lines.append(f"flash about {missing[1] / 1000:,.0f} kB short")
    return tuple(lines)


def _tables(graph: IntegerGraph) -> int:
    """Bytes of weights and tables; beside those of the layers they are an estimate."""
    sizes = table_bytes(graph)
    return sum(sizes.values()) + TABLES_BASE + TABLES_PER_LAYER * len(sizes)


def _code(program: Program) -> int:
    """Estimated bytes of code: the kernels called, and the loops that call them."""
    nodes = [n for n in program.graph.nodes if n.kernel.granularity is not Granularity.ALIAS]
    calls = [node.call() for node in nodes]
    kernels = {part.id for call in calls for part in call.calls}
    actions = sum(
        (CODE_PER_ACTION if len(stage.nodes) == 1 else CODE_PER_FUSED_ACTION) * len(stage.actions)
        for stage in program.stages
    )
    return CODE_BASE + CODE_PER_FUNCTION * len(kernels) + actions


def _largest(network: LoadedModel) -> str:
    """The two layers with the most weights."""
    sizes = table_bytes(network.integer)
    short = short_paths(sizes)
    first = sorted(sizes, key=lambda name: -sizes[name])[:2]
    return ", ".join(f"{short[name]} has {kilobytes(sizes[name])}" for name in first)
