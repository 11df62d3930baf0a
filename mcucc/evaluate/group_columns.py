"""Which columns of labels.csv make groups of pictures, and where numbers are cut into groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mcucc.errors import DataError

MOST_VALUES = 16  # of a column: more are no groups that anybody reads
LONGEST_VALUE = 40  # characters
FEWEST = 4  # pictures a value on average, else it names pictures
BINS = 4  # of numbers: quarters of the pictures
HINT = "the first line of labels.csv names its columns: file,label,distance,light"


@dataclass(frozen=True)
class Columns:
    """A value for each picture by column, "" for none; `notes` say what was cut or left out."""

    values: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()


def columns_of(
    groups: Sequence[Mapping[str, str]], wanted: Sequence[str] | None, where: str = ""
) -> Columns:
    """The columns that are `wanted`, of `groups`, a mapping for each picture; None: all that do.

    A column does that has 2 to MOST_VALUES values, of FEWEST pictures each or more. Numbers of more
    values are cut into quarters of the pictures where they are asked for by name. Raises DataError
    for a name that is no column, and for one of too many values.
    """
    known = list(dict.fromkeys(name for own in groups for name in own))
    for name in wanted or ():
        if name not in known:
            told = f"the columns are {', '.join(known)}" if known else "there are none"
            raise DataError(
                f"there is no column {name!r} to group pictures by: {told}", where=where, hint=HINT
            )
    values: dict[str, tuple[str, ...]] = {}
    notes: list[str] = []
    for name in known if wanted is None else dict.fromkeys(wanted):
        own = tuple(each.get(name, "") for each in groups)
        different = set(own) - {""}
        if len(different) <= MOST_VALUES and all(len(v) <= LONGEST_VALUE for v in different):
            few = len(different) > 1 and FEWEST * len(different) <= len(own)
            if few or wanted is not None:
                values[name] = own
            continue
        numbers = [_number(value) for value in own]
        cut = all(n is not None for n, value in zip(numbers, own, strict=True) if value)
        what = f"column {name} has {len(different)} values"
        if wanted is None:
            more = f" (numbers: --groups {name} cuts them into quarters)" if cut else ""
            notes.append(f"{what}: it makes no groups{more}")
        elif cut:
            values[name] = _quarters(numbers)
            notes.append(f"{what}: its numbers are cut into quarters of the pictures")
        else:
            raise DataError(
                f"{what}: groups are of at most {MOST_VALUES} values of {LONGEST_VALUE} letters",
                where=where,
                hint="give a column of few words, or of numbers, which are cut into quarters",
            )
    return Columns(values, tuple(notes))


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _quarters(numbers: Sequence[float | None]) -> tuple[str, ...]:
    """Of each number the range it is in: from the lower end on, below the upper but the last."""
    known = np.array([number for number in numbers if number is not None])
    edges = np.unique(np.quantile(known, np.arange(BINS + 1) / BINS))
    names = _ranges(edges.tolist(), 3)
    if len(set(names)) < len(names):
        names = _ranges(edges.tolist(), 17)
    last = len(names) - 1
    return tuple(
        ""
        if number is None
        else names[min(last, int(np.searchsorted(edges, number, side="right")) - 1)]
        for number in numbers
    )


def _ranges(edges: Sequence[float], digits: int) -> list[str]:
    return [f"{low:.{digits}g} to {high:.{digits}g}" for low, high in pairwise(edges)]
