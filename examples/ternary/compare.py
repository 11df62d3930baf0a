"""The digit reader with weights of 8, 4 and 2 bits, on an emulated Cortex-M4 and Cortex-M0+.

    python examples/ternary/compare.py [--out build/ternary] [--pictures 1000]

Compiles digits.onnx (trained with float weights) and digits_ternary.onnx (trained with weights of
-1, 0 and 1), runs each image in the emulator on digits that it never saw, and prints a table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pictures import CALIBRATION, NoPicturesError, digits, write_folder

HERE = Path(os.path.relpath(Path(__file__).parent))  # short in the commands shown
BOARDS = ("nucleo-l4r5zi", "rpi-pico")
TRAINED_FLOAT, TRAINED_TERNARY = "digits", "digits_ternary"
CASES = (
    (TRAINED_FLOAT, "int8"),
    (TRAINED_FLOAT, "int4"),
    (TRAINED_FLOAT, "ternary"),
    (TRAINED_TERNARY, "ternary"),
)


@dataclass(frozen=True)
class Row:
    """One compiled network: accuracies 0 to 1 on held-out digits, bytes, instructions."""

    board: str
    model: str
    weights: str
    exact: float  # of the float network
    ours: float
    equal: bool  # whether the emulated bytes are NumPy's
    weight_bytes: int
    flash: int
    sram: int
    instructions: int

    def __str__(self) -> str:
        cells = (
            f"{self.board:14} {self.model:15} {self.weights:8}",
            f"{self.exact:7.1%} {self.ours:7.1%} {'yes' if self.equal else 'NO':>6}",
            f"{self.weight_bytes:9,} {self.flash:8,} {self.sram:7,} {self.instructions:13,}",
        )
        return "".join(cells)


TITLE = (
    f"{'board':14} {'network':15} {'weights':8}{'float':>7} {'ours':>7} {'exact':>6}"
    f"{'weights B':>9} {'flash B':>8} {'SRAM B':>7} {'instructions':>13}"
)


def mcucc(*words: object) -> str:
    """The command line tool; what it prints."""
    arguments = [str(word) for word in words]
    call = "from mcucc.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", call, *arguments], check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"$ mcucc {' '.join(arguments)}\n{done.stdout}")
    return done.stdout


def measure(board: str, model: str, weights: str, out: Path) -> Row:
    """Compile, then run every held-out digit in the emulator."""
    folder = out / board / f"{model}_{weights}"
    where = ("--board", board, "--out", folder, "--data", out / "calibration")
    mcucc("compile", HERE / f"{model}.onnx", "--weights", weights, *where)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    found = json.loads(mcucc("validate", folder, "--data", out / "held_out", "--json"))
    return Row(
        board,
        model,
        weights,
        found["float_top1"],
        found["emulated_top1"] or found["quantized_top1"],
        bool(found["all_equal"]),
        sum(layer["weight_bytes"] for layer in report["layers"]),
        report["flash"]["total"],
        report["sram"]["total"],
        report["instructions"]["total"] or 0,
    )


def compare(out: Path, pictures: int) -> Iterator[Row]:
    """Every case on every board."""
    pixels, labels = digits(held_out=False)
    write_folder(out / "calibration", pixels[:CALIBRATION], labels[:CALIBRATION])
    pixels, labels = digits(held_out=True)
    write_folder(out / "held_out", pixels[:pictures], labels[:pictures])
    for board in BOARDS:
        for model, weights in CASES:
            yield measure(board, model, weights, out)


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("build/ternary"))
    parser.add_argument("--pictures", type=int, default=1000, help="held-out digits to read")
    options = parser.parse_args()
    print(TITLE)
    try:
        for row in compare(options.out, options.pictures):
            print(row, flush=True)
    except NoPicturesError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
