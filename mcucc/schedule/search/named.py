"""Schedules by name: corners of the plan space that were published, as data.

A corner says what a stage may do; the search and everything behind it are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcucc.errors import McuccError
from mcucc.schedule.plan.plan import Form
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.tiles import ANY_TILE, USUAL_WIDTHS, TileMenu

EVERY_FORM = (Form.RING, Form.TILE, Form.SLIDE)


@dataclass(frozen=True)
class Corner:
    """What the stages of a published schedule may do.

    `forms` are those of tensors inside a stage; rows and columns may be kept (`cache`) or computed
    again (`recompute`); `pinned` names the one policy of rows and the one of columns where steps
    overlap. With `first_stage_only` all nodes after one fused stage are stages of their own.
    `singles` lets every node be a stage of its own, also where a tile of the menu fits it;
    `below_layers` drops stages that need more than the largest single node does.
    """

    forms: tuple[Form, ...] = EVERY_FORM
    cache: bool = True
    recompute: bool = True
    pinned: tuple[Reuse, Reuse] | None = None
    first_stage_only: bool = False
    singles: bool = False
    below_layers: bool = False
    tiles: TileMenu = ANY_TILE


@dataclass(frozen=True)
class NamedSchedule:
    """A schedule that a user may ask for, and its source.

    `searched` is False where there is nothing to choose: every node is a stage of one step.
    Without a `corner` the whole plan space is searched.
    """

    name: str
    source: str
    searched: bool = True
    corner: Corner | None = field(default=None, repr=False)

    @property
    def free(self) -> bool:
        """Whether every plan counts, layer by layer too."""
        return self.searched and self.corner is None


FIRST_STAGE_TILES = TileMenu((1, 2, 4, 8, 16), (0, 4, 8, 16))

AUTO = NamedSchedule("auto", "the whole plan space")
LAYERS = NamedSchedule("layers", "TensorFlow Lite Micro: layer by layer", searched=False)
PATCH = NamedSchedule(
    "patch",
    "MCUNetV2: one first stage, computed patch by patch, halos recomputed",
    corner=Corner(
        forms=(Form.TILE,),
        cache=False,
        first_stage_only=True,
        singles=True,
        tiles=FIRST_STAGE_TILES,
    ),
)
STREAM = NamedSchedule(
    "stream",
    "StreamNet: one first stage, halos cached",
    corner=Corner(recompute=False, first_stage_only=True, singles=True, tiles=FIRST_STAGE_TILES),
)
MSF = NamedSchedule(
    "msf",
    "msf-CNN: many stages of one-row tiles, rows recomputed, columns cached",
    corner=Corner(
        forms=(Form.TILE,),
        pinned=(Reuse.RECOMPUTE, Reuse.CACHE),
        singles=True,
        below_layers=True,
        tiles=TileMenu((1,), USUAL_WIDTHS, half_width=True),
    ),
)

SCHEDULES: Mapping[str, NamedSchedule] = {
    schedule.name: schedule for schedule in (AUTO, LAYERS, PATCH, STREAM, MSF)
}


def named(name: str) -> NamedSchedule:
    """The schedule of a name; McuccError lists all where there is none."""
    if name not in SCHEDULES:
        raise McuccError(f"unknown schedule {name!r}", hint="one of " + ", ".join(SCHEDULES))
    return SCHEDULES[name]
