"""Searches that several tests look at run once a session: same network, same options, same front.

Tests that ask whether a search is repeatable, or that time one, call `search` itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import FunctionType
from typing import Any

import numpy as np

from mcucc.boards.board import Board
from mcucc.driver.target import target_of
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.search.choose import Schedule, schedule
from mcucc.schedule.search.front import Front, SearchOptions, search
from mcucc.schedule.search.limits import QUICK, Effort, SearchLimits
from mcucc.schedule.search.wishes import ScheduleOptions

DEFAULT = SearchOptions()
# Offsets that are right and a little apart: two thirds of the time of a small plan goes into the
# last bytes of its arena, which most tests do not look at.
QUICK_ARENA = ArenaLimits(alone=20, whole=20)
_FRONTS: dict[str, Front] = {}
_SCHEDULES: dict[str, Schedule] = {}


def searched(graph: IntegerGraph, options: SearchOptions = DEFAULT) -> Front:
    """The front of a network, searched once for all tests of the session."""
    key = digest(graph, options)
    if key not in _FRONTS:
        _FRONTS[key] = search(graph, options)
    return _FRONTS[key]


def scheduled(graph: IntegerGraph, board: Board, options: ScheduleOptions) -> Schedule:
    """What `schedule` chooses for a board, searched once for all tests of the session."""
    key = digest(graph, board, options)
    if key not in _SCHEDULES:
        _SCHEDULES[key] = schedule(graph, target_of(board), options)
    return _SCHEDULES[key]


def quick(effort: Effort = QUICK) -> SearchLimits:
    """Limits for fronts of which only some property counts, not how little memory they need."""
    return SearchLimits(efforts=(effort,), arena=QUICK_ARENA, roughly=QUICK_ARENA)


def digest(*values: Any) -> str:
    """Equal for values that are equal down to the last weight, whichever object holds them."""
    found = hashlib.sha256()
    for piece in _pieces(values):
        found.update(len(piece).to_bytes(8, "little") + piece)
    return found.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    """The bytes that a value consists of, types and names included."""
    yield type(value).__qualname__.encode()
    if isinstance(value, np.ndarray):
        yield str((value.dtype, value.shape)).encode()
        yield value.tobytes()
    elif is_dataclass(value):
        for field in fields(value):
            yield field.name.encode()
            yield from _pieces(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _pieces((name, item))
    elif isinstance(value, tuple | list | set | frozenset):
        yield str(len(value)).encode()
        for item in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            yield from _pieces(item)
    elif isinstance(value, FunctionType):
        assert "<" not in value.__qualname__, f"{value}: equal functions have no equal names"
        yield f"{value.__module__}.{value.__qualname__}".encode()
    else:
        # A `repr` with an address in it would tell equal values apart, or take two for one later.
        assert value is None or isinstance(
            value, str | bytes | int | float | Enum | np.generic | np.dtype
        ), value
        yield repr(value).encode()
