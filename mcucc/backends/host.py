"""Networks on the host: the shared object through ctypes, and the program with sanitizers."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcucc.errors import ToolError

ARENA_ALIGNMENT = 16
_PAINT = 0xA5


class _Tensor(ctypes.Structure):
    """mcucc_tensor of mcucc.h."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("channels", ctypes.c_int32),
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
        ("offset", ctypes.c_int32),
        ("value_bytes", ctypes.c_int32),
    ]


_READ_ROW = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p
)


class _Camera(ctypes.Structure):
    """mcucc_camera of mcucc.h."""

    _fields_ = [("read_row", _READ_ROW), ("context", ctypes.c_void_p)]


_WRITE_ROW = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p
)


class _Sink(ctypes.Structure):
    """mcucc_sink of mcucc.h."""

    _fields_ = [("write_row", _WRITE_ROW), ("context", ctypes.c_void_p)]


class _Model(ctypes.Structure):
    """mcucc_model of mcucc.h."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("id", ctypes.c_uint32),
        ("arena_bytes", ctypes.c_int32),
        ("input_count", ctypes.c_int32),
        ("output_count", ctypes.c_int32),
        ("step_count", ctypes.c_int32),
        ("inputs", ctypes.POINTER(_Tensor)),
        ("outputs", ctypes.POINTER(_Tensor)),
        ("step_names", ctypes.POINTER(ctypes.c_char_p)),
        ("run", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("run_step", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32)),
        ("stream", ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)),
        (
            "stream_step",
            ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p),
        ),
        ("deliver", ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)),
        (
            "deliver_step",
            ctypes.CFUNCTYPE(
                ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, *[ctypes.c_void_p] * 2
            ),
        ),
    ]


@dataclass(frozen=True)
class TensorInfo:
    """An input or output: its place in the arena, H x W x C.

    Values are int8 (or camera bytes), or int16 of two `value_bytes`. The offset of one that comes
    or goes in rows is -1.
    """

    name: str
    height: int
    width: int
    channels: int
    scale: float
    zero_point: int
    offset: int
    value_bytes: int = 1

    @property
    def by_rows(self) -> bool:
        """Whether it has no place in the arena."""
        return self.offset < 0

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self.channels * self.value_bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return self.height * self.row_bytes


class HostModel:
    """One network of a shared object, with an arena of its own.

    The steps can be run one by one and the arena be read between them, which finds the first
    layer that differs from another interpreter.
    """

    def __init__(self, library: Path, name: str) -> None:
        """Loads `<name>_model`; ToolError when the library or the symbol is missing."""
        try:
            # Kept: the structures point into the library.
            self._library = ctypes.CDLL(str(library.resolve()))
            self._model = _Model.in_dll(self._library, f"{name}_model")
        except (OSError, ValueError) as error:
            raise ToolError(f"cannot load {name}: {error}", where=str(library)) from error
        model = self._model
        self.arena_bytes = int(model.arena_bytes)
        self.id = int(model.id)
        self.inputs = tuple(_info(model.inputs[index]) for index in range(model.input_count))
        self.outputs = tuple(_info(model.outputs[index]) for index in range(model.output_count))
        self.step_names = tuple(
            (model.step_names[index] or b"").decode("utf-8") for index in range(model.step_count)
        )
        self._memory = ctypes.create_string_buffer(self.arena_bytes + ARENA_ALIGNMENT)
        self._base = -(-ctypes.addressof(self._memory) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
        self._image = b""
        self._camera = _Camera(_READ_ROW(self._read_row), None)
        self._sink = _Sink(_WRITE_ROW(self._write_row), None)
        self._rows: list[list[bytes]] = [[] for _ in self.outputs]

    def constant(self, symbol: str, size: int) -> bytes:
        """A constant table of the library; ToolError where it has none of that name."""
        try:
            return bytes((ctypes.c_char * size).in_dll(self._library, symbol))
        except ValueError as error:
            raise ToolError(f"the library has no {symbol}: {error}") from error

    def load(self, image: bytes) -> None:
        """Paints the arena and writes the inputs, one after the other."""
        expected = sum(tensor.size for tensor in self.inputs)
        if len(image) != expected:
            raise ToolError(f"an image has {len(image)} bytes, the network takes {expected}")
        ctypes.memset(self._base, _PAINT, self.arena_bytes)
        self._image = image
        start = 0
        self._rows = [[] for _ in self.outputs]
        for tensor in self.inputs:
            if tensor.by_rows:  # handed over as they are asked for
                continue
            ctypes.memmove(
                self._base + tensor.offset, image[start : start + tensor.size], tensor.size
            )
            start += tensor.size

    def step(self, index: int) -> None:
        """Runs one step; steps are run in order."""
        if not 0 <= index < len(self.step_names):
            raise ToolError(f"no step {index}: the network has {len(self.step_names)}")
        if self._model.deliver_step:
            self._ended(
                self._model.deliver_step(
                    self._base,
                    index,
                    ctypes.addressof(self._camera),
                    ctypes.addressof(self._sink),
                )
            )
        elif self._model.stream_step:
            self._model.stream_step(self._base, index, ctypes.addressof(self._camera))
        else:
            self._model.run_step(self._base, index)

    def arena(self, offset: int, size: int) -> bytes:
        """Bytes of the arena."""
        if offset < 0 or size < 0 or offset + size > self.arena_bytes:
            raise ToolError(f"{size} bytes at {offset} are not in the arena of {self.arena_bytes}")
        return ctypes.string_at(self._base + offset, size)

    def output(self) -> bytes:
        """All output tensors, one after the other."""
        return b"".join(self.output_of(number) for number in range(len(self.outputs)))

    def output_of(self, number: int) -> bytes:
        """One of them: from the arena, or the rows that were handed out."""
        tensor = self.outputs[number]
        if not tensor.by_rows:
            return self.arena(tensor.offset, tensor.size)
        if len(self._rows[number]) != tensor.height:
            missing = f"{len(self._rows[number])} of {tensor.height} rows"
            raise ToolError(f"the network handed out {missing} of {tensor.name}")
        return b"".join(self._rows[number])

    def run(self, image: bytes) -> bytes:
        """The outputs for one image."""
        self.load(image)
        if self._model.deliver:
            ports = ctypes.addressof(self._camera), ctypes.addressof(self._sink)
            self._ended(self._model.deliver(self._base, *ports))
        elif self._model.stream:
            self._model.stream(self._base, ctypes.addressof(self._camera))
        else:
            self._model.run(self._base)
        return self.output()

    def _read_row(self, _context: object, number: int, row: int, pixels: int) -> int:
        """The network's camera: one row of one input."""
        before = sum(tensor.size for tensor in self.inputs[:number])
        pitch = self.inputs[number].row_bytes
        ctypes.memmove(pixels, self._image[before + row * pitch :][:pitch], pitch)
        return 0

    def _write_row(self, _context: object, number: int, row: int, values: int) -> int:
        """Where the rows of outputs go; it ends the run where one is not the next."""
        rows, tensor = self._rows[number], self.outputs[number]
        if row != len(rows) or row >= tensor.height or not tensor.by_rows:
            return 1
        rows.append(ctypes.string_at(values, tensor.row_bytes))
        return 0

    @staticmethod
    def _ended(result: int) -> None:
        """ToolError where rows did not come in order."""
        if result != 0:
            raise ToolError("the network hands out rows in another order than theirs")


