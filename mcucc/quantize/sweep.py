"""One sweep over the integer network: every layer's biases from what it really reads.

Rounding of weights and inputs shifts the mean of a layer's outputs. Layer by layer, in the order of
the network, its mean is made the float network's, on the calibration pictures as the integer layers
before it compute them: first before the clamp, then behind it. What the sweep has done to earlier
layers is in the inputs of later ones, so that errors of means do not add up along the network
(after Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction",
section 4.2, which corrects each layer alone and has no clamp).

Sums of integers are exact; the float network's layers are summed in float64, so that the order of
a machine's sums does not reach a bias.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.base.progress import Progress, silent
from mcucc.images.samples import Sample, batch
from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import Clamp, Rounding
from mcucc.numerics.weights import DoubleArray, WeightGrid
from mcucc.passes.linear import Linear, tap_sums
from mcucc.quantize.lower import lower, lower_node
from mcucc.quantize.room import bias_of, reach_of, room_of
from mcucc.quantize.second_order import round_rows
from mcucc.quantize.sensitivity import real_inputs
from mcucc.quantize.taps import Layer, rows_of, sampled, weights_of

IntegerArray = npt.NDArray[Any]  # int8 or int16
LARGEST_LIVE = 2**29  # bytes of integer activations kept at a time
TOGETHER = 2**18  # elements of a layer computed at a time: what caches hold
FLOAT32_EXACT = 2**24
SEED = 20261129
# The least share of a channel's values that a bias is taken to move: where nearly all lie at the
# clamp the mean would ask for steps that those inside of it do not deserve.
LEAST_MOVED = 0.25


@dataclass(frozen=True, eq=False)
class Means:
    """The float network at a layer, on average over pictures.

    `input` in the input's own shape; `before` and `after` the clamp: output channels (C_out,).
    """

    input: DoubleArray
    before: DoubleArray
    after: DoubleArray


def sweep(
    graph: Graph,
    quantized: Graph,
    samples: Sequence[Sample],
    rounding: Rounding = Rounding.SINGLE,
    progress: Progress = silent,
    grids: Mapping[str, WeightGrid] | None = None,
) -> Graph:
    """The int8 graph with its biases corrected; `graph` is the float one of the same nodes.

    With `grids`, of nodes by name, their weights are rounded again to these (second_order.py).
    Scales stay, and what was proved of accumulators (room.py). Where the samples' activations would
    take more than LARGEST_LIVE bytes, every k-th sample is used.
    """
    integer = lower(quantized, rounding)
    chosen = samples[:: _every(integer, len(samples))]
    means = float_means(graph, chosen, progress)
    quants = [quantized.tensors[name].quantization for name in quantized.inputs]
    values = batch(integer.inputs, [sample.quantized(quants) for sample in chosen])
    dead = dead_after([(node.inputs, node.output) for node in integer.nodes])
    swept = quantized
    for index, node in enumerate(integer.nodes):
        kernel = node.kernel
        if node.output in means:
            read, grid = values[node.inputs[0]], (grids or {}).get(node.name)
            swept = _mended(graph, swept, index, read, means[node.output], grid)
            kernel = lower_node(swept, swept.nodes[index], rounding).kernel
        inputs = [values[name] for name in node.inputs]
        size = prod(integer.activations[node.output].shape)
        values[node.output] = np.concatenate(
            [kernel.run([x[part] for x in inputs]) for part in _parts(len(chosen), size, *inputs)]
        )
        for name in dead[index]:
            values.pop(name)
        progress("making integers", index + 1, len(integer.nodes))
    return swept


def float_means(
    graph: Graph, samples: Sequence[Sample], progress: Progress = silent
) -> dict[str, Means]:
    """The float network's means at every layer with weights, by its output."""
    weighted = {node.output: node for node in graph.nodes if node.op.WEIGHT_AXIS is not None}
    into = {name: np.zeros(graph.tensors[n.inputs[0]].shape) for name, n in weighted.items()}
    after = {name: np.zeros(graph.tensors[name].shape[-1]) for name in weighted}
    dead = dead_after([(node.inputs, node.output) for node in graph.nodes])
    constants = {name: t.data for name, t in graph.tensors.items() if t.data is not None}
    wide = {name: data.astype(np.float64) for name, data in constants.items()}
    for number, sample in enumerate(samples):
        values: dict[str, npt.NDArray[Any]] = dict(real_inputs(graph, sample))
        for index, node in enumerate(graph.nodes):
            if node.output in weighted:
                x = values[node.inputs[0]].astype(np.float64)
                into[node.output] += x
                made = _evaluate(node.op, x, *(wide[name] for name in node.inputs[1:]))
                after[node.output] += _mean(made)
            else:
                made = _evaluate(node.op, *(constants.get(n, values.get(n)) for n in node.inputs))
            values[node.output] = made
            for name in dead[index]:
                values.pop(name, None)
        progress("measuring means", number + 1, len(samples))
    found = {}
    for name, node in weighted.items():
        mean = into[name] / len(samples)
        operands = (wide[constant] for constant in node.inputs[1:])
        before = _mean(_evaluate(node.op.unclamped(), mean, *operands))
        found[name] = Means(mean, before, after[name] / len(samples))
    return found


