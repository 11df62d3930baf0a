"""Quantization as one call: calibrate, quantize, lower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError
from mcucc.frontends.imported import ImportedModel
from mcucc.images.samples import CalibrationSet, Sample
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.weights import INT8
from mcucc.passes.linear import Affine
from mcucc.quantize.auto_precision import chosen_precision, less_felt
from mcucc.quantize.auto_weights import chosen_weights
from mcucc.quantize.border import BorderFacts, choose_borders
from mcucc.quantize.calibrate import Ranges, calibrate
from mcucc.quantize.candidates import Chosen, best_of, held_back
from mcucc.quantize.equalize import equalize
from mcucc.quantize.lower import lower
from mcucc.quantize.observers import OBSERVERS, Observer
from mcucc.quantize.precision import ranges_with, wide_tensors, with_rescales
from mcucc.quantize.quantize import Mode, QuantizeOptions, activation_quants, quantize
from mcucc.quantize.sensitivity import Sensitivities, sensitivities
from mcucc.quantize.split_outputs import SplitOutput, moved_from, split_outputs, with_scales
from mcucc.quantize.sweep import sweep
from mcucc.quantize.weight_choice import WeightChoice, grids_of
from mcucc.quantize.wide_choice import WideChoice

FAST, DEFAULT = Mode.FAST.value, Mode.DEFAULT.value
# DEFAULT without equalisation, tried where weights have few bits: their noise rises with it.
ROUNDED = "second-order rounding"


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """The int8 Graph, its kernels, and the ranges behind it.

    `floats` is the float network of the same nodes, in the file's values, `maps` which channels of
    it are scaled and shifted in `graph`; `weights` the bits of every layer, `widened` the tensors
    whose type was chosen; `chosen` and the `sensitivities` of `floats` are there where several ways
    were tried.
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
    chosen: Chosen | None = None
    sensitivities: Sensitivities | None = None


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

    observer, channels = options.observer, options.mode.tries_more

    def observed(graph: Graph, whole: frozenset[str] = frozenset()) -> Ranges:
        return calibrate(
            model,
            graph,
            calibration.samples,
            make_observer(observer),
            whole=whole,
            channels=channels,
            held_back=held_back(calibration.samples)[1],
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
    made = _Made(graph, ranges, replace(options, weights=weights), calibration.samples, progress)
    result = made.integers()
    integers = result.graph
    splits = with_scales(splits, integers)
    integer = lower(integers, options.rounding)
    return QuantizedModel(
        integers,
        integer,
        graph,
        ranges,
        borders,
        splits,
        weights,
        widened,
        result.maps,
        result.chosen,
        result.sensitivities,
    )


@dataclass(frozen=True, eq=False)
class _Integers:
    """An int8 graph, maps of the tensors that do not hold the file's values, and how it came."""

    graph: Graph
    maps: Mapping[str, Affine] = field(default_factory=dict)
    chosen: Chosen | None = None
    sensitivities: Sensitivities | None = None


@dataclass(frozen=True, eq=False)
class _Made:
    """A float network with its ranges, and the ways to make integers of it."""

    graph: Graph
    ranges: Ranges
    options: QuantizeOptions
    samples: Sequence[Sample]
    progress: Progress

    def integers(self) -> _Integers:
        """What the mode asks for."""
        if self.options.mode is Mode.PLAIN:
            return _Integers(quantize(self.graph, self.ranges, self.options))
        if self.options.mode is Mode.FAST:
            return _Integers(self._swept(self.samples))
        making, judging = held_back(self.samples)
        sensitive = sensitivities(self.graph, self.samples, self.progress)
        felt = less_felt(sensitive, wide_tensors(self.graph, self.options.precision))
        grids = grids_of(self.graph, self.options.weights)
        equalized = equalize(self.graph, self.ranges, felt, judging, grids)
        graphs = {
            FAST: self._swept(making),
            DEFAULT: self._second_order(equalized.graph, equalized.ranges, making),
        }
        if any(grid != INT8 for grid in grids.values()):
            graphs[ROUNDED] = self._second_order(self.graph, self.ranges, making)
        candidates = {name: lower(graph, self.options.rounding) for name, graph in graphs.items()}
        self.progress("judging on pictures held back", 0, 0)
        chosen = best_of(self.graph, candidates, judging or making, len(judging))
        maps = equalized.maps if chosen.name == DEFAULT else {}
        return _Integers(graphs[chosen.name], maps, chosen, sensitive)

    def _swept(self, samples: Sequence[Sample]) -> Graph:
        """Scales by the observer, rounding to nearest, biases swept."""
        nearest = quantize(self.graph, self.ranges, self.options)
        return sweep(self.graph, nearest, samples, self.options.rounding, self.progress)

    def _second_order(self, graph: Graph, ranges: Ranges, samples: Sequence[Sample]) -> Graph:
        """Second-order rounding, biases swept; the graph's channels may be equalised."""
        nearest = quantize(graph, ranges, self.options)
        grids = grids_of(graph, self.options.weights)
        return sweep(graph, nearest, samples, self.options.rounding, self.progress, grids)


def make_observer(name: str) -> Observer:
    """The observer of this name with its usual settings; DataError lists the names."""
    if name not in OBSERVERS:
        raise DataError(f"unknown observer {name!r}", hint=f"it is one of {', '.join(OBSERVERS)}")
    return OBSERVERS[name]()
