"""What the search inside a stage handles: its space, the stages it finds, ways to hold a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerTensor
from mcucc.schedule.plan.plan import EdgePlan, Form, SplitPlan
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.costs import ALIKE

CACHE, RECOMPUTE = Reuse.CACHE, Reuse.RECOMPUTE
# A state: ((tensor, lowest row, lowest column), ...) and the bytes of the tile its last call fills.
State = tuple[tuple[tuple[int, int, int], ...], int]
# Linked list of decisions: (earlier decisions, tensor, form, rows, columns).
Trail = tuple["Trail | None", int, Form, Reuse, Reuse] | None
# (persistent bytes, largest call's bytes, cost above the least possible, decisions)
Value = tuple[int, int, float, Trail]


@dataclass(frozen=True)
class Space:
    """What the stage search may use.

    `forms` of tensors inside a stage, `recompute` of rows or columns allowed, `cache` allowed;
    `pinned` policies for rows and columns are the only ones where there is an overlap. `cap` bytes
    and `slack` cost above the least are bounds on every stage. `values`, `states` and `longest`
    bound the search: points of a state, states at each tensor, nodes of a stage.
    `around` bytes lie in the arena beside a stage (None: all that is alive after it).
    Stages have so many column `strips`.
    """

    forms: tuple[Form, ...] = (Form.RING, Form.TILE, Form.SLIDE)
    cache: bool = True
    recompute: bool = True
    pinned: tuple[Reuse, Reuse] | None = None
    cap: float = float("inf")
    slack: float = float("inf")
    values: int = 8
    states: int = 24
    longest: int = 48
    around: int | None = None
    strips: int = 1


@dataclass(frozen=True, eq=False)
class View:
    """A network with its blocks split; `cuts` are positions in the plain network by its own."""

    network: PlannerGraph
    splits: Mapping[str, SplitPlan]
    cuts: Mapping[int, int]

    @cached_property
    def positions(self) -> Mapping[int, int]:
        """Its own positions by those in the plain network."""
        return {cut: position for position, cut in self.cuts.items()}

    def splits_of(self, names: Sequence[str]) -> tuple[SplitPlan, ...]:
        """The splits of a stage of these nodes."""
        return tuple(self.splits[name] for name in names if name in self.splits)


@dataclass(frozen=True)
class Option:
    """A stage of nodes [begin, end): estimated bytes, cost above the least, and how.

    With `parts` it is a chain of stages that feed each other. With a `view` its tensors and
    decisions are those of that network: its blocks are split.
    """

    begin: int
    end: int
    bytes: int
    cost: float
    tile: tuple[int, int]
    trail: Trail = None
    parts: tuple[Option, ...] = ()
    view: View | None = None
    strips: int = 1

    def edges(self, network: PlannerGraph) -> tuple[EdgePlan, ...]:
        """The policies of the tensors inside."""
        network = network if self.view is None else self.view.network
        found = []
        trail = self.trail
        while trail is not None:
            before, tensor, form, rows, columns = trail
            found.append(EdgePlan(network.tensors[tensor].name, form, rows, columns))
            trail = before
        return tuple(found)


@dataclass(frozen=True)
class Strip:
    """A tensor in a stage of column strips: the columns of its widest strip, its lowest column.

    With `single` a strip is one column step, which finds nothing of another.
    """

    width: int
    low: int
    single: bool


@dataclass(frozen=True)
class Choice:
    """One way to hold a tensor: lower ends it computes from, bytes, and the decision."""

    lo: int
    lo_columns: int
    persistent: int
    tile: int
    form: Form = Form.TILE
    rows: Reuse = CACHE
    columns: Reuse = CACHE
    whole: bool = False


def choices(
    space: Space,
    tensor: PlannerTensor,
    rate: tuple[int, int],
    high: tuple[int, int],
    own: tuple[int, int] | None,
    strip: Strip | None = None,
) -> Iterator[Choice]:
    """The ways to hold a tensor that the space allows (see `_all_choices`)."""
    for choice in _all_choices(space, tensor, rate, high, own, strip):
        if space.pinned is None or own is None:
            yield choice
            continue
        rows = high[0] - own[0] > rate[0]
        columns = bool(rate[1]) and high[1] - own[1] > rate[1]
        fits = not rows or choice.rows is space.pinned[0]
        if fits and (not columns or choice.columns is space.pinned[1]):
            yield choice


def _all_choices(
    space: Space,
    tensor: PlannerTensor,
    rate: tuple[int, int],
    high: tuple[int, int],
    own: tuple[int, int] | None,
    strip: Strip | None,
) -> Iterator[Choice]:
    """The ways to hold a tensor of which positions from `own` to `high` are needed at a step.

    `rate` new positions come with a step; 0 columns mean whole rows. None: it is stored whole.
    """
    full = rate[1] == 0
    new = high[0] - rate[0], (0 if full else high[1] - rate[1])
    if own is None:
        yield Choice(new[0], new[1], 0, 0, whole=True)
        return
    width = tensor.width if strip is None else strip.width
    row, pixel = width * tensor.channels, tensor.channels
    fresh = min(tensor.height, rate[0])
    old = min(tensor.height, max(0, high[0] - own[0] - rate[0]))
    wide = width if full else min(width, high[1] - own[1])
    side = 0 if full else min(width, max(0, high[1] - own[1] - rate[1]))
    if strip is not None and strip.single:
        new, side = (new[0], own[1]), 0
    tile = fresh * wide * pixel
    if not (old or side):
        yield Choice(new[0], new[1], 0, tile)
        return
    if space.cache:
        if Form.RING in space.forms:
            yield Choice(new[0], new[1], (old + fresh) * row, 0, Form.RING)
        if Form.TILE in space.forms:
            yield Choice(new[0], new[1], old * row + side * fresh * pixel, tile)
        if Form.SLIDE in space.forms and side:
            yield Choice(new[0], new[1], old * row + tile, 0, Form.SLIDE)
    if space.recompute:
        tall = min(tensor.height, high[0] - own[0])
        yield from _recomputing(space, row, new, own, (old, side, fresh, tall, wide), pixel)


def _recomputing(
    space: Space,
    row: int,
    new: tuple[int, int],
    own: tuple[int, int],
    sizes: tuple[int, int, int, int, int],
    pixel: int,
) -> Iterator[Choice]:
    """Ways that compute columns, rows or both again."""
    old, side, fresh, tall, wide = sizes
    tile = tall * wide * pixel
    if space.cache and side:
        cached = old * row
        yield Choice(new[0], own[1], cached, fresh * wide * pixel, columns=RECOMPUTE)
    if old and (space.cache or not side):
        yield Choice(own[0], new[1], side * tall * pixel, tile, rows=RECOMPUTE)
        if side and Form.SLIDE in space.forms:
            yield Choice(own[0], new[1], tile, 0, Form.SLIDE, RECOMPUTE)
    if side and (old or not space.cache):
        yield Choice(own[0], own[1], 0, tile, Form.TILE, RECOMPUTE, RECOMPUTE)


def thinned(values: list[Value], most: int) -> list[Value]:
    """The Pareto set of (persistent, largest, cost), at most about `most` of them."""
    values.sort(key=lambda v: (v[0] + v[1], v[2], v[0]))
    kept: list[Value] = []
    for value in values:
        cost = value[2] + ALIKE
        if not any(o[0] <= value[0] and o[1] <= value[1] and o[2] <= cost for o in kept):
            kept.append(value)
    if len(kept) <= most:
        return kept
    low = kept[0][0] + kept[0][1]
    grain = max(1, (kept[-1][0] + kept[-1][1] - low) // most)
    best: dict[int, Value] = {}
    for value in kept:
        key = (value[0] + value[1] - low) // grain
        if key not in best or value[2] < best[key][2]:
            best[key] = value
    return list(best.values())


class _Priced(Protocol):
    """A stage or a plan."""

    @property
    def bytes(self) -> int: ...

    @property
    def cost(self) -> float: ...


Priced = TypeVar("Priced", bound=_Priced)


def pareto(found: Iterable[Priced]) -> list[Priced]:
    """Those that nothing of fewer bytes beats in cost, least bytes first."""
    kept: list[Priced] = []
    for each in sorted(found, key=lambda item: (item.bytes, item.cost)):
        if not kept or each.cost < kept[-1].cost - ALIKE:
            kept.append(each)
    return kept
