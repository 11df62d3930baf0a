"""The tensors in int16 that a network takes where they are to be chosen for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError
from mcucc.images.samples import Sample
from mcucc.ir.graph import Graph
from mcucc.passes.linear import Affine
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.candidates import held_back
from mcucc.quantize.equalize import equalize
from mcucc.quantize.lower import lower
from mcucc.quantize.precision import WHERE, WideCost, ranges_with, wide_tensors, with_rescales
from mcucc.quantize.quantize import Mode, QuantizeOptions, activation_quants, quantize
from mcucc.quantize.sensitivity import Sensitivities, sensitivities
from mcucc.quantize.weight_choice import WeightChoice
from mcucc.quantize.wide_choice import FINER, WideChoice, choose_wide


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
    named = frozenset(options.precision)
    noise = rounding_noise(graph, ranges, found)
    if options.mode is not Mode.FAST:  # channels will be equalised: what is left counts
        equalized = equalize(graph, ranges, found, held_back(samples)[1])
        felt = seen_through(found, equalized.maps)
        noise = rounding_noise(equalized.graph, equalized.ranges, felt)
    return choose_wide(graph, noise, measure, widen.bound, named, progress)


def rounding_noise(graph: Graph, ranges: Ranges, found: Sensitivities) -> dict[str, float]:
    """What rounding to int8 adds to the outputs' noise, by tensor."""
    quants = activation_quants(graph, ranges)
    return {
        name: quants[name].per_tensor_scale ** 2 / 12 * float(each.sum())
        for name, each in found.activations.items()
        if name in quants
    }


def seen_through(found: Sensitivities, maps: Mapping[str, Affine]) -> Sensitivities:
    """Sensitivities to noise on equalised tensors: a channel that is larger is felt less."""
    felt = {
        name: each / maps[name].scale ** 2 if name in maps else each
        for name, each in found.activations.items()
    }
    return replace(found, activations=felt)


def less_felt(found: Sensitivities, wide: Collection[str]) -> Sensitivities:
    """Sensitivities as equalisation is to see them: noise of int16 is a share of what int8 has."""
    felt = {
        name: each / FINER if name in wide else each for name, each in found.activations.items()
    }
    return replace(found, activations=felt)
