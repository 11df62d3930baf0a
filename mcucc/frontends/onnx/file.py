"""Reading an ONNX file that nobody vouches for: every defect becomes one ModelError."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper, inliner

from mcucc.errors import ModelError
from mcucc.frontends.file_kind import POINTER_HINT, pointer_of
from mcucc.frontends.onnx.bounds import MOST_EXTERNAL, check_model, check_shape
from mcucc.frontends.onnx.dialects import opset_of

LARGEST_FILE = 2**31 - 1  # protobuf's own limit, bytes
INTEGER_OPS = frozenset(
    {
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "ConvInteger",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
        "QLinearAdd",
        "QLinearMul",
        "QLinearSigmoid",
        "QLinearLeakyRelu",
        "QLinearSoftmax",
        "QLinearConcat",
        "QLinearAveragePool",
        "QLinearGlobalAveragePool",
        "QLinearReduceMean",
        "QGemm",
    }
)


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """An ONNX file: its bytes and their sha256, and the model in it with external data loaded.

    `external` says that there is such data, which `content` has not.
    """

    model: onnx.ModelProto
    content: bytes
    sha256: str
    external: bool


def read_onnx(path: Path) -> OnnxFile:
    """Read `path` and the files beside it that hold its weights.

    Raises ModelError for missing, unreadable, truncated and foreign files, external data outside
    the model's folder, and opsets mcucc does not know.
    """
    where = str(path)
    content = _read_bytes(path)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ModelError(
            "not an ONNX model, or a truncated one", where=where, hint="export it again"
        ) from error
    if not model.graph.node or not model.graph.output:
        raise ModelError("the file holds no network", where=where, hint="is it an ONNX file?")
    opset_of(model, where)
    check_model(model, where)
    external = _load_external_data(model, path)
    return OnnxFile(model, content, hashlib.sha256(content).hexdigest(), external)


def _read_bytes(path: Path) -> bytes:
    where = str(path)
    try:
        if path.is_file() and path.stat().st_size > LARGEST_FILE:
            raise ModelError("the file is larger than 2 GiB, more than ONNX allows", where=where)
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError("there is no such file", where=where) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read ({error})", where=where) from error
    if not content:
        raise ModelError("the file is empty", where=where)
    return content


def is_quantized(model: onnx.ModelProto) -> bool:
    """Whether the model carries integer arithmetic of its own (QDQ or QLinear operators)."""
    nodes = [*model.graph.node, *(node for f in model.functions for node in f.node)]
    return any(node.op_type in INTEGER_OPS for node in nodes)


def check_order(model: onnx.ModelProto, where: str) -> None:
    """ModelError unless every node reads what is there before it: no cycle, no value made twice."""
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
    for index, node in enumerate(graph.node):
        label = node.name or f"{node.op_type}_{index}"
        for name in node.input:
            if name and name not in known:
                raise ModelError(
                    f"node {label} reads {name}, which nothing before it computes",
                    where=where,
                    hint="check the file with onnx.checker.check_model",
                )
        for name in node.output:
            if name in known:
                raise ModelError(f"value {name} is computed twice", where=where)
            known.update([name] if name else [])


def inline_functions(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The model with its local functions expanded (torch's dynamo exporter may leave some)."""
    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    # The inliner is C++ and raises RuntimeError, ValueError or its own classes.
    except Exception as error:
        raise ModelError(f"its functions cannot be expanded ({error})", where=where) from error


def _load_external_data(model: onnx.ModelProto, path: Path) -> bool:
    """Load what lies in other files; whether anything does."""
    folder, left, found = path.resolve().parent, MOST_EXTERNAL, False
    for tensor in _all_tensors(model):
        where = f"{path}, tensor {tensor.name}"
        check_shape(tensor.dims, where)
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        left -= _check_external(tensor, folder, where)
        if left < 0:
            raise ModelError(f"external data of more than {MOST_EXTERNAL:,} bytes", where=where)
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
        # The helper raises its checker's C++ errors beside OSError and ValueError.
        except Exception as error:
            raise ModelError(f"external data cannot be read ({error})", where=where) from error
        found = True
    return found


def _check_external(tensor: onnx.TensorProto, folder: Path, where: str) -> int:
    """How many bytes a tensor takes of its data file.

    ModelError for locations outside the model's folder, links included, and ranges beyond the file.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    odd = not location or "\0" in location or absolute or ".." in parts
    if odd or not (folder / location).resolve().is_relative_to(folder):
        raise ModelError(
            f"external data at {location!r}, outside the model's folder, is not read",
            where=where,
            hint="put the data file beside the model, or save the model as one file",
        )
    file = folder / location
    if not file.is_file():
        raise ModelError(
            f"external data file {location!r} is missing",
            where=where,
            hint="the weights are in a file of their own: put it beside the model",
        )
    with file.open("rb") as stream:
        pointer = pointer_of(stream.read(200))
    if pointer:
        raise ModelError(
            f"external data file {location!r} is {pointer}", where=where, hint=POINTER_HINT
        )
    try:
        offset, length = int(entries.get("offset", "0")), int(entries.get("length", "0"))
    except ValueError as error:
        raise ModelError("external data with a broken range", where=where) from error
    size = file.stat().st_size
    if offset < 0 or length < 0 or offset + length > size:
        raise ModelError(f"external data file {location!r} is too short", where=where)
    return length or size - offset


def _all_tensors(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Initializers and constant attributes, in functions too."""
    nodes = [*model.graph.node, *(node for f in model.functions for node in f.node)]
    attributes = [a for node in nodes for a in node.attribute]
    inside = [a.t for a in attributes if a.type == onnx.AttributeProto.TENSOR]
    return [*model.graph.initializer, *inside]
