"""Equalisation: channels are scaled and shifted so that 8 bits hold each of them well.

Every tensor T becomes T' = (T - o) * k, k > 0 and o a number a channel; what layers do to their
outputs, the layers that read them take back. The network's function stays, int8's noise at its
outputs falls: a tensor has one scale, and without factors its widest channel decides it for all.
Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", scale
pairs of layers by their weights' ranges; here whole groups are scaled so that the predicted noise
at the outputs is least (noise.py).

A clamp that is not at 0 or infinite, ReLU6's, stays where it is: channels with k > 1 saturate at
6 / k, which is beyond their range as calibration saw it, tail included (ranges.py); k < 1 would let
them exceed 6. What they cut off is predicted from the tails and the sensitivities, and kept below a
share of the outputs' energy (CUTS): the largest that pictures held back allow, in the end none,
where nothing saturates that did not before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mcucc.images.samples import Sample
from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp
from mcucc.numerics.weights import INT8, WeightGrid
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.passes.linear import Affine, scale_input, scale_output
from mcucc.passes.rewrite import Rewriter
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.equalize.check import LEAST_DB, Equivalence
from mcucc.quantize.equalize.classes import (
    Numbers,
    channel_classes,
    is_layer,
)
from mcucc.quantize.equalize.noise import (
    Dense,
    Part,
    Rounded,
    blind_factors,
    least_noise,
    parts_of,
)
from mcucc.quantize.equalize.offsets import Offsets, middles
from mcucc.quantize.equalize.ranges import ChannelRanges, channel_ranges, clipped_above
from mcucc.quantize.groups import quant_groups
from mcucc.quantize.observers.base import Range, Statistics
from mcucc.quantize.sensitivity import Sensitivities

DoubleArray = npt.NDArray[np.float64]
# Factors are powers of 2^(1/64): coarse enough that no last bit of a sum decides.
GRID = 64
# How much clamps that come earlier may add to the outputs' noise, as shares of their energy. 1e-3
# gains 0.1 dB more on mcunet-320kb and lost up to 2 dB on VWW, by single pictures.
CUTS = (1e-4, 3e-5, 1e-5, 1e-6, 0.0)
NO_GRIDS: Mapping[str, WeightGrid] = MappingProxyType({})
ENDS = 17  # places between a channel's range and its clamp that are looked at


@dataclass(frozen=True, eq=False)
class Equalized:
    """A float network with the same outputs, and the ranges of its tensors.

    `maps` has what became of every tensor that changed: new = scale * old + offset a channel (the
    last axis). Tensors keep their names. `equivalence_db` is how alike the two float networks are
    on the pictures held back (check.py), `cut` what was allowed for (of CUTS).
    """

    graph: Graph
    ranges: Ranges
    maps: Mapping[str, Affine]
    equivalence_db: float
    cut: float


def equalize(
    graph: Graph,
    ranges: Ranges,
    sensitivities: Sensitivities | None,
    held_back: Sequence[Sample],
    grids: Mapping[str, WeightGrid] = NO_GRIDS,
) -> Equalized:
    """Scale and shift the channels of a float graph; `ranges` have its channels' statistics.

    Without sensitivities the factors are those of `blind_factors`. `held_back` are the samples of
    `ranges.judged`: on them, what the others alone make of the network is within LEAST_DB of it
    wherever floats allow it. What clamps may cut off is decided so; the factors then follow from
    all samples. Without samples held back no clamped channel saturates earlier.
    `grids` are those of nodes whose weights are not int8: coarse weights leave less to gain for
    activations.
    """
    first = _Equalization(graph, ranges, sensitivities, grids)
    check = Equivalence(graph, held_back)
    for cut in CUTS if held_back else CUTS[-1:]:
        made = first.result(cut)
        alike = check.decibels(made[0])
        if alike >= LEAST_DB:
            break
    if ranges.judged:
        both = {name: seen.with_(ranges.judged[name]) for name, seen in ranges.channels.items()}
        every = replace(ranges, channels=both)
        made = _Equalization(graph, every, sensitivities, grids).result(cut)
    return Equalized(*made, alike, cut)


class _Equalization:
    """One network on its way: classes, offsets, ranges, factors."""

    def __init__(
        self,
        graph: Graph,
        ranges: Ranges,
        sensitivities: Sensitivities | None,
        grids: Mapping[str, WeightGrid] = NO_GRIDS,
    ) -> None:
        self._graph, self._old, self._sensitivities = graph, ranges, sensitivities
        self._grids = grids
        groups = [group for group in quant_groups(graph) if group.fixed is None]
        measured = [name for group in groups for name in group.measured]
        unknown = {name for name in measured if name not in ranges.channels}
        fixed = {*unknown, *ranges.whole}
        self._groups = [group.measured for group in groups]
        self._classes = channel_classes(graph, fixed)
        possible = Offsets(graph, fixed)
        self._seen = {
            name: self._channel_range(name, name in possible.possible) for name in measured
        }
        self._offsets = possible.chosen(self._middle)
        self._searched = self._search()

    def _channel_range(self, name: str, free: bool) -> ChannelRanges:
        if name in self._old.channels and name not in self._old.whole:
            producer = self._graph.producer(name)
            clamp = NO_CLAMP if producer is None else producer.op.fused_clamp
            return channel_ranges(self._old.channels[name], clamp, free=free)
        seen, count = self._old.by_name[name], self._graph.tensors[name].shape[-1]
        return ChannelRanges(np.full(count, seen.low), np.full(count, seen.high))

    def _middle(self, name: str) -> DoubleArray | None:
        seen = self._seen.get(name)
        return None if seen is None else middles(seen.low, seen.high)

    # Factors

    def _search(self) -> list[tuple[Part, DoubleArray]]:
        """The factors of every part, before clamps limit them."""
        parts = parts_of(self._classes.count, self._rounded(), self._dense())
        blind = self._sensitivities is None
        return [(part, blind_factors(part) if blind else least_noise(part)) for part in parts]

    def _factors(self, cut: float) -> DoubleArray:
        """The factor of every class, and 1 for FIXED at the end."""
        factors = np.ones(self._classes.count + 1)
        limits = self._limits(cut)
        for part, found in self._searched:
            factors[part.classes] = _on_grid(part, found, limits[part.classes])
        return factors

    def _limits(self, cut: float) -> DoubleArray:
        """How far a class may grow for the clamps to cut no more off; inf without such a clamp."""
        limits = np.full(self._classes.count + 1, np.inf)
        clamped = [n for n in self._graph.nodes if _finite(n.op.fused_clamp)]
        each = cut / max(sum(self._classes.of[node.output].size for node in clamped), 1)
        for node in clamped:
            room = self._room(node.output, node.op.fused_clamp, each)
            np.minimum.at(limits, self._classes.of[node.output], room)
        return limits[:-1]

    def _room(self, name: str, clamp: Clamp, cut: float) -> DoubleArray:
        """How much nearer to 0 a clamp may come (C,) to add at most `cut` a channel."""
        room = np.ones(self._classes.of[name].size)
        if cut == 0.0 or name not in self._old.channels or name in self._old.whole:
            return room
        seen, statistics = self._seen[name], self._old.channels[name]
        weight = self._sensitivity(name)
        if self._sensitivities is None:  # all channels count alike, for their own energy
            weight = 1.0 / np.maximum(seen.width**2 * room.size, np.finfo(np.float64).tiny)
        sides = (clamp.hi, seen.high, statistics), (-clamp.lo, -seen.low, statistics.mirrored)
        rooms = []
        for end, reached, side in sides:
            if 0.0 < end < np.inf:
                nearest = np.clip(reached, end / 2.0**20, end) / end
                ends = end * nearest[:, None] ** np.linspace(1, 0, ENDS)
                allowed = weight[:, None] * clipped_above(side, ends) <= cut
                allowed[:, -1] = True
                rooms.append(end / ends[np.arange(room.size), allowed.argmax(axis=1)])
        least: DoubleArray = np.minimum.reduce(rooms)
        return least

    def _rounded(self) -> list[Rounded]:
        found = []
        for names in self._groups:
            classes = [self._classes.of[name] for name in names]
            if names:
                lows, highs = zip(*(self._shifted(name) for name in names), strict=True)
                weights = [self._sensitivity(name) for name in names]
                found.append(Rounded(*map(np.concatenate, (classes, lows, highs, weights))))
        return found

    def _shifted(self, name: str) -> tuple[DoubleArray, DoubleArray]:
        """The channels' ranges as their offsets leave them."""
        seen, offset = self._seen[name], self._offsets.get(name, 0.0)
        return seen.low - offset, seen.high - offset

    def _sensitivity(self, name: str) -> DoubleArray:
        count = self._graph.tensors[name].shape[-1]
        known = None if self._sensitivities is None else self._sensitivities.activations.get(name)
        return np.zeros(count) if known is None else known

    def _dense(self) -> list[Dense]:
        if self._sensitivities is None:
            return []
        layers: list[Dense] = []
        for node in self._graph.nodes:
            known = self._sensitivities.weights.get(node.name)
            dense = is_layer(self._graph, node) and not isinstance(node.op, DepthwiseConv2d)
            if dense and known is not None:
                weights = self._graph.tensors[node.inputs[1]].constant
                made = _dense_layers(node, weights, self._classes.of[node.inputs[0]], known)
                levels = self._grids.get(node.name, INT8).largest
                layers += [replace(layer, levels=levels) for layer in made]
        return layers

    # The result

    def result(self, cut: float) -> tuple[Graph, Ranges, dict[str, Affine]]:
        """The network, its ranges and the maps."""
        maps, factors = {}, self._factors(cut)
        for name, classes in self._classes.of.items():
            factor, offset = factors[classes], self._offsets.get(name, np.zeros(classes.size))
            made = Affine(factor, -offset * factor)
            if not made.identity:
                maps[name] = made
        return rewritten(self._graph, maps), self._ranges(factors), maps

    def _ranges(self, factors: DoubleArray) -> Ranges:
        """Of the new tensors, computed: observing again would cut the tails off.

        Their statistics are the ends of what was seen, which int16 has room for.
        """
        by_name = {}
        statistics = {n: s for n, s in self._old.statistics.items() if n in self._seen}
        for name, seen in self._seen.items():
            factor, offset = factors[self._classes.of[name]], self._offsets.get(name, 0.0)
            least, most = _ends(seen.low, seen.high, factor, offset)
            by_name[name] = Range(min(least, 0.0), max(most, 0.0))
            if name in self._old.channels:
                counted = self._old.channels[name]
                statistics[name] = Statistics(*_ends(counted.low, counted.high, factor, offset))
        return replace(self._old, by_name=by_name, statistics=statistics, channels={}, judged={})


