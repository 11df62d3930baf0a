"""The report as a person reads it in a terminal. Works on the plain data of report.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def kilobytes(count: int) -> str:
    """kB = 1000 bytes, one decimal."""
    return f"{count / 1000:.1f} kB"


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Verdict first, then memory, then the peak."""
    board, sram, flash = report["board"], report["sram"], report["flash"]
    verdict = "[green]fits[/]" if report["fits"] else "[red]does not fit[/]"
    if report["incomplete"]:
        verdict = "as far as known " + verdict
    console.print(
        f"[bold]{report['model']['name']}[/] {verdict} [bold]{board['name']}[/]: "
        f"SRAM {kilobytes(sram['total'])} of {kilobytes(board['sram'])}, "
        f"flash {kilobytes(flash['total'])} of {kilobytes(board['flash'])}"
    )
    if report["incomplete"]:
        console.print(
            f"no firmware ({report['incomplete']}): stack and code are not known, not counted",
            markup=False,
        )
    console.print(_memory(report))
    plan = report["plan"]
    gap = f", {plan['gap']} bytes above the least of these steps" if plan["gap"] else ", the least"
    console.print(
        f"peak {plan['peak_bytes']:,} bytes at [bold]{plan['peak_layer']}[/]; "
        f"arena {plan['arena']:,} bytes{gap} ({plan['schedule']})"
    )
    for live in plan["peak_live"]:
        console.print(
            f"  {live['offset']:>8,} + {live['size']:>7,}  {live['role']:<10} "
            f"{', '.join(live['tensors'])}",
            highlight=False,
            markup=False,
        )
    instructions = report["instructions"]
    if instructions["total"] is not None:
        per_mac = instructions["total"] / max(report["macs"]["executed"], 1)
        console.print(
            f"{instructions['total']:,} instructions for {report['macs']['executed']:,} MACs "
            f"({per_mac:.2f} per MAC; {instructions['source']})"
        )
    else:
        console.print(f"instructions not counted: {instructions['source']}")


def _memory(report: Mapping[str, Any]) -> Table:
    sram, flash, unknown = report["sram"], report["flash"], bool(report["incomplete"])
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("SRAM")
    table.add_column("bytes", justify="right")
    table.add_column("Flash")
    table.add_column("bytes", justify="right")
    left = [
        ("arena", sram["arena"]),
        (f"  image ({sram['image_policy']})", sram["image"]),
        ("  output", sram["output"]),
        ("  scratch", sram["scratch"]),
        ("static", sram["static"]),
        (f"stack ({sram['stack_source']})", None if unknown else sram["stack"]),
        ("[bold]total[/]", sram["total"]),
    ]
    right = [("weights, tables", flash["weights"]), ("code", None if unknown else flash["code"])]
    right += [("", "")] * (len(left) - len(right) - 1)
    right.append(("[bold]total[/]", flash["total"]))
    for (name, size), (other, other_size) in zip(left, right, strict=True):
        table.add_row(name, _size(size), other, _size(other_size))
    return table


def _size(size: int | str | None) -> str:
    return "?" if size is None else f"{size:,}" if isinstance(size, int) else size
