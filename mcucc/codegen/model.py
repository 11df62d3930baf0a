"""What the templates print: every name, number and comment of a generated model, computed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mcucc.codegen.names import comment, identifier, identifiers, string
from mcucc.ir.integer import Activation, IntegerGraph, IntegerNode
from mcucc.ops.base import ConstArray, Granularity, KernelCall
from mcucc.quantize.camera import CameraInput
from mcucc.schedule.program import Program, scratch_name

C_TYPES = {
    np.dtype(np.int8): "int8_t",
    np.dtype(np.uint8): "uint8_t",
    np.dtype(np.int16): "int16_t",
    np.dtype(np.int32): "int32_t",
    np.dtype(np.uint32): "uint32_t",
}


@dataclass(frozen=True)
class Table:
    """A constant array in C."""

    name: str
    c_type: str
    length: int
    align: int  # bytes; 0: what the type asks for
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """One initialiser of a parameter struct."""

    name: str
    value: str


@dataclass(frozen=True)
class RowInput:
    """One input of a row kernel: which rows to point at before each call."""

    name: str
    place: str
    row_bytes: int
    height: int
    taps: int
    sliding: bool
    first: str  # C expression of the first input row of output row `row`
    dilation: int
    padding: str
    slot: int  # index of its first pointer in rows[]


@dataclass(frozen=True)
class StepCode:
    """One function of the generated model."""

    name: str
    title: str
    granularity: str
    function: str
    params: str
    params_type: str
    fields: tuple[Field, ...]
    inputs: tuple[RowInput, ...]
    pointers: int
    output_place: str
    output_row_bytes: int
    height: int
    width: int
    input_height: int
    input_width: int
    scratch_place: str
    comments: tuple[str, ...]


@dataclass(frozen=True)
class End:
    """A named input or output of the generated API."""

    name: str
    identifier: str
    macro: str
    place: str
    offset: int
    height: int
    width: int
    channels: int
    size: int
    scale: str
    scale_float: str
    zero_point: int


@dataclass(frozen=True)
class CameraCode:
    """The step that turns one input's camera bytes into int8."""

    name: str
    title: str
    place: str
    size: int
    pixels: int
    channels: int
    table: str  # empty: byte - 128


@dataclass(frozen=True)
class Place:
    """One line of the arena map."""

    macro: str
    offset: int
    end: int
    steps: str
    tensors: str


@dataclass(frozen=True)
class ModelCode:
    """Everything the templates need."""

    name: str
    macro: str
    title: str
    model_id: int
    origin: tuple[str, ...]
    headers: tuple[str, ...]
    arena_bytes: int
    places: tuple[Place, ...]
    offsets: tuple[tuple[str, int], ...]
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    cameras: tuple[CameraCode, ...]
    steps: tuple[StepCode, ...]
    tables: tuple[Table, ...]
    step_names: tuple[str, ...]
    sources: tuple[str, ...]  # of the kernels, below runtime_c


@dataclass(frozen=True)
class Origin:
    """Where a generated model comes from, for its first comment and its id."""

    file: str
    sha256: str
    version: str


class _Names:
    """The identifiers of one model."""

    def __init__(self, model: str, program: Program) -> None:
        graph = program.graph
        self.model = model
        self.nodes = identifiers(node.name for node in graph.nodes)
        tensors = [*graph.activations, *(scratch_name(node.name) for node in graph.nodes)]
        self.tensors = identifiers(tensors)
        self.padding: dict[int, int] = {}

    def place(self, tensor: str) -> str:
        return f"AT_{self.tensors[tensor].upper()}"

    def table(self, node: str, array: str) -> str:
        return f"{self.model}_{self.nodes[node]}_{array}"

    def table_of_camera(self, tensor: str) -> str:
        return f"{self.model}_{self.tensors[tensor]}_camera"

    def pad_row(self, value: int, length: int) -> str:
        """The padding row of this value, long enough for `length` bytes."""
        self.padding[value] = max(self.padding.get(value, 0), length)
        return f"{self.model}_padding_{'m' if value < 0 else ''}{abs(value)}"


