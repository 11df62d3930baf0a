"""One interface for every way to run a network, and what a run tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mcucc.boards.board import Board
from mcucc.errors import ToolError
from mcucc.toolchain.firmware import Firmware


@dataclass(frozen=True)
class Fault:
    """Why firmware stopped: what happened, the data address, where the code was.

    `address` and `pc` are addresses of the emulated machine, None when the core cannot tell.
    `function` is the function at `pc`; `step` is known when steps are counted.
    """

    what: str
    address: int | None
    pc: int | None
    function: str | None
    step: int | None
    image: int | None
    stack_overflow: bool


class EmulationFault(ToolError):
    """Firmware faulted; `fault` says how, `records` what it had reported until then."""

    def __init__(self, fault: Fault, records: Mapping[str, int], *, where: str) -> None:
        self.fault, self.records = fault, records
        words = [fault.what]
        if fault.function is not None:
            words.append(f"in {fault.function}")
        if fault.pc is not None:
            words.append(f"at pc 0x{fault.pc:08x}")
        if fault.step is not None:
            words.append(f"in step {fault.step}")
        if fault.image is not None:
            words.append(f"of image {fault.image}")
        super().__init__(" ".join(words), where=where)


class HangError(ToolError):
    """A run did not end within its limit."""


@dataclass(frozen=True)
class Cycles:
    """Clock cycles of the first image on a real core: of the whole run, and step by step.

    `counter` names what counted them ("DWT CYCCNT", "SysTick", "mcycle").
    """

    total: int
    steps: tuple[int, ...]
    counter: str


@dataclass(frozen=True)
class Place:
    """Where firmware ran behind a debugger.

    `machine` is the board, or QEMU's machine, which `emulated` then says; `memory` holds code and
    weights ("RAM", "flash"), `guards` says what was fenced off. `uncounted` is why there are no
    cycles, "" where there are or nobody asked.
    """

    machine: str
    emulated: bool
    memory: str
    guards: str
    uncounted: str = ""


@dataclass(frozen=True)
class RunResult:
    """What a run of some images gave.

    `outputs` has one entry an image: all output tensors, int8, one after the other.
    `instructions` and `step_instructions` are those of the first image (None when not counted);
    the total is of the model's `run`, the steps are of `run_step` called one by one.
    `image_instructions` has the total of every image; `row_requests` says, for each row of the
    first image in the order in which rows were asked for, how many instructions had run until then
    (None: not counted, or no camera sends rows). Stack and arena high-water in bytes.
    `cycles` is there where a core counted them, and then instructions are not. `place` is known of
    what ran behind a debugger.
    """

    outputs: tuple[bytes, ...]
    instructions: int | None
    step_instructions: tuple[int, ...] | None
    image_instructions: tuple[int, ...] | None
    stack_bytes: int | None
    arena_high_water: int | None
    records: Mapping[str, int]
    row_requests: tuple[int, ...] | None = None
    cycles: Cycles | None = None
    place: Place | None = None


class Emulator(Protocol):
    """Runs firmware."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    def unavailable(self, board: Board) -> str | None:
        """Why firmware of this board cannot run here, None when it can."""

    def run(
        self,
        firmware: Firmware,
        images: Sequence[bytes],
        *,
        count: bool = False,
        timeout_s: float = 600.0,
        model: str | None = None,
    ) -> RunResult:
        """Runs the network on every image (camera bytes, input tensors one after the other).

        `model` chooses one of several networks, by default the first. Raises EmulationFault,
        HangError after `timeout_s` seconds, ToolError when the emulator is missing or fails.
        """


def model_index(firmware: Firmware, model: str | None) -> int:
    """The place of a model in the firmware; ToolError when it has none of that name."""
    names = [each.name for each in firmware.models]
    if model is None:
        return 0
    if model not in names:
        raise ToolError(f"the firmware has no model {model!r}, only {', '.join(names)}")
    return names.index(model)


def input_file(images: Sequence[bytes], count: bool) -> bytes:
    """The firmware's input: with counting every image comes twice (main.c)."""
    if not images:
        raise ToolError("no image to run")
    return b"".join(image * 2 if count else image for image in images)


def hang_error(
    name: str, timeout_s: float, records: Mapping[str, int], detail: str = ""
) -> HangError:
    """The error of a run that did not end; names the last image that began."""
    begun = [int(key.split(".")[1]) for key in records if key.endswith(".input_crc")]
    place = f" in image {max(begun)}" if begun else ""
    return HangError(
        f"the network did not finish within {timeout_s:g} s{place}{detail}",
        where=name,
        hint="a larger --time-limit, fewer images, or an endless loop in the code",
    )
