"""One driver for every C kernel: KernelCall.fields become the parameter struct, windows the rows.

A `Recording` is what a planner would do with one kernel: calls over rows or pieces of rows, each
with its own tile of the input. It replays in process (`replay`, on the UBSan library, the outputs
between guard bytes) or, written to a file, in `replay.c` under AddressSanitizer, where every buffer
is an allocation of exactly its size.
"""

from __future__ import annotations

import ctypes
import itertools
import struct
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mcucc.backends.calls.build import RUNTIME, WARNINGS, kernel_sources
from mcucc.backends.calls.job import Step
from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import InstructionSet
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import INT8, Int8Array
from mcucc.toolchain.compilers import compile_objects, host_compiler, run_tool

HERE = Path(__file__).resolve().parent
GUARD, GUARD_BYTE = 64, 0x5A


class Span(ctypes.Structure):
    """mcucc_span."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("row", "begin", "end", "input_column")),
        ("scratch", ctypes.c_void_p),
    ]


@dataclass(frozen=True, eq=False)
class Recording:
    """All calls that compute one output (H, W, C)."""

    call: KernelCall
    granularity: Granularity
    steps: tuple[Step, ...]
    shape: tuple[int, int, int]
    scratch_bytes: int
    alias: int | None = None  # the input whose buffer is the output as well
    dtype: np.dtype = INT8  # of the output

    @property
    def size(self) -> int:
        """Bytes of the output."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def assemble(self, parts: Sequence[bytes]) -> Int8Array:
        """The output tensor from what the steps wrote."""
        if self.granularity is not Granularity.ROW:
            return np.frombuffer(parts[-1], dtype=self.dtype).reshape(self.shape)
        out = np.zeros(self.shape, dtype=self.dtype)
        for step, part in zip(self.steps, parts, strict=True):
            assert step.span is not None
            row, begin, end, _ = step.span
            out[row, begin:end] = np.frombuffer(part, dtype=self.dtype).reshape(end - begin, -1)
        return out


def record(
    kernel: Kernel,
    inputs: Sequence[Int8Array],
    shape: tuple[int, ...],
    rng: np.random.Generator | None = None,
    alias: int | None = None,
    call: KernelCall | None = None,
    dtype: np.dtype = INT8,
) -> Recording:
    """The calls for inputs and an output `shape` (H, W, C) of `dtype`.

    With `rng` rows are cut into random pieces of columns.

    `call` is another C function of the same contract, by default the kernel's portable one.
    """
    height, width, channels = shape
    align = max(dtype.itemsize, *(x.dtype.itemsize for x in inputs))
    pixel_bytes = channels * dtype.itemsize
    if kernel.granularity is Granularity.TENSOR:
        rows = tuple(np.ascontiguousarray(x).tobytes() for x in inputs)
        steps: tuple[Step, ...] = (Step(None, rows, height * width * pixel_bytes, align),)
    elif kernel.granularity is Granularity.SINK:
        given_height, given_width = inputs[0].shape[:2]
        steps = tuple(
            Step(
                (row, *part, part[0]),
                tuple(x[row, slice(*part)].tobytes() for x in inputs),
                0,
                align,
            )
            for row in range(given_height)
            for part in _pieces(given_width, rng)
        )
        if rng is not None:  # tiles and strips come in an order of their own
            steps = tuple(steps[i] for i in rng.permutation(len(steps)))
    else:
        steps = tuple(
            replace(_row_step(kernel, inputs, pixel_bytes, row, begin, end, rng), align=align)
            for row in range(height)
            for begin, end in _pieces(width, rng)
        )
    call = call or kernel.call()
    output = height, width, channels
    return Recording(call, kernel.granularity, steps, output, kernel.scratch_bytes, alias, dtype)


def _pieces(width: int, rng: np.random.Generator | None) -> Iterator[tuple[int, int]]:
    """[0, width) in consecutive pieces: one, or as many as `rng` says."""
    cuts = {0, width}
    if rng is not None and width > 1:
        cuts.update(int(cut) for cut in rng.integers(1, width, rng.integers(0, 4)))
    ordered = sorted(cuts)
    return itertools.pairwise(ordered)


