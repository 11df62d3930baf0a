"""Plan: every decision of a schedule as data that can be saved, read back, edited and checked.

A plan cuts the network into stages. A stage computes its nodes tile by tile: rows of tiles from top
to bottom, tiles of a row from left to right. `expand` turns a Plan into the steps and buffers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mcucc.errors import ModelError
from mcucc.schedule.windows import Reuse

VERSION = 1


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
    """

    nodes: tuple[str, ...]
    tile: tuple[int, int]
    edges: tuple[EdgePlan, ...] = ()
    feeds: bool = False
    splits: tuple[SplitPlan, ...] = ()
    strips: int = 1


@dataclass(frozen=True)
class Plan:
    """Stages in order of execution."""

    schedule: str
    image: ImagePolicy
    stages: tuple[StagePlan, ...]

    def to_json(self) -> str:
        """The plan as JSON text."""
        return json.dumps(
            {
                "version": VERSION,
                "schedule": self.schedule,
                "image": self.image.value,
                "stages": [_stage_data(stage) for stage in self.stages],
            },
            indent=1,
        )

    @staticmethod
    def from_json(text: str, where: str = "plan") -> Plan:
        """Read a plan; ModelError says what is wrong with the text."""
        try:
            data = json.loads(text)
            if data["version"] != VERSION:
                raise ValueError(f"version {data['version']} is not {VERSION}")
            stages = tuple(_stage(stage) for stage in data["stages"])
            return Plan(str(data["schedule"]), ImagePolicy(data["image"]), stages)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(
                f"not a plan: {type(error).__name__}: {error}",
                where=where,
                hint="`mcucc plan` writes plan files; edit one of those",
            ) from error


def _stage_data(stage: StagePlan) -> dict[str, Any]:
    return {
        "nodes": list(stage.nodes),
        "tile": list(stage.tile),
        "strips": stage.strips,
        "feeds": stage.feeds,
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


def _stage(data: Mapping[str, Any]) -> StagePlan:
    rows, columns = (_count(n) for n in data["tile"])
    return StagePlan(
        nodes=tuple(_text(name) for name in data["nodes"]),
        tile=(rows, columns),
        edges=tuple(
            EdgePlan(
                _text(edge["tensor"]),
                Form(edge["form"]),
                Reuse(edge["rows"]),
                Reuse(edge["columns"]),
            )
            for edge in data["edges"]
        ),
        feeds=bool(data.get("feeds", False)),
        splits=tuple(
            SplitPlan(_text(split["node"]), _count(split["channels"]))
            for split in data.get("splits", ())
        ),
        strips=_count(data.get("strips", 1)),
    )


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a number of rows, columns or channels")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a name")
    return value
