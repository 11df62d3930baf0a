"""The facts of a compiled network: what report.json holds and every view prints.

Bytes are integers. SRAM total = arena + static (.data/.bss of the library) + worst-case stack;
image, output and scratch are parts of the arena.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcucc.base.typed import Reader, shown, text_of, wrong
from mcucc.codegen.steps import stage_name
from mcucc.errors import OutputError
from mcucc.evaluate.slices import Slices
from mcucc.ir.integer import IntegerNode
from mcucc.passes.constant_channels import Removed
from mcucc.quantize.border import BorderFacts
from mcucc.quantize.split_outputs import SplitOutput
from mcucc.report.definitions import NOT_COUNTED, Counted
from mcucc.report.flash import FlashFacts
from mcucc.report.memory import MemoryFacts
from mcucc.report.nodes import NodeFacts
from mcucc.report.plan import PlanFacts
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.program import Compute, Program, Stage

LARGEST_FILE = 2**26  # bytes of report.json
SCHEMA = 5


@dataclass(frozen=True)
class ModelFacts:
    """The network: name, file hash, multiply-accumulates, number of constants."""

    name: str
    file: str
    sha256: str
    macs: int
    params: int
    rounding: str


@dataclass(frozen=True)
class BoardFacts:
    """The board and what it offers."""

    name: str
    core: str
    clock_hz: int
    sram: int
    flash: int


@dataclass(frozen=True)
class SramFacts:
    """Bytes of SRAM and how they are counted."""

    total: int
    arena: int
    image: int
    output: int
    scratch: int
    static: int
    stack: int
    stack_source: str
    image_policy: str
    not_counted: tuple[str, ...]


@dataclass(frozen=True)
class MacFacts:
    """Multiply-accumulates of the network, those the plan executes, and their ratio F."""

    network: int
    executed: int
    factor: float


@dataclass(frozen=True)
class InstructionFacts:
    """Executed instructions of one inference; None when not emulated."""

    total: int | None
    source: str


@dataclass(frozen=True)
class LayerFacts:
    """One step: its kernel, output, work and memory.

    Steps that run interleaved are counted together: `counted_with` is the index of the step whose
    `instructions` are those of all of them; the others have 0.
    """

    name: str
    op: str
    output: tuple[int, int, int]
    macs: int
    weight_bytes: int
    live_bytes: int
    instructions: int | None
    counted_with: int


@dataclass(frozen=True)
class Report:
    """Everything known about one compiled network."""

    schema: int
    mcucc: str
    model: ModelFacts
    board: BoardFacts
    fits: bool
    incomplete: str  # what is not known and so not counted, and why; "" where everything is
    sram: SramFacts
    flash: FlashFacts
    macs: MacFacts
    instructions: InstructionFacts
    layers: tuple[LayerFacts, ...]
    nodes: tuple[NodeFacts, ...]
    constant_channels: Removed | None  # None: they were to be kept
    borders: tuple[BorderFacts, ...]
    split_outputs: tuple[SplitOutput, ...]  # outputs of the file that are several here
    worst_slice: Slices | None  # of the outputs, on calibration pictures; None: no float network
    plan: PlanFacts
    memory: MemoryFacts
    counting: tuple[Counted, ...]
    tools: Mapping[str, str]

    def to_json(self) -> str:
        """report.json."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


def read_report(folder: Path) -> dict[str, Any]:
    """report.json of a compiled folder as plain data; OutputError when there is none."""
    path = folder / "report.json"
    try:
        report: dict[str, Any] = json.loads(text_of(path, LARGEST_FILE))
        schema = report["schema"]
        if schema == SCHEMA:
            _check(Reader().read(Report, report))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise OutputError(
            f"no readable report.json ({error})", where=str(folder), hint="run mcucc compile first"
        ) from error
    if schema != SCHEMA:
        raise OutputError(
            f"report.json has schema {shown(schema)}, this mcucc reads {SCHEMA}",
            where=str(folder),
            hint="compile again",
        )
    return report


