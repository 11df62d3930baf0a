"""Which tensors and weights make the noise at the outputs, to first order (sensitivity.py).

A rounded tensor has noise step^2 / 12 at every position, a rounded weight the square of its own
error; each is worth at the outputs what the sensitivities say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.passes.linear import Affine
from mcucc.quantize.sensitivity import Sensitivities

DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Of one node, as parts of the outputs' energy: what rounding its output and weights adds."""

    activation: float
    weights: float


def noise_by_tensor(
    floats: Graph, quantized: Graph, maps: Mapping[str, Affine], found: Sensitivities
) -> dict[str, Noise]:
    """By the tensor a node makes (or an input's name), where an output depends on it.

    `floats` is the network that `found` was measured on, `quantized` the integer one of the same
    nodes; `maps` as in file_values.
    """
    noise = {}
    for name in quantized.inputs:
        exact = floats.tensors[name].quant is not None  # a camera's bytes
        if name in found.activations and not exact:
            noise[name] = Noise(_rounding(quantized, name, maps, found), 0.0)
    before = {node.output: node for node in floats.nodes}
    for node in quantized.nodes:
        name, own = node.output, before.get(node.output)
        if name not in found.activations or own is None:
            continue
        made = _rounding(quantized, name, maps, found) if rounds(quantized, node) else 0.0
        weights = 0.0
        if own.name in found.weights:
            error = _weight_errors(floats, own, quantized, node, maps)
            weights = float((error * found.weights[own.name]).sum())
        noise[name] = Noise(made, weights)
    return noise


def rounds(quantized: Graph, node: Node) -> bool:
    """Whether a node's output is rounded, and not only copied."""
    if not node.op.SHARES_QUANT or isinstance(node.op, ResizeBilinear):
        return True
    quants = {quantized.tensors[name].quant for name in (*node.inputs, node.output)}
    return len(quants) > 1


def _rounding(
    quantized: Graph, name: str, maps: Mapping[str, Affine], found: Sensitivities
) -> float:
    step = quantized.tensors[name].quantization.per_tensor_scale
    each = found.activations[name] / _scales(maps, name) ** 2
    return float(step**2 / 12 * each.sum())


def _scales(maps: Mapping[str, Affine], name: str) -> DoubleArray:
    affine = maps.get(name)
    return np.ones(1) if affine is None else affine.scale


def _weight_errors(
    floats: Graph, own: Node, quantized: Graph, node: Node, maps: Mapping[str, Affine]
) -> DoubleArray:
    """Mean square error of the weights of each pair of channels, (C_out, C_in), in the file's."""
    exact = floats.tensors[own.inputs[1]].constant.astype(np.float64)
    tensor = quantized.tensors[node.inputs[1]]
    axis = node.op.WEIGHT_AXIS
    assert axis is not None  # it has weights
    shape = [-1 if i == axis else 1 for i in range(exact.ndim)]
    rounded = tensor.constant * np.asarray(tensor.quantization.scale).reshape(shape)
    inputs, outputs = _scales(maps, node.inputs[0]), _scales(maps, node.output)
    rounded = rounded / outputs.reshape(shape if outputs.size > 1 else -1)
    # Of the weights as (C_out, taps, C_in); a dense layer's input channels come pixel by pixel.
    channels = quantized.tensors[node.inputs[0]].shape[-1]
    depth = 1 if axis else exact.shape[-1] if exact.ndim > 2 else channels
    wide = (exact.shape[axis], -1, depth)
    rounded = np.moveaxis(rounded, axis, 0).reshape(wide)
    exact = np.moveaxis(exact, axis, 0).reshape(wide)
    if inputs.size > 1:
        if axis:  # an output channel reads one input channel
            factor = np.repeat(inputs, wide[0] // inputs.size)[:, None, None]
        else:
            groups = inputs.size // depth
            by_group = inputs.reshape(groups, 1, depth)
            factor = np.repeat(by_group, wide[0] // groups, axis=0)
        rounded = rounded * factor
    error: DoubleArray = ((rounded - exact) ** 2).mean(axis=1)
    return error
