"""How far an integer network is from its float one: layer by layer, and at the outputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.errors import ModelError
from mcucc.frontends.imported import ImportedModel
from mcucc.images.camera import CameraInput
from mcucc.images.preprocess import Bytes, Preprocess
from mcucc.images.samples import Picture, batch
from mcucc.ir.graph import Graph
from mcucc.ir.integer import Activation, IntegerGraph
from mcucc.numerics.fixed_point import Int8Array
from mcucc.oracles.float_session import FloatSession

DoubleArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LayerError:
    """One tensor, over all pictures compared.

    `snr_db` is 10 log10(sum float^2 / sum (float - int8)^2), infinite where both agree exactly;
    `largest` is the largest absolute difference in real units.
    """

    tensor: str
    node: str
    snr_db: float
    cosine: float
    largest: float
    largest_steps: float  # the same in units of the tensor's scale


@dataclass
class _Sums:
    signal: float = 0.0
    noise: float = 0.0
    product: float = 0.0
    other: float = 0.0
    largest: float = 0.0


def layer_snr(
    model: ImportedModel,
    graph: Graph,
    integer: IntegerGraph,
    images: Sequence[Bytes],
    preprocess: Preprocess,
) -> tuple[LayerError, ...]:
    """Compare the outputs of all nodes on camera images (H, W, C).

    `graph` is the float graph after the passes that `integer` was made from. Raises ModelError
    without pictures.
    """
    if not len(images):
        raise ModelError("there is no picture to compare on")
    names = [node.output for node in integer.nodes]
    session = FloatSession(model, graph, names)
    sums = {name: _Sums() for name in names}
    for image in images:
        sample = Picture(image, preprocess)
        real = session.run_sample(sample)
        values = integer.run(batch(integer.inputs, [sample]))
        for name in names:
            dequantized = integer.activations[name].real(values[name])
            _add(sums[name], real[name].ravel().astype(np.float64), dequantized.ravel())
    return tuple(
        _error(node.name, integer.activations[node.output], sums[node.output])
        for node in integer.nodes
    )


def _add(sums: _Sums, real: DoubleArray, made: DoubleArray) -> None:
    difference = real - made
    sums.signal += float(real @ real)
    sums.noise += float(difference @ difference)
    sums.product += float(real @ made)
    sums.other += float(made @ made)
    sums.largest = max(sums.largest, float(np.abs(difference).max(initial=0.0)))


def _error(node: str, activation: Activation, sums: _Sums) -> LayerError:
    if sums.noise == 0.0:
        snr = math.inf
    else:
        snr = 10.0 * math.log10(sums.signal / sums.noise) if sums.signal else -math.inf
    norm = math.sqrt(sums.signal * sums.other)
    # Two zero vectors agree; one zero vector has no direction.
    cosine = sums.product / norm if norm else float(sums.signal == sums.other)
    return LayerError(
        activation.name, node, snr, cosine, sums.largest, sums.largest / activation.scale
    )


def integer_outputs(
    integer: IntegerGraph, images: Iterable[Bytes], together: int = 16
) -> Iterator[dict[str, Int8Array]]:
    """The outputs (H, W, C) by name for each camera image, computed `together` at a time."""
    (source,) = integer.inputs
    camera = CameraInput.offset(integer.activations[source].channels)
    for group in _batches(images, together):
        values = integer.run({source: camera.apply(np.stack(group))})
        for index in range(len(group)):
            yield {name: values[name][index] for name in integer.outputs}


def _batches(images: Iterable[Bytes], size: int) -> Iterator[list[Bytes]]:
    group: list[Bytes] = []
    for image in images:
        group.append(image)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
