"""The layers' noise as rows and lines, the same in every view."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from mcucc.base.names import short_paths
from mcucc.evaluate.diagnosis import Diagnosis, remedies, summary
from mcucc.evaluate.layer_noise import LayerNoise
from mcucc.report.layer_table import layer_table

HEADS = ("#", "layer", "op", "dB", "cut", "values", "weights")
LEGEND = (
    "dB: signal to noise against the float network; cut: values beyond the range; "
    "values, weights: what their rounding adds to the outputs' noise"
)
LEGEND_OF_FILE = "cut: values at an end of the range"


@dataclass(frozen=True)
class NoiseRow:
    """A layer's figures as text, "" where there is none to give."""

    number: int
    layer: str
    op: str
    snr: str
    cut: str
    values: str
    weights: str
    costly: bool


def noise_rows(found: Diagnosis) -> tuple[NoiseRow, ...]:
    """Every layer, in order."""
    worst = {id(layer) for layer in found.worst}
    return tuple(
        NoiseRow(
            number=number,
            layer=layer.layer,
            op=layer.op + (" (int16)" if layer.precision == "int16" else ""),
            snr=_snr(layer),
            cut=_share(layer.saturated, 2),
            values=_share(layer.activation, 1),
            weights=_share(layer.weights, 1),
            costly=id(layer) in worst,
        )
        for number, layer in enumerate(found.layers, 1)
    )


def print_noise(found: Diagnosis, console: Console) -> None:
    """The table, what its columns are, the summary, and what to do."""
    rows = noise_rows(found)
    short = short_paths([row.layer for row in rows])
    shown = [i for i in range(len(HEADS)) if found.compared or i not in (3, 5, 6)]
    cells = [(str(r.number), short[r.layer], r.op, r.snr, r.cut, r.values, r.weights) for r in rows]
    chosen = [[row[i] for i in shown] for row in cells]
    console.print(layer_table([HEADS[i] for i in shown], chosen, console.width))
    console.print(Text(LEGEND if found.compared else LEGEND_OF_FILE, style="dim"))
    console.print()
    print_summary(found, console)


def print_summary(found: Diagnosis, console: Console) -> None:
    """The summary, and what to do."""
    for line in summary(found):
        console.print(Text(line))
    for line in remedies(found):
        console.print(Text(f"- {line}"))


def _snr(layer: LayerNoise) -> str:
    if layer.exact:
        return "exact"
    return "" if layer.snr_db is None else f"{layer.snr_db:.1f}"


def _share(share: float | None, digits: int) -> str:
    """Per cent; "" for none at all."""
    if share is None:
        return ""
    return f"{100 * share:.{digits}f} %" if share >= 0.5 * 10.0 ** (-digits - 2) else "0"
