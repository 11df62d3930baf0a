"""Save a quantized Graph and read it back: one .npz, a JSON header beside the constants.

No pickle: an op is its class name and its attributes, and only registered classes are built.
"""

from __future__ import annotations

import dataclasses
import json
import typing
import zipfile
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from mcucc.errors import ModelError
from mcucc.ir.graph import Graph, Node, Quant, Tensor

SCHEMA = 1
HEADER = "graph.json"


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
                "attributes": _plain(node.op),
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


def load_graph(path: Path) -> Graph:
    """Read what `save_graph` wrote; ModelError for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read(HEADER))
            if header["schema"] != SCHEMA:
                raise ValueError(f"schema {header['schema']}, this mcucc reads {SCHEMA}")
            tensors = {}
            for entry in header["tensors"]:
                tensors[entry["name"]] = _tensor(entry, archive)
            nodes = tuple(_node(entry) for entry in header["nodes"])
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"not a network saved by mcucc ({error})",
            where=str(path),
            hint="run mcucc compile again",
        ) from error
    inputs, outputs = tuple(header["inputs"]), tuple(header["outputs"])
    return Graph(header["name"], nodes, tensors, inputs, outputs)


def _tensor_dict(tensor: Tensor, key: str | None) -> dict[str, Any]:
    quant = tensor.quant
    return {
        "name": tensor.name,
        "shape": tensor.shape,
        "dtype": tensor.dtype.name,
        "quant": None if quant is None else dataclasses.asdict(quant),
        "constant": key,
    }


def _tensor(entry: dict[str, Any], archive: zipfile.ZipFile) -> Tensor:
    quant = entry["quant"]
    parsed = (
        None if quant is None else Quant(tuple(quant["scale"]), quant["zero_point"], quant["axis"])
    )
    data = None
    if entry["constant"] is not None:
        with archive.open(f"{entry['constant']}.npy") as file:
            data = np.lib.format.read_array(file, allow_pickle=False)
    return Tensor(entry["name"], tuple(entry["shape"]), np.dtype(entry["dtype"]), parsed, data)


def _node(entry: dict[str, Any]) -> Node:
    from mcucc.ops.base import registry

    op = _build(registry()[entry["op"]], entry["attributes"])
    return Node(entry["name"], op, tuple(entry["inputs"]), tuple(entry["outputs"]))


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, tuples as lists; floats keep every bit through repr."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _build(kind: Any, plain: Any) -> Any:
    """The inverse of `_plain`, guided by the dataclass's field types."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(plain)
    if not hasattr(kind, "__dataclass_fields__"):
        return tuple(plain) if isinstance(plain, list) else plain
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: _build(hints[name], plain[name]) for name in names})
