"""The per-layer table as CSV."""

from __future__ import annotations

import csv
import io

from mcucc.report.facts import Report

COLUMNS = (
    "number",
    "layer",
    "op",
    "variant",
    "isa",
    "requantization",
    "output_height",
    "output_width",
    "output_channels",
    "step",
    "macs",
    "macs_executed",
    "flash_bytes",
    "step_sram_bytes",
    "layer_by_layer_sram_bytes",
    "step_instructions",
)


def layers_csv(report: Report) -> str:
    """A line a layer. Columns that begin with `step_` are those of the layer's whole step."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, node in enumerate(report.nodes, 1):
        layer = report.layers[node.step]
        writer.writerow(
            [
                number,
                _text(node.name),
                node.op,
                node.variant,
                node.isa,
                node.requantization,
                *node.output,
                node.step + 1,
                node.macs,
                node.executed,
                report.flash.layers.get(node.name, 0),
                layer.live_bytes,
                node.before_bytes,
                "" if layer.instructions is None else layer.instructions,
            ]
        )
    return text.getvalue()


def _text(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
