"""Output sensitivities: how much noise at the outputs a little noise on a tensor or a weight makes.

For outputs y and noise e on a tensor T, uncorrelated and small, the outputs' noise is
sum_c E e_c^2 * S[c] with S[c] = sum over positions and outputs of (dy / dT_c)^2. With a random
vector v of independent signs, E (v dy/dT)^2 = sum (dy/dT)^2: one reverse pass a picture measures
all tensors (Hutchinson's estimator of a diagonal). Of weights the same, by what a weight's change
does beyond the mean, which the bias takes back (design: Nagel et al. 2019, section 4.2).

Rounding to steps of s has noise s^2 / 12, so an int8 network's outputs have to first order
sum_T s_T^2 / 12 * sum S_T + sum_j s_j^2 / 12 * sum_c G_jc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError
from mcucc.images.preprocess import FloatArray
from mcucc.images.samples import Sample
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Shape
from mcucc.numerics.fixed_point import IntArray
from mcucc.quantize.ends import end_tensors

DoubleArray = npt.NDArray[np.float64]
SEED = 20261129
PICTURES = 64  # of mcunet-320kb: a tensor's sensitivity is within 3 %, a channel's within 15 %
ENERGY_PICTURES = 8  # the outputs' weights need no more
KEPT_BITS = 8  # of a result: sums of floats differ in their last bits from machine to machine


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Noise of the outputs, as a share of their mean energy, per noise of a tensor or weight.

    `activations`: of each tensor by channel, (C,), for noise at every position. `weights`: of each
    weighted node, (C_out, C_in): weights of one pair of channels summed over their taps
    (DepthwiseConv2d: C_in = 1; FullyConnected: C_in of the input's pixels). Tensors no output
    depends on are absent. Where a network ends in a softmax the outputs are its inputs.
    """

    pictures: int
    activations: Mapping[str, DoubleArray]
    weights: Mapping[str, DoubleArray]


