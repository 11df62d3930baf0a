"""The instruction tables of docs/benchmarks.md from a file of benchmarks.record.

python -m benchmarks.tables [benchmarks/baseline.json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.document import write_section
from benchmarks.kernels import PEERS
from benchmarks.record import CORES

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
TITLES = {
    "cortex-m4": "Cortex-M4",
    "cortex-m3": "Cortex-M3",
    "cortex-m0plus": "Cortex-M0+",
    "cortex-m55": "Cortex-M55",
}
HEAD = """## Instructions

Written by `python -m benchmarks.tables` from `benchmarks/baseline.json` (`python -m
benchmarks.record`); peers and targets are in `benchmarks/peers.json`. Executed instructions are
exact: kernels in an emulator, every output compared with the NumPy reference first; the generated C
around them adds about 20 a row. gcc 12.2 -O2, `--optimize balanced`, layer by layer (F = 1).
Cycles (~) are an **estimate** from the core's public timing table, zero wait states.
`python -m benchmarks.compare OLD NEW` shows every row that got more than 1 % worse.
"""


def layer_table(core: str, rows: Mapping[str, Any], peers: Mapping[str, Any]) -> list[str]:
    """Single layers on the core the peers' figures are for."""
    lines = [
        f"### Layers on {TITLES[core]}",
        "",
        "| layer | per | ours | long factors | loads | taken branches | cycles~ | target "
        "| CMSIS-NN | TinyEngine exact / inexact | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        if name.endswith(", long factors"):
            continue
        peer = peers.get(name, {})
        unit = peer.get("unit") or ("mac" if row["macs"] else "output")
        count = row["macs" if unit == "mac" else "outputs"]
        long = rows[f"{name}, long factors"]["instructions"] / count
        ours = row["instructions"] / count
        rest = (row.get(key) for key in ("loads", "taken_branches", "cycles"))
        engine = " / ".join(str(peer[k]) for k in ("tinyengine", "inexact") if k in peer)
        target = peer.get("target")
        cells = [name, unit, f"{ours:.2f}", f"{long:.2f}"]
        cells += ["" if n is None else f"{n / count:.2f}" for n in rest]
        cells += [str(target or ""), str(peer.get("cmsis_nn", "")), engine, met(ours, target)]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def network_table(core: str, rows: Mapping[str, Any], peers: Mapping[str, Any]) -> list[str]:
    """Whole networks, millions."""
    lines = [
        f"### Networks on {TITLES[core]}, millions",
        "",
        "| network | MACs | ours | per MAC | loads | taken branches | cycles~ | target "
        "| TFLM + CMSIS-NN | TinyEngine exact / inexact | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    share = peers["share_of_tflm"].get(core)
    for name, row in rows.items():
        peer = peers["networks"][name]
        tflm = peer["tflm"].get(core)
        target = peer["target"].get(core) or (tflm and share and round(share * tflm, 1))
        engine = " / ".join(
            str(peer[k][core]) for k in ("tinyengine", "inexact") if core in peer.get(k, {})
        )
        ours = row["instructions"] / 1e6
        rest = (row.get(key) for key in ("loads", "taken_branches", "cycles"))
        cells = [peer["title"], f"{row['macs'] / 1e6:.2f}", f"{ours:.2f}"]
        cells += [f"{row['instructions'] / row['macs']:.2f}"]
        cells += ["" if n is None else f"{n / 1e6:.1f}" for n in rest]
        cells += [str(target or ""), str(tflm or ""), engine, met(ours, target)]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def flash_table(rows: Mapping[str, Any], peer: Mapping[str, Any]) -> list[str]:
    """What `--optimize` trades: bytes of the linked library against instructions."""
    tflm = peer["tflm"]
    lines = [
        f"### Flash of {peer['title']}, bytes",
        "",
        f"TFLM + CMSIS-NN: up to {tflm['code']:,} bytes of code and a flatbuffer of "
        f"{tflm['weights']:,}. The SRAM is layer by layer, the image resident.",
        "",
        "| --optimize | code | target | weights, tables | total | SRAM | M instructions | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        target = peer["target"].get(name)
        cells = [name, f"{row['code']:,}", f"{target:,}" if target else "", f"{row['weights']:,}"]
        cells += [f"{row['code'] + row['weights']:,}", f"{row['sram']:,}"]
        cells += [f"{row['instructions'] / 1e6:.2f}", met(row["code"], target)]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def met(ours: float, target: float | None) -> str:
    """How far above its target a figure is."""
    if not target:
        return ""
    return "met" if ours <= target else f"**{ours / target - 1:.1%} above**"


def text(found: Mapping[str, Any]) -> str:
    """The section."""
    peers = json.loads(PEERS.read_text(encoding="utf-8"))
    lines = [HEAD]
    for core in CORES:
        if core in found:
            lines += network_table(core, found[core]["networks"], peers)
    for core in CORES:
        if found.get(core, {}).get("flash"):
            lines += flash_table(found[core]["flash"], peers["flash"])
    for core in CORES:
        if core in found:
            # The peers' layers were measured on a Cortex-M4.
            known = peers["layers"] if core == "cortex-m4" else {}
            lines += layer_table(core, found[core]["layers"], known)
    return "\n".join(lines)


def main() -> None:
    """Write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path, nargs="?", default=HERE / "baseline.json")
    options = parser.parse_args()
    found = json.loads(options.record.read_text(encoding="utf-8"))
    write_section(DOCUMENT, "instructions", text(found))


if __name__ == "__main__":
    main()
