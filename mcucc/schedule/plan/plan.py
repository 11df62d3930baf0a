"""Plan: every decision of a schedule as data that can be saved, read back, edited and checked.

A plan cuts the network into stages. A stage computes its nodes tile by tile: rows of tiles from top
to bottom, tiles of a row from left to right. `expand` turns a Plan into the steps and buffers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mcucc.base.typed import Reader, shown, wrong
from mcucc.errors import ModelError
from mcucc.schedule.plan.spans import Reuse

VERSION = 1
# Keys that older files do not have.
OPTIONAL = ("feeds", "splits", "strips", "again", "row_outputs")
LARGEST_FILE = 2**26  # bytes
LARGEST_SIDE = 2**26  # rows, columns or channels: no activation has more elements


class ImagePolicy(Enum):
    """Where the image is: rows handed over in order, wholly in SRAM, or readable elsewhere.

    A mapped image (in flash, in a frame buffer) is read row by row too: camera bytes become int8
    in the arena, so the rows that are still needed are there, and counted.
    """

    ROWS = "rows"
    RESIDENT = "resident"
    MAPPED = "mapped"

    @property
    def streams(self) -> bool:
        """Whether rows of the image come into the arena one by one."""
        return self is not ImagePolicy.RESIDENT


class Form(Enum):
    """How a tensor that is made and read inside a stage is held.

    RING: rows in a ring, computed where they stay. TILE: a transient tile; what later steps read is
    copied to a row cache and a column cache. SLIDE: a row cache, and a tile that lasts, whose
    columns move left from step to step.
    """

    RING = "ring"
    TILE = "tile"
    SLIDE = "slide"


@dataclass(frozen=True)
class EdgePlan:
    """Policy of a tensor inside a stage, for rows and columns."""

    tensor: str
    form: Form = Form.TILE
    rows: Reuse = Reuse.CACHE
    columns: Reuse = Reuse.CACHE


@dataclass(frozen=True)
class SplitPlan:
    """An expand - depthwise - project block computed in groups of so many expanded channels.

    `node` is the block's projection, whose int32 sums the groups add to.
    """

    node: str
    channels: int


@dataclass(frozen=True)
class StagePlan:
    """Nodes computed together.

    `tile` is rows and columns of the last node's output that one step completes (of its input when
    it is a global pool); 0 columns means whole rows. Tensors without an EdgePlan take the default.
    A stage that `feeds` hands its rows to the next one through a ring: both run interleaved.
    Blocks of `splits` are never expanded as a whole.
    With several `strips` all rows are computed for the first vertical strip of the columns, then
    for the next; whole rows are then rows of the strip.
    Nodes of `again` are computed a second time here: an earlier stage has made what they make, for
    other readers (see `schedule.twice`).
    """

    nodes: tuple[str, ...]
    tile: tuple[int, int]
    edges: tuple[EdgePlan, ...] = ()
    feeds: bool = False
    splits: tuple[SplitPlan, ...] = ()
    strips: int = 1
    again: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Stages in order of execution; rows of `row_outputs` leave as they are complete."""

    schedule: str
    image: ImagePolicy
    stages: tuple[StagePlan, ...]
    row_outputs: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The plan as JSON text."""
        leaving = {"row_outputs": list(self.row_outputs)} if self.row_outputs else {}
        return json.dumps(
            {
                "version": VERSION,
                "schedule": self.schedule,
                "image": self.image.value,
                **leaving,
                "stages": [_stage_data(stage) for stage in self.stages],
            },
            indent=1,
        )

    @staticmethod
    def from_json(text: str, where: str = "plan") -> Plan:
        """Read a plan; ModelError says what is wrong with the text."""
        try:
            data = json.loads(text)
            version = data.pop("version")
            if version != VERSION:
                raise ValueError(f"version {shown(version)} is not {VERSION}")
            plan: Plan = Reader(OPTIONAL).read(Plan, data)
            plan.validate()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(
                f"not a plan: {error}",
                where=where,
                hint="`mcucc plan` writes plan files; edit one of those",
            ) from error
        return plan

    def validate(self) -> None:
        """ValueError where a name or a number cannot be that of any plan."""
        if not re.fullmatch(r"[a-z]{1,16}", self.schedule):
            raise wrong("schedule", "a short word", self.schedule)
        for number, stage in enumerate(self.stages):
            counts = {"tile[0]": stage.tile[0], "tile[1]": stage.tile[1], "strips": stage.strips}
            counts |= {f"splits[{i}].channels": s.channels for i, s in enumerate(stage.splits)}
            for key, count in counts.items():
                if not 0 <= count <= LARGEST_SIDE:
                    expected = f"a number from 0 to {LARGEST_SIDE}"
                    raise wrong(f"stages[{number}].{key}", expected, count)


def _stage_data(stage: StagePlan) -> dict[str, Any]:
    return {
        "nodes": list(stage.nodes),
        "tile": list(stage.tile),
        "strips": stage.strips,
        "feeds": stage.feeds,
        "again": list(stage.again),
        "splits": [{"node": split.node, "channels": split.channels} for split in stage.splits],
        "edges": [
            {
                "tensor": edge.tensor,
                "form": edge.form.value,
                "rows": edge.rows.value,
                "columns": edge.columns.value,
            }
            for edge in stage.edges
        ],
    }