def _row_step(
    kernel: Kernel,
    inputs: Sequence[Int8Array],
    pixel_bytes: int,
    row: int,
    begin: int,
    end: int,
    rng: np.random.Generator | None,
) -> Step:
    """The tiles one call reads: exactly the columns its taps touch, and some spare to the left."""
    rows: list[bytes | None] = []
    input_column = 0
    for index, x in enumerate(inputs):
        vertical, horizontal = kernel.windows(index)
        first, stop = _columns(horizontal, begin, end, x.shape[1])
        if horizontal == Window() and kernel.padding() is None:
            input_column = begin
        elif horizontal.stride > 0:
            spare = int(rng.integers(0, 3)) if rng is not None else first
            input_column = first = max(0, first - spare)
        for tap in vertical.taps(row):
            if 0 <= tap < x.shape[0]:
                rows.append(x[tap, first:stop].tobytes())
            else:
                padding = kernel.padding()
                full = np.full(x[0, first:stop].shape, padding or 0, x.dtype).tobytes()
                rows.append(None if padding is None else full)
    return Step((row, begin, end, input_column), tuple(rows), (end - begin) * pixel_bytes)


def _columns(window: Window, begin: int, end: int, width: int) -> tuple[int, int]:
    """The input columns inside [0, width) that the output columns [begin, end) read."""
    taps = [tap for column in range(begin, end) for tap in window.taps(column)]
    inside = [tap for tap in taps if 0 <= tap < width]
    return (min(inside), max(inside) + 1) if inside else (0, 0)


def struct_type(call: KernelCall) -> type[ctypes.Structure]:
    """The parameter struct: ints are int32_t, tables (and None) pointers."""
    fields = [
        (name, ctypes.c_int32 if isinstance(value, int) else ctypes.c_void_p)
        for name, value in call.fields
    ]
    return type(call.params, (ctypes.Structure,), {"_fields_": fields})