def dead_after(nodes: Sequence[tuple[Sequence[str], str]]) -> list[tuple[str, ...]]:
    """The tensors that nothing reads any more behind each node, given as (inputs, output)."""
    last = {name: i for i, (inputs, output) in enumerate(nodes) for name in (*inputs, output)}
    return [
        tuple(name for name in dict.fromkeys((*inputs, output)) if last[name] == i)
        for i, (inputs, output) in enumerate(nodes)
    ]


def _mended(
    graph: Graph, swept: Graph, index: int, x: IntegerArray, means: Means, grid: WeightGrid | None
) -> Graph:
    """The int8 graph with weights, biases and border of one node made for its inputs x."""
    node = swept.nodes[index]
    reach, bias = reach_of(swept, node), bias_of(swept, node)
    if grid is not None and isinstance(node.op, Layer):
        rounded = _rounded(graph, swept, index, x, grid)
        made = _with_weights(graph, swept, index, means, rounded)
        least, most = room_of(made, node, reach)
        # What nearest rounding was proved for stays true of such channels alone.
        beyond = (bias < least) | (most < bias)
        if beyond.any():
            nearest = swept.tensors[node.inputs[1]].constant
            rounded = _choose(beyond, nearest, rounded, node.op.WEIGHT_AXIS or 0)
            made = _with_weights(graph, swept, index, means, rounded)
        swept = made
    else:
        swept = _with_weights(graph, swept, index, means)
    least, most = room_of(swept, node, reach)
    layer = _Layer(swept, node, x)
    mended = layer.biases(means, np.minimum(least, bias), np.maximum(most, bias))
    inputs = list(node.inputs)
    if len(inputs) < 3:
        inputs.append(swept.fresh(f"{node.output}.bias"))
    quant = Quant(tuple(layer.steps.tolist()), 0, 0)
    nodes = list(swept.nodes)
    nodes[index] = replace(node, inputs=tuple(inputs))
    tensors = {**swept.tensors, inputs[2]: Tensor.const(inputs[2], mended, quant)}
    return swept.with_(nodes=nodes, tensors=tensors)


def _rounded(
    graph: Graph, swept: Graph, index: int, x: IntegerArray, grid: WeightGrid
) -> npt.NDArray[np.int8]:
    """The weights of a node rounded for its inputs, in the op's layout."""
    node = swept.nodes[index]
    assert isinstance(node.op, Layer)
    source, weights = swept.tensors_of(node.inputs[:2])
    floats = graph.tensors[graph.nodes[index].inputs[1]].constant.astype(np.float64)
    ratio = floats / _along(weights.quantization.scale, weights)
    rows = rows_of(node.op, ratio, x.shape[-1])
    rng = np.random.default_rng((SEED, index))
    read = sampled(node.op, x, source.quantization.zero_point, rng)
    made = weights_of(node.op, round_rows(rows, read, grid), weights.shape)
    return made.astype(np.int8)


def _with_weights(
    graph: Graph,
    swept: Graph,
    index: int,
    means: Means,
    weights: npt.NDArray[np.int8] | None = None,
) -> Graph:
    """The int8 graph with other weights of one node, if any, and the border that goes with them."""
    node = swept.nodes[index]
    changed = {}
    if weights is not None:
        changed[node.inputs[1]] = replace(swept.tensors[node.inputs[1]], data=weights)
        swept = swept.with_(tensors={**swept.tensors, **changed})
    if len(node.inputs) > 3:
        changed[node.inputs[3]] = _border(graph, swept, index, means.input)
        swept = swept.with_(tensors={**swept.tensors, **changed})
    return swept


def _border(graph: Graph, swept: Graph, index: int, mean_input: DoubleArray) -> Tensor:
    """The border of a node: where a tap is padding, the bias takes back too much of its rounding.

    The bias has what rounding of all taps does on average; those in the padding do nothing.
    """
    floats, integers = graph.nodes[index], swept.nodes[index]
    assert isinstance(floats.op, Linear)
    weights, old = (swept.tensors[integers.inputs[place]] for place in (1, 3))
    real = weights.constant * _along(weights.quantization.scale, weights)
    error = real - graph.tensors[floats.inputs[1]].constant
    taken_back = tap_sums(floats.op, error, mean_input.mean(axis=(0, 1, 2)))
    border = graph.tensors[floats.inputs[3]].constant + taken_back
    rounded = np.rint(border / np.asarray(old.quantization.scale)).astype(np.int32)
    return replace(old, data=rounded)


def _along(channels: Sequence[float], weights: Tensor) -> DoubleArray:
    """Numbers of output channels, as an array that weights can be multiplied by."""
    shape = [1] * len(weights.shape)
    shape[weights.quantization.axis or 0] = -1
    return np.asarray(channels, np.float64).reshape(shape)


