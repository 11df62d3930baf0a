"""Save a quantized Graph and read it back: one .npz, a JSON header beside the constants.

No pickle: an op is its class name and its attributes, and only registered classes are built.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcucc.base.typed import Reader, plain, shown, wrong
from mcucc.errors import ModelError
from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.verify import verify
from mcucc.numerics.fixed_point import INT8, INT16

SCHEMA = 1
HEADER = "graph.json"
LARGEST = 2**30  # bytes unpacked
MOST_ELEMENTS = 2**28
LARGEST_SCALE = 1e38
DTYPES = ("int8", "uint8", "int16", "int32", "int64", "float32", "float64")


def save_graph(graph: Graph, path: Path) -> None:
    """Write `graph` to `path` (.npz), the same bytes for the same graph."""
    constants = {t.name: t.data for t in graph.tensors.values() if t.data is not None}
    arrays = {f"constant_{i}": data for i, data in enumerate(constants.values())}
    keys = dict(zip(constants, arrays, strict=True))
    header = {
        "schema": SCHEMA,
        "name": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "tensors": [_tensor_dict(t, keys.get(t.name)) for t in graph.tensors.values()],
        "nodes": [
            {
                "name": node.name,
                "op": node.op.kind,
                "attributes": plain(node.op),
                "inputs": node.inputs,
                "outputs": node.outputs,
            }
            for node in graph.nodes
        ],
    }
    # Not np.savez: it stamps the time of day into the archive.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(HEADER), json.dumps(header, allow_nan=True))
        for key, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


@dataclass(frozen=True)
class _Tensor:
    """A tensor in the header; `constant` is the key of its array."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None
    constant: str | None


@dataclass(frozen=True)
class _Node:
    """A node in the header; `attributes` are of the op's own types."""

    name: str
    op: str
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class _Header:
    """graph.json."""

    schema: int
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: tuple[_Tensor, ...]
    nodes: tuple[_Node, ...]


# What zipfile, zlib, NumPy and the ops raise on files that are not what they should be.
BROKEN = (
    *(OSError, KeyError, TypeError, ValueError, ArithmeticError, RuntimeError, EOFError),
    *(RecursionError, zipfile.BadZipFile, zlib.error, IndexError, MemoryError),
)


def load_graph(path: Path) -> Graph:
    """Read what `save_graph` wrote; ModelError for anything else.

    Nothing is unpacked beyond LARGEST bytes, no array is larger than what its file holds, and the
    graph is verified.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise ValueError(f"more than {LARGEST:,} bytes unpacked")
            data = json.loads(archive.read(HEADER))
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {shown(data['schema'])}, this mcucc reads {SCHEMA}")
            header: _Header = Reader(infinite=True).read(_Header, data)
            tensors = {entry.name: _tensor(entry, archive) for entry in header.tensors}
            nodes = tuple(_node(entry) for entry in header.nodes)
        graph = Graph(header.name, nodes, tensors, header.inputs, header.outputs)
        verify(graph)
    except BROKEN as error:
        raise ModelError(
            f"not a network saved by mcucc ({error})",
            where=str(path),
            hint="run mcucc compile again",
        ) from error
    return graph


def _tensor_dict(tensor: Tensor, key: str | None) -> dict[str, Any]:
    quant = tensor.quant
    return {
        "name": tensor.name,
        "shape": tensor.shape,
        "dtype": tensor.dtype.name,
        "quant": None if quant is None else plain(quant),
        "constant": key,
    }


def _tensor(entry: _Tensor, archive: zipfile.ZipFile) -> Tensor:
    quant = entry.quant
    if entry.dtype not in DTYPES:
        raise wrong("dtype", f"one of {', '.join(DTYPES)}", entry.dtype)
    if quant is not None and not all(0 <= scale <= LARGEST_SCALE for scale in quant.scale):
        raise wrong("scale", f"numbers from 0 to {LARGEST_SCALE:g}", quant.scale)
    if not all(1 <= length <= MOST_ELEMENTS for length in entry.shape) or (
        math.prod(entry.shape) > MOST_ELEMENTS
    ):
        raise wrong("shape", f"at most {MOST_ELEMENTS:,} elements", entry.shape)
    dtype, data = np.dtype(entry.dtype), None
    if entry.constant is not None:
        data = _array(archive.read(f"{entry.constant}.npy"), dtype, entry.shape)
    elif quant is not None and not _of_activation(quant, dtype):
        raise wrong("quant", "one scale, and a zero point that the type holds", quant)
    return Tensor(entry.name, entry.shape, dtype, quant, data)


def _of_activation(quant: Quant, dtype: np.dtype[Any]) -> bool:
    """Whether this is how int8 or int16 activations are quantized."""
    if dtype not in (INT8, INT16) or len(quant.scale) != 1:
        return False
    most = np.iinfo(dtype).max
    limited = quant.limit is None or 1 <= quant.limit <= most
    return limited and -most - 1 <= quant.zero_point <= most


def _array(content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """An .npy of exactly this type and shape; nothing is allocated that the file does not hold."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array of another version")
    found = np.lib.format.read_array_header_1_0(file)
    if found != (shape, False, dtype):
        raise ValueError(f"an array of shape {list(found[0])[:8]} where {list(shape)} is meant")
    return np.frombuffer(content[file.tell() :], dtype).reshape(shape)


def _node(entry: _Node) -> Node:
    from mcucc.ops.registry import registry

    if entry.op not in registry():
        raise wrong("op", "an op of mcucc", entry.op)
    op = Reader(infinite=True).read(registry()[entry.op], dict(entry.attributes), entry.name)
    return Node(entry.name, op, entry.inputs, entry.outputs)