def replay(library: ctypes.CDLL, recording: Recording) -> Int8Array:
    """The output by the shared object; AssertionError when a call writes outside its output."""
    call = recording.call
    tables = {a.name: np.ascontiguousarray(a.data) for a in call.arrays}
    values = [
        tables[value.name].ctypes.data if isinstance(value, ConstArray) else value
        for _, value in call.fields
    ]
    params = struct_type(call)(*values)
    sink = recording.granularity is Granularity.SINK
    scratch_bytes = max(recording.scratch_bytes, call.scratch_bytes)
    sums = np.full((scratch_bytes + 3) // 4 + 1, 0x5A5A5A5A, dtype=np.int32)
    sums_pointer = ctypes.c_void_p(sums.ctypes.data)
    if sink:
        getattr(library, call.function + "_begin")(ctypes.byref(params), sums_pointer)
    parts = []
    for step in recording.steps:
        buffers = [None if row is None else _guarded(row) for row in step.rows]
        pointers = (ctypes.c_void_p * max(len(buffers), 1))(
            *(None if buffer is None else buffer.ctypes.data + GUARD for buffer in buffers)
        )
        scratch = sums.ctypes.data if call.scratch_bytes else None
        fields = Span(*(step.span or (0, 0, 0, 0)), scratch)
        span = None if step.span is None and scratch is None else ctypes.byref(fields)
        if sink:
            function = getattr(library, call.function + "_row")
            function(ctypes.byref(params), pointers, sums_pointer, span)
            continue
        alias = recording.alias
        out = _guarded(bytes(step.out_bytes)) if alias is None else buffers[alias]
        assert out is not None, "the input that the output replaces is padding"
        target = ctypes.c_void_p(out.ctypes.data + GUARD)
        getattr(library, call.function)(ctypes.byref(params), pointers, target, span)
        parts.append(_unguarded(out, step.out_bytes, call.function))
    if sink:
        out = _guarded(bytes(recording.size))
        target = ctypes.c_void_p(out.ctypes.data + GUARD)
        getattr(library, call.function + "_finish")(ctypes.byref(params), sums_pointer, target)
        parts.append(_unguarded(out, recording.size, call.function))
    assert sums[-1] == 0x5A5A5A5A, f"{call.function} wrote past its scratch"
    return recording.assemble(parts)


def _guarded(data: bytes) -> Int8Array:
    guard = np.full(GUARD, GUARD_BYTE, dtype=np.int8)
    return np.concatenate([guard, np.frombuffer(data, dtype=np.int8), guard])


def _unguarded(buffer: Int8Array, size: int, function: str) -> bytes:
    outside = np.concatenate([buffer[:GUARD], buffer[GUARD + size :][:GUARD]])
    assert (outside == GUARD_BYTE).all(), f"{function} wrote outside its output"
    return buffer[GUARD : GUARD + size].tobytes()


def serialise(recording: Recording) -> bytes:
    """The recording as `replay.c` reads it: int32 words and raw bytes, little endian."""
    call = recording.call
    kind = struct_type(call)
    values = [value if isinstance(value, int) else None for _, value in call.fields]
    parts = [
        _blob(call.function.encode() + b"\0"),
        struct.pack("<i", recording.granularity is Granularity.SINK),
        struct.pack("<i", recording.scratch_bytes),
        struct.pack("<i", -1 if recording.alias is None else recording.alias),
        struct.pack("<i", recording.size),
        _blob(bytes(kind(*values))),
        struct.pack("<i", sum(isinstance(value, ConstArray) for _, value in call.fields)),
    ]
    for name, value in call.fields:
        if isinstance(value, ConstArray):
            parts.append(struct.pack("<i", getattr(kind, name).offset))
            parts.append(_blob(np.ascontiguousarray(value.data).tobytes()))
    parts.append(struct.pack("<i", len(recording.steps)))
    for step in recording.steps:
        parts.append(struct.pack("<5i", step.span is not None, *(step.span or (0, 0, 0, 0))))
        parts.append(struct.pack("<2i", step.out_bytes, len(step.rows)))
        parts.extend(_blob(row) for row in step.rows)
    return b"".join(parts)


def _blob(data: bytes | None) -> bytes:
    return struct.pack("<i", -1) if data is None else struct.pack("<i", len(data)) + data


def replay_in_process(
    executable: Path, recordings: Sequence[Recording], folder: Path
) -> list[Int8Array]:
    """The outputs by the stand-alone executable; AssertionError with its words when it fails."""
    source, target = folder / "recordings.bin", folder / "outputs.bin"
    source.write_bytes(b"".join(serialise(recording) for recording in recordings))
    result = subprocess.run(
        [str(executable), str(source), str(target)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-4000:]
    data, position, outputs = target.read_bytes(), 0, []
    for recording in recordings:
        sizes = [step.out_bytes for step in recording.steps]
        if recording.granularity is Granularity.SINK:
            sizes = [recording.size]
        parts = []
        for size in sizes:
            parts.append(data[position : position + size])
            position += size
        outputs.append(recording.assemble(parts))
    assert position == len(data)
    return outputs


def units() -> list[Path]:
    """The C files of the portable kernels."""
    return kernel_sources([InstructionSet.PORTABLE])


def compile_c(output: Path, sources: Sequence[Path], *flags: str) -> Path:
    """Compile warning-free C99 and link it; ToolError with the compiler's words."""
    compiler, folder = host_compiler(), output.parent
    options = [*WARNINGS, f"-I{RUNTIME / 'include'}", *flags]
    objects = compile_objects(compiler, sources, options, Path(f"{output.name}.objects"), folder)
    words = [*compiler.command, *map(str, objects), *flags, "-o", output.name]
    run_tool(words, what=f"linking {output.name}", cwd=folder)
    return output
