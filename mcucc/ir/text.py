"""The stable text form of graphs, for `--print-after` and for tests."""

from __future__ import annotations

from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.tensor import Quant, Tensor


def graph_text(graph: Graph) -> str:
    """One line a node: outputs with shape and quantization, op, inputs."""
    lines = [f"graph {graph.name}"]
    lines += [f"  input {_typed(graph.tensors[name])}" for name in graph.inputs]
    for node in graph.nodes:
        outputs = ", ".join(_typed(graph.tensors[name]) for name in node.outputs)
        operands = ", ".join(_operand(graph.tensors[name]) for name in node.inputs)
        lines.append(f"  {outputs} = {node.op} {operands}")
    lines += [f"  output {name}" for name in graph.outputs]
    return "\n".join(lines) + "\n"


def integer_text(graph: IntegerGraph) -> str:
    """One line a kernel: output with shape, scale and zero point, kernel, inputs."""
    lines = [f"integer graph {graph.name} ({graph.rounding.value} rounding)"]
    lines += [f"  input {_activation(graph, name)}" for name in graph.inputs]
    for node in graph.nodes:
        operands = ", ".join(f"%{name}" for name in node.inputs)
        lines.append(f"  {_activation(graph, node.output)} = {node.describe()} {operands}")
    lines += [f"  output %{name}" for name in graph.outputs]
    return "\n".join(lines) + "\n"


def _activation(graph: IntegerGraph, name: str) -> str:
    a = graph.activations[name]
    return f"%{name}: {a.height}x{a.width}x{a.channels} s={a.scale:.6g} z={a.zero_point}"


def _typed(tensor: Tensor) -> str:
    shape = "x".join(str(n) for n in tensor.shape) or "scalar"
    return f"%{tensor.name}: {tensor.dtype}[{shape}]{_quant(tensor.quant)}"


def _operand(tensor: Tensor) -> str:
    return _typed(tensor).replace("%", "@", 1) if tensor.data is not None else f"%{tensor.name}"


def _quant(quant: Quant | None) -> str:
    if quant is None:
        return ""
    scale = f"{quant.scale[0]:.6g}" if len(quant.scale) == 1 else f"per axis {quant.axis}"
    return f" s={scale} z={quant.zero_point}"