def model_code(
    program: Program, cameras: Mapping[str, CameraInput], name: str, origin: Origin
) -> ModelCode:
    """Compute every name, number and comment of the generated C of `program`.

    `cameras` says for each input how camera bytes become int8; inputs without one take int8.
    """
    graph = program.graph
    names = _Names(name, program)
    calls = {node.name: node.kernel.call() for node in program.nodes}
    steps = tuple(_step(program, node, calls[node.name], names) for node in program.nodes)
    camera_steps = tuple(
        _camera(graph.activations[tensor], camera, names) for tensor, camera in cameras.items()
    )
    tables = [
        _table(names.table(node, array.name), array)
        for node, call in calls.items()
        for array in call.arrays
    ]
    for tensor, camera in cameras.items():
        if not camera.is_offset:
            tables.append(_table(names.table_of_camera(tensor), ConstArray("", camera.table)))
    for value, length in sorted(names.padding.items()):
        row = np.full(length, value, dtype=np.int8)
        tables.append(_table(names.pad_row(value, length), ConstArray("", row)))
    units = {(call.isa, call.unit) for call in calls.values()}
    if cameras:
        units.add(("portable", "camera"))
    return ModelCode(
        name=name,
        macro=name.upper(),
        title=comment(graph.name),
        model_id=int(origin.sha256[:8], 16),
        origin=(
            f"Generated by mcucc {origin.version} from {comment(origin.file)}",
            f"sha256 {origin.sha256}",
            f"{graph.macs:,} MACs, {graph.rounding.value} rounding, schedule {program.schedule}",
        ),
        headers=tuple(sorted(f"mcucc/{unit}.h" for _, unit in units)),
        arena_bytes=program.arena_bytes,
        places=_places(program, names),
        offsets=_offsets(program, names),
        inputs=tuple(_end(program, tensor, names) for tensor in graph.inputs),
        outputs=tuple(_end(program, tensor, names) for tensor in graph.outputs),
        cameras=camera_steps,
        steps=steps,
        tables=tuple(tables),
        step_names=tuple(
            string(title)
            for title in (
                *(camera.title for camera in camera_steps),
                *(node.name for node in program.nodes),
            )
        ),
        sources=tuple(sorted(f"kernels/{isa}/{unit}.c" for isa, unit in units)),
    )


def _step(program: Program, node: IntegerNode, call: KernelCall, names: _Names) -> StepCode:
    graph = program.graph
    output = graph.activations[node.output]
    inputs, pointers = _row_inputs(graph, node, names)
    identifier_ = names.nodes[node.name]
    macs = graph.macs_of(node)
    shapes = ", ".join(_shape(graph.activations[name]) for name in node.inputs)
    scratch = program.scratch_of(node.name)
    return StepCode(
        name=identifier_,
        title=comment(node.name),
        granularity=node.kernel.granularity.value,
        function=call.function,
        params=f"{identifier_}_params",
        params_type=call.params,
        fields=tuple(Field(key, _value(node.name, value, names)) for key, value in call.fields),
        inputs=inputs,
        pointers=pointers,
        output_place=names.place(node.output),
        output_row_bytes=output.row_bytes,
        height=output.height,
        width=output.width,
        input_height=graph.activations[node.inputs[0]].height,
        input_width=graph.activations[node.inputs[0]].width,
        scratch_place=names.place(scratch_name(node.name)) if scratch else "",
        comments=(
            f"{comment(node.name)}: {comment(node.kernel.describe())}",
            f"{shapes} -> {_shape(output)}" + (f", {macs:,} MACs" if macs else ""),
        ),
    )


