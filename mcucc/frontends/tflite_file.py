"""Read a .tflite file into plain data, trusting no offset in it.

The generated flatbuffer accessors of the `tflite` package check nothing: a wrong offset shows as
some struct, index or type error, or as an absurd length. All access happens here, once, inside one
`try`; what leaves this file is frozen dataclasses.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from mcucc.errors import ModelError
from mcucc.frontends.tflite_options import Options, read_options

IDENTIFIER = b"TFL3"
MAX_BYTES = 1 << 30
MAX_ELEMENTS = 1 << 25  # of one tensor: beyond any microcontroller
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


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor of the file. `dtype` is None for a type NumPy has no name for (`type_name` has).

    `scale` is empty for a tensor without quantization; `zero_point` is then empty too.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    type_name: str
    dtype: np.dtype[Any] | None
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    sparse: bool
    variable: bool
    data: npt.NDArray[Any] | None


@dataclass(frozen=True)
class FileOperator:
    """An operator of the file; a missing optional input has index -1."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options


@dataclass(frozen=True, eq=False)
class TfliteFile:
    """The only subgraph of a .tflite file."""

    path: Path
    sha256: str
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int


def read_tflite(path: Path) -> TfliteFile:
    """Read `path`; raises ModelError for anything that is not a whole .tflite file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError("the file is larger than 1 GiB", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) < 8 or data[4:8] != IDENTIFIER:
        raise ModelError(
            "not a TensorFlow Lite file (the identifier TFL3 is missing)",
            where=str(path),
            hint="give a .tflite file as the TensorFlow Lite converter writes it",
        )
    try:
        return _Reader(data).file(path)
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

    def length(self, count: int, element_bytes: int) -> int:
        """`count`, after checking that so many elements fit into the file."""
        if not 0 <= count * element_bytes <= len(self.data):
            raise ValueError(f"a vector of {count} elements in a file of {len(self.data)} bytes")
        return count

    def integers(self, count: int, read: Callable[[], Any], element_bytes: int = 4) -> list[int]:
        """A vector of integers, or [] when it is absent."""
        return [int(v) for v in read()] if self.length(count, element_bytes) else []

    def file(self, path: Path) -> TfliteFile:
        """The first subgraph, every index of it checked."""
        subgraphs = self.length(self.model.SubgraphsLength(), 4)
        if subgraphs < 1:
            raise ValueError("no subgraph")
        graph = self.model.Subgraphs(0)
        tensors = tuple(
            self.tensor(graph.Tensors(i), i) for i in range(self.length(graph.TensorsLength(), 4))
        )
        operators = tuple(
            self.operator(graph.Operators(i), i)
            for i in range(self.length(graph.OperatorsLength(), 4))
        )
        inputs = tuple(self.integers(graph.InputsLength(), graph.InputsAsNumpy))
        outputs = tuple(self.integers(graph.OutputsLength(), graph.OutputsAsNumpy))
        for index in (*inputs, *outputs):
            self.check_index(index, len(tensors))
        for operator in operators:
            for index in operator.inputs:
                self.check_index(index, len(tensors), lowest=-1)
            for index in operator.outputs:
                self.check_index(index, len(tensors))
        if not inputs or not outputs:
            raise ValueError("the network has no input or no output")
        digest = hashlib.sha256(self.data).hexdigest()
        return TfliteFile(path, digest, tensors, operators, inputs, outputs, subgraphs)

    @staticmethod
    def check_index(index: int, count: int, lowest: int = 0) -> None:
        """Raise ValueError for an index outside [lowest, count)."""
        if not lowest <= index < count:
            raise ValueError(f"tensor {index} of {count}")

    def tensor(self, table: Any, index: int) -> FileTensor:
        """One tensor with its constant, if it has one."""
        shape = self.integers(table.ShapeLength(), table.ShapeAsNumpy)
        signature = self.integers(table.ShapeSignatureLength(), table.ShapeSignatureAsNumpy)
        elements = 1
        for size in shape:
            if not 0 <= size <= MAX_ELEMENTS:
                raise ValueError(f"tensor {index} has the shape {shape}")
            elements *= size
        if len(shape) > 8 or elements > MAX_ELEMENTS:
            raise ValueError(f"tensor {index} has the shape {shape}")
        kind = table.Type()
        type_name = TYPE_NAMES.get(kind, f"type {kind}")
        dtype = DTYPES.get(kind)
        scale, zero_point, axis = self.quantization(table.Quantization())
        name = table.Name()
        return FileTensor(
            index=index,
            name=name.decode("utf-8", "replace") if name else f"tensor_{index}",
            shape=tuple(shape),
            signature=tuple(signature),
            type_name=type_name,
            dtype=dtype,
            scale=scale,
            zero_point=zero_point,
            axis=axis,
            sparse=table.Sparsity() is not None,
            variable=bool(table.IsVariable()),
            data=self.constant(table.Buffer(), tuple(shape), dtype, index),
        )

    def quantization(self, table: Any) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        """Scales, zero points and axis; empty where there is none."""
        if table is None or not self.length(table.ScaleLength(), 4):
            return (), (), 0
        scales = tuple(float(s) for s in table.ScaleAsNumpy())
        zeros = tuple(self.integers(table.ZeroPointLength(), table.ZeroPointAsNumpy, 8))
        zeros = zeros or (0,) * len(scales)
        if len(zeros) != len(scales):
            raise ValueError(f"{len(scales)} scales and {len(zeros)} zero points")
        if not all(np.isfinite(s) for s in scales):
            raise ValueError("a scale is not a number")
        return scales, zeros, int(table.QuantizedDimension())

    def constant(
        self, buffer: int, shape: tuple[int, ...], dtype: np.dtype[Any] | None, index: int
    ) -> npt.NDArray[Any] | None:
        """The array in buffer number `buffer`, None for an empty one."""
        if not 0 <= buffer < self.length(self.model.BuffersLength(), 4):
            raise ValueError(f"tensor {index} refers to buffer {buffer}")
        table = self.model.Buffers(buffer)
        if table.Size() > 1:
            raise ValueError("data outside the flatbuffer (models of more than 2 GB)")
        count = self.length(table.DataLength(), 1)
        if count == 0 or dtype is None:
            return None
        expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if count != expected:
            raise ValueError(f"tensor {index} has {count} bytes of data, its shape {expected}")
        raw: npt.NDArray[np.uint8] = table.DataAsNumpy()
        # A view: however many tensors share a buffer, it is in memory once.
        little = raw.view(dtype.newbyteorder("<"))
        return little.astype(dtype, copy=False).reshape(shape)

    def operator(self, table: Any, index: int) -> FileOperator:
        """One operator with its options."""
        position = table.OpcodeIndex()
        if not 0 <= position < self.length(self.model.OperatorCodesLength(), 4):
            raise ValueError(f"operator {index} refers to operator code {position}")
        code = self.model.OperatorCodes(position)
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = OP_NAMES.get(builtin, f"operator {builtin}")
        if kind == "CUSTOM":
            custom = code.CustomCode()
            kind = f"CUSTOM {custom.decode('utf-8', 'replace') if custom else ''}".strip()
        return FileOperator(
            index,
            kind,
            tuple(self.integers(table.InputsLength(), table.InputsAsNumpy)),
            tuple(self.integers(table.OutputsLength(), table.OutputsAsNumpy)),
            read_options(kind, table),
        )
