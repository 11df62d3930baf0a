"""What the templates print: every name, number and comment of a generated model, computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mcucc.answers.answer import Answer
from mcucc.base.names import comment, identifier, short_paths, string
from mcucc.codegen.action_writer import Writing
from mcucc.codegen.answers import AnswerCode, NameTable, answer_codes
from mcucc.codegen.arena_map import arena_map
from mcucc.codegen.constant_outputs import ConstantTable, constant_tables
from mcucc.codegen.constants import BufferCode, Constant, Constants
from mcucc.codegen.figures import Figures
from mcucc.codegen.layout import Cells
from mcucc.codegen.model_names import Names, c_float
from mcucc.codegen.ports import Port, Ports, result_of
from mcucc.codegen.reserved import check_name
from mcucc.codegen.slices import SliceRows, slice_rows
from mcucc.codegen.stages import StageCode, stage_codes
from mcucc.codegen.tables import Table, constant_arrays
from mcucc.frontends.imported import ConstantOutput
from mcucc.images.camera import CameraInput
from mcucc.ir.kernel import KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.numerics.fixed_point import INT8, INT16
from mcucc.ops.arg_max import index_entries
from mcucc.quantize.split_outputs import SplitOutput
from mcucc.schedule.plan.buffers import BufferId
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Compute, Program

# What kernels of an ISA ask of a core, as mcucc/slow.h calls it.
_WANTS = {"mve": "MVE", "armv7em": "DSP", "armv7m": "THUMB2"}
INT16_MOST = 32767
# C units that are no kernel's
CAMERA, BOXES, FRAME = KernelId("camera"), KernelId("boxes"), KernelId("frame")


@dataclass(frozen=True)
class End:
    """A named input or output of the generated API."""

    name: str
    identifier: str
    macro: str
    offset: int
    start: str  # C expression of its first byte; empty for rows of a camera
    height: int
    width: int
    channels: int
    value_type: str  # int8 or int16
    value_bytes: int
    row_bytes: int
    size: int
    scale_float: str
    zero_point: int
    camera: bool
    sent: str = ""  # what a camera sends whose bytes are read as they are; "": nothing such
    note: str = ""  # what part of the file's output it is
    entries: int | None = None  # that its values are indices into
    records: str = ""  # the function that reads them, where the values are a list of records
    leaves: bool = False  # by rows


@dataclass(frozen=True)
class CameraCode:
    """The step that turns one resident image's camera bytes into int8 or int16."""

    name: str
    title: str
    buffer: BufferCode
    size: int
    pixels: int
    channels: int
    table: str  # empty: byte - 128
    wide: bool  # into int16


