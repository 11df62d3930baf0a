"""How the rough front of `mcucc.estimate` orders networks, against searched fronts; CPU of both.

    python -m benchmarks.estimates FRONTS MODEL...

FRONTS is the JSON that `benchmarks.planner --json` wrote for the same models. A rough front repeats
no work: its least bytes are held against those of the search at F = 1.00 and at F <= 1.10, by
Spearman's rank correlation. CPU is the median process time of one estimate, layers known.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.firmware import roomy
from benchmarks.planner import CORE, Found, read
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.target import bind
from mcucc.schedule.search.estimate import estimate

FACTORS = (1.00, 1.10)
REPEATS = 7


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """The rank correlation of two lists; equal values have their mean rank."""
    return statistics.correlation(_ranks(first), _ranks(second))


def _ranks(values: Sequence[float]) -> list[float]:
    below = [sum(other < value for other in values) for value in values]
    return [low + (values.count(value) - 1) / 2 for low, value in zip(below, values, strict=True)]


def main() -> None:
    """Print a line a network and the correlations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fronts", type=Path)
    parser.add_argument("models", nargs="+", type=Path)
    options = parser.parse_args()
    fronts, board = read(options.fronts), roomy(CORE)
    rough: list[float] = []
    searched: list[list[float]] = [[] for _ in FACTORS]
    print("| network | nodes | estimate | F 1.00 | F 1.10 | estimate, ms | search, s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for path in options.models:
        name = f"{path.parent.name}/{path.name}"
        known = fronts.get(f"{name} macs")
        if known is None:
            continue
        found = Found(**known)
        bound = bind(load_network(path, NetworkOptions(noise=True)).integer, board, "balanced")
        times = []
        for _ in range(REPEATS):
            start = time.process_time()
            points = estimate(bound)
            times.append(time.process_time() - start)
        rough.append(points[0].bytes)
        exact = [found.bytes_at(factor, "macs") for factor in FACTORS]
        for column, size in zip(searched, exact, strict=True):
            column.append(float("inf") if size is None else size)
        sizes = " | ".join("-" if size is None else f"{size:,}" for size in exact)
        cpu = f"{1000 * statistics.median(times):.0f} | {found.cpu:.1f}"
        line = f"| {name} | {found.nodes} | {points[0].bytes:,} | {sizes} | {cpu} |"
        print(line, flush=True)
    for factor, column in zip(FACTORS, searched, strict=True):
        if len(rough) > 1:
            print(f"F {factor:.2f}: Spearman {spearman(rough, column):.3f}, {len(rough)} networks")


if __name__ == "__main__":
    main()
