"""Layer by layer against an oracle: whether every kernel computes what the file says.

Each kernel is fed the oracle's own inputs, so that differences of 1 before it do not count. What
may then differ is the rounding of one number: float32 products move a value by far less than a
step, over a tie at most, so that each requantization may be 1 off. Where the float32 sum itself is
worth more (huge sums that cancel), its error bound is worked out for the layer in question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.tensor import Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import NO_CLAMP, IntegerArray, Rounding
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.pad import Pad
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.ops.softmax import Softmax
from mcucc.oracles.oracle import Integers, Oracle
from mcucc.quantize.lower import lower

Inputs = Sequence[IntegerArray]  # of one sample, (H, W, C)
STEEPEST = 1.2  # no activation function has a greater slope
# A channel is off as a whole where so many values, so many of them different, mostly differ.
MANY, DIFFERENT, NEARLY_ALL = 32, 8, 0.75
# Roundings of one float32 product, and of its place in a sum, in units of 2^-24.
PRODUCT_ROUNDINGS = 4.0


@dataclass(frozen=True)
class WrongElement:
    """The first element beyond what rounding explains; `allowed` is in steps."""

    layer: str
    tensor: str
    index: int
    expected: int
    found: int
    allowed: int


def first_wrong(
    oracle: Oracle, rounding: Rounding, theirs: Mapping[str, Integers], q: Inputs
) -> WrongElement | None:
    """The first tensor that our kernels, fed the oracle's values, compute otherwise.

    `theirs` are the oracle's tensors (H, W, C) for the integer inputs `q`.
    """
    graph = oracle.imported.graph
    integer = lower(graph, rounding)
    values: dict[str, IntegerArray] = dict(zip(integer.inputs, q, strict=True))
    slack: dict[str, int] = dict.fromkeys(integer.inputs, 0)
    for node, made in zip(graph.nodes, integer.nodes, strict=True):
        output = made.kernel.run([values[name][None] for name in made.inputs])[0]
        allowed = 0 if oracle.exact else _allowed(graph, node, slack, rounding)
        if node.output not in theirs:
            values[node.output], slack[node.output] = output, allowed
            continue
        wanted = theirs[node.output]
        off = np.abs(output.astype(np.int64) - wanted)
        if off.max(initial=0) > allowed and not oracle.exact:
            off = off - _float_noise(graph, node, values)
        wrong = np.flatnonzero(off.reshape(-1) > allowed)
        if not wrong.size and not oracle.exact:
            wrong = shifted(output.astype(np.int64) - wanted, wanted)
        if wrong.size:
            i = int(wrong[0])
            found = int(wanted.reshape(-1)[i]), int(output.reshape(-1)[i])
            return WrongElement(node.name, node.output, i, *found, allowed)
        limits = np.iinfo(output.dtype)
        values[node.output] = np.clip(wanted, limits.min, limits.max).astype(output.dtype)
        slack[node.output] = 0
    return None


def shifted(difference: Integers, wanted: Integers) -> Integers:
    """Elements of the first channel (or the whole tensor) that is off in one direction.

    A difference of 1 is a tie's, and ties are some: where nearly all of many different values are
    off the same way, the zero point or the bias is.
    """
    channels = difference.shape[-1]
    whole = (difference.reshape(-1), wanted.reshape(-1), np.arange(difference.size))
    parts = [whole, *(tuple(flat[c::channels] for flat in whole) for c in range(channels))]
    for off, values, places in parts if difference.any() else ():
        if off.size < MANY or np.unique(values).size < DIFFERENT:
            continue
        for sign in (-1, 1):
            if (off * sign > 0).mean() > NEARLY_ALL:
                return places[off * sign > 0]
    return np.zeros(0, np.int64)


def first_other(expected: IntegerGraph, found: IntegerGraph, q: Inputs) -> WrongElement | None:
    """The first tensor of two networks, common by name, that they compute differently."""
    one = [value[None] for value in q]
    want = expected.run(dict(zip(expected.inputs, one, strict=True)))
    have = found.run(dict(zip(found.inputs, one, strict=True)))
    for node in expected.nodes:
        name = node.output
        if name not in have or have[name].shape != want[name].shape:
            continue
        wrong = np.flatnonzero(want[name] != have[name])
        if wrong.size:
            i = int(wrong[0])
            pair = int(want[name].reshape(-1)[i]), int(have[name].reshape(-1)[i])
            return WrongElement(node.name, name, i, *pair, 0)
    return None


def _allowed(graph: Graph, node: Node, slack: Mapping[str, int], rounding: Rounding) -> int:
    """Steps that a node's output may differ by: its own rounding, and that of unseen inputs."""
    unseen = {name: slack[name] for name in node.inputs if slack.get(name)}
    return _own(graph, node, rounding) + (_carried(graph, node, unseen) if unseen else 0)


