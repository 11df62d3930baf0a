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
    """One way to hold a tensor: the decision, what it asks of the node and what it takes.

    A step computes rows from `lo` and columns from `lo_columns` on. `persistent` bytes stay from
    step to step, a `tile` of bytes is there while a step's positions are made and read. A `whole`
    tensor is stored outside the stage.
    """

    lo: int
    lo_columns: int
    persistent: int
    tile: int
    form: Form = Form.TILE
    rows: Reuse = CACHE
    columns: Reuse = CACHE
    whole: bool = False


@dataclass(frozen=True)
class _Overlap:
    """What a step needs of a tensor, and what of it the step before had.

    Of rows, `fresh` ones come with the step and `old` ones were there, `tall` in all; of columns,
    `side` ones were there, `wide` in all. A step computes from `new` on where what was there is
    kept, from `own` on where it is computed again. Bytes of a `row` of the stage and of a `pixel`.
    """

    fresh: int
    old: int
    tall: int
    side: int
    wide: int
    new: tuple[int, int]
    own: tuple[int, int]
    row: int
    pixel: int

    @staticmethod
    def of(
        tensor: PlannerTensor,
        rate: tuple[int, int],
        high: tuple[int, int],
        own: tuple[int, int],
        strip: StripColumns | None,
    ) -> _Overlap:
        """See `edge_choices`."""
        full = rate[1] == 0
        width = tensor.width if strip is None else strip.width
        new = _new(rate, high)
        side = 0 if full else min(width, max(0, high[1] - own[1] - rate[1]))
        if strip is not None and strip.single:
            new, side = (new[0], own[1]), 0
        return _Overlap(
            fresh=min(tensor.height, rate[0]),
            old=min(tensor.height, max(0, high[0] - own[0] - rate[0])),
            tall=min(tensor.height, high[0] - own[0]),
            side=side,
            wide=width if full else min(width, high[1] - own[1]),
            new=new,
            own=own,
            row=width * tensor.pixel_bytes,
            pixel=tensor.pixel_bytes,
        )


def _new(rate: tuple[int, int], high: tuple[int, int]) -> tuple[int, int]:
    """Where the positions begin that come with a step; column 0 of whole rows."""
    return high[0] - rate[0], (0 if rate[1] == 0 else high[1] - rate[1])


def edge_choices(
    space: Space,
    tensor: PlannerTensor,
    rate: tuple[int, int],
    high: tuple[int, int],
    own: tuple[int, int] | None,
    strip: StripColumns | None = None,
) -> Iterator[EdgeChoice]:
    """The ways to hold a tensor that the space allows.

    Its positions from `own` to `high` (rows, columns) are needed at step 0; `rate` of them come
    with a step, 0 columns mean whole rows. `own` is None where it is stored whole.
    """
    if own is None:
        yield EdgeChoice(*_new(rate, high), 0, 0, whole=True)
        return
    overlap = _Overlap.of(tensor, rate, high, own, strip)
    if not (overlap.old or overlap.side):
        yield EdgeChoice(*overlap.new, 0, overlap.fresh * overlap.wide * overlap.pixel)
        return
    rows, columns = high[0] - own[0] > rate[0], bool(rate[1]) and high[1] - own[1] > rate[1]
    for choice in (*_caching(space, overlap), *_recomputing(space, overlap)):
        if space.pinned is None or (
            (not rows or choice.rows is space.pinned[0])
            and (not columns or choice.columns is space.pinned[1])
        ):
            yield choice


def _caching(space: Space, overlap: _Overlap) -> Iterator[EdgeChoice]:
    """Ways that keep all that was there: rows in a ring, or what a tile needs beside it."""
    if not space.cache:
        return
    old_rows = overlap.old * overlap.row
    tile = overlap.fresh * overlap.wide * overlap.pixel
    if Form.RING in space.forms:
        yield EdgeChoice(*overlap.new, old_rows + overlap.fresh * overlap.row, 0, Form.RING)
    if Form.TILE in space.forms:
        halo = overlap.side * overlap.fresh * overlap.pixel
        yield EdgeChoice(*overlap.new, old_rows + halo, tile)
    if Form.SLIDE in space.forms and overlap.side:
        yield EdgeChoice(*overlap.new, old_rows + tile, 0, Form.SLIDE)


def _recomputing(space: Space, overlap: _Overlap) -> Iterator[EdgeChoice]:
    """Ways that compute columns, rows or both again."""
    if not space.recompute:
        return
    old, side, new, own = overlap.old, overlap.side, overlap.new, overlap.own
    tile = overlap.tall * overlap.wide * overlap.pixel
    if space.cache and side:
        fresh = overlap.fresh * overlap.wide * overlap.pixel
        yield EdgeChoice(new[0], own[1], old * overlap.row, fresh, columns=RECOMPUTE)
    if old and (space.cache or not side):
        halo = side * overlap.tall * overlap.pixel
        yield EdgeChoice(own[0], new[1], halo, tile, rows=RECOMPUTE)
        if side and Form.SLIDE in space.forms:
            yield EdgeChoice(own[0], new[1], tile, 0, Form.SLIDE, RECOMPUTE)
    if side and (old or not space.cache):
        yield EdgeChoice(own[0], own[1], 0, tile, Form.TILE, RECOMPUTE, RECOMPUTE)


def thinned(values: list[Value], most: int) -> list[Value]:
    """The Pareto set of (persistent, largest, cost), at most about `most` of them.

    Of too many, the cheapest in each of `most` equal spans of memory.
    """
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
