"""Import an int8 .tflite file: a Graph whose arithmetic LiteRT itself can confirm byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mcucc.errors import Problem, UnsupportedError
from mcucc.frontends import (
    tflite_elementwise,
    tflite_joins,
    tflite_movers,
    tflite_parts,
    tflite_phases,
    tflite_plain,
    tflite_reductions,
    tflite_windows,
)
from mcucc.frontends.quantized import End, ImportedQuantized
from mcucc.frontends.tflite_context import (
    CONVERTERS,
    INT8,
    Context,
    RejectError,
    check_int8,
)
from mcucc.frontends.tflite_file import FileOperator, FileTensor, read_tflite
from mcucc.frontends.tflite_kinds import kinds_of
from mcucc.frontends.tflite_pads import fold_crops, fold_pads
from mcucc.frontends.tflite_shapes import fold
from mcucc.frontends.tflite_versions import unknown_version
from mcucc.ir.graph import Graph, Quant
from mcucc.ir.verify import verify

# Importing them fills CONVERTERS.
CONVERTER_MODULES = (
    tflite_elementwise,
    tflite_joins,
    tflite_movers,
    tflite_parts,
    tflite_phases,
    tflite_plain,
    tflite_reductions,
    tflite_windows,
)


def import_tflite(path: Path) -> ImportedQuantized:
    """Read an int8 .tflite file (int8, uint8 or float32 ends) as an int8 Graph.

    The Graph begins behind the QUANTIZE of a float input and ends before the DEQUANTIZE of a float
    output; `inputs` and `outputs` keep the file's names, types and quantization. Raises ModelError
    for a file that is damaged, UnsupportedError with every reason for one mcucc cannot compile.
    """
    file = read_tflite(path)
    ctx = Context(file)
    problems = [Problem(path.name, kind, why, hint) for kind, why, hint in kinds_of(file)]
    problems += _convert(ctx, explained=bool(problems))
    if problems:
        raise UnsupportedError(problems, where=str(path))
    graph = Graph(
        path.stem,
        tuple(ctx.nodes),
        ctx.tensors,
        tuple(ctx.inputs),
        tuple(dict.fromkeys(ctx.names[i] for i in file.outputs)),
    )
    names = _end_names(ctx)
    graph = fold_crops(fold_pads(_rename(_live(graph), names)))
    verify(graph)
    return ImportedQuantized(
        graph=graph,
        model_path=path,
        sha256=file.sha256,
        kind="tflite",
        inputs=tuple(_end(ctx, graph, i, names) for i in file.inputs),
        outputs=tuple(_end(ctx, graph, i, names) for i in file.outputs),
        sources={
            names.get(name, name): index
            for name, index in ctx.sources.items()
            if names.get(name, name) in graph.tensors
        },
    )


def _convert(ctx: Context, *, explained: bool) -> list[Problem]:
    """Convert every operator; returns what could not be, consequences of it left out.

    `explained`: the file's kind is a problem already, so foreign element types are no news.
    """
    problems: list[Problem] = []
    consequences: list[Problem] = []
    for index in ctx.file.inputs:
        tensor = ctx.file.tensors[index]
        try:
            _define_input(ctx, tensor)
        except ValueError as error:
            problems.append(_problem(tensor.name, "input", error))
    for operator in ctx.file.operators:
        try:
            _convert_one(ctx, operator)
        except ValueError as error:
            _define_anyway(ctx, operator)
            reject = error if isinstance(error, RejectError) else RejectError(str(error))
            if reject.of_type and explained:
                continue
            name = f"operator {operator.index}"
            if operator.outputs:
                name = ctx.file.tensors[operator.outputs[0]].name
            problem = _problem(name, operator.kind, reject)
            (consequences if reject.follows else problems).append(problem)
    ctx.settle_outputs()
    for index in ctx.file.outputs:
        tensor = ctx.file.tensors[index]
        if index not in ctx.names:
            why = f"output {tensor.name} is not computed by the network"
            consequences.append(Problem(tensor.name, "output", why))
    return problems or ([] if explained else consequences)


def _problem(name: str, kind: str, error: ValueError) -> Problem:
    return Problem(name, kind, str(error), error.hint if isinstance(error, RejectError) else "")


def _define_input(ctx: Context, tensor: FileTensor) -> None:
    if tensor.foreign:
        raise RejectError(f"{tensor.name}: {tensor.foreign}")
    if tensor.dtype == INT8:
        ctx.inputs.append(ctx.define(tensor).name)
    elif tensor.dtype == np.uint8:
        ctx.inputs.append(ctx.define_view(tensor).name)
    elif tensor.dtype != np.float32:
        raise RejectError(f"{tensor.name} is {tensor.type_name}", of_type=True)


def _convert_one(ctx: Context, operator: FileOperator) -> None:
    _check_operands(ctx, operator)
    newer = unknown_version(operator)
    if not newer and fold(ctx, operator):
        return
    converter = CONVERTERS.get(operator.kind)
    if converter is None:
        raise RejectError("mcucc does not compile this operator")
    if newer:
        raise RejectError(newer, "convert the model for an older runtime, or update mcucc")
    converter(ctx, operator)


def _check_operands(ctx: Context, operator: FileOperator) -> None:
    """RejectError for operands whose data, or its meaning, is not where this version reads it."""
    for index in (*operator.inputs, *operator.outputs):
        tensor = ctx.file.tensors[index] if index >= 0 else None
        if tensor is not None and tensor.sparse:
            raise RejectError(f"{tensor.name} is sparse", "convert the model without sparsity")
        if tensor is not None and tensor.foreign:
            raise RejectError(f"{tensor.name}: {tensor.foreign}", "convert it in the common form")


def _define_anyway(ctx: Context, operator: FileOperator) -> None:
    """Define what a rejected operator computes, so that only real problems are reported."""
    for index in operator.outputs:
        tensor = ctx.file.tensors[index]
        if index in ctx.names or index in ctx.constants:
            continue
        try:
            check_int8(tensor)
            ctx.define(tensor)
        except ValueError:
            continue


def _end_names(ctx: Context) -> dict[str, str]:
    """New names for int8 tensors that stand for a float or uint8 end: the name of the end."""
    names: dict[str, str] = {}
    taken = set(ctx.tensors)
    for index in (*ctx.file.inputs, *ctx.file.outputs):
        wanted, name = ctx.file.tensors[index].name, ctx.names[index]
        if name not in names and wanted not in taken:
            names[name] = wanted
            taken.add(wanted)
    return names


def _end(ctx: Context, graph: Graph, index: int, names: dict[str, str]) -> End:
    tensor = ctx.file.tensors[index]
    name = names.get(ctx.names[index], ctx.names[index])
    inner = graph.tensors[name].quantization
    if tensor.dtype == np.float32:
        return End(tensor.name, name, ctx.shape(tensor), np.dtype(np.float32), None, inner)
    offset = 128 if tensor.dtype == np.uint8 else 0
    quant = Quant(inner.scale, inner.zero_point + offset)
    dtype = np.dtype(np.uint8 if offset else np.int8)
    return End(tensor.name, name, ctx.shape(tensor), dtype, quant, inner)


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
