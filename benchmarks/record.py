"""One file of everything that is counted: layers and whole networks on every core.

    python -m benchmarks.record OUT.json [--core cortex-m4 ...] [--zoo DIR]

`python -m benchmarks.compare OLD.json NEW.json` shows what got worse, `python -m benchmarks.tables
OUT.json` writes the tables of docs/benchmarks.md. benchmarks/baseline.json is such a file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.kernels import LAYERS, PEERS, measure
from benchmarks.networks import count_network, total
from mcucc.backends.calls.choose import open_machine
from mcucc.backends.calls.cycles import Counts
from mcucc.backends.calls.qemu import QemuMachine
from mcucc.backends.calls.unicorn import Machine
from mcucc.driver.compile import CompileOptions, compile_model
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.ir.kernel_id import InstructionSet
from mcucc.schedule.search.wishes import ScheduleOptions
from mcucc.toolchain.firmware import OPTIMIZE

CORES = ("cortex-m4", "cortex-m3", "cortex-m0plus", "cortex-m55")
FLASH_MODEL, FLASH_BOARD = "mcunet-5fps_vww", "nucleo-l4r5zi"
REMOVED = ", constant channels removed"
BYTES = (8, 8)  # int8 in and out
Rows = dict[str, dict[str, Any]]


def layer_rows(machine: Machine | QemuMachine, isa: InstructionSet) -> Rows:
    """Single layers with factors as imported files have them (long) and as ours (short)."""
    rows: Rows = {}
    for layer in LAYERS:
        for short in (True, False):
            result = measure(layer, machine, isa, short, BYTES)
            name = layer.name if short else f"{layer.name}, long factors"
            rows[name] = row(result.counts, result.macs, result.outputs)
    return rows


def network_rows(machine: Machine | QemuMachine, isa: InstructionSet, core: str, zoo: Path) -> Rows:
    """Whole networks of the peers' table that have a figure for this core, layer by layer."""
    rows: Rows = {}
    peers = json.loads(PEERS.read_text(encoding="utf-8"))["networks"]
    for name, peer in peers.items():
        stem = name.removesuffix(REMOVED)
        path = zoo / "tflite" / f"{stem}.tflite"
        if not path.is_file() or core not in {**peer["tflm"], **peer["target"]}:
            continue
        options = NetworkOptions(keep_constant=stem == name)
        network = load_network(path, options)
        layers = count_network(network.integer, machine, isa)
        outputs = sum(layer.outputs for layer in layers)
        rows[name] = row(total(layers), sum(layer.macs for layer in layers), outputs)
        print(f"  {core} {name}: {rows[name]['instructions']:,}", flush=True)
    return rows


def flash_rows(zoo: Path) -> Rows:
    """Bytes of code and weights, and executed instructions, of a linked image on a Cortex-M4."""
    rows: Rows = {}
    path = zoo / "tflite" / f"{FLASH_MODEL}.tflite"
    for optimize in OPTIMIZE if path.is_file() else ():
        with tempfile.TemporaryDirectory() as folder:
            options = CompileOptions(
                FLASH_BOARD,
                Path(folder) / "out",
                NetworkOptions(),
                schedule=ScheduleOptions(schedule="layers", optimize=optimize),
            )
            report = compile_model(path, options)
        rows[optimize] = {
            "code": report.flash.code,
            "weights": report.flash.weights,
            "instructions": report.instructions.total,
            "sram": report.sram.total,
        }
    return rows


def row(counts: Counts, macs: int, outputs: int) -> dict[str, Any]:
    """A row of the file."""
    known = {name: n for name, n in asdict(counts).items() if n is not None}
    return {**known, "macs": macs, "outputs": outputs}


def record(core: str, zoo: Path) -> dict[str, Rows]:
    """All rows of a core."""
    with tempfile.TemporaryDirectory() as folder:
        machine, isa = open_machine(core, False, Path(folder), ["-O2"])
        layers = layer_rows(machine, isa)
        found = {"layers": layers, "networks": network_rows(machine, isa, core, zoo)}
    return {**found, "flash": flash_rows(zoo)} if core == "cortex-m4" else found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--core", action="append", choices=CORES)
    default = os.environ.get("MCUCC_ZOO", "../shared/zoo")
    parser.add_argument("--zoo", type=Path, default=Path(default))
    options = parser.parse_args()
    found = json.loads(options.out.read_text(encoding="utf-8")) if options.out.is_file() else {}
    for core in options.core or CORES:
        found[core] = record(core, options.zoo)
        options.out.write_text(to_text(found), encoding="utf-8")


def to_text(found: dict[str, dict[str, Rows]]) -> str:
    """JSON with a line a row."""
    cores = []
    for core, groups in found.items():
        parts = []
        for group, rows in groups.items():
            lines = ",\n".join(
                f"   {json.dumps(name)}: {json.dumps(cells)}" for name, cells in rows.items()
            )
            parts.append(f"  {json.dumps(group)}: {{\n{lines}\n  }}")
        cores.append(f" {json.dumps(core)}: {{\n" + ",\n".join(parts) + "\n }")
    return "{\n" + ",\n".join(cores) + "\n}\n"


if __name__ == "__main__":
    main()
