"""The facts of a compiled network: what report.json holds and every view prints.

Bytes are integers. SRAM total = arena + static (.data/.bss of the library) + worst-case stack;
image, output and scratch are parts of the arena. A Report is the same before report.json is written
and after it is read: views take nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcucc.answers.answer import Answer
from mcucc.answers.recognise.found import Recognised
from mcucc.answers.summary import summary_of
from mcucc.answers.words import task_of
from mcucc.base.typed import Reader, plain, shown, wrong
from mcucc.evaluate.diagnosis import Diagnosis
from mcucc.evaluate.slices import Slices
from mcucc.passes.constant_channels import Removed
from mcucc.quantize.border import BorderFacts
from mcucc.quantize.candidates import Chosen
from mcucc.quantize.split_outputs import SplitOutput
from mcucc.report.definitions import Counted
from mcucc.report.flash import FlashFacts
from mcucc.report.memory import MemoryFacts
from mcucc.report.nodes import NodeFacts
from mcucc.report.plan import PlanFacts
from mcucc.report.rows import RowFacts
from mcucc.schedule.plan.plan import ImagePolicy

SCHEMA = 5
# Keys that reports of before do not have.
OPTIONAL = (
    *("program_text", "weight_bits", "value_bits", "diagnosis", "warnings"),
    *("constant_outputs", "merged", "recognised", "answers"),
    *("camera_rows", "line_buffers"),
    "objectives",
)
PEAK_LIVE = "peak_live"  # a key of `plan` that tells again what `memory` does
SAVING = "saving"  # one that reports of before have: what `objectives` says now


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
    image_policy: ImagePolicy
    not_counted: tuple[str, ...]
    line_buffers: int = 0  # of the camera's driver, for the line period that was given
    row_outputs: tuple[str, ...] = ()  # handed out by rows

    @property
    def beside_arena(self) -> int:
        """Stack and line buffers: what a plan must leave room for."""
        return self.stack + self.line_buffers


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
class ConstantOutputFacts:
    """An output of the file that is the same for every picture: nothing computes it.

    `symbol` is its table in NAME_constants.h, empty where there is none.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    symbol: str


@dataclass(frozen=True)
class MergedFacts:
    """A layer that computes several of the model file at once, the sum of `parts`."""

    layer: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class AnswerFacts:
    """What an output says by [output], and the tensors of the network that it is decoded from."""

    task: str
    output: str
    heads: tuple[str, ...]
    says: str

    @staticmethod
    def of(answer: Answer) -> AnswerFacts:
        """The facts of one."""
        return AnswerFacts(task_of(answer), answer.output, answer.heads, summary_of(answer))


@dataclass(frozen=True)
class RecognisedFacts:
    """Outputs that were decoded boxes: what they are, how it was proved, what convention says."""

    words: str
    proof: str
    assumed: tuple[str, ...]

    @staticmethod
    def of(found: Recognised | None) -> RecognisedFacts | None:
        """None of nothing."""
        return None if found is None else RecognisedFacts(found.words, found.proof, found.assumed)


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
    chosen: Chosen | None  # of the quantizer's ways; None: it had one
    worst_slice: Slices | None  # of the outputs, on calibration pictures; None: no float network
    plan: PlanFacts
    memory: MemoryFacts
    counting: tuple[Counted, ...]
    tools: Mapping[str, str]
    program_text: tuple[str, ...] = ()  # lines: the plan, and its program as a loop nest
    diagnosis: Diagnosis | None = None  # None: no float network, or no pictures
    warnings: tuple[str, ...] = ()  # of the calibration pictures and the TOML
    constant_outputs: tuple[ConstantOutputFacts, ...] = ()
    merged: tuple[MergedFacts, ...] = ()
    answers: tuple[AnswerFacts, ...] = ()
    camera_rows: RowFacts | None = None  # None: no camera sends rows, or nothing was counted
    recognised: RecognisedFacts | None = None  # None: [output] says it, or nothing does

    def to_json(self) -> str:
        """report.json."""
        data = plain(self)
        data["plan"] = plan_data(self.plan, self.memory)
        return json.dumps(data, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Report:
        """The report of a report.json.

        Raises OtherSchema for one of another version of mcucc, ValueError for what is none.
        """
        try:
            data = json.loads(text)
            schema = data["schema"]
            if schema != SCHEMA:
                raise OtherSchema(schema)
            data["plan"].pop(PEAK_LIVE)
            data["plan"].pop(SAVING, None)
            report: Report = Reader(OPTIONAL).read(Report, data)
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        _check(report)
        return report


class OtherSchema(ValueError):
    """A report.json whose keys mean something else."""

    def __init__(self, schema: object) -> None:
        super().__init__(f"report.json has schema {shown(schema)}, this mcucc reads {SCHEMA}")


def plan_data(plan: PlanFacts, memory: MemoryFacts) -> dict[str, Any]:
    """The plan as plain data, with what is live at the peak."""
    live = [
        {
            "tensors": [each.tensor],
            "role": each.role.value,
            "offset": each.offset,
            "size": each.bytes,
        }
        for each in memory.moments[memory.peak].live
    ]
    return {**plain(plan), PEAK_LIVE: live}


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
