"""What a run behind a debugger tells: where it was, and the cycles of every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcucc.backends.interface import Place, RunResult
from mcucc.boards.board import Board
from mcucc.schedule.plan.program import Compute, Program, Step


@dataclass(frozen=True)
class StepCycles:
    """A step by its nodes and kernels; instructions are an emulator's of the same code, or None."""

    name: str
    kernels: str
    cycles: int
    instructions: int | None


@dataclass(frozen=True)
class OnBoard:
    """One inference: clock cycles in all and step by step, () where nothing counted them.

    `clock_hz` is the board's by its TOML; a core that was just reset may run slower, which changes
    no cycles but those that wait for flash. `emulator` counted `instructions`, "" for none.
    """

    server: str
    place: Place
    counter: str
    cycles: int | None
    instructions: int | None
    emulator: str
    clock_hz: int
    steps: tuple[StepCycles, ...]

    @property
    def milliseconds(self) -> float | None:
        """The cycles at the board's clock."""
        return None if self.cycles is None else self.cycles * 1e3 / self.clock_hz

    def lines(self) -> list[str]:
        """For people: where, and what was counted."""
        place = self.place
        what = f"{place.machine}, which QEMU plays" if place.emulated else place.machine
        lines = [f"on {what}, code and weights in {place.memory}; {place.guards}"]
        if place.uncounted:
            lines.append(f"nothing was counted: {place.uncounted}")
        if self.cycles is None:
            return lines
        time = f"{self.milliseconds:.3f} ms at {self.clock_hz / 1e6:g} MHz"
        counted = f"{self.cycles:,} cycles by {self.counter}: {time}"
        if self.instructions:
            share = self.cycles / self.instructions
            counted += f"; {self.instructions:,} instructions by {self.emulator}, {share:.3f} each"
        lines.append(counted)
        if place.emulated:
            lines.append("QEMU's time is no core's: these cycles say nothing of a board")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "server": self.server,
            "machine": self.place.machine,
            "emulated": self.place.emulated,
            "memory": self.place.memory,
            "fence": self.place.guards,
            "uncounted": self.place.uncounted,
            "counter": self.counter,
            "clock_hz": self.clock_hz,
            "cycles": self.cycles,
            "instructions": self.instructions,
            "emulator": self.emulator,
            "steps": [vars(step) for step in self.steps],
        }


def on_board(
    program: Program,
    board: Board,
    server: str,
    found: RunResult,
    counted: RunResult | None,
    by: str,
) -> OnBoard | None:
    """What `found` tells beside its outputs; None where no debugger was in front of the core.

    `counted` is the same picture on the emulator `by`, None where there is none.
    """
    if found.place is None:
        return None
    cycles = found.cycles
    instructions = None if counted is None else counted.step_instructions
    steps: list[StepCycles] = []
    if cycles is not None:
        # What the firmware does before the program's steps has no nodes.
        first = len(cycles.steps) - len(program.steps)
        for index, count in enumerate(cycles.steps):
            step = program.steps[index - first] if index >= first else None
            steps.append(
                StepCycles(
                    name="begin" if step is None else step.title,
                    kernels="" if step is None else _kernels(step),
                    cycles=count,
                    instructions=None if instructions is None else instructions[index],
                )
            )
    return OnBoard(
        server=server,
        place=found.place,
        counter="" if cycles is None else cycles.counter,
        cycles=None if cycles is None else cycles.total,
        instructions=found.instructions if counted is None else counted.instructions,
        emulator=by if counted is not None else "",
        clock_hz=board.clock_hz,
        steps=tuple(steps),
    )


def _kernels(step: Step) -> str:
    """The functions that a step calls, each once."""
    acts = (action for stage in step.stages for action in stage.actions)
    names = {action.node for action in acts if isinstance(action, Compute)}
    calls = (node.call().function for node in step.nodes if node.name in names)
    return ", ".join(dict.fromkeys(calls))
