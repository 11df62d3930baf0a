"""Quantization as one call: calibrate, quantize, lower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

from mcucc.errors import DataError
from mcucc.evaluate.datasets import CalibrationSet
from mcucc.evaluate.float_session import FloatModel
from mcucc.evaluate.preprocess import Bytes, FloatArray, Preprocess
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.base import hwc
from mcucc.quantize.border import BorderFacts, choose_borders
from mcucc.quantize.calibrate import Progress, Ranges, calibrate
from mcucc.quantize.lower import lower
from mcucc.quantize.observers import OBSERVERS, Observer
from mcucc.quantize.quantize import QuantizeOptions, activation_quants, quantize


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """The int8 Graph, its kernels, the ranges behind it and what the manifest says of them."""

    graph: Graph
    integer: IntegerGraph
    ranges: Ranges
    record: dict[str, Any]
    borders: tuple[BorderFacts, ...] = ()


@dataclass(frozen=True, eq=False)
class RealImages(Sequence[FloatArray]):
    """Camera images as real-valued network inputs, made one at a time."""

    images: Sequence[Bytes]
    preprocess: Preprocess

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, index: int) -> FloatArray: ...
    @overload
    def __getitem__(self, index: slice) -> RealImages: ...
    def __getitem__(self, index: int | slice) -> FloatArray | RealImages:
        if isinstance(index, slice):
            return RealImages(self.images[index], self.preprocess)
        return self.preprocess.real_values(self.images[index])


def quantize_model(
    model: FloatModel,
    graph: Graph,
    calibration: CalibrationSet,
    preprocess: Preprocess,
    options: QuantizeOptions | None = None,
    progress: Progress | None = None,
) -> QuantizedModel:
    """Calibrate `graph` (after the passes) on camera images, quantize it and lower it.

    Raises DataError when pictures do not fit the model, ModelError when it cannot be quantized.
    """
    options = options or QuantizeOptions()
    (source,) = model.graph.inputs
    preprocess.check_input(hwc(model.graph.tensors[source].shape), where=str(model.model_path))
    ranges = calibrate(
        model,
        graph,
        RealImages(calibration.images, preprocess),
        make_observer(options.observer),
        camera=calibration.images,
        progress=progress,
    )
    graph, borders = choose_borders(graph, activation_quants(graph, ranges))
    quantized = quantize(graph, ranges, options)
    record = {
        "scheme": "post-training int8",
        "observer": options.observer,
        "rounding": options.rounding.value,
        "correct_biases": options.correct_biases,
        "calibration": calibration.to_dict(),
    }
    return QuantizedModel(quantized, lower(quantized, options.rounding), ranges, record, borders)


def make_observer(name: str) -> Observer:
    """The observer of this name with its usual settings; DataError lists the names."""
    if name not in OBSERVERS:
        raise DataError(f"unknown observer {name!r}", hint=f"it is one of {', '.join(OBSERVERS)}")
    return OBSERVERS[name]()
