"""Every verb's way to a model file: its format, then the importer that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcucc.errors import ModelError
from mcucc.frontends.file_kind import format_of
from mcucc.frontends.onnx import ImportedModel, import_model
from mcucc.frontends.onnx_file import is_quantized, read_model
from mcucc.frontends.onnx_inputs import ShapeMap
from mcucc.frontends.qdq import import_quantized_model
from mcucc.frontends.quantized import ImportedQuantized
from mcucc.frontends.tflite import import_tflite


def load_model(
    path: Path, *, input_shapes: ShapeMap | None = None
) -> ImportedModel | ImportedQuantized:
    """The Graph of a model file: of floats, or of int8 where the file is quantized already.

    `input_shapes` are those the file leaves open. Raises ModelError for what cannot be read, and
    UnsupportedError with every node that cannot be compiled.
    """
    if format_of(path) == ".tflite":
        imported = import_tflite(path)
        _check_shapes(imported, input_shapes or {})
        return imported
    model, sha256 = read_model(path)
    read = import_quantized_model if is_quantized(model) else import_model
    return read(model, path, sha256, input_shapes)


def _check_shapes(imported: ImportedQuantized, given: Mapping[str, tuple[int, ...]]) -> None:
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
