"""Read a .tflite file into plain data, trusting no offset in it.

The generated flatbuffer accessors of the `tflite` package check nothing: a wrong offset shows as
some struct, index or type error, or as an absurd length. All access happens here, once, inside one
`try`; what leaves this file is frozen dataclasses.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from mcucc.errors import ModelError
from mcucc.frontends.tflite import raw
from mcucc.frontends.tflite.file import FileOperator, FileTensor, TfliteFile
from mcucc.frontends.tflite.options import read_options

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3  # the only one LiteRT reads
MAX_BYTES = 1 << 30
# Beyond any network for a microcontroller. The sums bound what one table, named many times, unfolds
# to: a file says in kilobytes what would take gigabytes and hours.
MAX_ELEMENTS = 1 << 25  # of one tensor
MAX_TABLES = 1 << 14  # tensors, and as many operators
MAX_NUMBERS = 1 << 21  # in all shapes, scales, zero points and lists of tensors together
MAX_TEXT = 1 << 23  # bytes of all names together
MAX_CONSTANTS = 1 << 28  # bytes of constants, each counted for every operator that reads it
MAX_RANK = 8
# What the accessors raise on a file whose offsets are wrong.
BROKEN = (struct.error, IndexError, ValueError, OverflowError, TypeError, AttributeError, KeyError)

DTYPES: dict[int, np.dtype[Any]] = {
    tflite.TensorType.FLOAT32: np.dtype(np.float32),
    tflite.TensorType.FLOAT16: np.dtype(np.float16),
    tflite.TensorType.FLOAT64: np.dtype(np.float64),
    tflite.TensorType.INT8: np.dtype(np.int8),
    tflite.TensorType.UINT8: np.dtype(np.uint8),
    tflite.TensorType.INT16: np.dtype(np.int16),
    tflite.TensorType.INT32: np.dtype(np.int32),
    tflite.TensorType.INT64: np.dtype(np.int64),
    tflite.TensorType.BOOL: np.dtype(np.bool_),
}
TYPE_NAMES = {
    value: name for name, value in vars(tflite.TensorType).items() if isinstance(value, int)
}
OP_NAMES = {
    value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)
}


def read_tflite(path: Path) -> TfliteFile:
    """Read `path`; raises ModelError for anything that is not a whole .tflite file."""
    return parse_tflite(tflite_bytes(path), path)


def tflite_bytes(path: Path) -> bytes:
    """The content of `path`; ModelError when it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError("the file is larger than 1 GiB", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return data


def parse_tflite(data: bytes, path: Path) -> TfliteFile:
    """The file whose content is `data`; raises as `read_tflite`."""
    if len(data) < 8 or data[4:8] != IDENTIFIER:
        raise ModelError(
            "not a TensorFlow Lite file (the identifier TFL3 is missing)",
            where=str(path),
            hint="give a .tflite file as the TensorFlow Lite converter writes it",
        )
    try:
        return _Reader(data).file(path)
    except _TooMuchError as error:
        raise ModelError(f"not a network mcucc reads: {error}", where=str(path)) from error
    except BROKEN as error:
        raise ModelError(
            f"the file is damaged or truncated ({type(error).__name__}: {error})",
            where=str(path),
            hint="fetch or convert it again",
        ) from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.model = tflite.Model.GetRootAs(data, 0)
        self.numbers = MAX_NUMBERS
        self.text = MAX_TEXT

    def length(self, count: int, element_bytes: int) -> int:
        """`count`, after checking that so many elements fit into the file."""
        if not 0 <= count * element_bytes <= len(self.data):
            raise ValueError(f"a vector of {count} elements in a file of {len(self.data)} bytes")
        return count

    def tables(self, count: int, what: str) -> int:
        """`count`, after checking that a network can have so many."""
        if self.length(count, 4) > MAX_TABLES:
            raise _TooMuchError(f"{count} {what}, more than {MAX_TABLES}")
        return count

    def spend(self, count: int) -> int:
        """`count`, after taking so many numbers from what all vectors may hold together."""
        self.numbers -= count
        if self.numbers < 0:
            raise _TooMuchError(f"its tensors and operators list more than {MAX_NUMBERS} numbers")
        return count

    def integers(self, count: int, read: Callable[[], Any], element_bytes: int = 4) -> list[int]:
        """A vector of integers, or [] when it is absent."""
        if not self.spend(self.length(count, element_bytes)):
            return []
        return [int(v) for v in read().tolist()]

    def name(self, text: bytes | None, missing: str) -> str:
        """The name of a tensor or operator, `missing` where it has none."""
        if not text:
            return missing
        self.text -= len(text)
        if self.text < 0:
            raise _TooMuchError(f"its names are longer than {MAX_TEXT} bytes together")
        return text.decode("utf-8", "replace")

    def file(self, path: Path) -> TfliteFile:
        """The first subgraph, every index of it checked."""
        if self.model.Version() != SCHEMA_VERSION:
            raise _TooMuchError(f"schema version {self.model.Version()}, not {SCHEMA_VERSION}")
        subgraphs = self.length(self.model.SubgraphsLength(), 4)
        if subgraphs < 1:
            raise ValueError("no subgraph")
        graph = self.model.Subgraphs(0)
        tensors = tuple(
            self.tensor(graph.Tensors(i), i)
            for i in range(self.tables(graph.TensorsLength(), "tensors"))
        )
        operators = tuple(
            self.operator(graph.Operators(i), i)
            for i in range(self.tables(graph.OperatorsLength(), "operators"))
        )
        inputs = tuple(self.integers(graph.InputsLength(), graph.InputsAsNumpy))
        outputs = tuple(self.integers(graph.OutputsLength(), graph.OutputsAsNumpy))
        for index in (*inputs, *outputs):
            self.check_index(index, len(tensors))
        self.check_operators(operators, tensors)
        if not inputs or not outputs:
            raise ValueError("the network has no input or no output")
        digest = hashlib.sha256(self.data).hexdigest()
        return TfliteFile(path, digest, tensors, operators, inputs, outputs, subgraphs)

    def check_operators(
        self, operators: tuple[FileOperator, ...], tensors: tuple[FileTensor, ...]
    ) -> None:
        """Every operand exists, and all constants that operators read are bounded together."""
        left = MAX_CONSTANTS
        for operator in operators:
            for index in operator.outputs:
                self.check_index(index, len(tensors))
            for index in operator.inputs:
                self.check_index(index, len(tensors), lowest=-1)
                data = tensors[index].data if index >= 0 else None
                left -= 0 if data is None else data.nbytes
        if left < 0:
            raise _TooMuchError(
                f"its operators read more than {MAX_CONSTANTS >> 20} MiB of constants"
            )

    @staticmethod
    def check_index(index: int, count: int, lowest: int = 0) -> None:
        """Raise ValueError for an index outside [lowest, count)."""
        if not lowest <= index < count:
            raise ValueError(f"tensor {index} of {count}")

    def shape(self, table: Any, index: int) -> tuple[int, ...]:
        """The shape of a tensor, within bounds."""
        rank = table.ShapeLength()
        if not 0 <= rank <= MAX_RANK:
            raise ValueError(f"tensor {index} has {rank} axes")
        shape = self.integers(rank, table.ShapeAsNumpy)
        sizes = (*shape, math.prod(shape))
        if min(sizes) < 0 or max(sizes) > MAX_ELEMENTS:
            raise ValueError(f"tensor {index} has the shape {shape}")
        return tuple(shape)

    def tensor(self, table: Any, index: int) -> FileTensor:
        """One tensor with its constant, if it has one."""
        shape = self.shape(table, index)
        signature = self.integers(table.ShapeSignatureLength(), table.ShapeSignatureAsNumpy)
        kind = table.Type()
        scale, zero_point, axis = self.quantization(table.Quantization())
        sparse = table.Sparsity() is not None
        foreign = raw.unknown_data(table) and f"its data is {raw.unknown_data(table)}"
        if table.Quantization() is not None and raw.unknown_quantization(table.Quantization()):
            foreign = "its quantization has details of a newer form"
        data = None
        if not sparse and not foreign:
            data = self.constant(table.Buffer(), shape, kind, index)
        return FileTensor(
            index=index,
            name=self.name(table.Name(), f"tensor_{index}"),
            shape=shape,
            signature=tuple(signature),
            type_name=TYPE_NAMES.get(kind, f"type {kind}"),
            dtype=DTYPES.get(kind),
            scale=scale,
            zero_point=zero_point,
            axis=axis,
            sparse=sparse,
            variable=bool(table.IsVariable()),
            data=data,
            foreign=foreign,
        )

    def quantization(self, table: Any) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        """Scales, zero points and axis; empty where there is none."""
        if table is None or not self.spend(self.length(table.ScaleLength(), 4)):
            return (), (), 0
        scales = tuple(float(s) for s in table.ScaleAsNumpy().tolist())
        zeros = tuple(self.integers(table.ZeroPointLength(), table.ZeroPointAsNumpy, 8))
        if len(zeros) != len(scales):
            raise ValueError(f"{len(scales)} scales and {len(zeros)} zero points")
        if not all(map(math.isfinite, scales)):
            raise ValueError("a scale is not a number")
        return scales, zeros, int(table.QuantizedDimension())

    def bytes_of(self, buffer: int, index: int) -> npt.NDArray[np.uint8] | None:
        """The bytes of buffer number `buffer`, None for an empty one; buffer 0 means none."""
        if not 0 <= buffer < self.length(self.model.BuffersLength(), 4):
            raise ValueError(f"tensor {index} refers to buffer {buffer}")
        if buffer == 0:
            return None
        table = self.model.Buffers(buffer)
        if self.length(table.DataLength(), 1):
            found: npt.NDArray[np.uint8] = table.DataAsNumpy()
            return found
        begin, size = table.Offset(), table.Size()
        if begin <= 1 or size <= 1:  # LiteRT's words for "not outside the flatbuffer"
            return None
        if begin + size > len(self.data):
            raise ValueError(f"buffer {buffer} ends at {begin + size} of {len(self.data)} bytes")
        return np.frombuffer(self.data, np.uint8, size, begin)

    def constant(
        self, buffer: int, shape: tuple[int, ...], kind: int, index: int
    ) -> npt.NDArray[Any] | None:
        """The array in a buffer, None for an empty one and for types NumPy has no name for."""
        data, dtype = self.bytes_of(buffer, index), DTYPES.get(kind)
        packed = kind == tflite.TensorType.INT4
        if data is None or (dtype is None and not packed):
            return None
        elements = math.prod(shape)
        expected = -(-elements // 2) if dtype is None else elements * dtype.itemsize
        if data.size != expected:
            raise ValueError(f"tensor {index} has {data.size} bytes of data, its shape {expected}")
        if dtype is None:
            return _nibbles(data)[:elements].reshape(shape)
        # A view: however many tensors share a buffer, it is in memory once.
        little = data.view(dtype.newbyteorder("<"))
        return little.astype(dtype, copy=False).reshape(shape)

    def operator(self, table: Any, index: int) -> FileOperator:
        """One operator with its options."""
        position = table.OpcodeIndex()
        if not 0 <= position < self.length(self.model.OperatorCodesLength(), 4):
            raise ValueError(f"operator {index} refers to operator code {position}")
        code = self.model.OperatorCodes(position)
        builtin = raw.builtin_code(code)
        kind = OP_NAMES.get(builtin, f"operator {builtin}")
        if kind == "CUSTOM":
            kind = f"CUSTOM {self.name(code.CustomCode(), '')}".strip()
        return FileOperator(
            index,
            kind,
            int(code.Version()),
            tuple(self.integers(table.InputsLength(), table.InputsAsNumpy)),
            tuple(self.integers(table.OutputsLength(), table.OutputsAsNumpy)),
            read_options(kind, table),
        )


class _TooMuchError(Exception):
    """The file is whole, but no network mcucc reads."""


def _nibbles(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Signed numbers of four bits, the lower half of each byte first."""
    both = np.stack([data << 4, data], axis=-1).view(np.int8) >> 4
    return both.reshape(-1)
