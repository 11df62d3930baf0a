"""What got worse between two files of benchmarks.record, kernels or networks (--json).

    python -m benchmarks.compare OLD.json NEW.json [--strict]

Prints every row that executes, loads or branches more than 1 % more, and in a line how many got
better. The exit code is 1 with --strict where something got worse.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PERCENT = 1  # that a figure may grow by
FIGURES = ("instructions", "loads", "taken_branches", "code", "weights")
NAMES = ("name", "node")  # of a row in a list


@dataclass(frozen=True)
class Change:
    """One figure of one row in both files."""

    row: str
    figure: str
    old: int
    new: int

    @property
    def share(self) -> float:
        """How much more, as a share of the old figure."""
        return self.new / self.old - 1 if self.old else float(self.new > 0)

    @property
    def worse(self) -> bool:
        """Whether it is more than PERCENT more."""
        return 100 * (self.new - self.old) > PERCENT * self.old


def rows_of(found: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, int]]]:
    """Every row of a file, with its place in it as a name."""
    if isinstance(found, list):
        for each in found:
            name = next((each[key] for key in NAMES if key in each), "")
            yield from rows_of(each, f"{path}/{name}")
    elif isinstance(found, dict):
        figures = {key: found[key] for key in FIGURES if isinstance(found.get(key), int)}
        if figures:
            yield path.strip("/"), figures
        for key, value in found.items():
            yield from rows_of(value, f"{path}/{key}" if key != "counts" else path)


def changes(old: Any, new: Any) -> list[Change]:
    """All figures that both files have."""
    before = dict(rows_of(old))
    return [
        Change(name, figure, before[name][figure], value)
        for name, figures in rows_of(new)
        for figure, value in figures.items()
        if figure in before.get(name, {})
    ]


def worse(found: list[Change]) -> list[Change]:
    """Those above the limit, worst first."""
    return sorted((c for c in found if c.worse), key=lambda c: -c.share)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--strict", action="store_true", help="exit code 1 where worse")
    options = parser.parse_args()
    old, new = (json.loads(p.read_text(encoding="utf-8")) for p in (options.old, options.new))
    found = changes(old, new)
    bad = worse(found)
    for c in bad:
        print(f"WORSE {c.share:+7.1%}  {c.figure:14} {c.old:>13,} -> {c.new:>13,}  {c.row}")
    better = sum(100 * (c.old - c.new) > PERCENT * c.old for c in found)
    missing = {name for name, _ in rows_of(old)} - {name for name, _ in rows_of(new)}
    print(f"{len(found)} figures compared: {len(bad)} worse by more than 1 %, {better} better")
    if missing:
        print(f"not measured: {', '.join(sorted(missing)[:6])}{' ...' * (len(missing) > 6)}")
    sys.exit(bool(bad) and options.strict)


if __name__ == "__main__":
    main()
