"""Whether two commits compile the same: plans, bytes of SRAM and flash, instructions, outputs.

    python -m benchmarks.same TREE OUT.json --picture FILE --data PICTURES [--against OLD.json]

TREE is a checkout; its command line compiles every network of the zoo under every option set of
`OPTIONS` (float ones calibrated on twenty of the pictures) and runs it on the picture. With
`--against` the rows that differ are printed, and the exit code is 1 when there are any: numbers of
bytes, plans and outputs to the last digit, executed instructions by more than one in a thousand.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OPTIONS = {
    "layers": ("--schedule", "layers"),
    "rows 1.0": ("--image", "rows", "--max-macs", "1.0"),
    "rows 1.1": ("--image", "rows", "--max-slowdown", "1.1"),
    "resident 1.2": ("--max-slowdown", "1.2"),
    "mapped 1.3": ("--image", "mapped", "--max-slowdown", "1.3"),
    "patch": ("--schedule", "patch"),
}
BOARD = "nucleo-l4r5zi"
FLASH = ("total", "weights", "code")
PARTS = ("total", "arena", "image", "output", "scratch", "static", "stack")
RAW = argparse.RawDescriptionHelpFormatter
TOLERANCE = 1e-3  # of executed instructions
Row = dict[str, Any]


def measure(tree: Path, model: Path, options: tuple[str, ...], picture: Path) -> Row:
    """What `compile` and `run` of the checkout `tree` say of one network."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        command = ("compile", str(model), "--board", BOARD, "--out", str(out), *options)
        compiled = mcucc(tree, *command)
        if compiled.returncode != 0:
            return {"refused": (compiled.stderr or compiled.stdout).strip().splitlines()[0]}
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
        return {
            "plan": digest(json.dumps(plan, sort_keys=True)),
            "sram": {part: report["sram"][part] for part in PARTS},
            "flash": {part: report["flash"][part] for part in FLASH},
            "instructions": report["instructions"]["total"],
            **run(tree, out, picture),
        }


def run(tree: Path, out: Path, picture: Path) -> Row:
    """The output bytes of one picture under emulation, and the instructions they took."""
    command = ("run", str(out), "--input", str(picture), "--json")
    result = json.loads(mcucc(tree, *command).stdout)
    return {"outputs": result["outputs"], "run instructions": result["instructions"]}


def mcucc(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line of the checkout `tree`."""
    command = [sys.executable, "-m", "mcucc", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True)


def digest(text: str) -> str:
    """Sixteen digits of the text's sha256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(old: Row, new: Row, tolerance: float = TOLERANCE) -> list[str]:
    """What differs between two rows, one line a key."""
    return [
        f"{key}: {old.get(key)} -> {new.get(key)}"
        for key in sorted(old.keys() | new.keys())
        if not same(old.get(key), new.get(key), tolerance if "instructions" in key else 0.0)
    ]


def same(old: Any, new: Any, tolerance: float) -> bool:
    """Whether two values are one, numbers to a fraction of the old."""
    if tolerance and isinstance(old, int) and isinstance(new, int):
        return abs(new - old) <= tolerance * old
    return bool(old == new)


def main() -> int:
    """Measures, writes the record and compares; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("tree", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--zoo", type=Path, default=Path("../shared/zoo"))
    parser.add_argument("--picture", type=Path, required=True, help="what the networks are run on")
    parser.add_argument("--data", type=Path, help="pictures that float networks calibrate with")
    parser.add_argument("--against", type=Path)
    parser.add_argument("--only", default="", help="networks whose names hold this")
    arguments = parser.parse_args()
    zoo, picture = arguments.zoo.resolve(), arguments.picture.resolve()
    old = json.loads(arguments.against.read_text()) if arguments.against else {}
    record: dict[str, Row] = {}
    moved = 0
    models = [*sorted(zoo.glob("tflite/*.tflite")), *sorted(zoo.glob("onnx/*.onnx"))]
    for model in (model for model in models if arguments.only in model.name):
        for name, options in OPTIONS.items():
            row = f"{model.name}, {name}"
            if arguments.data and model.suffix == ".onnx":
                options = (*options, "--data", str(arguments.data.resolve()), "--calibrate", "20")
            record[row] = measure(arguments.tree.resolve(), model, options, picture)
            lines = differences(old[row], record[row]) if row in old else []
            moved += bool(lines)
            print(
                f"{row}: {record[row].get('sram', record[row])}", *lines, sep="\n    ", flush=True
            )
            arguments.out.write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(f"{len(record)} rows, {moved} of them other than in {arguments.against}")
    return 1 if moved else 0


if __name__ == "__main__":
    sys.exit(main())
