"""Import a quantized ONNX model: QDQ or QOperator form, or a torch (pt2e) export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from mcucc.errors import ModelError, UnsupportedError
from mcucc.frontends.fold_pads import fold_pads
from mcucc.frontends.frontier import frontier, of_file
from mcucc.frontends.imported import FLOAT, ImportedModel, Port, Source
from mcucc.frontends.onnx.dialects import modernised
from mcucc.frontends.onnx.file import check_order, inline_functions, read_onnx
from mcucc.frontends.onnx.importer import import_model
from mcucc.frontends.onnx.inputs import ShapeMap
from mcucc.frontends.onnx.steps import label_of, onnx_steps
from mcucc.frontends.qdq.attach import Attacher
from mcucc.frontends.qdq.strip import strip
from mcucc.frontends.qdq.tables import Stripped
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.graph import Graph
from mcucc.ir.verify import verify
from mcucc.numerics.fixed_point import INT8
from mcucc.passes import dead_code


def import_quantized_onnx(path: Path, *, input_shapes: ShapeMap | None = None) -> ImportedModel:
    """Read a quantized ONNX model as an int8 Graph; no calibration data is needed.

    Activations are int8 or uint8 per tensor, weights symmetric int8 (or uint8 around 128), per
    tensor or per channel. Raises ModelError for files that cannot be read, UnsupportedError with
    every node that cannot be compiled.
    """
    path = Path(path)
    file = read_onnx(path)
    return import_quantized_model(file.model, path, file.sha256, input_shapes)


def import_quantized_model(
    model: onnx.ModelProto, path: Path, sha256: str, input_shapes: ShapeMap | None = None
) -> ImportedModel:
    """The same for a model that has been read from `path`."""
    model = modernised(inline_functions(model, str(path)), str(path))
    check_order(model, str(path))
    nodes = model.graph.node
    labels = {label_of(node, index): node.op_type for index, node in enumerate(nodes)}
    try:
        return _import(model, path, sha256, input_shapes, labels)
    except UnsupportedError as error:
        problems = of_file(error.problems, labels)
        known = [tensor.name for tensor in model.graph.initializer]
        ends = [value.name for value in model.graph.output]
        faults = {problem.node for problem in problems}
        ends = list(frontier(onnx_steps(nodes), faults, known, ends))
        raise UnsupportedError(problems, where=str(path), ends=ends) from error


def _import(
    model: onnx.ModelProto,
    path: Path,
    sha256: str,
    input_shapes: ShapeMap | None,
    labels: Mapping[str, str],
) -> ImportedModel:
    try:
        stripped = strip(model)
    except UnsupportedNode as refusal:
        raise ModelError(refusal.why, where=str(path), hint=refusal.hint) from refusal
    if stripped.problems:
        raise UnsupportedError(stripped.problems)
    imported = import_model(stripped.model, path, sha256, input_shapes, is_quantized=True)
    attacher = Attacher(imported.graph, stripped, imported.sources)
    graph = attacher.run()
    if attacher.problems:
        raise UnsupportedError(attacher.problems)
    graph = fold_pads(dead_code.run(graph))
    verify(graph)
    return replace(
        imported,
        graph=graph,
        inputs=tuple(_quantized(port, model.graph.input, graph) for port in imported.inputs),
        outputs=tuple(_quantized(port, model.graph.output, graph) for port in imported.outputs),
        sources=_sources(graph, attacher.sources, stripped),
        labels=labels,
    )


# Types of the file's own inputs and outputs: floats that the network quantizes, or integers.
_DTYPES: dict[int, np.dtype[Any]] = {
    TensorProto.UINT8: np.dtype(np.uint8),
    TensorProto.INT8: INT8,
}


def _quantized(port: Port, values: Iterable[onnx.ValueInfoProto], graph: Graph) -> Port:
    value = next(v for v in values if v.name == port.name)
    dtype = _DTYPES.get(value.type.tensor_type.elem_type, FLOAT)
    tensor = graph.tensors[port.tensor]
    quant, element = tensor.quantization, tensor.dtype
    return replace(port, dtype=dtype, quant=quant, ties_to_even=True, element=element)


def _sources(graph: Graph, sources: Mapping[str, Source], stripped: Stripped) -> dict[str, Source]:
    """Tensors of the graph and the 8-bit values of the file that hold the same (less 128)."""
    integer = {held.value: name for name, held in reversed(stripped.integers.items())}
    found: dict[str, Source] = {}
    for name, source in sources.items():
        if name in graph.tensors and source.name in integer:
            found[name] = Source(integer[source.name], source.permutation)
    return found
