"""Prices of kernels beside what single layers were counted to execute: baseline.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.kernels import LAYERS, Layer
from mcucc.kernels.select import NodeContext, choose, isa_of
from mcucc.schedule.expand.work import NodeWork
from mcucc.schedule.search.costs import cost_model

BASELINE = Path(__file__).parents[2] / "benchmarks" / "baseline.json"
ISAS = {"cortex-m4": (), "cortex-m55": ("mve",)}
COUNTED = {core: json.loads(BASELINE.read_text())[core]["layers"] for core in ISAS}
MOST = 1.3  # times too much or too little
RECORDED = [layer for layer in LAYERS if all(layer.name in counts for counts in COUNTED.values())]


@pytest.mark.parametrize("short", [True, False], ids=["short", "long"])
@pytest.mark.parametrize("layer", RECORDED, ids=[layer.name for layer in RECORDED])
@pytest.mark.parametrize("core", ISAS)
def test_a_layer_costs_about_what_it_was_counted_to(core: str, layer: Layer, short: bool) -> None:
    """Also where the kernel does something else than in the networks that prices were fitted on."""
    name = layer.name if short else f"{layer.name}, long factors"
    kernel, inputs, (height, width, channels) = layer.make(short, (8, 8))
    context = NodeContext(((-128, 127),) * len(inputs), height, width)
    key = choose(kernel, context, isa_of(core, ISAS[core])).call.id
    price = cost_model(core).price(NodeWork(key, kernel.macs_per_pixel, ()), channels)
    estimated = price.of(height, width, height, (0, 0))
    assert 1 / MOST < estimated / COUNTED[core][name]["instructions"] < MOST
