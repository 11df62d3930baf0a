"""Clock cycles of boards: a file a measurement, and the table of all of them.

    mcucc run DIR --input P.png --on openocd:board/st_nucleo_f4.cfg --json > run.json
    python -m benchmarks.board_cycles add run.json --folder DIR --probe "ST-LINK/V2-1, OpenOCD 0.12"
    python -m benchmarks.board_cycles

`add` writes benchmarks/cycles/BOARD-NETWORK-MEMORY.json. What an emulator played is refused: only
a core counts its cycles. Without more words the table is printed: cycles an instruction by kernel
and board. Instructions are an emulator's, of the same code on the same picture.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcucc.base.names import identifier
from mcucc.base.typed import Reader, text_of
from mcucc.driver.folder import open_compiled
from mcucc.driver.manifest import read_manifest
from mcucc.errors import DataError, McuccError
from mcucc.version import __version__

FOLDER = Path(__file__).with_name("cycles")
LARGEST_FILE = 2**22


@dataclass(frozen=True)
class MeasuredStep:
    """A step: its layers and kernels, its cycles and an emulator's instructions."""

    name: str
    kernels: str
    cycles: int
    instructions: int


@dataclass(frozen=True)
class Measurement:
    """One inference on a board.

    `probe` is the user's own words: probe and server with their versions. `memory` holds code and
    weights: RAM, or flash with whatever wait states and caches a reset leaves.
    """

    board: str
    core: str
    network: str
    memory: str
    counter: str
    clock_hz: int
    cycles: int
    instructions: int
    probe: str
    mcucc: str
    compiler: str
    optimize: str
    date: str
    steps: tuple[MeasuredStep, ...]

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{identifier(self.board)}-{self.network}-{self.memory.lower()}.json"


def measurement(run: Path, folder: Path, probe: str, date: str) -> Measurement:
    """A measurement of `mcucc run --json`; DataError where it is none of a real core."""
    try:
        board = json.loads(text_of(run, LARGEST_FILE))["board"]
        told = dict(board)
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "mcucc run DIR --input P --on SERVER --json > FILE"
        raise DataError(f"no run on a board: {error}", where=str(run), hint=hint) from error
    if told.get("emulated") is not False:
        raise DataError("an emulator's cycles are no measurement", where=str(run))
    if not told.get("cycles") or not told.get("instructions"):
        why = told.get("uncounted") or "no emulator was there to count instructions"
        raise DataError(f"it lacks cycles or instructions: {why}", where=str(run))
    compiled, manifest = open_compiled(folder), read_manifest(folder)
    fields = ("memory", "counter", "clock_hz", "cycles", "instructions", "steps")
    return read(
        {
            **{name: told.get(name) for name in fields},
            "board": compiled.board.name,
            "core": compiled.board.core.value,
            "network": manifest.name,
            "probe": probe,
            "mcucc": __version__,
            "compiler": manifest.compiler,
            "optimize": manifest.optimize,
            "date": date,
        },
        str(run),
    )


def read(values: Any, where: str) -> Measurement:
    """Plain data as a measurement; DataError names what is wrong."""
    try:
        found: Measurement = Reader().read(Measurement, values)
    except ValueError as error:
        raise DataError(str(error), where=where) from error
    if min(found.cycles, found.instructions, found.clock_hz) < 1 or not found.probe.strip():
        raise DataError("a figure is not positive, or the probe is not named", where=where)
    return found


def measurements(folder: Path) -> list[Measurement]:
    """All of a folder, by name."""
    return [
        read(json.loads(text_of(path, LARGEST_FILE)), str(path))
        for path in sorted(folder.glob("*.json"))
    ]


def tables(found: Sequence[Measurement]) -> str:
    """Markdown: inferences, then kernels by board; says so where nothing was measured."""
    if not found:
        return "No measurements yet: nothing here was run on a board (docs/probe.md says how).\n"
    lines = ["| board | network | memory | instructions | cycles | each | ms | counter | probe |"]
    lines.append("| --- " * 9 + "|")
    for each in found:
        time = each.cycles * 1e3 / each.clock_hz
        figures = f"{each.instructions:,} | {each.cycles:,} | {each.cycles / each.instructions:.3f}"
        clock = f"{time:.2f} at {each.clock_hz / 1e6:g} MHz"
        row = (f"{each.board} ({each.core})", each.network, each.memory, figures, clock)
        lines.append(f"| {' | '.join((*row, each.counter, each.probe))} |")
    boards = list(dict.fromkeys(f"{each.board}, {each.memory}" for each in found))
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for each in found:
        for step in each.steps:
            place = sums[step.kernels or "(what runs before the first layer)"]
            cell = place[f"{each.board}, {each.memory}"]
            cell[0] += step.cycles
            cell[1] += step.instructions
    lines += [
        "",
        f"| kernels of a step | {' | '.join(boards)} |",
        "| --- " * (len(boards) + 1) + "|",
    ]
    for kernels, by_board in sorted(sums.items()):
        cells = [by_board.get(board) for board in boards]
        shown = [f"{cell[0] / cell[1]:.3f}" if cell and cell[1] else "" for cell in cells]
        lines.append(f"| {kernels} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 2 for a mistake."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cycles", type=Path, default=FOLDER, help="the folder of measurements")
    verbs = parser.add_subparsers(dest="verb")
    add = verbs.add_parser("add", help="write a file from what `mcucc run --json` printed")
    add.add_argument("run", type=Path)
    add.add_argument("--folder", type=Path, required=True, help="what compile made")
    add.add_argument("--probe", required=True, help="probe and server, with versions")
    add.add_argument("--date", required=True, help="of the measurement: 2026-11-30")
    given = parser.parse_args(arguments)
    try:
        if given.verb == "add":
            made = measurement(given.run, given.folder, given.probe, given.date)
            path = given.cycles / made.file
            path.write_text(json.dumps(asdict(made), indent=1) + "\n", encoding="utf-8")
            print(path)
        else:
            print(tables(measurements(given.cycles)), end="")
    except (McuccError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
