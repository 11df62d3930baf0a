"""From a float Graph and its ranges to an int8 Graph (docs/design/numerics.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from mcucc.errors import ModelError, Problem
from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8, INT8_MAX, INT8_MIN, INT16, NO_CLAMP, Clamp, Rounding
from mcucc.numerics.weights import WeightGrid
from mcucc.quantize.border import largest_added
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.groups import QuantGroup, quant_groups
from mcucc.quantize.lower import LARGEST_SCALE, SMALLEST_SCALE
from mcucc.quantize.observers.base import Range
from mcucc.quantize.precision import MARGIN, Widening, wide_quant, wide_tensors
from mcucc.quantize.problems import raise_problems
from mcucc.quantize.weight_choice import WeightChoice, grids_of
from mcucc.quantize.weights import quantize_weights

LEVELS = INT8_MAX - INT8_MIN


@dataclass(frozen=True)
class Room:
    """Bytes of flash a network may take, and what it takes of them, by layer.

    `taken` counts tables for a board's kernels; what belongs to no node has another name.
    """

    bytes: int
    taken: Callable[[IntegerGraph], Mapping[str, int]]


class Mode(Enum):
    """How much effort goes into the integers.

    PLAIN rounds to nearest and looks no further (networks calibrated on noise), FAST corrects
    biases in a sweep over the integer network (sweep.py). DEFAULT equalises channels (equalize) and
    rounds weights for what they are multiplied by, too, where that is nearer to the float network.
    BEST is that, and asks its caller for a bound within which tensors may take 16 bits.
    """

    PLAIN = "plain"
    FAST = "fast"
    DEFAULT = "default"
    BEST = "best"

    @property
    def tries_more(self) -> bool:
        """Whether equalised integers are made beside those of FAST."""
        return self in (Mode.DEFAULT, Mode.BEST)


# What may be asked for.
MODES = tuple(mode.value for mode in Mode if mode is not Mode.PLAIN)


@dataclass(frozen=True)
class QuantizeOptions:
    """How to quantize: how much effort, the observer, the rounding profile, bits of weights.

    `precision` names the tensors that are int16, `widen` asks for more of them; `room` is what
    weights chosen by themselves have to fit in. `known` are the scales of weights that are integers
    in the file: they stay what they are, and no mode looks for better ones.
    """

    mode: Mode = Mode.DEFAULT
    observer: str = "l2.4"
    rounding: Rounding = Rounding.SINGLE
    weights: WeightChoice = field(default_factory=WeightChoice)
    precision: Mapping[str, str] = field(default_factory=dict)
    widen: Widening | None = None
    room: Room | None = None
    known: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.known and self.mode.tries_more:
            raise ValueError("integers of a file are kept: there is nothing more to try")


def quantize(graph: Graph, ranges: Ranges, options: QuantizeOptions | None = None) -> Graph:
    """The int8 Graph, every number rounded to nearest: activations per tensor, weights per channel.

    Raises ModelError, all nodes collected, for weights that are not constant or not finite.
    """
    options = options or QuantizeOptions()
    quants = activation_quants(graph, ranges, wide_tensors(graph, options.precision))
    tensors = {
        name: replace(graph.tensors[name], dtype=INT16 if quant.limit else INT8, quant=quant)
        for name, quant in quants.items()
    }
    shared = _constants_read_twice(graph)
    grids = grids_of(graph, options.weights)
    nodes, problems = [], []
    for node in graph.nodes:
        if node.op.WEIGHT_AXIS is None:
            nodes.append(node)
            continue
        try:
            made = _integer_constants(
                graph, node, quants, shared, tensors, grids[node.name], options.known
            )
        except ValueError as error:
            problems.append(Problem(node.name, node.op.kind, str(error)))
            continue
        tensors.update({tensor.name: tensor for tensor in made})
        nodes.append(replace(node, inputs=(node.inputs[0], *(tensor.name for tensor in made))))
    raise_problems(problems, graph.name)
    untouched = {name: tensor for name, tensor in graph.tensors.items() if name not in tensors}
    return graph.with_(nodes=nodes, tensors={**untouched, **tensors})


def activation_quants(
    graph: Graph, ranges: Ranges, wide: frozenset[str] = frozenset()
) -> dict[str, Quant]:
    """Scale and zero point of every activation; those in `wide` are int16."""
    producers = {node.output: node for node in graph.nodes}
    quants: dict[str, Quant] = {}
    for group in quant_groups(graph):
        quant = group.fixed
        if quant is None:
            fallback = _fallback_scale(group, producers, quants)
            if group.members[0] in wide:
                quant = wide_quant(_group_range(group, _whole(ranges), producers, MARGIN), fallback)
            else:
                quant = quant_of_range(_group_range(group, ranges, producers), fallback)
        quants.update(dict.fromkeys(group.members, quant))
    return quants


def quant_of_range(range_: Range, fallback_scale: float = 1.0 / LEVELS) -> Quant:
    """Asymmetric int8 over a range that contains 0; an empty range takes `fallback_scale`."""
    exact = (range_.high - range_.low) / LEVELS
    if exact < SMALLEST_SCALE:
        return Quant((fallback_scale,), 0)
    if not exact < LARGEST_SCALE:
        raise ModelError(f"the range [{range_.low:g}, {range_.high:g}] is too large for float32")
    scale = float(np.float32(exact))
    zero_point = INT8_MIN + math.floor(-range_.low / scale + 0.5)
    return Quant((scale,), min(max(zero_point, INT8_MIN), INT8_MAX))


def _whole(ranges: Ranges) -> Ranges:
    """Ranges that are cut nowhere, where it is known what was seen: int16 has room for it."""
    seen = {name: Range(each.low, each.high) for name, each in ranges.statistics.items()}
    union = {name: range_.union(ranges.by_name[name]) for name, range_ in seen.items()}
    return replace(ranges, by_name={**ranges.by_name, **union})


def _group_range(
    group: QuantGroup, ranges: Ranges, producers: Mapping[str, Node], margin: float = 1.0
) -> Range:
    """What the values of a group cover, with a margin, behind the activations they pass."""
    covered = Range(0.0, 0.0)
    for name in group.measured:
        if name not in ranges.by_name:
            raise ModelError(f"tensor {name} was not calibrated")
        node = producers.get(name)
        clamp: Clamp = NO_CLAMP if node is None else node.op.fused_clamp
        seen = ranges.by_name[name]
        covered = covered.union(_narrow(Range(margin * seen.low, margin * seen.high), clamp))
    return covered


def _narrow(range_: Range, clamp: Clamp) -> Range:
    """The part of a range a fused activation lets through, with 0."""
    low, high = max(range_.low, clamp.lo), min(range_.high, clamp.hi)
    return Range(min(low, high, 0.0), max(low, high, 0.0))


def _fallback_scale(
    group: QuantGroup, producers: Mapping[str, Node], quants: Mapping[str, Quant]
) -> float:
    """A scale for a tensor that was always 0: its input's, so that factors stay ordinary."""
    node = producers.get(group.members[0])
    known = [] if node is None else [quants[name] for name in node.inputs if name in quants]
    return max((quant.per_tensor_scale for quant in known), default=1.0 / LEVELS)


