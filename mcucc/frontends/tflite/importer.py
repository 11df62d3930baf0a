"""Import an int8 .tflite file: a Graph whose arithmetic LiteRT itself can confirm byte for byte."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from mcucc.errors import ModelError, Problem, UnsupportedError
from mcucc.frontends.fold_pads import fold_crops, fold_pads
from mcucc.frontends.imported import ConstantOutput, Format, ImportedModel, Port, Source
from mcucc.frontends.tflite.context import Context
from mcucc.frontends.tflite.file import FileTensor, TfliteFile
from mcucc.frontends.tflite.kinds import kinds_of
from mcucc.frontends.tflite.read import read_tflite
from mcucc.frontends.tflite.turned_inputs import TO_HWC, turn_inputs
from mcucc.frontends.tflite.unsigned import as_int8
from mcucc.frontends.tflite.walk import ends_before, label_of, walk
from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Quant
from mcucc.ir.verify import verify
from mcucc.numerics.fixed_point import INT8


def import_tflite(path: Path) -> ImportedModel:
    """Read an int8 .tflite file (int8, uint8 or float32 ends) as an int8 Graph.

    The Graph begins behind the QUANTIZE of a float input and ends before the DEQUANTIZE of a float
    output; `inputs` and `outputs` keep the file's names, types and quantization. Raises ModelError
    for a file that is damaged, UnsupportedError with every reason for one mcucc cannot compile.
    """
    return import_tflite_file(read_tflite(path), path)


def import_tflite_file(file: TfliteFile, path: Path) -> ImportedModel:
    """The same for a file that has been read from `path`."""
    original = file
    file, unsigned = as_int8(original)
    ctx = Context(file, unsigned)
    problems = [Problem(path.name, kind, why, hint) for kind, why, hint in kinds_of(original)]
    problems += walk(ctx, problems)
    if problems:
        raise UnsupportedError(problems, where=str(path), ends=ends_before(file, problems))
    computed = tuple(index for index in file.outputs if index in ctx.names)
    if not computed:
        raise ModelError("every output is a constant", where=str(path))
    graph = Graph(
        path.stem,
        tuple(ctx.nodes),
        ctx.tensors,
        tuple(ctx.inputs),
        tuple(dict.fromkeys(ctx.names[i] for i in computed)),
    )
    names = _end_names(ctx)
    graph, turned = turn_inputs(_rename(_live(graph), names))
    graph = fold_crops(fold_pads(graph))
    verify(graph)
    return ImportedModel(
        graph=graph,
        model_path=path,
        sha256=file.sha256,
        format=Format.TFLITE,
        inputs=tuple(_port(ctx, graph, original.tensors[i], names, turned) for i in file.inputs),
        outputs=tuple(_port(ctx, graph, original.tensors[i], names) for i in computed),
        sources={
            names.get(name, name): _turned_source(source, names.get(name, name) in turned)
            for name, source in ctx.sources.items()
            if names.get(name, name) in graph.tensors
        },
        labels={label_of(file, operator): operator.kind for operator in file.operators},
        constants={
            original.tensors[i].name: _constant(ctx, original.tensors[i])
            for i in file.outputs
            if i not in ctx.names
        },
    )


def _turned_source(source: Source, turned: bool) -> Source:
    return replace(source, permutation=TO_HWC) if turned else source


def _constant(ctx: Context, tensor: FileTensor) -> ConstantOutput:
    """An output that is a constant; uint8 that was read as int8 is uint8 again."""
    values = ctx.constants[tensor.index]
    if tensor.dtype == np.uint8 and values.dtype == INT8:
        values = (values.astype(np.int16) + 128).astype(np.uint8)
    if len(tensor.scale) != 1 or len(tensor.zero_point) != 1 or values.dtype.kind == "f":
        return ConstantOutput(values)
    return ConstantOutput(values, Quant(tensor.scale, tensor.zero_point[0]))


def _end_names(ctx: Context) -> dict[str, str]:
    """New names for int8 tensors that stand for a float or uint8 end: the name of the end."""
    names: dict[str, str] = {}
    taken = set(ctx.tensors)
    for index in (*ctx.file.inputs, *ctx.file.outputs):
        if index not in ctx.names:  # an output that is a constant
            continue
        wanted, name = ctx.file.tensors[index].name, ctx.names[index]
        if name not in names and wanted not in taken:
            names[name] = wanted
            taken.add(wanted)
    return names


def _port(
    ctx: Context,
    graph: Graph,
    tensor: FileTensor,
    names: dict[str, str],
    turned: Collection[str] = (),
) -> Port:
    index, shape = tensor.index, ctx.shape(tensor)
    inner = graph.tensors[names.get(ctx.names[index], ctx.names[index])]
    order = TO_HWC if inner.name in turned else tuple(range(len(shape)))
    dtype = tensor.dtype or INT8
    return Port(
        name=tensor.name,
        tensor=inner.name,
        shape=shape,
        stored=inner.shape,
        permutation=order,
        dtype=dtype,
        quant=inner.quantization,
        element=inner.dtype,
    )


def _rename(graph: Graph, names: dict[str, str]) -> Graph:
    def new(old: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in old)

    nodes = tuple(
        replace(node, name=new((node.name,))[0], inputs=new(node.inputs), outputs=new(node.outputs))
        for node in graph.nodes
    )
    tensors = {
        names.get(name, name): replace(tensor, name=names.get(name, name))
        for name, tensor in graph.tensors.items()
    }
    return Graph(graph.name, nodes, tensors, new(graph.inputs), new(graph.outputs))


def _live(graph: Graph) -> Graph:
    """The graph without nodes whose results nobody reads."""
    wanted = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return graph.with_(nodes=tuple(reversed(kept)))