def sensitivities(
    graph: Graph, samples: Sequence[Sample], progress: Progress = silent
) -> Sensitivities:
    """Measure a float graph on samples, by the ops' own `evaluate` and `pullback`.

    Of more than PICTURES samples so many, evenly spread. Same graph and samples, same result;
    DataError without samples. Holds one picture's activations and two numbers a weight.
    """
    if not samples:
        raise DataError("there is no picture to measure sensitivities on")
    count = min(len(samples), PICTURES)
    samples = [samples[index * len(samples) // count] for index in range(count)]
    ends = end_tensors(graph)
    weights = _end_weights(graph, ends, samples[:ENERGY_PICTURES])
    vectors = _Vectors({name: graph.tensors[name].shape for name in ends})
    tally, energy = _Tally(graph), 0.0
    for done, sample in enumerate(samples, 1):
        values = evaluate_graph(graph, real_inputs(graph, sample))
        signs = vectors.next()
        for name in ends:
            weighted = values[name] * weights[name]
            energy += float(np.square(weighted, dtype=np.float64).sum())
        seeds = {n: (signs[n] * weights[n]).astype(np.float32) for n in ends}
        tally.reverse(values, seeds)
        progress("measuring sensitivities", done, len(samples))
    # The weights are of the first pictures, the energy is to be that of all.
    return tally.result(energy / len(ends) or float(len(samples)))


class _Vectors:
    """Random signs for each picture's outputs, in pairs: one vector, and it with every second sign
    turned. The logits of two classes mostly move against each other; so both directions count.
    """

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._rng, self._shapes = np.random.default_rng(SEED), shapes
        self._left: dict[str, IntArray] | None = None

    def next(self) -> dict[str, IntArray]:
        """Of the next picture."""
        if self._left is not None:
            turned, self._left = self._left, None
            return turned
        drawn = {n: self._rng.integers(0, 2, shape) * 2 - 1 for n, shape in self._shapes.items()}
        turns = {n: 1 - 2 * (np.arange(shape[-1]) % 2) for n, shape in self._shapes.items()}
        self._left = {name: signs * turns[name] for name, signs in drawn.items()}
        return drawn


def real_inputs(graph: Graph, sample: Sample) -> dict[str, FloatArray]:
    """What a float graph reads of a sample; an input of quantized bytes as its real values."""
    values: dict[str, FloatArray] = {}
    for index, name in enumerate(graph.inputs):
        tensor = graph.tensors[name]
        if tensor.quant is None:
            value = sample.real[index]
        else:
            centred = sample.int8[index].astype(np.float32) - tensor.quant.zero_point
            value = centred * np.float32(tensor.quant.per_tensor_scale)
        values[name] = np.asarray(value, dtype=np.float32).reshape(tensor.shape)
    return values


def _operands(graph: Graph, node: Node, values: Mapping[str, FloatArray]) -> list[Any]:
    tensors = graph.tensors_of(node.inputs)
    return [values[t.name] if t.data is None else t.data for t in tensors]


def _end_weights(
    graph: Graph, ends: Sequence[str], samples: Sequence[Sample]
) -> dict[str, np.float64]:
    """1 / sqrt(energy) of each end, so that outputs of any unit count alike."""
    energy = dict.fromkeys(ends, 0.0)
    for sample in samples:
        values = evaluate_graph(graph, real_inputs(graph, sample))
        for name in ends:
            energy[name] += float(np.square(values[name], dtype=np.float64).sum())
    return {
        name: np.sqrt(len(samples) / total) if total > 0 else np.float64(1.0)
        for name, total in energy.items()
    }


@dataclass(eq=False)
class _Weights:
    """Sums over pictures for one weighted node, in the layout of its weights and biases.

    With w' = dL/dw, m the mean of what a tap reads and b' = dL/db, the square of w' - m b' is
    wanted, but m is only known at the end: so the three sums of its expansion.
    """

    squares: DoubleArray
    products: DoubleArray
    bias_squares: DoubleArray
    mean_input: DoubleArray


class _Tally:
    """What reverse passes add up."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._pictures = graph, 0
        self._activations: dict[str, DoubleArray] = {}
        self._weights: dict[str, _Weights] = {}

    def reverse(self, values: Mapping[str, FloatArray], seeds: Mapping[str, FloatArray]) -> None:
        """One picture: gradients from the ends back to the inputs."""
        gradients = dict(seeds)
        self._pictures += 1
        for node in reversed(self._graph.nodes):
            gradient = gradients.pop(node.output, None)
            if gradient is None:
                continue
            self._add(node.output, gradient)
            operands = _operands(self._graph, node, values)
            found = node.op.pullback(operands, values[node.output], gradient)
            for name, more in zip(node.inputs, found, strict=True):
                if self._graph.tensors[name].data is None:
                    gradients[name] = gradients[name] + more if name in gradients else more
            if node.op.WEIGHT_AXIS is not None:
                self._add_weights(node, operands, values[node.output], gradient, found[1])
        for name, gradient in gradients.items():
            self._add(name, gradient)

    def _add(self, name: str, gradient: FloatArray) -> None:
        channels = gradient.reshape(-1, gradient.shape[-1])
        energy = np.square(channels, dtype=np.float64).sum(axis=0)
        self._activations[name] = self._activations.get(name, 0.0) + energy

    def _add_weights(
        self,
        node: Node,
        operands: Sequence[Any],
        output: FloatArray,
        gradient: FloatArray,
        of_weights: FloatArray,
    ) -> None:
        axis = node.op.WEIGHT_AXIS
        assert axis is not None  # the caller looked
        clamped = node.op.fused_clamp.pullback(output, gradient)
        of_bias = clamped.reshape(-1, clamped.shape[-1]).sum(axis=0, dtype=np.float64)
        exact = of_weights.astype(np.float64)
        sums = self._weights.get(node.name)
        if sums is None:
            zeros, bias = np.zeros(exact.shape), np.zeros(of_bias.shape)
            sums = _Weights(zeros, zeros.copy(), bias, np.zeros(operands[0].shape))
            self._weights[node.name] = sums
        sums.squares += exact * exact
        sums.products += exact * _along(of_bias, axis, exact.ndim)
        sums.bias_squares += of_bias * of_bias
        sums.mean_input += operands[0]

    def result(self, energy: float) -> Sensitivities:
        """The means over pictures, as shares of the `energy` of all."""
        return Sensitivities(
            self._pictures,
            {name: coarse(total / energy) for name, total in self._activations.items()},
            {
                node.name: coarse(self._by_channels(node, self._weights[node.name], energy))
                for node in self._graph.nodes
                if node.name in self._weights
            },
        )

    def _by_channels(self, node: Node, sums: _Weights, energy: float) -> DoubleArray:
        axis, weights = node.op.WEIGHT_AXIS, self._graph.tensors[node.inputs[1]].constant
        assert axis is not None
        mean = tap_means(node.op, sums.mean_input / self._pictures, weights)
        squares = sums.squares - 2.0 * mean * sums.products
        squares += mean**2 * _along(sums.bias_squares, axis, mean.ndim)
        # Sums of float32 leave a little below zero where a channel never moves.
        by_output = np.moveaxis(np.maximum(squares, 0.0), axis, 0) / energy
        channels = self._graph.tensors[node.inputs[0]].shape[-1]
        inputs = 1 if axis else weights.shape[-1] if weights.ndim > 2 else channels
        summed: DoubleArray = by_output.reshape(by_output.shape[0], -1, inputs).sum(axis=1)
        return summed


def tap_means(op: Op, mean_input: DoubleArray, weights: FloatArray) -> DoubleArray:
    """The mean of what each weight is multiplied by, over positions, in the weights' shape."""
    linear = op.unclamped()
    operands = [mean_input.astype(np.float32), weights]
    output = linear.evaluate(operands)
    each = output.shape[-1] / output.size
    found = linear.pullback(operands, output, np.full_like(output, each))[1]
    return found.astype(np.float64)


def coarse(values: DoubleArray) -> DoubleArray:
    """Rounded to KEPT_BITS significant bits."""
    mantissa, exponent = np.frexp(values)
    rounded: DoubleArray = np.ldexp(np.rint(mantissa * 2.0**KEPT_BITS), exponent - KEPT_BITS)
    return rounded


def _along(channels: DoubleArray, axis: int, dimensions: int) -> DoubleArray:
    """(C,) as an array that is 1 long on all axes but one."""
    return channels.reshape([-1 if i == axis else 1 for i in range(dimensions)])