@dataclass(frozen=True)
class ModelCode:
    """Everything the templates need. `streams`: the image comes in rows, by a
    callback; `mapped`: from memory that holds all of it."""

    name: str
    macro: str
    title: str
    model_id: int
    origin: tuple[str, ...]
    headers: tuple[str, ...]
    arena_bytes: int
    arena: tuple[str, ...]  # lines of the map
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    streams: bool
    mapped: bool
    cameras: tuple[CameraCode, ...]
    ports: Ports
    stages: tuple[StageCode, ...]
    tables: tuple[Table, ...]
    first_constants: tuple[Constant, ...]  # declared before the stages
    last_constants: tuple[Constant, ...]  # and behind them
    step_names: tuple[str, ...]
    slice_counts: Cells  # of every step
    slice_count: int  # of all
    slice_rows: SliceRows | None  # where rows come from a camera
    sources: tuple[str, ...]  # of the kernels, below runtime_c
    constant_outputs: tuple[ConstantTable, ...] = ()
    answers: tuple[AnswerCode, ...] = ()
    line_buffers: int | None = None  # for a sensor's pace, which `line_buffers_for` says
    line_buffers_for: str = ""
    cache_line: int = 0  # bytes, of the core's data cache; 0: none
    figures: Figures | None = None

    @property
    def slice_type(self) -> str:
        """The C type of the numbers of slices in tables."""
        return "int16_t" if self.slice_count <= INT16_MOST else "int32_t"

    @property
    def pushed(self) -> tuple[End, ...]:
        """The inputs whose rows can be pushed: those that come from a camera."""
        return self.inputs if self.slice_rows is not None else ()

    @property
    def returns(self) -> str:
        """The C type of a run: what a port ended it with, where it has one."""
        return result_of(self.ports)

    @property
    def ports_declared(self) -> str:
        """The ports of a run as more parameters."""
        return "".join(f", {port.parameter}" for port in self.ports)

    @property
    def ports_called(self) -> str:
        """The same as more arguments."""
        return "".join(f", {port.value}" for port in self.ports)

    @property
    def ports_given(self) -> str:
        """The same as arguments of a caller who has the structs."""
        return "".join(f", &{port.value}" for port in self.ports)

    @property
    def callbacks(self) -> str:
        """What may end a run, in words."""
        return " or ".join(port.call for port in self.ports)

    @property
    def delivers(self) -> bool:
        """Whether rows of an output are handed out."""
        return Port.SINK in self.ports

    @property
    def name_tables(self) -> tuple[NameTable, ...]:
        """Names of classes and points."""
        return tuple(table for answer in self.answers for table in answer.tables)

    @property
    def has_records(self) -> bool:
        """Whether an output is a list of boxes or points."""
        return any(answer.records for answer in self.answers)

    @property
    def printed(self) -> tuple[End, ...]:
        """The outputs whose values an example prints after a run: a list of records is read."""
        return tuple(end for end in self.outputs if not (end.records or end.leaves))

    @property
    def handed_out(self) -> tuple[End, ...]:
        """The outputs that leave by rows."""
        return tuple(end for end in self.outputs if end.leaves)

    @property
    def has_constants(self) -> bool:
        """Whether there are tables of constant outputs."""
        return any(table.symbol for table in self.constant_outputs)

    @property
    def wants(self) -> tuple[str, ...]:
        """What the kernels were chosen for (mcucc/slow.h)."""
        isas = {source.split("/")[1] for source in self.sources}
        return tuple(word for isa, word in _WANTS.items() if isa in isas)

    @property
    def resident_steps(self) -> int:
        """Steps before the first stage."""
        return len(self.cameras)


@dataclass(frozen=True)
class Origin:
    """Where a generated model comes from, for its first comment and its id."""

    file: str
    sha256: str
    version: str


def model_code(
    program: Program,
    cameras: Mapping[str, CameraInput],
    name: str,
    origin: Origin,
    splits: Sequence[SplitOutput] = (),
    constants: Mapping[str, ConstantOutput] | None = None,
    answers: Sequence[Answer] = (),
    cache_line: int = 0,
) -> ModelCode:
    """Compute every name, number and comment of the generated C of `program`.

    `cameras` says for each input how camera bytes become int8; inputs without one take int8.
    `splits` are outputs of the file that are several here, `constants` those that nothing computes;
    `answers` say what outputs mean, `cache_line` is the bytes of a line of the core's data cache.
    """
    graph = program.graph
    notes = {
        part.name: comment(f"{split.place(part)} of the file's output {split.output}")
        for split in splits
        for part in split.parts
    }
    tables = constant_tables(name, constants or {})
    names = Names(name, program, [table.symbol for table in tables])
    # What leaves by rows is not there when a function could read it.
    kept = [answer for answer in answers if answer.output not in program.plan.row_outputs]
    read = answer_codes(kept, graph.activations, names)
    readers = {answer.output.end: answer.function for answer in read if answer.records}
    converted = {tensor: camera for tensor, camera in cameras.items() if not camera.sent}
    writing = Writing(program, names, Constants(program, names), converted)
    streams = program.plan.image.streams
    camera_steps = () if streams else tuple(_camera(writing, tensor) for tensor in converted)
    first_constants = writing.constants.taken()
    stages = stage_codes(writing)
    slices = [1] * len(camera_steps) + [stage.slices for stage in stages]
    inputs = tuple(_end(writing, t, not streams, camera=cameras.get(t)) for t in graph.inputs)
    leaving = program.plan.row_outputs
    outputs = tuple(
        _end(writing, t, t not in leaving, note=notes.get(t, "")) for t in graph.outputs
    )
    ports = (*((Port.CAMERA,) if streams else ()), *((Port.SINK,) if leaving else ()))
    outputs = tuple(replace(o, records=readers.get(o.identifier, "")) for o in outputs)
    calls = _calls(program)
    mapped = program.plan.image is ImagePolicy.MAPPED
    ids = {c.id for call in calls.values() for c in call.calls}
    ids |= {CAMERA} if converted or mapped else set()
    beside = {BOXES, FRAME} if readers else {FRAME}
    titles = [*(c.title for c in camera_steps), *_step_titles(program)]
    return ModelCode(
        name=name,
        macro=name.upper(),
        title=comment(graph.name),
        model_id=int(origin.sha256[:8], 16),
        origin=(
            f"Generated by mcucc {origin.version} from {comment(origin.file)}",
            f"sha256 {origin.sha256}",
            f"{graph.macs:,} MACs (executed: {program.macs:,}), "
            f"{graph.rounding.value} rounding, schedule {comment(program.plan.schedule)}",
        ),
        headers=tuple(sorted({f"mcucc/{key.unit}.h" for key in ids})),
        arena_bytes=program.arena_bytes,
        arena=tuple(arena_map(program)),
        inputs=inputs,
        outputs=outputs,
        streams=streams,
        mapped=mapped,
        cameras=camera_steps,
        ports=ports,
        stages=stages,
        tables=constant_arrays(calls, converted, names),
        first_constants=first_constants,
        last_constants=writing.constants.taken(),
        step_names=tuple(string(title) for title in titles),
        slice_counts=Cells(tuple(map(str, slices))),
        slice_count=sum(slices),
        slice_rows=slice_rows(program, names, stages),
        sources=tuple(sorted({key.source for key in ids | beside})),
        constant_outputs=tables,
        answers=read,
        cache_line=cache_line,
    )


