"""Outputs of the float network, by ONNX Runtime on the user's file, as the int8 one has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mcucc.evaluate.slices import Slices, worst_slice
from mcucc.frontends.imported import ImportedModel
from mcucc.images.samples import Sample, batch
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.tensor import Quant
from mcucc.ir.window import hwc
from mcucc.ops.arg_max import index_entries
from mcucc.oracles.float_session import FloatSession
from mcucc.quantize.split_outputs import SplitOutput

FloatArray = npt.NDArray[np.float32]
SLICE_SAMPLES = 4


def float_outputs(
    model: ImportedModel,
    splits: Sequence[SplitOutput],
    samples: Sequence[Sample],
    each: Callable[[int], None] = lambda index: None,
) -> dict[str, FloatArray]:
    """(samples, H, W, C) by name; outputs that are split as their parts. `each` sees progress."""
    session = FloatSession(model)
    found = []
    for index, sample in enumerate(samples):
        each(index)
        found.append(session.run(sample.real))
    by_output = {split.output: split for split in splits}
    outputs: dict[str, FloatArray] = {}
    for name in model.graph.outputs:
        shape = hwc(model.graph.tensors[name].shape)
        values = np.stack([one[name].reshape(shape) for one in found])
        outputs |= by_output[name].pieces(values) if name in by_output else {name: values}
    return outputs


def calibrated_slices(
    model: ImportedModel,
    integer: IntegerGraph,
    splits: Sequence[SplitOutput],
    samples: Sequence[Sample],
) -> Slices:
    """The worst slice of the int8 outputs on the first samples; indices have none."""
    inputs = [integer.activations[name] for name in integer.inputs]
    quants = [Quant((a.scale,), a.zero_point) for a in inputs]
    few = [sample.quantized(quants) for sample in samples[:SLICE_SAMPLES]]
    floats = float_outputs(model, splits, few)
    values = integer.run(batch(integer.inputs, few))
    measured = [name for name in integer.outputs if index_entries(integer, name) is None]
    made = {name: integer.activations[name].real(values[name]) for name in measured}
    return worst_slice({name: floats[name].astype(np.float64) for name in measured}, made)
