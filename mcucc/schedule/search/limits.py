"""How far the search for plans goes: every tuning constant of the room, in one place.

A larger limit costs time to plan and finds plans of less memory or less cost, never worse ones by
much. Limits count work (states, stages, rounds) and never time, so that a network has the same
plans on every machine. Figures were chosen on the networks of `docs/planning.md`.

Costs are executed MACs or estimated instructions (`costs`). A cost factor is a plan's cost over the
sum of what its nodes cost at least.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.plan.order import OrderLimits

# Rows and columns of a stage's output that a step makes; 0 columns are whole rows.
Tile = tuple[int, int]


@dataclass(frozen=True)
class TileMenu:
    """Tile sizes that are tried for the last tensor of a stage: every height with every width.

    Width 0 is whole rows. `half_height` and `half_width` add half the tensor, rounded up;
    `whole_height` adds all its rows. Low and narrow tiles need little memory and much time.
    """

    heights: tuple[int, ...]
    widths: tuple[int, ...]
    half_height: bool = False
    half_width: bool = False
    whole_height: bool = False

    def tiles(self, height: int, width: int, least_width: int) -> list[Tile]:
        """The sizes for a tensor, none that is narrower than `least_width` columns."""
        heights, widths = {*self.heights}, {*self.widths}
        if self.half_height:
            heights.add(-(-height // 2))
        if self.whole_height:
            heights.add(height)
        if self.half_width:
            widths.add(-(-width // 2))
        return [
            (rows, columns)
            for rows in sorted(heights)
            for columns in sorted(widths)
            if rows <= height and (columns == 0 or least_width <= columns < width)
        ]


USUAL_WIDTHS = (0, 1, 2, 3, 4, 6, 8)
ANY_TILE = TileMenu((1, 2, 3, 4), USUAL_WIDTHS, half_width=True)


@dataclass(frozen=True)
class WalkLimits:
    """Limits of one walk backwards from a stage's last node (`walk`).

    `states`: what tensors may be asked for, kept at each node, those of least memory first.
    `values`: Pareto points of (memory, cost) kept of each state; more are thinned evenly by memory.
    `longest`: nodes of a stage.
    """

    values: int = 8
    states: int = 24
    longest: int = 48


@dataclass(frozen=True)
class StageLimits:
    """Limits of the search for single stages (`front`).

    `effort` states are visited in all where rows or columns may be recomputed and `cached_effort`
    times as many where they may not, which is searched first and bounds the rest. It is shared
    evenly among the walks; as most end early, each may take `share` times its part.
    A network of more than `many_nodes` is searched with `few_tiles` and stages of at most
    `longest_of_many` nodes, without chains, splits and strips.
    `rough_tiles` of the menu give a first bound, quickly. `roomy_tiles` are tried for stages of any
    size where the cost is time, which is worth having at every size of memory.
    """

    effort: int = 60_000
    cached_effort: int = 2
    share: int = 6
    tiles: TileMenu = ANY_TILE
    rough_tiles: tuple[Tile, ...] = ((1, 0), (1, 4))
    roomy_tiles: tuple[Tile, ...] = tuple((rows, wide) for rows in (1, 2, 4) for wide in (0, 4, 8))
    many_nodes: int = 300
    few_tiles: TileMenu = TileMenu((1,), (0, 4))
    longest_of_many: int = 16
    walk: WalkLimits = WalkLimits()


@dataclass(frozen=True)
class RefineLimits:
    """Limits of replacing estimated bytes of stages by exact ones (`table`).

    A walk adds up the most that each buffer of a stage ever takes, which do not all come at one
    time. So stages whose estimate is between `below` and `margin` times the bytes of the best plan
    are built, the smallest first, at most `stages` of them each time: they may need less.
    """

    below: float = 0.97
    margin: float = 1.12
    stages: int = 80


@dataclass(frozen=True)
class RecomputeLimits:
    """Where recomputing rows and columns is searched, which takes most of the effort (`front`).

    Recomputing is expected to reach `reached` times the bytes that caching alone needs; parts of
    the network where caching keeps below that are left as they are. Stages may end `beyond` nodes
    after the rest. They may need `headroom` times the bytes of caching: estimates are too high.
    """

    reached: float = 0.72
    beyond: int = 6
    headroom: float = 1.02


@dataclass(frozen=True)
class ChainLimits:
    """Limits of the search for chains: stages that feed each other through rings (`chain`).

    Chains replace the stage that bounds a plan within each of the cost factors `of_macs` or (where
    the cost is estimated time) `of_time`, and within the factor that the user allows; usual factors
    that are nearer than `near` times to that one find the same chains and are left out. Each factor
    takes at most `rounds`: 0 switches chains off.
    A chain has at most `stages` stages of at most `nodes` nodes; they lie within `reach` nodes of
    the bounding stage and their tiles have at most `tallest` rows. Of chains between two nodes
    `kept` are kept, and the `exact` smallest of a round are built.
    """

    of_macs: tuple[float, ...] = (1.0, 1.1)
    of_time: tuple[float, ...] = (1.1, 3.0)
    near: float = 1.02
    rounds: int = 4
    stages: int = 3
    nodes: int = 16
    reach: int = 10
    tallest: int = 2
    kept: int = 14
    exact: int = 24
    walk: WalkLimits = WalkLimits(values=6, states=12)


@dataclass(frozen=True)
class SplitLimits:
    """Limits of the search for stages with channel splits (`split`).

    Blocks are split into groups of about each of `channels`, rounded up to a `multiple` that
    depthwise kernels like; no number of channels switches splits off. Walks visit at most `effort`
    states. Estimates of such stages are too high by up to `margin` times; the `exact` smallest
    that may be worth having are built.
    """

    channels: tuple[int, ...] = (8, 16, 32)
    multiple: int = 4
    tiles: TileMenu = TileMenu(
        (1, 2, 3, 4), (0, 2, 4), half_height=True, half_width=True, whole_height=True
    )
    effort: int = 400
    margin: float = 1.08
    exact: int = 500
    walk: WalkLimits = WalkLimits(values=4, states=8, longest=8)


@dataclass(frozen=True)
class StripLimits:
    """Limits of the search for stages in column strips (`around`).

    Around the stage that bounds a plan within each of the cost `factors`, up to what the user
    allows, stages in each of `counts` strips are searched (none: switched off) with these `tiles`,
    up to `beyond` nodes after its end.
    """

    factors: tuple[float, ...] = (1.05, 1.1, 1.25)
    counts: tuple[int, ...] = (2, 3, 4)
    tiles: tuple[Tile, ...] = ((1, 0), (2, 0), (1, 2), (1, 4), (2, 4), (1, 1))
    beyond: int = 6
    walk: WalkLimits = WalkLimits(values=4, states=10)


@dataclass(frozen=True)
class JoinLimits:
    """Limits of joining stages to plans (`join`).

    The cheapest plan is found for each of at most `budgets` numbers of bytes. `per_stage` is added
    to the cost of every stage, so that of plans that cost the same the one of fewer stages is
    taken; it is far below the least difference of costs that counts.
    """

    budgets: int = 2048
    per_stage: float = 1e-3


@dataclass(frozen=True)
class FrontLimits:
    """Limits of what is made of the plans found (`front`).

    `points` of the front are built, and the least memory within each of the cost `factors`.
    Gaps between buffers are counted in at most `settlings` rounds, each of which lays out the
    arenas of the stages that bound the plans shown and joins all plans again; a stage is laid out
    where `gap` times its bytes would bound its plan.
    """

    points: int = 12
    factors: tuple[float, ...] = (1.0, 1.02, 1.05, 1.1, 1.15, 1.25, 1.5, 2.0, 3.0)
    settlings: int = 8
    gap: float = 1.25


@dataclass(frozen=True)
class ChoiceLimits:
    """How far a search goes where the user bounds nothing, and what balanced means (`choose`).

    `time`: estimated time over the least possible (further where no plan fits the memory).
    `macs`: executed MACs over the network's, where only memory counts.
    `balanced`: times the time of the fastest plan that fits, which the least memory may take.
    """

    time: float = 1.5
    macs: float = 1.25
    balanced: float = 1.02


DEFAULT_ORDER = OrderLimits()
FEW_TRIES = ArenaLimits(tries=30, proved=0)
USUAL_TRIES = ArenaLimits()


@dataclass(frozen=True)
class SearchLimits:
    """All limits of a search.

    `order` is for the order of nodes, which is fixed before stages are searched. `stage_arena` is
    for the arenas of single stages that a search weighs (there are hundreds), `arena` for those of
    the plans it returns. Up to `twice` gated tensors are computed twice, each for a search more.
    """

    order: OrderLimits = DEFAULT_ORDER
    stages: StageLimits = StageLimits()
    refine: RefineLimits = RefineLimits()
    recompute: RecomputeLimits = RecomputeLimits()
    chains: ChainLimits = ChainLimits()
    splits: SplitLimits = SplitLimits()
    strips: StripLimits = StripLimits()
    joins: JoinLimits = JoinLimits()
    front: FrontLimits = FrontLimits()
    choice: ChoiceLimits = ChoiceLimits()
    twice: int = 4
    stage_arena: ArenaLimits = FEW_TRIES
    arena: ArenaLimits = USUAL_TRIES

    @staticmethod
    def of_effort(effort: int) -> SearchLimits:
        """The usual limits with another effort: states visited (20,000 take about a second)."""
        return SearchLimits(stages=StageLimits(effort=effort))