def _ends(
    low: DoubleArray, high: DoubleArray, factor: DoubleArray, offset: DoubleArray | float
) -> tuple[float, float]:
    """The least and the largest of all channels, scaled and shifted."""
    return float(((low - offset) * factor).min()), float(((high - offset) * factor).max())


def _dense_layers(
    node: Node, weights: npt.NDArray[np.float32], x: Numbers, sensitivity: DoubleArray
) -> list[Dense]:
    """A dense layer, or one for every group of a grouped convolution."""
    groups = node.op.groups if isinstance(node.op, Conv2d) else 1
    columns = x.size // groups
    peak = np.abs(weights.astype(np.float64)).reshape(len(weights), -1, columns).max(axis=1)
    rows = len(peak) // groups
    return [
        Dense(
            x[group * columns : (group + 1) * columns],
            peak[group * rows : (group + 1) * rows],
            sensitivity[group * rows : (group + 1) * rows],
        )
        for group in range(groups)
    ]


def _finite(clamp: Clamp) -> bool:
    """Whether a clamp has an end that is neither 0 nor infinite, with 0 inside."""
    return 0.0 < clamp.hi < np.inf or -np.inf < clamp.lo < 0.0


def _on_grid(part: Part, factors: DoubleArray, limits: DoubleArray) -> DoubleArray:
    """Factors scaled, limited and rounded: with a limit from 1 up to it, others to nearest."""
    limited = np.isfinite(limits)
    if not part.fixed:  # all may be scaled together
        room = limits[limited] / factors[limited]
        factors = factors * (room.min() if room.size else 1.0 / factors.min())
    steps = GRID * np.log2(factors)
    top = np.floor(GRID * np.log2(np.where(limited, limits, 1.0)))
    steps = np.where(limited, np.clip(np.floor(steps), 0, top), np.rint(steps))
    result: DoubleArray = np.exp2(steps / GRID)
    return result


def rewritten(graph: Graph, maps: Mapping[str, Affine]) -> Graph:
    """The graph whose tensors are what `maps` makes of its own; layers take the changes up."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        changed, source, output = node, maps.get(node.inputs[0]), maps.get(node.output)
        if not is_layer(graph, node):
            continue
        if source is not None:
            inverse = Affine(1.0 / source.scale, -source.offset / source.scale)
            changed = scale_input(rewriter, changed, inverse)
        if output is not None:
            changed = scale_output(rewriter, changed, output, changed.op.fused_clamp)
        if changed is not node:
            rewriter.replace(node, changed)
    return rewriter.finish()
