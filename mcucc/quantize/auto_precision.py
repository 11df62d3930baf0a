"""The tensors in int16 that a network takes where they are to be chosen for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError
from mcucc.images.samples import Sample
from mcucc.ir.graph import Graph
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.lower import lower
from mcucc.quantize.precision import WHERE, WideCost, ranges_with, wide_tensors, with_rescales
from mcucc.quantize.quantize import Mode, QuantizeOptions, activation_quants, quantize
from mcucc.quantize.sensitivity import Sensitivities, sensitivities
from mcucc.quantize.weight_choice import WeightChoice
from mcucc.quantize.wide_choice import WideChoice, choose_wide


def chosen_precision(
    graph: Graph,
    ranges: Ranges,
    options: QuantizeOptions,
    samples: Sequence[Sample],
    progress: Progress = silent,
    found: Sensitivities | None = None,
) -> WideChoice | None:
    """What `options.widen` asks for, beside the tensors that are named; None: nothing.

    `found` are the graph's sensitivities where they are known. Raises DataError where there is no
    picture to choose by.
    """
    widen = options.widen
    if widen is None:
        return None
    if options.mode is Mode.PLAIN:
        raise DataError(
            "tensors are chosen by pictures, and there are none",
            where=WHERE,
            hint="give --data, or name the tensors",
        )
    plain = replace(options, weights=WeightChoice())

    def measure(tensors: Sequence[str]) -> WideCost:
        wanted = {**dict.fromkeys(tensors, "int16"), **options.precision}
        made, copies = with_rescales(graph, wide_tensors(graph, wanted))
        known = ranges_with(ranges, graph, copies)
        integers = quantize(made, known, replace(plain, precision=wanted))
        return widen.measure(lower(integers, options.rounding))

    found = found or sensitivities(graph, samples, progress)
    quants = activation_quants(graph, ranges, wide_tensors(graph, options.precision))
    named = frozenset(options.precision)
    return choose_wide(graph, quants, found, measure, widen.bound, named, progress)
