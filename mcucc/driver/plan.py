"""`plan`: the front of a network for a board, the plan chosen, and what its figures count."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcucc.base.progress import Progress
from mcucc.base.typed import plain
from mcucc.boards.board import Board, load_board
from mcucc.driver.choice import schedule_facts
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.target import target_of
from mcucc.driver.wide_cost import with_widening
from mcucc.errors import OutputError
from mcucc.kernels.costs import Fit, fit_of
from mcucc.report.facts import SCHEMA, plan_data
from mcucc.report.memory import MemoryFacts, memory_facts
from mcucc.report.plan import PlanFacts
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.bound import LeastBytes, bound_beside
from mcucc.schedule.search.choose import Schedule, schedule
from mcucc.schedule.search.pick import Objective
from mcucc.schedule.search.wishes import ScheduleOptions

# Kernels and costs where no board is named; its memory is then no limit.
DEFAULT_BOARD = "nucleo-l4r5zi"
IMAGES = {
    ImagePolicy.ROWS: "the camera's rows that are still needed are in the arena",
    ImagePolicy.RESIDENT: "the whole image is in the arena",
    ImagePolicy.MAPPED: "rows that are still needed are in the arena; the image itself "
    "is NOT counted",
}


@dataclass(frozen=True, eq=False)
class Planned:
    """A planned network. `limited` says whether a board or --sram bounds the memory."""

    network: LoadedModel
    board: Board
    schedule: Schedule
    options: ScheduleOptions
    limited: bool

    def save(self, path: Path) -> None:
        """Write the chosen plan; OutputError when it cannot be written."""
        try:
            path.write_text(self.schedule.program.plan.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write the plan ({error})", where=str(path)) from error

    def report(self, *, bound: bool = False) -> PlanReport:
        """Everything `mcucc plan` prints; the `bound` of other plans takes seconds."""
        program, cost = self.schedule.program, self.schedule.cost
        need, facts = self.schedule.need(program), schedule_facts(self.schedule)
        return PlanReport(
            file=self.network.file.path.name,
            macs=program.graph.macs,
            board=self.board.name,
            core=self.board.core.value,
            image=program.plan.image,
            room=self.schedule.room.arena(need.beside) if self.limited else None,
            chosen=self._point(program),
            layers=self._point(self.schedule.layers),
            front=tuple(self._point(point.program) for point in self.schedule.front),
            plan=facts,
            memory=memory_facts(program),
            stack_estimate=need.stack,
            fitted_core=cost.name,
            fit=fit_of(cost.name),
            counted=(
                "arena: image, activations, caches, scratch and output",
                f"image {program.plan.image.value}: {IMAGES[program.plan.image]}",
                f"stack: {need.stack} bytes estimated; compile measures it",
            ),
            noise=self.network.synthetic,
            bounded=bound,
            bound=bound_beside(self.schedule.layers.graph, program) if bound else None,
        )

    def _point(self, program: Program) -> PlanPoint:
        cost = self.schedule.estimate(program)
        found = {objective: self.schedule.best(objective) for objective in Objective}
        return PlanPoint(
            sram=self.schedule.need(program).total,
            arena=program.arena_bytes,
            image=program.bytes_by_kind()[BufferKind.IMAGE],
            macs=program.macs,
            factor=program.factor,
            slowdown=self.schedule.slowdown(program),
            instructions=round(cost),
            stages=len(program.steps),
            chosen=program is self.schedule.program,
            cost=cost,
            objectives=tuple(
                objective.value
                for objective, offer in found.items()
                if offer is not None and offer.program is program
            ),
        )


@dataclass(frozen=True)
class PlanPoint:
    """A plan: bytes, executed MACs and their factor, estimated instructions (`cost`, rounded).

    `objectives` are those that would take it.
    """

    sram: int  # arena, and what is estimated beside it
    arena: int
    image: int
    macs: int
    factor: float
    slowdown: float  # over the fastest plan known
    instructions: int
    stages: int
    chosen: bool
    cost: float
    objectives: tuple[str, ...]


@dataclass(frozen=True)
class PlanReport:
    """What `mcucc plan` says: the front, least memory first, the plan chosen, how it is counted.

    `room` is the arena allowed, None without a limit; `fit` says how good the estimates for
    `fitted_core` are. Where it was asked for (`bounded`), `bound` is what plans need at least that
    compute no more than the one chosen; None for networks that get none.
    """

    file: str
    macs: int
    board: str
    core: str
    image: ImagePolicy
    room: int | None
    chosen: PlanPoint
    layers: PlanPoint
    front: tuple[PlanPoint, ...]
    plan: PlanFacts
    memory: MemoryFacts
    stack_estimate: int
    fitted_core: str
    fit: Fit
    counted: tuple[str, ...]
    noise: bool
    bounded: bool
    bound: LeastBytes | None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "schema": SCHEMA,
            "model": {"file": self.file, "macs": self.macs},
            "board": self.board,
            "core": self.core,
            "image": self.image.value,
            "room": self.room,
            "chosen": plain(self.chosen),
            "layers": plain(self.layers),
            "front": [plain(point) for point in self.front],
            "plan": plan_data(self.plan, self.memory),
            "stack_estimate": self.stack_estimate,
            "cost_fit": {"core": self.fitted_core, "words": self.fit.words, **plain(self.fit)},
            "counted": list(self.counted),
            "noise": self.noise,
            "bound": None if self.bound is None else plain(self.bound),
        }


def plan_model(
    model: Path,
    board: str | None,
    network_options: NetworkOptions,
    options: ScheduleOptions,
    progress: Progress,
) -> Planned:
    """Plan a network; the chosen plan, or the one of `options.plan`, has passed the checker.

    Raises FitError when no plan keeps within the memory, CheckError for a plan that is wrong.
    """
    chosen = load_board(board or DEFAULT_BOARD)
    limited = board is not None or options.sram is not None
    network_options = with_widening(network_options, chosen, options)
    network = load_network(model, dataclasses.replace(network_options, noise=True), progress)
    progress("planning", 0, 0)
    wanted = dataclasses.replace(options, unlimited=board is None)
    made = schedule(network.integer, target_of(chosen), wanted, progress)
    check(made.program)
    return Planned(network, chosen, made, wanted, limited)