def _own(graph: Graph, node: Node, rounding: Rounding) -> int:
    if isinstance(node.op, Softmax) and rounding is Rounding.DOUBLE:
        return 2  # LiteRT's fixed point, which is not ONNX Runtime's
    if isinstance(node.op, ArgMax):
        return 0  # it compares integers
    quants = {graph.tensors[name].quant for name in (*node.inputs, node.output)}
    moves = node.op.SHARES_QUANT and len(quants) == 1 and not isinstance(node.op, ResizeBilinear)
    clamped = node.op.fused_clamp != NO_CLAMP
    valued = isinstance(node.op, Pad) and node.op.value != 0
    return 0 if moves and not clamped and not valued else 1


def _carried(graph: Graph, node: Node, unseen: Mapping[str, int]) -> int:
    """What differences of inputs that the oracle does not show may become in the output."""
    if isinstance(node.op, ArgMax):
        return node.op.entries
    operands = graph.tensors_of(node.inputs)
    scale = graph.tensors[node.output].quantization.per_tensor_scale
    reals = {n: unseen[n] * graph.tensors[n].quantization.per_tensor_scale for n in unseen}
    if node.op.WEIGHT_AXIS is not None:
        spread = np.full(operands[0].shape, reals.get(operands[0].name, 0.0), np.float32)
        weights = np.abs(_real(operands[1]))
        total = node.op.unclamped().evaluate([spread, weights]).max()
        return math.ceil(float(total) / scale)
    largest = [1.0, *(_largest(t) for t in operands)] if node.op.kind == "Mul" else [1.0]
    return math.ceil(STEEPEST * sum(reals.values()) * max(largest) / scale)


def _largest(tensor: Tensor) -> float:
    """The largest magnitude an integer tensor can hold."""
    if tensor.data is not None:
        return float(np.abs(_real(tensor)).max())
    quant, (least, most) = tensor.quantization, tensor.interval
    return quant.per_tensor_scale * max(quant.zero_point - least, most - quant.zero_point)


def _float_noise(graph: Graph, node: Node, values: Mapping[str, IntegerArray]) -> Integers:
    """Error bound of the float32 sums of a weighted node, in whole steps, (H, W, C)."""
    output = graph.tensors[node.output]
    if node.op.WEIGHT_AXIS is None:
        return np.zeros(hwc(output.shape), np.int64)
    data, *constants = graph.tensors_of(node.inputs)
    quant = data.quantization
    x = values[data.name].astype(np.float64) - quant.zero_point
    real = np.abs(x * quant.per_tensor_scale).astype(np.float32).reshape(data.shape)
    terms = [real, *(np.abs(_real(c)).astype(np.float32) for c in constants)]
    magnitude = node.op.unclamped().evaluate(terms).reshape(hwc(output.shape))
    taps = constants[0].constant.size / max(constants[0].constant.shape[node.op.WEIGHT_AXIS], 1)
    relative = (PRODUCT_ROUNDINGS + math.sqrt(taps)) * 2.0**-24
    steps = magnitude.astype(np.float64) * relative / output.quantization.per_tensor_scale
    return np.minimum(np.floor(steps), 2.0**31).astype(np.int64)


def _real(constant: Tensor) -> npt.NDArray[np.float64]:
    """Real values of an integer constant."""
    quant = constant.quantization
    scale = np.asarray(quant.scale, np.float64)
    shape = [1] * constant.constant.ndim
    if scale.size > 1 and quant.axis is not None:
        shape[quant.axis] = scale.size
    factor = scale.reshape(shape) if scale.size > 1 else scale[0]
    return (constant.constant.astype(np.float64) - quant.zero_point) * factor
