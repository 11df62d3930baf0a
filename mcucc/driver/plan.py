"""`plan`: the front of a network for a board, the plan chosen, and what its figures count."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcucc.base.progress import Progress
from mcucc.boards.board import Board, load_board
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.errors import OutputError
from mcucc.kernels.costs import fit_of
from mcucc.report.facts import SCHEMA
from mcucc.report.plan import plan_facts
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.choose import Schedule, ScheduleOptions, arena_room, schedule

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

    def to_dict(self) -> dict[str, Any]:
        """Everything `mcucc plan` prints, as plain data. Bytes, MACs, instructions."""
        program, stack = self.schedule.program, self.options.stack
        cost, fit = self.schedule.cost, fit_of(self.schedule.cost.name)
        layers = self.schedule.layers
        return {
            "schema": SCHEMA,
            "model": {"file": self.network.path.name, "macs": program.graph.macs},
            "board": self.board.name,
            "core": self.board.core.value,
            "image": program.plan.image.value,
            "room": arena_room(self.board, self.options) if self.limited else None,
            "chosen": self._point(program),
            "layers": self._point(layers),
            "front": [{**self._point(p.program), "cost": p.cost} for p in self.schedule.front],
            "plan": dataclasses.asdict(plan_facts(self.schedule)),
            "stack_estimate": stack,
            "cost_fit": {"core": cost.name, "words": fit.words, **dataclasses.asdict(fit)},
            "counted": [
                "arena: image, activations, caches, scratch and output",
                f"image {program.plan.image.value}: {IMAGES[program.plan.image]}",
                f"stack: {stack} bytes reserved; compile measures it",
            ],
            "noise": self.network.synthetic,
        }

    def _point(self, program: Program) -> dict[str, Any]:
        return {
            "sram": program.arena_bytes + self.options.stack,
            "arena": program.arena_bytes,
            "image": program.bytes_by_kind()[BufferKind.IMAGE],
            "macs": program.macs,
            "factor": program.factor,
            "slowdown": self.schedule.slowdown(program),
            "instructions": round(self.schedule.estimate(program)),
            "stages": len(program.steps),
            "chosen": program is self.schedule.program,
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
    target = load_board(board or DEFAULT_BOARD)
    limited = board is not None or options.sram is not None
    network = load_network(model, dataclasses.replace(network_options, noise=True), progress)
    progress("planning", 0, 0)
    wanted = dataclasses.replace(options, always_search=True, unlimited=board is None)
    made = schedule(network.integer, target, wanted, progress)
    check(made.program)
    return Planned(network, target, made, wanted, limited)
