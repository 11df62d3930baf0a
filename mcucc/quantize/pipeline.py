"""Quantization as one call: calibrate, quantize, lower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError
from mcucc.frontends.imported import ImportedModel
from mcucc.images.samples import CalibrationSet
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.passes.linear import Affine
from mcucc.quantize.auto_precision import chosen_precision
from mcucc.quantize.auto_weights import chosen_weights
from mcucc.quantize.border import BorderFacts, choose_borders
from mcucc.quantize.calibrate import Ranges, calibrate
from mcucc.quantize.lower import lower
from mcucc.quantize.observers import OBSERVERS, Observer
from mcucc.quantize.precision import ranges_with, wide_tensors, with_rescales
from mcucc.quantize.quantize import Mode, QuantizeOptions, activation_quants, quantize
from mcucc.quantize.sensitivity import Sensitivities
from mcucc.quantize.split_outputs import SplitOutput, moved_from, split_outputs, with_scales
from mcucc.quantize.sweep import sweep
from mcucc.quantize.weight_choice import WeightChoice
from mcucc.quantize.wide_choice import WideChoice


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """The int8 Graph, its kernels, and the ranges behind it.

    `floats` is the float network of the same nodes, in the file's values, `maps` which channels of
    it are scaled and shifted in `graph`; `weights` the bits of every layer, `widened` the tensors
    whose type was chosen.
    """

    graph: Graph
    integer: IntegerGraph
    floats: Graph
    ranges: Ranges
    borders: tuple[BorderFacts, ...] = ()
    splits: tuple[SplitOutput, ...] = ()
    weights: WeightChoice = field(default_factory=WeightChoice)
    widened: WideChoice | None = None
    maps: Mapping[str, Affine] = field(default_factory=dict)
    sensitivities: Sensitivities | None = None  # None: not measured


def quantize_model(
    model: ImportedModel,
    graph: Graph,
    calibration: CalibrationSet,
    options: QuantizeOptions | None = None,
    progress: Progress = silent,
) -> QuantizedModel:
    """Calibrate `graph` (after the passes) on samples, quantize it and lower it.

    Raises DataError without samples, ModelError when it cannot be quantized.
    """
    options = options or QuantizeOptions()

    observer = options.observer

    def observed(graph: Graph, whole: frozenset[str] = frozenset()) -> Ranges:
        return calibrate(
            model,
            graph,
            calibration.samples,
            make_observer(observer),
            whole=whole,
            progress=progress,
        )

    wide_tensors(graph, options.precision)  # names that are wrong are told at once
    ranges = observed(graph)
    layouts = {name: source.permutation for name, source in model.sources.items()}
    graph, splits = split_outputs(graph, ranges, layouts)
    if splits:  # the parts are outputs: their ranges are not cut
        parts = [part.name for split in splits for part in split.parts]
        ranges = observed(graph, moved_from(graph, parts))
    widened = chosen_precision(graph, ranges, options, calibration.samples, progress)
    if widened is not None:
        options = replace(options, precision={**widened.precision, **options.precision})
    graph, copies = with_rescales(graph, wide_tensors(graph, options.precision))
    ranges = ranges_with(ranges, graph, copies)
    wide = wide_tensors(graph, options.precision)
    graph, borders = choose_borders(graph, activation_quants(graph, ranges, wide))
    weights = chosen_weights(graph, ranges, options, calibration.samples, progress)
    quantized = quantize(graph, ranges, replace(options, weights=weights))
    if options.mode is not Mode.PLAIN:
        quantized = sweep(graph, quantized, calibration.samples, options.rounding, progress)
    splits = with_scales(splits, quantized)
    integer = lower(quantized, options.rounding)
    return QuantizedModel(quantized, integer, graph, ranges, borders, splits, weights, widened)


def make_observer(name: str) -> Observer:
    """The observer of this name with its usual settings; DataError lists the names."""
    if name not in OBSERVERS:
        raise DataError(f"unknown observer {name!r}", hint=f"it is one of {', '.join(OBSERVERS)}")
    return OBSERVERS[name]()
