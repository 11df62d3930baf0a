"""Every verb's way to a model file: its format, then the importer that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx.external_data_helper import uses_external_data

from mcucc.errors import ModelError
from mcucc.frontends.file_kind import format_of
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.onnx.bounds import check_operations
from mcucc.frontends.onnx.cut import cut_onnx
from mcucc.frontends.onnx.file import is_quantized, read_model
from mcucc.frontends.onnx.importer import import_model
from mcucc.frontends.onnx.inputs import ShapeMap
from mcucc.frontends.qdq.importer import import_quantized_model
from mcucc.frontends.tflite.cut import cut_tflite
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.frontends.tflite.read import parse_tflite, tflite_bytes
from mcucc.ir.graph import Graph
from mcucc.ops.reshape import Reshape


def load_model(
    path: Path, *, input_shapes: ShapeMap | None = None, outputs: Sequence[str] = ()
) -> ImportedModel:
    """The Graph of a model file: of floats, or of int8 where the file is quantized already.

    `input_shapes` are those the file leaves open; `outputs` are tensors of the file to end at
    instead of its own outputs. Raises ModelError for what cannot be read, and UnsupportedError
    with every node that cannot be compiled.
    """
    if format_of(path) == ".tflite":
        imported = import_tflite(path, outputs)
        _check_shapes(imported, input_shapes or {})
        _check_work(imported.graph, path)
        return imported
    model, sha256 = read_model(path)
    read = import_quantized_model if is_quantized(model) else import_model
    if outputs:
        model = cut_onnx(model, outputs, str(path))
    made = read(model, path, sha256, input_shapes)
    _check_work(made.graph, path)
    return made


def _check_work(graph: Graph, path: Path) -> None:
    """ModelError for a network that computes nothing, or more than is planned."""
    if all(isinstance(node.op, Reshape) for node in graph.nodes):
        raise ModelError("the network computes nothing: its output is its input", where=str(path))
    check_operations(len(graph.nodes), str(path))


def model_content(path: Path, outputs: Sequence[str] = ()) -> bytes:
    """What is compiled of a model file, in one file: external data within, cut at `outputs`."""
    if format_of(path) == ".tflite":
        data = tflite_bytes(path)
        return cut_tflite(data, parse_tflite(data, path), outputs) if outputs else data
    model, _ = read_model(path)
    if outputs:
        model = cut_onnx(model, outputs, str(path))
    elif not has_external_data(path):
        return path.read_bytes()
    return bytes(model.SerializeToString(deterministic=True))


def has_external_data(path: Path) -> bool:
    """Whether weights of an ONNX file lie in other files."""
    graph = onnx.load(str(path), load_external_data=False).graph
    return any(uses_external_data(tensor) for tensor in graph.initializer)


def _check_shapes(imported: ImportedModel, given: Mapping[str, tuple[int, ...]]) -> None:
    """A .tflite has the shapes it was converted with: others are refused."""
    shapes = {end.name: end.shape for end in imported.inputs}
    where = str(imported.model_path)
    for name, shape in given.items():
        if name not in shapes:
            raise ModelError(
                f"--input-shape names {name!r}, the inputs are {', '.join(shapes)}", where=where
            )
        if tuple(shape) != shapes[name]:
            raise ModelError(
                f"--input-shape {list(shape)} cannot be had: {name} is {list(shapes[name])}, and "
                "the shapes in a .tflite are fixed when it is converted",
                where=where,
                hint=f"convert the model again with the input {list(shape)}",
            )
