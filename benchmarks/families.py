"""Every family: does it compile, is it exact, what does it take, layer by layer and streamed.

    python examples/families/export.py build/families
    python -m benchmarks.families build/families [--only NAME ...] [--data DIR] [--json FILE]

Networks are quantized with `fast` on pictures (drawn ones, unless DIR has some), compiled for a
Cortex-M4 and validated: NumPy, host C and the emulated C agree on every byte, or the line says no.
SRAM is that of the report: picture, stack and static data in it. Streamed is the least memory that
computes nothing twice, the picture coming in rows. The shortfall of a network with random weights
beside float says that nothing is broken, not how accurate a trained one is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import mcucc
from mcucc.errors import McuccError
from mcucc.quantize.pipeline import Mode
from mcucc.report.facts import Report
from mcucc.schedule.plan.plan import ImagePolicy

BOARD = "nucleo-l4r5zi"
PICTURES = 6
CALIBRATED, VALIDATED = 6, 2
WAYS = {
    "layers": mcucc.ScheduleOptions(schedule="layers"),
    "streamed": mcucc.ScheduleOptions(image=ImagePolicy.ROWS, max_macs=1.0),
}
LARGE_SHARE = 0.03  # of a network's instructions: a kernel that the table names


@dataclass(frozen=True)
class Row:
    """A network one way; bytes, and instructions of one picture. `equal`: in C as in NumPy."""

    name: str
    way: str
    macs: int
    sram: int
    flash: int
    instructions: int
    equal: bool
    signal_to_noise: float | None  # dB beside float, the worst slice of the outputs
    portable: tuple[tuple[str, float], ...]  # kernels in portable C, and their share

    @property
    def per_mac(self) -> float:
        """Instructions a multiply-accumulate of the network."""
        return self.instructions / max(self.macs, 1)


def draw_pictures(folder: Path, count: int = PICTURES) -> Path:
    """Seeded blurry pictures: real pictures are smooth."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
        path = folder / f"{index}.png"
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(path)
    return folder


def measure(model: Path, data: Path, way: str, out: Path, emulator: str = "auto") -> Row:
    """Compile and validate one way; raises McuccError for what is refused."""
    network = mcucc.NetworkOptions(mode=Mode.FAST, calibrate=CALIBRATED)
    report = mcucc.compile(
        model,
        board=BOARD,
        out=out,
        data=data,
        network=network,
        schedule=WAYS[way],
        emulator=emulator,
    )
    checked = mcucc.validate(mcucc.open_folder(out), data, limit=VALIDATED, emulator=emulator)
    worst = report.worst_slice
    return Row(
        name=model.stem,
        way=way,
        macs=report.macs.network,
        sram=report.sram.total,
        flash=report.flash.total,
        instructions=report.instructions.total or 0,
        equal=checked.all_equal,
        signal_to_noise=None if worst is None else worst.snr_db,
        portable=portable_shares(report),
    )


def portable_shares(report: Report) -> tuple[tuple[str, float], ...]:
    """Kernels without a variant for the core, as shares of the instructions; largest first."""
    spent: Counter[str] = Counter()
    for layer in report.layers:
        if layer.instructions and "portable" in layer.op:
            spent[layer.op.split(" (")[0]] += layer.instructions
    total = report.instructions.total or 1
    shares = [(op, n / total) for op, n in spent.most_common() if n / total > LARGE_SHARE]
    return tuple(shares)


def models_in(paths: Iterable[Path], only: Iterable[str]) -> list[Path]:
    """The models named, or all of a folder."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.onnx")) if path.is_dir() else [path]
    wanted = set(only)
    return [path for path in found if not wanted or path.stem in wanted]


def line_of(rows: dict[str, Row]) -> str:
    """A line of the table."""
    layers, streamed = rows["layers"], rows["streamed"]
    slow = ", ".join(f"{op} {share:.0%}" for op, share in layers.portable)
    noise = layers.signal_to_noise
    cells = [
        layers.name,
        f"{layers.macs / 1e6:.2f}",
        f"{layers.sram / 1e3:.1f}",
        f"{streamed.sram / 1e3:.1f}",
        f"{layers.flash / 1e3:.0f}",
        f"{layers.instructions / 1e6:.2f}, {layers.per_mac:.2f}",
        f"{streamed.instructions / 1e6:.2f}, {streamed.per_mac:.2f}",
        "yes" if layers.equal and streamed.equal else "NO",
        "" if noise is None else f"{noise:.1f}",
        slow,
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = """| network | M MACs | SRAM layers, kB | streamed, kB | flash, kB | M instr. layers, a MAC \
| streamed, a MAC | exact | dB, worst slice | portable kernels above 3 % |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, help="files, or folders of them")
    parser.add_argument("--only", nargs="*", default=(), metavar="NAME")
    parser.add_argument("--data", type=Path, help="a folder of pictures")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    done: list[Row] = []
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or draw_pictures(Path(folder) / "pictures")
        for model in models_in(options.models, options.only):
            try:
                rows = {way: measure(model, data, way, Path(folder) / way) for way in WAYS}
            except McuccError as error:
                print(f"| {model.stem} | refused: {str(error).splitlines()[0]} |", flush=True)
                continue
            print(line_of(rows), flush=True)
            done += rows.values()
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in done], indent=1) + "\n")
    sys.exit(not all(row.equal for row in done))


if __name__ == "__main__":
    main()