def run_host(library: Path, name: str, images: Sequence[bytes]) -> tuple[bytes, ...]:
    """The outputs of a network of a shared object for every image."""
    model = HostModel(library, name)
    return tuple(model.run(image) for image in images)


def run_program(program: Path, images: Sequence[bytes], timeout_s: float = 600.0) -> bytes:
    """Runs a program of toolchain.build_program; returns the outputs of all images in one.

    Raises ToolError with what the sanitizer said when it stopped.
    """
    with tempfile.TemporaryDirectory(prefix="mcucc-host-") as scratch:
        source, target = Path(scratch) / "input.bin", Path(scratch) / "output.bin"
        source.write_bytes(b"".join(images))
        # Leak checking needs ptrace, which containers forbid; nothing is allocated anyway.
        environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}
        try:
            done = subprocess.run(
                [str(program.resolve()), str(source), str(target)],
                capture_output=True,
                timeout=timeout_s,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"did not finish within {timeout_s:g} s", where=str(program)) from error
        if done.returncode != 0:
            text = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ToolError("\n".join(["stopped:", *text[:25]]), where=program.name)
        return target.read_bytes()


def _info(tensor: _Tensor) -> TensorInfo:
    return TensorInfo(
        tensor.name.decode("utf-8"),
        tensor.height,
        tensor.width,
        tensor.channels,
        tensor.scale,
        tensor.zero_point,
        tensor.offset,
        tensor.value_bytes,
    )
