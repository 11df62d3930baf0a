"""What the cost model says of whole networks, beside what QEMU counts.

    python -m benchmarks.prices [--core cortex-m4 ...] MODEL...

A line a network: layer by layer and under the plan that compile takes without wishes, the image in
rows. The last columns are what the choice of a plan rests on: how many times the instructions of
layer by layer the plan takes, as promised and as counted.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.firmware import build, count, roomy
from benchmarks.fit_costs import CORES
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.target import target_of
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.choose import schedule
from mcucc.schedule.search.costs import cost_model, program_cost
from mcucc.schedule.search.wishes import ScheduleOptions

HEAD = (
    "| network | core | layer by layer, M: estimated | counted | off by | balanced, M: estimated "
    "| counted | off by | over layer by layer: estimated | counted |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def row(path: Path, core: str) -> str:
    """A line of the table."""
    board = roomy(core)
    network = load_network(path, NetworkOptions(noise=True))
    chosen = schedule(network.integer, target_of(board), ScheduleOptions(image=ImagePolicy.ROWS))

    def figures(program: Program) -> tuple[float, int]:
        with tempfile.TemporaryDirectory() as folder:
            counted = sum(count(network, program, build(network, program, board, Path(folder))))
        return program_cost(program, cost_model(core)), counted

    found = [figures(program) for program in (chosen.layers, chosen.program)]
    cells = [path.stem, core]
    for estimated, counted in found:
        off = f"{estimated / counted - 1:+.1%}"
        cells += [f"{estimated / 1e6:.2f}", f"{counted / 1e6:.2f}", off]
    cells += [f"{fused / layers:.2f}" for layers, fused in zip(*found, strict=True)]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--core", action="append", choices=CORES)
    options = parser.parse_args()
    print(HEAD)
    for path in options.models:
        for core in options.core or ["cortex-m4"]:
            print(row(path, core), flush=True)


if __name__ == "__main__":
    main()
