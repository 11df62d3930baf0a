"""Which layers cost the accuracy, whether by their values or their weights, and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcucc.base.names import short_paths
from mcucc.base.typed import plain
from mcucc.evaluate.layer_noise import LayerNoise
from mcucc.evaluate.noise_shares import Noise

# An output this clear changes hardly a class: of mcunet-320kb 23.9 dB changes 6.5 %, 26 dB 5 %.
CLEAR_DB = 30.0
COSTLY = 0.05  # of the outputs' noise: worth a remedy of its own
CUT = 0.01  # of a layer's values
STILL = 0.25  # of a layer's channels
WORST = 5
NAMED = 3  # layers of a kind
UNSEEN = "pictures that did not calibrate"
SEEN = "pictures that calibrated"


@dataclass(frozen=True)
class Diagnosis:
    """Every layer, on `pictures` from `source` (in words).

    `compared`: there is a float network. `predicted_db` is the outputs' signal to noise that all
    rounding together makes to first order, `measured_db` that of the worst output; None where it
    is not known.
    """

    pictures: int
    source: str
    compared: bool
    predicted_db: float | None
    measured_db: float | None
    layers: tuple[LayerNoise, ...]

    @property
    def held_back(self) -> bool:
        """Whether the pictures had no part in calibration, for certain."""
        return self.source == UNSEEN

    @property
    def activations(self) -> float | None:
        """The share of the outputs' noise that rounded values make, the rest is of weights."""
        known = [layer.activation for layer in self.layers if layer.activation is not None]
        return sum(known) if known else None

    @property
    def worst(self) -> tuple[LayerNoise, ...]:
        """The layers that make most of the noise, worst first."""
        costly = [layer for layer in self.layers if layer.share >= COSTLY]
        return tuple(sorted(costly, key=lambda layer: -layer.share)[:WORST])

    def to_dict(self) -> dict[str, Any]:
        """For --json: the fields, the summary and what to do."""
        return {
            **plain(self),
            "activations": self.activations,
            "summary": list(summary(self)),
            "remedies": list(remedies(self)),
        }


def with_shares(
    layers: Sequence[LayerNoise], noise: Mapping[str, Noise]
) -> tuple[tuple[LayerNoise, ...], float | None]:
    """The layers with their shares of all noise, and the ratio in dB that it predicts."""
    total = sum(each.activation + each.weights for each in noise.values())
    if total <= 0.0:
        return tuple(layers), None
    made = []
    for layer in layers:
        own = noise.get(layer.tensor)
        if own is not None:
            activation, weights = own.activation / total, own.weights / total
            layer = replace(layer, activation=activation, weights=weights)
        made.append(layer)
    return tuple(made), -10 * math.log10(total)


def remedies(found: Diagnosis) -> tuple[str, ...]:
    """What to do, a line each, nothing where all is well."""
    short = short_paths([layer.layer for layer in found.layers])
    clear = found.predicted_db is not None and found.predicted_db >= CLEAR_DB
    costly = [] if clear or not found.compared else found.worst
    by_layer = [line for layer in costly for line in _costly(layer, short[layer.layer])]
    lines = [_cut(found, short), *by_layer, _still(found, short)]
    return tuple(line for line in lines if line)


def _cut(found: Diagnosis, short: Mapping[str, str]) -> str:
    cut = [layer for layer in found.layers if (layer.saturated or 0.0) >= CUT]
    cut.sort(key=lambda layer: -(layer.saturated or 0.0))
    if not cut:
        return ""
    named = _named(cut, short, lambda layer: f"{100 * (layer.saturated or 0):.0f} %")
    return (
        f"values are cut in {named}: calibrate on more pictures, or on such as the network will "
        "see, or give --observer min-max"
    )


def _costly(layer: LayerNoise, name: str) -> list[str]:
    activation, weights, lines = layer.activation or 0.0, layer.weights or 0.0, []
    if activation >= COSTLY / 2 and layer.precision == "int8":
        lines.append(
            f"{name}: its values make {100 * activation:.0f} % of the noise; "
            f"--precision {layer.tensor}=int16 takes that away"
        )
    if weights >= COSTLY / 2:
        remedy = f"--weights {layer.layer}=int8 instead of {layer.weights_type} costs less"
        if layer.weights_type == "int8":
            remedy = "at 8 bits already, only training with rounded weights lowers it"
        lines.append(f"{name}: its weights make {100 * weights:.0f} % of the noise; {remedy}")
    return lines


def _still(found: Diagnosis, short: Mapping[str, str]) -> str:
    still = [
        layer for layer in found.layers if layer.still > 1 and layer.still >= STILL * layer.channels
    ]
    still.sort(key=lambda layer: -layer.still / layer.channels)
    if not still:
        return ""
    return (
        f"channels never move in {_named(still, short, lambda x: f'{x.still} of {x.channels}')}: "
        "the network was trained to use fewer, or the pictures are too much alike"
    )


def _named(
    layers: Sequence[LayerNoise], short: Mapping[str, str], what: Callable[[LayerNoise], str]
) -> str:
    """The first of some layers, each with a figure, and how many more there are."""
    first = ", ".join(f"{short[layer.layer]} ({what(layer)})" for layer in layers[:NAMED])
    more = len(layers) - NAMED
    return f"{first} and {more} more layers" if more > 0 else first


def summary(found: Diagnosis) -> tuple[str, ...]:
    """The whole in a few lines, what to do last."""
    of = f"on {found.pictures} {found.source}"
    if not found.compared:
        cut = sum((layer.saturated or 0.0) >= CUT for layer in found.layers)
        return (
            f"a quantized file: no float network to compare with, so saturation alone, {of}",
            f"{cut} of {len(found.layers)} layers cut 1 % of their values or more",
        )
    if found.predicted_db is None or found.activations is None:
        return (f"how far each layer is from float, {of}",)
    measured = "" if found.measured_db is None else f", {found.measured_db:.1f} dB measured"
    lines = [
        f"signal to noise of the outputs: {found.predicted_db:.1f} dB predicted{measured} {of}",
        f"{100 * found.activations:.0f} % of the noise is of rounded values, "
        f"{100 * (1 - found.activations):.0f} % of rounded weights",
    ]
    if found.predicted_db >= CLEAR_DB:
        return (*lines, "that is clear: no layer needs anything")
    if not found.worst:
        return (*lines, f"no layer makes {100 * COSTLY:.0f} % of it: the noise is spread")
    short = short_paths([layer.layer for layer in found.layers])
    named = ", ".join(f"{short[w.layer]} {100 * w.share:.0f} %" for w in found.worst)
    return (*lines, f"most of it: {named}")


def worst_output(layers: Sequence[LayerNoise], outputs: Sequence[str]) -> float | None:
    """The least signal to noise of the tensors `outputs`."""
    known = [row.snr_db for row in layers if row.tensor in outputs and row.snr_db is not None]
    return min(known, default=None)