def _constants_read_twice(graph: Graph) -> frozenset[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for node in graph.nodes:
        for name in node.inputs:
            (twice if name in seen else seen).add(name)
    return frozenset(name for name in twice if graph.tensors[name].data is not None)


def _integer_constants(
    graph: Graph,
    node: Node,
    quants: Mapping[str, Quant],
    shared: frozenset[str],
    taken: Mapping[str, Tensor],
    grid: WeightGrid,
    known: Sequence[float],
) -> tuple[Tensor, ...]:
    """Weights and, where there are any, bias and border of a node as integer tensors."""
    weights, *rest = graph.tensors_of(node.inputs[1:])
    axis = node.op.WEIGHT_AXIS
    assert axis is not None  # the caller looked
    bias = rest[0].constant if rest else None
    x, y = quants[node.inputs[0]], quants[node.output]
    spread = largest_added(graph, node, 0.0)
    made = quantize_weights(weights.constant, bias, axis, x, y, spread, grid, known=known)

    def named(index: int, fallback: str) -> str:
        # Two readers may need two sets of integers.
        name = node.inputs[index] if index < len(node.inputs) else ""
        if name and name not in shared:
            return name
        return graph.fresh(f"{name}.{node.name}" if name else fallback, taken)

    result = [Tensor.const(named(1, ""), made.weights, made.quant(axis))]
    if bias is not None:
        quant = made.bias_quant(x.per_tensor_scale)
        result.append(Tensor.const(named(2, f"{node.output}.bias"), made.bias, quant))
    if len(rest) > 1:
        quant = replace(made.bias_quant(x.per_tensor_scale), axis=2)
        border = np.rint(rest[1].constant / np.asarray(quant.scale)).astype(np.int32)
        result.append(Tensor.const(named(3, ""), border, quant))
    return tuple(result)
