"""Bits of weights chosen layer by layer: as little accuracy lost as bytes of flash allow.

Rounding the weights of a layer to a grid leaves errors e; what they do to the outputs is to first
order sum G e^2 (sensitivity.py), and what fewer bits save is what the board's kernels then store
less. Steps of layers, from int8 to int4 and on to ternary, are taken in the order of output noise
for a byte until the network fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError
from mcucc.images.samples import Sample
from mcucc.ir.graph import Graph, Node
from mcucc.numerics.weights import GRIDS, DoubleArray, round_weights
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.lower import lower
from mcucc.quantize.quantize import QuantizeOptions, quantize
from mcucc.quantize.sensitivity import sensitivities
from mcucc.quantize.weight_choice import AUTO, WeightChoice, able_layers
from mcucc.quantize.weight_scales import natural_scales

LADDER = tuple(GRIDS)  # from int8 down


@dataclass(frozen=True)
class _Step:
    """A layer with fewer bits than before: bytes saved, and noise for each of them."""

    layer: str
    before: str
    grid: str
    saved: int
    price: float


def chosen_weights(
    graph: Graph,
    ranges: Ranges,
    options: QuantizeOptions,
    samples: Sequence[Sample],
    progress: Progress = silent,
) -> WeightChoice:
    """The choice with AUTO made an answer for every layer; any other as it is.

    Named layers keep what they are given; all others may take fewer bits, the first and the last
    too. Where not even that seems to be enough, all steps are taken: linking has the last word.
    """
    choice, room = options.weights, options.room
    if choice.default != AUTO:
        return choice
    if room is None:
        raise DataError(
            "auto chooses for the flash of linked firmware",
            where="--weights",
            hint="compile has it; here say int8, int4 or ternary",
        )
    named = WeightChoice("int8", choice.layers)
    free = [node for node in able_layers(graph) if not choice.names(node)]
    sizes = {}
    for grid in LADDER:
        layers = {**choice.layers, **{node.name: grid for node in free}}
        made = quantize(graph, ranges, replace(options, weights=replace(named, layers=layers)))
        sizes[grid] = room.taken(lower(made, options.rounding))
    excess = sum(sizes["int8"].values()) - room.bytes
    if excess <= 0:
        return named
    noise = sensitivities(graph, samples, progress).weights
    steps = sorted(
        (step for node in free for step in _steps(graph, node, noise, sizes)),
        key=lambda step: (step.price, step.layer, LADDER.index(step.grid)),
    )
    layers = {step.layer: step.grid for step in _enough(steps, excess)}
    return WeightChoice("int8", {**choice.layers, **layers})


def _enough(steps: Sequence[_Step], excess: int) -> list[_Step]:
    """Steps in order until they save `excess` bytes, without those not needed after all."""
    taken: list[_Step] = []
    for step in steps:
        if excess <= 0:
            break
        taken.append(step)
        excess -= step.saved
    for step in reversed(taken.copy()):
        last = not any(other.layer == step.layer and other.before == step.grid for other in taken)
        if last and excess + step.saved <= 0:
            taken.remove(step)
            excess += step.saved
    return taken


def _steps(
    graph: Graph,
    node: Node,
    noise: Mapping[str, DoubleArray],
    sizes: Mapping[str, Mapping[str, int]],
) -> list[_Step]:
    """What a layer offers, the dearer bytes later: a step that is cheaper than the one before it
    is taken with it."""
    losses = {grid: loss_of(graph, node, grid, noise.get(node.name)) for grid in LADDER}
    corners = [LADDER[0]]
    for grid in LADDER[1:]:
        if sizes[grid][node.name] >= sizes[corners[-1]][node.name]:
            continue
        while len(corners) > 1:
            before = _price(corners[-2], corners[-1], node.name, losses, sizes)
            if before < _price(corners[-1], grid, node.name, losses, sizes):
                break
            corners.pop()
        corners.append(grid)
    steps = []
    for more, less in pairwise(corners):
        saved = sizes[more][node.name] - sizes[less][node.name]
        steps.append(
            _Step(node.name, more, less, saved, _price(more, less, node.name, losses, sizes))
        )
    return steps


def _price(
    more: str,
    less: str,
    layer: str,
    losses: Mapping[str, float],
    sizes: Mapping[str, Mapping[str, int]],
) -> float:
    """Noise for a byte, to two digits: no last bit of a sum decides an order."""
    saved = sizes[more][layer] - sizes[less][layer]
    return float(f"{max(losses[less] - losses[more], 0.0) / saved:.2g}")


def loss_of(graph: Graph, node: Node, grid: str, noise: DoubleArray | None) -> float:
    """Noise of the outputs by rounding a node's weights to the nearest of a grid.

    `noise` (C_out, C_in) is that of a squared error, of all taps together; None counts none.
    """
    if noise is None:
        return 0.0
    weights = graph.tensors[node.inputs[1]].constant.astype(np.float64)
    rows = np.moveaxis(weights, node.op.WEIGHT_AXIS or 0, 0)
    flat = rows.reshape(len(rows), -1)
    scale = natural_scales(flat, 1.0, 1.0, GRIDS[grid])
    error = flat - round_weights(flat, scale, GRIDS[grid]) * scale[:, None]
    # Taps lie before the input's channels in every layout: (C_out, taps, C_in).
    squares = np.square(error).reshape(len(rows), -1, noise.shape[1]).mean(axis=1)
    return float((squares * noise).sum())
