"""Plain data with one value spoiled: another type, a number out of bounds, a key too many."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.hostile.texts import EVERYTHING

VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 1000, 1.5, -0.5, 1e308, float("nan"), float("inf")),
    *(2**31, 2**53, 2**63, 10**30, "", "x", EVERYTHING, "x" * 5000, "../../x", "\ud800"),
    *([], [[]], [1, 2], ["x"] * 3000, {}, {"x": 1}),
)
Path = tuple[Any, ...]


def paths_of(data: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in the data; of a long list the first entries and the last."""
    yield at
    if isinstance(data, dict):
        for key, value in data.items():
            yield from paths_of(value, (*at, key))
    elif isinstance(data, list):
        for number in sorted({0, 1, len(data) - 1} & set(range(len(data)))):
            yield from paths_of(data[number], (*at, number))


def spoiled(data: Any, count: int, seed: int = 0) -> Iterator[tuple[str, Any]]:
    """`count` copies with one spoiled value, and what was done."""
    random = Random(seed)
    paths = [path for path in paths_of(data) if path]
    for _ in range(count):
        path, changed = random.choice(paths), copy.deepcopy(data)
        parent = changed
        for key in path[:-1]:
            parent = parent[key]
        kind = random.random()
        if kind < 0.1:
            del parent[path[-1]]
            yield f"{path} left out", changed
        elif kind < 0.2 and isinstance(parent, dict):
            parent["unknown"] = random.choice(VALUES)
            yield f"{path[:-1]} with an unknown key", changed
        else:
            parent[path[-1]] = value = random.choice(VALUES)
            yield f"{path} = {str(value)[:40]!r}", changed
