"""Which tensors are worth 16 bits: the most noise taken away for what they cost, within a bound.

A tensor of int8 adds step^2 / 12 * S to the outputs' noise (sensitivity.py), in int16 a hundredth
of that. Groups of tensors are taken by what they gain for their share of bytes and of the work of
the layers that read and write them. What a set of them costs is then measured, not added up: the
arena layer by layer, the least arena of a short search, and the modelled instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from mcucc.base.progress import Progress, silent
from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import INT16
from mcucc.quantize.groups import quant_groups
from mcucc.quantize.precision import WIDE_LIMIT, WideCost, why_not_wide

LEAST_GAIN = 2e-3  # of the noise of all tensors: what earns less is not worth a line of the report
SINGLES = 3  # groups that are tried one by one behind the longest run that keeps the bound
FINER = (2 * WIDE_LIMIT / 255) ** 2  # how much less noise a signed range has in int16

Measure = Callable[[Sequence[str]], WideCost]


@dataclass(frozen=True)
class WideChoice:
    """The first tensors of the groups in int16, what they gain and cost.

    `gained` is their part of the noise that rounding of all tensors makes at the outputs.
    """

    tensors: tuple[str, ...]
    gained: float
    before: WideCost
    after: WideCost

    @property
    def precision(self) -> dict[str, str]:
        """As `QuantizeOptions.precision` has it."""
        return dict.fromkeys(self.tensors, INT16.name)


@dataclass(frozen=True)
class _Candidate:
    tensor: str
    gain: float
    price: float


def choose_wide(
    graph: Graph,
    noise: Mapping[str, float],
    measure: Measure,
    bound: float,
    named: Collection[str] = (),
    progress: Progress = silent,
) -> WideChoice:
    """The groups that gain most, for which `measure` stays within `bound` times int8's cost.

    `noise` is what rounding each tensor to int8 adds at the outputs; `measure` is given the first
    tensors of groups. Groups with a tensor that is `named` are what they are. Sums are of floats
    that differ by machine in their last bits: gains are compared in steps of 1/1000.
    """
    before = measure(())
    candidates, total = _candidates(graph, noise, named)
    kept: list[_Candidate] = []
    after, tried = before, 0

    def fits(more: Sequence[_Candidate]) -> bool:
        nonlocal after, tried
        tried += 1
        progress("choosing wider tensors", tried, tried + 1)
        cost = measure([each.tensor for each in more])
        if cost.within(bound, before):
            after = cost
            return True
        return False

    least, most = 0, len(candidates)  # the longest run that keeps the bound
    while least < most:
        middle = most if not tried else (least + most + 1) // 2
        if fits(candidates[:middle]):
            least = middle
        else:
            most = middle - 1
    kept = candidates[:least]
    for candidate in candidates[least + 1 : least + 1 + SINGLES]:
        if fits([*kept, candidate]):
            kept.append(candidate)
    gained = sum(each.gain for each in kept) / total if total else 0.0
    progress("choosing wider tensors", tried, tried)
    return WideChoice(tuple(each.tensor for each in kept), gained, before, after)


def _candidates(
    graph: Graph, by_tensor: Mapping[str, float], named: Collection[str]
) -> tuple[list[_Candidate], float]:
    """The groups worth trying, best first, and the noise of all groups."""
    groups = quant_groups(graph)
    # Of values that are made, not moved.
    noise = {group: sum(by_tensor.get(n, 0.0) for n in group.measured) for group in groups}
    total = sum(noise.values())
    elements = sum(prod(graph.tensors[n].shape) for g in groups for n in g.members)
    macs = max(graph.macs, 1)
    candidates = []
    for group in groups:
        known = any(name in named for name in group.members)
        if known or not total or noise[group] < LEAST_GAIN * total or why_not_wide(graph, group):
            continue
        size = sum(prod(graph.tensors[name].shape) for name in group.members) / elements
        work = sum(_macs_around(graph, name) for name in group.members) / macs
        gain = noise[group] * (1 - 1 / FINER)
        candidates.append(_Candidate(group.members[0], gain, size + work))
    order = {each.tensor: round(1000 * each.gain / total / each.price) for each in candidates}
    return sorted(candidates, key=lambda each: -order[each.tensor]), total


def _macs_around(graph: Graph, tensor: str) -> int:
    """Multiply-accumulates of the nodes that read a tensor; a quarter of what makes it.

    Wider inputs are read for every product, wider outputs written once.
    """

    node = graph.producer(tensor)
    made = 0 if node is None else _macs(graph, node)
    return sum(_macs(graph, reader) for reader in graph.consumers(tensor)) + made // 4


def _macs(graph: Graph, node: Node) -> int:
    return node.op.macs(graph.tensors_of(node.inputs), graph.tensors[node.output])
