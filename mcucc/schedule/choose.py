"""From what the user asks for to one program: which plan of which schedule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcucc.boards import Board
from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.kernels.select import isa_of, select_all
from mcucc.schedule.costs import MACS, CostModel
from mcucc.schedule.expand import expand
from mcucc.schedule.layers import layers_plan
from mcucc.schedule.plan import ImagePolicy, Plan
from mcucc.schedule.search import Front, SearchOptions, search
from mcucc.schedule.tiled import TiledProgram
from mcucc.toolchain.layout import LEAST_STACK_BYTES

SCHEDULES = ("auto", "layers", "patch", "stream")


@dataclass(frozen=True)
class ScheduleOptions:
    """What the user asks of the schedule.

    `auto` takes layer by layer where that fits the board (or `sram` bytes of arena), else the
    fastest plan found that fits. With `max_slowdown` it is the least memory within so many times
    the network's MACs. `plan` is a plan file, which decides everything.
    """

    schedule: str = "auto"
    image: ImagePolicy = ImagePolicy.RESIDENT
    sram: int | None = None
    max_slowdown: float | None = None
    plan: Path | None = None
    optimize: str = "balanced"  # how much flash fast kernels may take


@dataclass(frozen=True, eq=False)
class Schedule:
    """The program chosen, the front it was chosen from, and layer by layer to compare it with.

    `front` is None where no search ran; `cost` is the model that its costs are counted in.
    """

    program: TiledProgram
    layers: TiledProgram
    front: Front | None = None
    cost: CostModel = MACS


def bind(integer: IntegerGraph, board: Board, optimize: str) -> IntegerGraph:
    """The network with every kernel bound to the fastest variant that the board's core has."""
    isa = isa_of(board.core.value, sorted(option.value for option in board.isa))
    graph, _ = select_all(integer, isa, optimize)
    return graph


def schedule(integer: IntegerGraph, board: Board, options: ScheduleOptions) -> Schedule:
    """The program for a board's core, with the fastest kernels it has.

    Raises FitError when no plan found keeps within the memory or the slowdown asked for.
    """
    graph = bind(integer, board, options.optimize)
    if options.plan is not None:
        plan = read_plan(options.plan)
        return Schedule(expand(graph, plan), expand(graph, layers_plan(graph, plan.image)))
    layers = expand(graph, layers_plan(graph, options.image))
    if options.schedule == "layers":
        return Schedule(layers, layers)
    shared = LEAST_STACK_BYTES if board.arena == board.data else 0
    room = options.sram if options.sram is not None else board.arena.size - shared
    free = options.max_slowdown is None
    if options.schedule == "auto" and free and layers.arena_bytes <= room:
        return Schedule(layers, layers)
    most = SearchOptions().max_factor if options.max_slowdown is None else options.max_slowdown
    front = search(
        graph, SearchOptions(schedule=options.schedule, image=options.image, max_factor=most)
    )
    if options.max_slowdown is not None:
        chosen = front.within(options.max_slowdown)
    else:
        chosen = front.fitting(room)
    return Schedule(chosen.program, layers, front)


def read_plan(path: Path) -> Plan:
    """A plan file; ModelError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the plan ({error})", where=str(path)) from error
    return Plan.from_json(text, str(path))