def _value(node: str, value: int | ConstArray | None, names: _Names) -> str:
    if isinstance(value, ConstArray):
        return names.table(node, value.name)
    return "NULL" if value is None else _int(value)


def _row_inputs(
    graph: IntegerGraph, node: IntegerNode, names: _Names
) -> tuple[tuple[RowInput, ...], int]:
    kernel = node.kernel
    found = []
    slot = 0
    for index, tensor in enumerate(node.inputs):
        x = graph.activations[tensor]
        rows, _ = kernel.windows(index)
        taps = (rows.kernel - 1) // rows.dilation + 1
        padding = kernel.padding()
        sliding = taps > 1 or padding is not None
        tall = kernel.granularity is Granularity.ROW
        found.append(
            RowInput(
                name=names.tensors[tensor],
                place=names.place(tensor),
                row_bytes=x.row_bytes,
                height=x.height,
                taps=taps,
                sliding=sliding,
                first=_first_row(rows.stride, rows.upsample, rows.pad),
                dilation=rows.dilation,
                padding="NULL"
                if padding is None or not tall
                else names.pad_row(padding, x.row_bytes),
                slot=slot,
            )
        )
        slot += taps
    return tuple(found), slot


def _first_row(stride: int, upsample: int, pad: int) -> str:
    text = "row" if stride == 1 else f"row * {stride}" if stride else "0"
    if upsample > 1:
        text = f"{text} / {upsample}"
    return f"{text} - {pad}" if pad else text


def _camera(x: Activation, camera: CameraInput, names: _Names) -> CameraCode:
    return CameraCode(
        name=f"camera_{names.tensors[x.name]}",
        title=f"camera {comment(x.name)}",
        place=names.place(x.name),
        size=x.size,
        pixels=x.height * x.width,
        channels=x.channels,
        table="" if camera.is_offset else names.table_of_camera(x.name),
    )


def _end(program: Program, tensor: str, names: _Names) -> End:
    a = program.graph.activations[tensor]
    name = names.tensors[tensor]
    return End(
        name=string(tensor),
        identifier=name,
        macro=name.upper(),
        place=names.place(tensor),
        offset=program.buffer_of(tensor).offset,
        height=a.height,
        width=a.width,
        channels=a.channels,
        size=a.size,
        scale=repr(a.scale),
        scale_float=_float(a.scale),
        zero_point=a.zero_point,
    )


def _places(program: Program, names: _Names) -> tuple[Place, ...]:
    ordered = sorted(program.buffers, key=lambda b: (b.first, b.offset))
    return tuple(
        Place(
            macro=names.place(buffer.tensors[0]),
            offset=buffer.offset,
            end=buffer.end,
            steps=f"{buffer.first}-{buffer.last}",
            tensors=comment(", ".join(buffer.tensors)),
        )
        for buffer in ordered
    )


def _offsets(program: Program, names: _Names) -> tuple[tuple[str, int], ...]:
    return tuple(
        (names.place(tensor), buffer.offset)
        for buffer in sorted(program.buffers, key=lambda b: (b.first, b.offset))
        for tensor in buffer.tensors
    )


def _table(name: str, array: ConstArray) -> Table:
    flat = array.data.reshape(-1)
    per_line = 20 if flat.dtype.itemsize == 1 else 10
    values = [_int(int(v)) for v in flat]
    lines = tuple(
        ", ".join(values[i : i + per_line]) + "," for i in range(0, len(values), per_line)
    )
    align = array.align if array.align > flat.dtype.itemsize else 0
    return Table(name, C_TYPES[flat.dtype], len(values), align, lines)


def _int(value: int) -> str:
    # -2147483648 is not an int constant in C: the minus is applied to a value that does not fit.
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def _float(value: float) -> str:
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _shape(a: Activation) -> str:
    return f"{a.height}x{a.width}x{a.channels}"


def model_identifier(name: str) -> str:
    """The prefix of a model's C names."""
    return identifier(name)