def _choose(
    channels: npt.NDArray[np.bool_], some: IntegerArray, others: IntegerArray, axis: int
) -> npt.NDArray[np.int8]:
    """Weights of some for these output channels, of others for the rest."""
    shape = [1] * some.ndim
    shape[axis] = -1
    return np.where(channels.reshape(shape), some, others)


class _Layer:
    """A layer with weights of an int8 graph, and its inputs x (N, H, W, C)."""

    def __init__(self, graph: Graph, node: Node, x: IntegerArray) -> None:
        self._op, self._x = node.op.unclamped(), x
        source, weights, *rest = graph.tensors_of(node.inputs)
        self._zero = source.quantization.zero_point
        self._axis = node.op.WEIGHT_AXIS or 0
        self._weights = weights.constant.astype(np.float64)
        scales = np.asarray(weights.quantization.scale)
        self.steps: DoubleArray = scales * source.quantization.per_tensor_scale
        self._border = [rest[1].constant.astype(np.float64)] if len(rest) > 1 else []
        output = graph.tensors[node.output]
        zero, scale = output.quantization.zero_point, output.quantization.per_tensor_scale
        low, high = ((end - zero) * scale for end in output.interval)
        clamp: Clamp = node.op.fused_clamp
        self._clamp, self._size = clamp.intersect(Clamp(low, high)), prod(output.shape)

    def biases(self, means: Means, least: DoubleArray, most: DoubleArray) -> npt.NDArray[np.int32]:
        """Biases (C_out,) within bounds that give these means."""
        bias = np.clip(np.rint(means.before / self.steps - self._mean_sum()), least, most)
        mean, moved = self._clamped_mean(bias)
        missing = (means.after - mean) / self.steps / np.maximum(moved, LEAST_MOVED)
        return np.clip(np.rint(bias + missing), least, most).astype(np.int32)

    def _mean_sum(self) -> DoubleArray:
        """The mean accumulator without bias (C_out,): that of the sum of all pictures."""
        count = len(self._x)
        total = self._x.sum(axis=0, dtype=np.int64, keepdims=True) - count * self._zero
        border = (count * each for each in self._border)
        none = np.zeros(self.steps.size)
        wide = total.astype(np.float64)
        return _mean(_evaluate(self._op, wide, self._weights, none, *border)) / count

    def _clamped_mean(self, bias: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """The mean output (C_out,) before it is rounded, saturated as it will be.

        And the share of the values that do not saturate, which a bias moves.
        """
        span = max(abs(int(end) - self._zero) for end in (self._x.min(), self._x.max()))
        rows = np.moveaxis(np.abs(self._weights), self._axis, 0).reshape(self.steps.size, -1)
        most = span * rows.sum(axis=1) + np.abs(bias)
        # Either type holds every partial sum, so that their order does not matter.
        exact = most.max() < FLOAT32_EXACT and not self._border
        kind: type[np.floating[Any]] = np.float32 if exact else np.float64
        constants = [each.astype(kind) for each in (self._weights, bias, *self._border)]
        total, inside = np.zeros(bias.size), np.zeros(bias.size)
        for part in _parts(len(self._x), self._size, self._x):
            x: npt.NDArray[Any] = self._x[part].astype(kind)
            x -= self._zero
            real = _evaluate(self._op, x, *constants) * self.steps
            clamped = self._clamp.apply(real)
            total += _mean(clamped) * len(x)
            inside += _mean(clamped == real.astype(np.float32)) * len(x)
        return total / len(self._x), inside / len(self._x)


def _parts(count: int, size: int, *inputs: IntegerArray) -> Iterator[slice]:
    """Pictures a few at a time, of `size` output elements each."""
    step = max(1, TOGETHER // (size + sum(prod(x.shape[1:]) for x in inputs)))
    return (slice(begin, begin + step) for begin in range(0, count, step))


def _every(integer: IntegerGraph, count: int) -> int:
    """Which of `count` samples fit into LARGEST_LIVE bytes: every k-th."""
    dead = dead_after([(node.inputs, node.output) for node in integer.nodes])
    live = {name: integer.activations[name].size for name in integer.inputs}
    most = sum(live.values())
    for index, node in enumerate(integer.nodes):
        live[node.output] = integer.activations[node.output].size
        most = max(most, sum(live.values()))
        for name in dead[index]:
            live.pop(name)
    return max(1, -(-most * count // LARGEST_LIVE))


def _evaluate(op: Op, *operands: Any) -> npt.NDArray[np.float32]:
    """The op's float result; float64 operands are multiplied and summed in float64."""
    return op.evaluate(operands)


def _mean(y: npt.NDArray[Any]) -> DoubleArray:
    """Per channel (C,), over all else."""
    mean: DoubleArray = y.reshape(-1, y.shape[-1]).mean(axis=0, dtype=np.float64)
    return mean