def _step_titles(program: Program) -> list[str]:
    """Short ones: they are in flash, and exporters' names are paths that repeat."""
    short = short_paths(node.name for node in program.graph.nodes)
    titles = []
    for step in program.steps:
        ends = dict.fromkeys((step.nodes[0].name, step.nodes[-1].name))
        titles.append(" .. ".join(short.get(name, name) for name in ends))
    return titles


def _calls(program: Program) -> dict[str, KernelCall]:
    """The kernels of the nodes that are computed, in order."""
    computed = {
        action.node
        for stage in program.stages
        for action in stage.actions
        if isinstance(action, Compute)
    }
    nodes = (node for stage in program.stages for node in stage.nodes if node.name in computed)
    return {node.name: node.call() for node in nodes}


def _camera(writing: Writing, tensor: str) -> CameraCode:
    names, x, camera = writing.names, writing.program.graph.activations[tensor], writing.cameras
    return CameraCode(
        name=names.symbol(f"run_camera_{names.tensors[tensor]}", "camera", tensor),
        title=f"camera {comment(tensor)}",
        buffer=writing.constants.buffer(BufferId(tensor)),
        size=x.size,
        pixels=x.height * x.width,
        channels=x.channels,
        table="" if camera[tensor].is_offset else names.camera_table(tensor),
        wide=x.dtype == INT16,
    )


def _end(
    writing: Writing,
    tensor: str,
    whole: bool,
    *,
    camera: CameraInput | None = None,
    note: str = "",
) -> End:
    a = writing.program.graph.activations[tensor]
    name = writing.names.ends[tensor]
    if camera is not None:  # handed over as bytes, whatever they become
        a = replace(a, dtype=INT8)
    return End(
        name=string(tensor),
        identifier=name,
        macro=name.upper(),
        offset=writing.program.buffer_of(tensor).offset if whole else -1,
        start=writing.constants.buffer(BufferId(tensor)).start if whole else "",
        height=a.height,
        width=a.width,
        channels=a.channels,
        value_type=a.dtype.name,
        value_bytes=a.dtype.itemsize,
        row_bytes=a.row_bytes,
        size=a.size,
        scale_float=c_float(a.scale),
        zero_point=a.zero_point,
        camera=camera is not None,
        sent="" if camera is None else comment(camera.sent),
        note=note,
        leaves=camera is None and tensor in writing.program.plan.row_outputs,
        entries=None if camera is not None else index_entries(writing.program.graph, tensor),
    )


def model_identifier(name: str) -> str:
    """The prefix of a model's C names; ModelError where something else is called so."""
    found = identifier(name)
    check_name(found, name)
    return found
