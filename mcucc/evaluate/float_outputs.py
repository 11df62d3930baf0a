"""Outputs of the float network, by ONNX Runtime on the user's file, as the int8 one has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mcucc.evaluate.float_session import FloatModel, FloatSession
from mcucc.evaluate.preprocess import Bytes, Preprocess
from mcucc.evaluate.slices import Slices, worst_slice
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.base import hwc
from mcucc.quantize.camera import CameraInput
from mcucc.quantize.split_outputs import SplitOutput

FloatArray = npt.NDArray[np.float32]
SLICE_PICTURES = 4


def float_outputs(
    model: FloatModel,
    splits: Sequence[SplitOutput],
    preprocess: Preprocess,
    images: Sequence[Bytes],
    each: Callable[[int], None] = lambda index: None,
) -> dict[str, FloatArray]:
    """(pictures, H, W, C) by name; outputs that are split as their parts. `each` sees progress."""
    session = FloatSession(model)
    found = []
    for index, image in enumerate(images):
        each(index)
        found.append(session.run(preprocess.real_values(image)))
    by_output = {split.output: split for split in splits}
    outputs: dict[str, FloatArray] = {}
    for name in model.graph.outputs:
        shape = hwc(model.graph.tensors[name].shape)
        values = np.stack([one[name].reshape(shape) for one in found])
        outputs |= by_output[name].pieces(values) if name in by_output else {name: values}
    return outputs


def calibrated_slices(
    model: FloatModel,
    integer: IntegerGraph,
    splits: Sequence[SplitOutput],
    preprocess: Preprocess,
    images: Sequence[Bytes],
) -> Slices:
    """The worst slice of the int8 outputs on the first pictures."""
    few = list(images[:SLICE_PICTURES])
    floats = float_outputs(model, splits, preprocess, few)
    camera = CameraInput.offset(preprocess.channel_count)
    values = integer.run({integer.inputs[0]: camera.apply(np.stack(few))})
    made = {}
    for name in integer.outputs:
        a = integer.activations[name]
        made[name] = (values[name].astype(np.float64) - a.zero_point) * a.scale
    return worst_slice({name: value.astype(np.float64) for name, value in floats.items()}, made)
