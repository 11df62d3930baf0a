"""Every verb's way to a model file: its format, then the importer that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from mcucc.errors import ModelError
from mcucc.frontends.file_kind import format_of
from mcucc.frontends.imported import Format, ImportedModel
from mcucc.frontends.onnx.bounds import check_operations
from mcucc.frontends.onnx.cut import cut_onnx, inner_onnx
from mcucc.frontends.onnx.file import is_quantized, read_onnx
from mcucc.frontends.onnx.importer import import_model
from mcucc.frontends.onnx.inputs import ShapeMap
from mcucc.frontends.qdq.importer import import_quantized_model
from mcucc.frontends.tflite.cut import cut_tflite, inner_tflite
from mcucc.frontends.tflite.file import TfliteFile
from mcucc.frontends.tflite.importer import import_tflite_file
from mcucc.frontends.tflite.read import parse_tflite, tflite_bytes
from mcucc.frontends.tfloat.importer import import_float_tflite, is_float
from mcucc.ir.graph import Graph
from mcucc.ops.reshape import Reshape


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model file, read and parsed once, as it is compiled: cut at the outputs asked for.

    `cut`: it ends elsewhere than the file as given, whose hash is `sha256`. `content` is
    what is compiled, in one file: external data within.
    """

    path: Path
    sha256: str
    content: bytes
    parsed: TfliteFile | onnx.ModelProto
    quantized: bool
    cut: bool = False

    @property
    def suffix(self) -> str:
        """The one of its format."""
        return ".tflite" if isinstance(self.parsed, TfliteFile) else ".onnx"


def load_model(
    path: Path, *, input_shapes: ShapeMap | None = None, outputs: Sequence[str] = ()
) -> ImportedModel:
    """The Graph of a model file: of floats, or of int8 where the file is quantized already.

    `input_shapes` are those the file leaves open; `outputs` are tensors of the file to end at
    instead of its own outputs. Raises ModelError for what cannot be read, and UnsupportedError
    with every node that cannot be compiled.
    """
    return import_file(read_file(path, outputs), input_shapes)


def read_file(path: Path, outputs: Sequence[str] = ()) -> ModelFile:
    """Read a file of either format; ModelError for what cannot be read."""
    if format_of(path) is Format.TFLITE:
        content = tflite_bytes(path)
        file = parse_tflite(content, path)
        sha256 = file.sha256
        if outputs:
            content = cut_tflite(content, file, outputs)
            file = replace(parse_tflite(content, path), sha256=sha256)
        return ModelFile(path, sha256, content, file, not is_float(file), bool(outputs))
    read = read_onnx(path)
    model, content, quantized = read.model, read.content, is_quantized(read.model)
    if outputs:
        model = cut_onnx(model, outputs, str(path))
    if outputs or read.external:
        content = bytes(model.SerializeToString(deterministic=True))
    return ModelFile(path, read.sha256, content, model, quantized, bool(outputs))


def ending_at(file: ModelFile, keys: Mapping[str, str]) -> tuple[ModelFile, dict[str, str]]:
    """The file that ends at these tensors, too, and the output of each that lies inside it.

    Its other outputs stay, but for those that follow from a tensor inside it. `keys` says what
    names a tensor. Raises ModelError.
    """
    if isinstance(file.parsed, TfliteFile):
        content = inner_tflite(file.content, file.parsed, keys)
        if content is file.content:
            return file, {}
        parsed = replace(parse_tflite(content, file.path), sha256=file.sha256)
        return replace(file, content=content, parsed=parsed, cut=True), {}
    model, ends = inner_onnx(file.parsed, keys, str(file.path))
    if not ends:
        return file, {}
    content = bytes(model.SerializeToString(deterministic=True))
    return replace(file, content=content, parsed=model, cut=True), ends


def import_file(file: ModelFile, input_shapes: ShapeMap | None = None) -> ImportedModel:
    """The Graph of a file that was read; raises as `load_model`."""
    path, parsed = file.path, file.parsed
    if isinstance(parsed, TfliteFile):
        read = import_tflite_file if file.quantized else import_float_tflite
        made = read(parsed, path)
        _check_shapes(made, input_shapes or {})
    elif file.quantized:
        made = import_quantized_model(parsed, path, file.sha256, input_shapes)
    else:
        made = import_model(parsed, path, file.sha256, input_shapes)
    _check_work(made.graph, path)
    return made


def _check_work(graph: Graph, path: Path) -> None:
    """ModelError for a network that computes nothing, or more than is planned."""
    if all(isinstance(node.op, Reshape) for node in graph.nodes):
        raise ModelError("the network computes nothing: its output is its input", where=str(path))
    check_operations(len(graph.nodes), str(path))


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
