"""How far the search for plans goes: every tuning constant that a caller may choose, in one place.

Limits count work and never time, so that a network has the same plans on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.plan.order import OrderLimits
from mcucc.schedule.search.tiles import ANY_TILE, FEW_TILES, TileMenu


@dataclass(frozen=True)
class Effort:
    """How much a search tries. More of anything takes time and finds smaller plans.

    `tiles`: sizes of a step's output. `kept`: partial stages of a walk that go on. `margin`:
    estimates of a stage's bytes may be too high by up to so many times. `strips`: numbers of column
    strips, `channels`: of a group of a split block, that are tried where plans need most (none: not
    at all). `chain`: stages that feed each other, 1 for none. `measured`: stages that are built,
    each time that stages are joined to plans, to know their bytes exactly; `laid_out`: those of
    them whose arenas are laid out by themselves to know their gaps. `points`: plans of a level that
    are laid out beside the smallest. `rounds`: how often a level is searched around what bounds it
    then.
    """

    tiles: TileMenu = ANY_TILE
    kept: int = 64
    margin: float = 1.12
    strips: tuple[int, ...] = (2, 3, 4)
    channels: tuple[int, ...] = (8, 16, 32)
    chain: int = 3
    measured: int = 200
    laid_out: int = 24
    points: int = 12
    rounds: int = 8


QUICK = Effort(
    FEW_TILES,
    kept=16,
    strips=(),
    channels=(),
    chain=1,
    measured=20,
    laid_out=0,
    points=2,
    rounds=1,
)
NORMAL = Effort()
THOROUGH = Effort(
    kept=192,
    margin=1.35,
    strips=(2, 3, 4, 6),
    channels=(4, 8, 16, 32),
    chain=4,
    measured=1000,
    laid_out=100,
    points=24,
)
# A word adds its search to those of the words before, so that none finds less than they do.
EFFORTS: Mapping[str, tuple[Effort, ...]] = {
    "quick": (QUICK,),
    "normal": (QUICK, NORMAL),
    "thorough": (QUICK, NORMAL, THOROUGH),
}


ROUGHLY = ArenaLimits(alone=20, whole=120)
CAREFUL = ArenaLimits(alone=2000, whole=4000)


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


@dataclass(frozen=True)
class SearchLimits:
    """All limits of a search: of the order of nodes, of stages, of the arenas of plans.

    Arenas of the smallest plans of each level are laid out by `arena`, those of plans between them
    `roughly`, in half the time, that of the plan chosen with `careful`. Up to `twice` gated tensors
    are computed twice, each for a search more.
    """

    efforts: tuple[Effort, ...] = EFFORTS["normal"]
    order: OrderLimits = field(default_factory=OrderLimits)
    arena: ArenaLimits = field(default_factory=ArenaLimits)
    roughly: ArenaLimits = ROUGHLY
    careful: ArenaLimits = CAREFUL
    twice: int = 4
    choice: ChoiceLimits = field(default_factory=ChoiceLimits)

    @staticmethod
    def of(effort: str) -> SearchLimits:
        """The usual limits with an effort by its word."""
        return SearchLimits(EFFORTS[effort])
