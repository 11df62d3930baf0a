"""What a stage may do, and the ways to hold a tensor inside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mcucc.schedule.expand.planner_graph import PlannerTensor
from mcucc.schedule.plan.plan import Form
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.candidate import Trail
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.limits import WalkLimits
from mcucc.schedule.search.named import EVERY_FORM, Corner

CACHE, RECOMPUTE = Reuse.CACHE, Reuse.RECOMPUTE
# ((tensor, lowest row, lowest column), ...) of the tensors asked for, by number.
Needs = tuple[tuple[int, int, int], ...]
# What is asked for, and the bytes of the tile that the last call fills.
State = tuple[Needs, int]
# (persistent bytes, largest call's bytes, cost above the least possible, decisions)
Value = tuple[int, int, float, Trail]


@dataclass(frozen=True)
class Space:
    """What the walk for a stage may use.

    `forms` of tensors inside, rows or columns kept (`cache`) or computed again (`recompute`);
    `pinned` policies of rows and of columns are the only ones where steps overlap. `cap` bytes
    and `slack` cost above the least of its nodes bound every stage.
    `beside` bytes lie in the arena during it (None: the tensors that are alive after it).
    It works in so many column `strips`.
    """

    forms: tuple[Form, ...] = EVERY_FORM
    cache: bool = True
    recompute: bool = True
    pinned: tuple[Reuse, Reuse] | None = None
    cap: float = float("inf")
    slack: float = float("inf")
    beside: int | None = None
    strips: int = 1
    limits: WalkLimits = field(default_factory=WalkLimits)

    @staticmethod
    def of(corner: Corner, cap: float, slack: float, limits: WalkLimits) -> Space:
        """The space of a named schedule. What repeats no work has no bound on its cost."""
        return Space(
            forms=corner.forms,
            cache=corner.cache,
            recompute=corner.recompute,
            pinned=corner.pinned,
            cap=cap,
            slack=slack if corner.recompute else float("inf"),
            limits=limits,
        )


@dataclass(frozen=True)
class StripColumns:
    """A tensor in a stage of column strips: the columns of its widest strip, its lowest column.

    `single`: each strip is one column step, so nothing is cached between columns.
    """

    width: int
    low: int
    single: bool


@dataclass(frozen=True)
class EdgeChoice:
    """One way to hold a tensor: lower ends it computes from, bytes, and the decision."""

    lo: int
    lo_columns: int
    persistent: int
    tile: int
    form: Form = Form.TILE
    rows: Reuse = CACHE
    columns: Reuse = CACHE
    whole: bool = False


def edge_choices(
    space: Space,
    tensor: PlannerTensor,
    rate: tuple[int, int],
    high: tuple[int, int],
    own: tuple[int, int] | None,
    strip: StripColumns | None = None,
) -> Iterator[EdgeChoice]:
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
    strip: StripColumns | None,
) -> Iterator[EdgeChoice]:
    """The ways to hold a tensor of which positions from `own` to `high` are needed at a step.

    `rate` new positions come with a step; 0 columns mean whole rows. None: it is stored whole.
    """
    full = rate[1] == 0
    new = high[0] - rate[0], (0 if full else high[1] - rate[1])
    if own is None:
        yield EdgeChoice(new[0], new[1], 0, 0, whole=True)
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
        yield EdgeChoice(new[0], new[1], 0, tile)
        return
    if space.cache:
        if Form.RING in space.forms:
            yield EdgeChoice(new[0], new[1], (old + fresh) * row, 0, Form.RING)
        if Form.TILE in space.forms:
            yield EdgeChoice(new[0], new[1], old * row + side * fresh * pixel, tile)
        if Form.SLIDE in space.forms and side:
            yield EdgeChoice(new[0], new[1], old * row + tile, 0, Form.SLIDE)
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
) -> Iterator[EdgeChoice]:
    """Ways that compute columns, rows or both again."""
    old, side, fresh, tall, wide = sizes
    tile = tall * wide * pixel
    if space.cache and side:
        cached = old * row
        yield EdgeChoice(new[0], own[1], cached, fresh * wide * pixel, columns=RECOMPUTE)
    if old and (space.cache or not side):
        yield EdgeChoice(own[0], new[1], side * tall * pixel, tile, rows=RECOMPUTE)
        if side and Form.SLIDE in space.forms:
            yield EdgeChoice(own[0], new[1], tile, 0, Form.SLIDE, RECOMPUTE)
    if side and (old or not space.cache):
        yield EdgeChoice(own[0], own[1], 0, tile, Form.TILE, RECOMPUTE, RECOMPUTE)


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