@contextmanager
def shown_of(folder: Path) -> Iterator[None]:
    """OutputError where a view of a folder's report cannot be made: its parts do not fit together.

    `compile` makes all views of what it measured without this: a defect of ours shows there.
    """
    try:
        yield
    except (LookupError, ArithmeticError, ValueError, TypeError, StopIteration) as error:
        raise OutputError(
            f"report.json does not hold together ({type(error).__name__}: {error})",
            where=str(folder),
            hint="compile again",
        ) from error


def _check(report: Report) -> None:
    """ValueError for numbers that name no step."""
    steps, memory = len(report.layers), report.memory
    numbers = {f"nodes[{i}].step": node.step for i, node in enumerate(report.nodes)}
    numbers |= {f"layers[{i}].counted_with": e.counted_with for i, e in enumerate(report.layers)}
    numbers |= {"memory.peak": memory.peak}
    for i, buffer in enumerate(memory.buffers):
        numbers |= {f"buffers[{i}].first": buffer.first, f"buffers[{i}].last": buffer.last}
        numbers |= {f"buffers[{i}].spans[{k}]": span.step for k, span in enumerate(buffer.spans)}
    for at, number in numbers.items():
        if not 0 <= number < steps:
            raise wrong(at, f"a step below {steps}", number)
    lengths = (len(memory.ticks), len(memory.moments), len(report.plan.stages))
    if set(lengths) != {steps} or min(memory.ticks) < 1:
        raise wrong("memory, plan", f"an entry for each of {steps} steps", list(lengths))
    if not all(stage.nodes for stage in report.plan.stages):
        raise wrong("plan.stages", "nodes in every stage", [])


def layer_facts(program: Program, instructions: tuple[int, ...] | None) -> tuple[LayerFacts, ...]:
    """One entry a stage that does something; `instructions` are those of `program.steps`."""
    facts: list[LayerFacts] = []
    last = _last_of_chain(program)
    counts = dict(zip(dict.fromkeys(last.values()), instructions or (), strict=False))
    index = {number: i for i, number in enumerate(last)}
    numbered = enumerate(zip(program.stages, program.stage_bytes, strict=True))
    for number, (stage, needed) in numbered:
        if not stage.actions:
            continue
        facts.append(
            LayerFacts(
                name=stage_name(stage),
                op="; ".join(node.describe() for node in _worked(stage)),
                output=program.graph.activations[stage.nodes[-1].output].shape,
                macs=stage.macs,
                weight_bytes=sum(
                    array.data.nbytes for node in _worked(stage) for array in node.call().arrays
                ),
                live_bytes=needed,
                instructions=None if instructions is None else counts.get(number, 0),
                counted_with=index[last[number]],
            )
        )
    return tuple(facts)


def _last_of_chain(program: Program) -> dict[int, int]:
    """For every stage that does something, in order: the last such stage of its chain."""
    found: dict[int, int] = {}
    for chain in program.chains:
        acting = [number for number in chain.stages if program.stages[number].actions]
        found |= dict.fromkeys(acting, acting[-1] if acting else 0)
    return found


def _worked(stage: Stage) -> tuple[IntegerNode, ...]:
    """The nodes of a stage that have code."""
    worked = {action.node for action in stage.actions if isinstance(action, Compute)}
    return tuple(node for node in stage.nodes if node.name in worked)


def sram_facts(
    program: Program, *, arena: int, static: int, stack: int, stack_source: str
) -> SramFacts:
    """SRAM of a program in its linked image; `arena`, `static` and `stack` are measured bytes."""
    kinds = program.bytes_by_kind()
    return SramFacts(
        total=arena + static + stack,
        arena=arena,
        image=kinds[BufferKind.IMAGE],
        output=kinds[BufferKind.OUTPUT],
        scratch=kinds[BufferKind.SCRATCH],
        static=static,
        stack=stack,
        stack_source=stack_source,
        image_policy=program.plan.image.value,
        not_counted=NOT_COUNTED,
    )
