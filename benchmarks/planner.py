"""What the search finds and what it costs: a table of fronts, held against those of an earlier run.

    python -m benchmarks.planner [--json FILE] [--against FILE] MODEL...

The image comes in rows, the core is a Cortex-M4. Bytes are arenas: of the search by executed MACs
at so many times the network's, of the search by estimated time at so many times the fastest plan's.
CPU is process time; it is printed and never asserted. `--against` takes the JSON of another run
and says of every point of its fronts whether this run needs fewer, as many or more bytes at its
cost. `--json` keeps what an interrupted run has found, and goes on from there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.firmware import roomy
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.target import bind
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.costs import ALIKE, MACS, ROUNDING, cost_model, program_cost
from mcucc.schedule.search.front import SearchOptions, search

CORE = "cortex-m4"
FACTORS = (1.00, 1.02, 1.05, 1.10, 1.25)
TIMES = (1.01, 1.1, 1.5)


@dataclass(frozen=True)
class Found:
    """A front: CPU seconds, and (bytes, F, estimated instructions, lower bound) of its points.

    `fastest`: estimated instructions of the fastest plan known, layer by layer included.
    """

    nodes: int
    cpu: float
    points: tuple[tuple[int, float, float, int], ...]
    fastest: float

    def cost(self, point: Sequence[float], kind: str) -> float:
        """What the search of this kind counts."""
        return point[1] if kind == "macs" else point[2]

    def bytes_at(self, most: float, kind: str) -> int | None:
        """The least bytes within a cost; None where no point keeps to it."""
        slack = ROUNDING if kind == "macs" else ALIKE
        kept = [p[0] for p in self.points if self.cost(p, kind) <= most + slack]
        return min(kept, default=None)


def fronts(graph: IntegerGraph) -> dict[str, Found]:
    """The fronts by MACs and by time."""
    model = cost_model(CORE)
    layers = program_cost(expand(graph, layers_plan(graph, ImagePolicy.ROWS)), model)
    found = {}
    for kind, cost, most in (("macs", MACS, FACTORS[-1]), ("time", model, TIMES[-1])):
        start = time.process_time()
        front = search(graph, SearchOptions(image=ImagePolicy.ROWS, cost=cost, max_factor=most))
        cpu = time.process_time() - start
        points = tuple(
            (p.bytes, p.factor, program_cost(p.program, model), p.program.lower_bound)
            for p in front.points
        )
        fastest = min(layers, *(point[2] for point in points))
        found[kind] = Found(len(graph.nodes), cpu, points, fastest)
    return found


def verdicts(new: Found, points: Sequence[Sequence[float]], kind: str) -> dict[str, int]:
    """How many points of an earlier front are better, equal and worse now, at equal cost."""
    found: Counter[str] = Counter()
    for point in points:
        now = new.bytes_at(new.cost(point, kind), kind)
        if now is None or now > point[0]:
            found["worse"] += 1
        else:
            found["better" if now < point[0] else "equal"] += 1
    return {each: found[each] for each in ("better", "equal", "worse")}


HEAD = (
    "| network | nodes | "
    + " | ".join(f"F {factor:.2f}" for factor in FACTORS)
    + " | CPU s | "
    + " | ".join(f"time {factor:g}" for factor in TIMES)
    + " | CPU s |"
)
RULE = "| --- " * (HEAD.count("|") - 1) + "|"


def row(name: str, found: Mapping[str, Found]) -> str:
    """A line of the table, bytes; a dash where no plan keeps to a cost."""
    macs, timed = found["macs"], found["time"]
    cells = [name, str(macs.nodes)]
    cells += [_figure(macs.bytes_at(factor, "macs")) for factor in FACTORS]
    cells.append(f"{macs.cpu:.1f}")
    cells += [_figure(timed.bytes_at(factor * timed.fastest, "time")) for factor in TIMES]
    return "| " + " | ".join([*cells, f"{timed.cpu:.1f}"]) + " |"


def _figure(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def compared(name: str, found: Mapping[str, Found], earlier: Mapping[str, Mapping]) -> list[str]:
    """A line a front: better, equal and worse points than those of an earlier run, and CPU."""
    lines = []
    for kind, new in found.items():
        old = earlier.get(f"{name} {kind}")
        if old is not None:
            said = verdicts(new, old["points"], kind)
            words = ", ".join(f"{count} {verdict}" for verdict, count in said.items())
            lines.append(f"  {kind}: {words}; CPU {old['cpu']:.1f} -> {new.cpu:.1f} s")
    return lines


def read(path: Path | None) -> dict[str, Mapping]:
    """The fronts of a file; none of a file that is not there yet."""
    if path is None or not path.is_file():
        return {}
    known: dict[str, Mapping] = json.loads(path.read_text(encoding="utf-8"))
    return known


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--json", type=Path, help="fronts are kept here, and found ones not again")
    parser.add_argument("--against", type=Path, help="the JSON of an earlier run")
    options = parser.parse_args()
    if options.against is not None and not options.against.is_file():
        parser.error(f"{options.against} is not there")
    known, earlier = read(options.json), read(options.against)
    board, total = roomy(CORE), Counter[str]()
    print(HEAD, RULE, sep="\n")
    for path in options.models:
        name = f"{path.parent.name}/{path.name}"
        keys = {kind: f"{name} {kind}" for kind in ("macs", "time")}
        if all(key in known for key in keys.values()):
            found = {kind: Found(**known[key]) for kind, key in keys.items()}
        else:
            network = load_network(path, NetworkOptions(noise=True))
            found = fronts(bind(network.integer, board, "balanced"))
            known |= {keys[kind]: asdict(front) for kind, front in found.items()}
            if options.json is not None:
                options.json.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        print(row(name, found), *compared(name, found, earlier), sep="\n", flush=True)
        for kind, front in found.items():
            if keys[kind] in earlier:
                total.update(verdicts(front, earlier[keys[kind]]["points"], kind))
    if earlier:
        print(", ".join(f"{total[each]} {each}" for each in ("better", "equal", "worse")))


if __name__ == "__main__":
    main()
