"""SRAM of whole networks on a Cortex-M4: linked images, painted stacks, a fence at the total.

    python -m benchmarks.sram [--json FILE] [--write docs/benchmarks.md] MODEL...

The least memory without a MAC twice (F = 1.00) and with at most 1.10 times the MACs, and what the
balanced objective takes without a MAC twice; the image in rows. Each image runs in QEMU with
exactly the SRAM stated (rounded up to the MPU's 32 bytes) and must give the bytes of the
layer-by-layer reference. Instructions stand beside those of the network layer by layer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.document import write_section
from benchmarks.firmware import build, count, fenced, roomy
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.target import bind
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.costs import MACS, cost_model, program_cost
from mcucc.schedule.search.front import Point, SearchOptions, search
from mcucc.schedule.search.limits import ChoiceLimits
from mcucc.schedule.search.pick import Bounds, Objective, best, within

M4 = cost_model("cortex-m4")

# What is asked for: an objective within so many times the MACs.
ASKED = ((Objective.BALANCED, 1.00), (Objective.SRAM, 1.00), (Objective.SRAM, 1.10))


@dataclass(frozen=True)
class Peer:
    """A row of design/benchmarks.md, kB: arenas of TFLM and TinyEngine, our targets."""

    tflm: str
    tiny_engine: str
    targets: tuple[float, float] | None


PEERS = {
    "mcunet-10fps_vww": Peer("165.5", "60.8", (12.1, 9.9)),
    "mcunet-5fps_vww": Peer("224.6", "94.0", (12.6, 10.9)),
    "mcunet-320kb-1mb_vww": Peer("397.3", "177.7", (37.5, 29.9)),
    "mcunet-320kb-1mb_imagenet": Peer("512.1", "266.3", (53.9, 45.2)),
    "mbv2-w0.35-r144_imagenet": Peer("594.1", "302.1", (19.5, 13.8)),
    "proxyless-w0.3-r176_imagenet": Peer("472.4", "265.6", (38.4, 32.4)),
    "vww_96_int8": Peer("100.7", "", (12.7, 12.5)),
    "pretrainedResnet_quant": Peer("55.0", "", (20.0, 20.0)),
    "person-det": Peer("386 (float io)", "257.4", (18.0, 16.0)),
}
NOBODY = Peer("", "", None)


@dataclass(frozen=True)
class Result:
    """One plan of one network: bytes, F, instructions and those layer by layer."""

    network: str
    objective: str
    limit: float
    factor: float
    arena: int
    image: int
    static: int
    stack: int
    total: int
    lower_bound: int
    instructions: int
    layers_instructions: int
    target: float | None

    @property
    def verdict(self) -> str:
        """Against the target, whole figures of kB as in its table."""
        if self.target is None:
            return ""
        away = self.total / 1000 - self.target
        return "met" if away < 0.05 else f"{away:+.1f}"


def measure(path: Path) -> list[Result]:
    """All plans of a network; RuntimeError where bytes differ."""
    board = roomy("cortex-m4")
    network = load_network(path, NetworkOptions(noise=True))
    graph = bind(network.integer, board, "balanced")
    layers = expand(graph, layers_plan(graph, ImagePolicy.ROWS))
    targets = PEERS.get(path.stem, NOBODY).targets
    with tempfile.TemporaryDirectory() as folder:
        whole = sum(count(network, layers, build(network, layers, board, Path(folder))))
    results = []
    plans = offered(graph, layers)
    for objective, limit in ASKED:
        point = best(within(plans, Bounds(macs=limit)), objective, M4.limit(ChoiceLimits.balanced))
        assert point is not None  # plans that repeat no work are always found
        program = point.program
        with tempfile.TemporaryDirectory() as folder:
            firmware = build(network, program, board, Path(folder))
            proved = fenced(network, firmware)
            instructions = sum(count(network, program, firmware))
        wanted = (
            None if targets is None or objective is not Objective.SRAM else targets[limit > 1.0]
        )
        results.append(
            Result(
                path.stem,
                objective.value,
                limit,
                round(program.factor, 4),
                proved.arena,
                sum(p.size for p in program.buffers.values() if p.kind.value == "image"),
                proved.static,
                proved.stack,
                proved.total,
                program.lower_bound,
                instructions,
                whole,
                wanted,
            )
        )
    return results


def offered(graph: IntegerGraph, layers: Program) -> list[Point]:
    """Plans by memory and time: found by time, by MACs, and layer by layer."""
    found = [layers]
    most = max(limit for _, limit in ASKED)
    for cost, factor in ((M4, ChoiceLimits.time), (MACS, most)):
        options = SearchOptions(image=ImagePolicy.ROWS, cost=cost, max_factor=factor)
        found += [point.program for point in search(graph, options).points]
    return [Point(program, program_cost(program, M4)) for program in found]


HEAD = (
    "| network | objective | F allowed | F | arena | of it image | static | stack | **total** "
    "| target | | TFLM arena | TinyEngine arena | M instr. | over layer by layer |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def row(result: Result) -> str:
    """A line of the table, kB."""
    peer = PEERS.get(result.network, NOBODY)
    kilobytes = [
        f"{count / 1000:.2f}" for count in (result.arena, result.image, result.static, result.stack)
    ]
    cells = [
        result.network,
        result.objective,
        f"{result.limit:.2f}",
        f"{result.factor:.2f}",
        *kilobytes,
        f"**{result.total / 1000:.2f}**",
        "" if result.target is None else f"{result.target:.1f}",
        result.verdict,
        peer.tflm,
        peer.tiny_engine,
        f"{result.instructions / 1e6:.1f}",
        f"{result.instructions / result.layers_instructions:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


INTRODUCTION = """## SRAM on a Cortex-M4, kB

Written by `python -m benchmarks.sram --write docs/benchmarks.md MODEL...`. kB = 1000 bytes.
Arena (activations, caches, rows of the image, scratch, output), static data and painted stack of
linked images at -O2; each ran in QEMU with that much RAM and no byte more (rounded up to the MPU's
32 bytes) and gave the bytes of the layer-by-layer reference. F: MACs executed over the network's.
`balanced` is what compile takes without wishes, here without a MAC twice: the least memory within
2 % of the fastest plan's estimated time; `sram` the least memory, whatever time it takes. Targets
and peers: the design's table, whose targets were a planner's arenas with tiles at least 4 wide
(totals are held against them here); peers' figures are arenas only. The weights of
mcunet-320kb-1mb_vww are random (`python -m benchmarks.shapes`): its zoo file is not at hand.
"""


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="a Markdown file whose section is replaced")
    options = parser.parse_args()
    print(HEAD)
    results: list[Result] = []
    for path in options.models:
        for result in measure(path):
            print(row(result), flush=True)
            results.append(result)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    if options.write:
        table = "\n".join([HEAD, *(row(r) for r in results)])
        write_section(options.write, "sram", f"{INTRODUCTION}\n{table}")


if __name__ == "__main__":
    main()
