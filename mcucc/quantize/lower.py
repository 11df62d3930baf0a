"""From an int8 Graph (ours or an imported one) to the IntegerGraph of kernels."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.errors import Problem
from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import Activation, IntegerGraph, IntegerNode
from mcucc.ir.tensor import Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT16, Rounding
from mcucc.quantize.lines import as_lines
from mcucc.quantize.low_bit import on_a_grid
from mcucc.quantize.problems import raise_problems

SMALLEST_SCALE, LARGEST_SCALE = 1e-30, 1e30  # of an activation; well inside float32


def lower(graph: Graph, rounding: Rounding = Rounding.SINGLE) -> IntegerGraph:
    """Every node as a kernel with all its integers; activations as (H, W, C).

    Raises ModelError that names every node that cannot be lowered, and why.
    """
    problems: list[Problem] = []
    activations: dict[str, Activation] = {}
    for name in graph.inputs:
        try:
            activations[name] = _activation(graph.tensors[name])
        except ValueError as error:
            problems.append(Problem(name, "input", str(error)))
    nodes = []
    for node in graph.nodes:
        try:
            nodes.append(lower_node(graph, node, rounding))
            activations[node.output] = _activation(graph.tensors[node.output])
        except ValueError as error:
            problems.append(Problem(node.name, node.op.kind, str(error)))
        except ArithmeticError as error:
            why = f"its scales are out of proportion ({error})"
            problems.append(Problem(node.name, node.op.kind, why))
    raise_problems(problems, graph.name)
    return IntegerGraph(
        graph.name, tuple(nodes), activations, graph.inputs, graph.outputs, rounding
    )


def lower_node(graph: Graph, node: Node, rounding: Rounding) -> IntegerNode:
    """One node as a kernel; ValueError or ArithmeticError where that cannot be."""
    operands = graph.tensors_of(node.inputs)
    constants = [tensor.name for tensor in operands if tensor.data is not None]
    weights = node.inputs[1:] if node.op.WEIGHT_AXIS is not None else ()
    stray = [name for name in constants if name not in weights]
    if stray:
        raise ValueError(f"the constant operand {stray[0]} was not folded")
    _check_types(node, [t for t in operands if t.data is None], graph.tensors[node.output])
    kernel = node.op.lower(operands, graph.tensors[node.output], rounding)
    kernel = as_lines(on_a_grid(kernel))
    inputs = tuple(tensor.name for tensor in operands if tensor.data is None)
    return IntegerNode(node.name, kernel, inputs, node.output)


def _check_types(node: Node, inputs: Sequence[Tensor], output: Tensor) -> None:
    """ValueError unless the op takes the element types of its activations."""
    op, wide = node.op, [t for t in inputs if t.dtype == INT16]
    if op.WIDE_ALL and len(wide) == len(inputs) and output.dtype == INT16:
        return
    if wide and not op.WIDE_INPUTS:
        raise ValueError(f"it cannot read the int16 tensor {wide[0].name}")
    if output.dtype == INT16 and not op.WIDE_OUTPUT:
        raise ValueError(f"it cannot make the int16 tensor {output.name}")
    other = [t for t in inputs if t.dtype != output.dtype]
    if op.SHARES_QUANT and other:
        raise ValueError(f"{other[0].name} is {other[0].dtype}, {output.name} {output.dtype}")


def _activation(tensor: Tensor) -> Activation:
    quant = tensor.quantization
    if not SMALLEST_SCALE <= quant.per_tensor_scale <= LARGEST_SCALE:
        raise ValueError(f"{tensor.name} has the scale {quant.per_tensor_scale:g}")
    height, width, channels = hwc(tensor.shape)
    shape, dtype = (height, width, channels), tensor.dtype
    scale, zero_point = quant.per_tensor_scale, quant.zero_point
    return Activation(tensor.name, *shape, scale, zero_point, dtype, tensor.interval)
