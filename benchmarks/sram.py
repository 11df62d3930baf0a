"""SRAM of whole networks on a Cortex-M4: linked images, painted stacks, a fence at the total.

    python -m benchmarks.sram [--json FILE] [--write docs/benchmarks.md] [--effort E] MODEL...

What compile takes without wishes (`balanced`), the least memory without a MAC twice (F = 1.00) and
with at most 1.10 times the MACs; the image in rows. Each image runs in QEMU with exactly the SRAM
stated (rounded up to the MPU's 32 bytes) and must give the bytes of the layer-by-layer reference.
Instructions stand beside those of the network layer by layer. `--json` keeps what an interrupted
run has measured, and goes on from there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.document import write_section
from benchmarks.firmware import build, count, fenced, roomy
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.target import target_of
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.bound import bound_beside
from mcucc.schedule.search.choose import Offer, Schedule, schedule
from mcucc.schedule.search.costs import MACS
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import EFFORTS, SearchLimits
from mcucc.schedule.search.pick import Bounds, least_memory
from mcucc.schedule.search.wishes import ScheduleOptions

LIMITS = (1.00, 1.10)  # times the MACs


@dataclass(frozen=True)
class Peer:
    """A network of the table, kB: arenas of TFLM and TinyEngine, our targets for LIMITS."""

    tflm: str
    tiny_engine: str
    targets: tuple[float, float] | None


PEERS = {
    "mcunet-10fps_vww": Peer("165.5", "60.8", (11.6, 8.6)),
    "mcunet-5fps_vww": Peer("224.6", "94.0", (12.4, 9.9)),
    "mcunet-320kb-1mb_vww": Peer("397.3", "177.7", None),
    "mcunet-320kb-1mb_imagenet": Peer("512.1", "266.3", (51.0, 41.0)),
    "mbv2-w0.35-r144_imagenet": Peer("594.1", "302.1", (18.3, 12.0)),
    "proxyless-w0.3-r176_imagenet": Peer("472.4", "265.6", (36.0, 31.0)),
    "vww_96_int8": Peer("100.7", "", (11.5, 10.6)),
    "pretrainedResnet_quant": Peer("55.0", "", None),
    "person-det": Peer("386 (float io)", "257.4", (17.2, 15.5)),
}
NOBODY = Peer("", "", None)


@dataclass(frozen=True)
class Result:
    """One plan of one network: bytes, F, instructions and those layer by layer.

    `limit` is the F allowed, None where nothing is said. `bound`: the arena that no plan without
    chains is below at this F, None where that is not proved; `target` in kB.
    """

    network: str
    limit: float | None
    factor: float
    arena: int
    image: int
    static: int
    stack: int
    total: int
    bound: int | None
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


def measure(path: Path, effort: str) -> list[Result]:
    """All plans of a network; RuntimeError where bytes differ."""
    board = roomy("cortex-m4")
    network = load_network(path, NetworkOptions(noise=True))
    limits = SearchLimits.of(effort)
    options = ScheduleOptions(image=ImagePolicy.ROWS, limits=limits)
    balanced = schedule(network.integer, target_of(board), options)
    graph = balanced.layers.graph
    with tempfile.TemporaryDirectory() as folder:
        firmware = build(network, balanced.layers, board, Path(folder))
        whole = sum(count(network, balanced.layers, firmware))

    def result(program: Program, limit: float | None, target: float | None) -> Result:
        with tempfile.TemporaryDirectory() as folder:
            firmware = build(network, program, board, Path(folder))
            proved = fenced(network, firmware)
            instructions = sum(count(network, program, firmware))
        bound = None if limit is None else bound_beside(graph, program)
        return Result(
            network=path.stem,
            limit=limit,
            factor=round(program.factor, 4),
            arena=proved.arena,
            image=program.bytes_by_kind()[BufferKind.IMAGE],
            static=proved.static,
            stack=proved.stack,
            total=proved.total,
            bound=None if bound is None else bound.bytes,
            instructions=instructions,
            layers_instructions=whole,
            target=target,
        )

    targets = PEERS.get(path.stem, NOBODY).targets or (None, None)
    found = [result(balanced.program, None, None)]
    offers = offered(balanced, limits)
    for limit, target in zip(LIMITS, targets, strict=True):
        least = least_memory(offers, Bounds(macs=limit))
        assert least is not None  # plans that repeat no work are always found
        program = expand(graph, least.program.plan, limits.careful)
        found.append(result(program, limit, target))
    return found


def offered(balanced: Schedule, limits: SearchLimits) -> Sequence[Offer]:
    """Plans found by time, and those found by MACs, whose tiles are as narrow as they like."""
    by_macs = SearchOptions(
        image=ImagePolicy.ROWS, cost=MACS, max_factor=max(LIMITS), limits=limits
    )
    programs = [point.program for point in search(balanced.layers.graph, by_macs).points]
    found = [Offer(p, balanced.estimate(p), balanced.room.need(p)) for p in programs]
    return [*balanced.front, *found]


HEAD = (
    "| network | F allowed | F | arena | of it image | static | stack | **total** "
    "| target | | bound of arena | TFLM arena | TinyEngine arena | M instr. | over layer by layer |"
    "\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def kilobytes(count: int | None) -> str:
    """In a cell; empty for what is not known."""
    return "" if count is None else f"{count / 1000:.2f}"


def row(result: Result) -> str:
    """A line of the table, kB."""
    peer = PEERS.get(result.network, NOBODY)
    cells = [
        result.network,
        "`balanced`" if result.limit is None else f"{result.limit:.2f}",
        f"{result.factor:.2f}",
        *map(kilobytes, (result.arena, result.image, result.static, result.stack)),
        f"**{kilobytes(result.total)}**",
        "" if result.target is None else f"{result.target:.1f}",
        result.verdict,
        kilobytes(result.bound),
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
`balanced` is what compile takes without wishes: the least memory within 2 % of the fastest plan's
estimated time; the others are the least memory within F, tiles of any width, whatever time it
takes. No plan without chains that computes as little has an arena below the bound
([how it is known](design/plans.md#what-no-plan-can-do-without)). Instructions are counted in
QEMU, also those of the network layer by layer. Peers' figures are arenas only. The weights of
mcunet-320kb-1mb_vww are random (`python -m benchmarks.shapes`): its zoo file is not at hand.
"""


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="a Markdown file whose section is replaced")
    parser.add_argument("--effort", choices=tuple(EFFORTS), default="normal")
    options = parser.parse_args()
    known: dict[str, list[Result]] = {}
    if options.json and options.json.is_file():
        for each in json.loads(options.json.read_text(encoding="utf-8")):
            known.setdefault(each["network"], []).append(Result(**each))
    print(HEAD)
    for path in options.models:
        if path.stem not in known:
            known[path.stem] = measure(path, options.effort)
        print("\n".join(map(row, known[path.stem])), flush=True)
        if options.json:
            results = [asdict(result) for found in known.values() for result in found]
            options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.write:
        lines = [row(result) for path in options.models for result in known[path.stem]]
        write_section(options.write, "sram", "\n".join([INTRODUCTION, HEAD, *lines]))


if __name__ == "__main__":
    main()
