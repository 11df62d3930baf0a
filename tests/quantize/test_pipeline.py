"""The whole quantizer as one call, and the comparison with the float network."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.evaluate.ways import top1
from mcucc.images.samples import CalibrationSet, Picture
from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.pipeline import quantize_model
from mcucc.quantize.quantize import QuantizeOptions
from tests.quantize.float_nets import camera_graph, mobile_net
from tests.quantize.quality import integer_outputs
from tests.quantize.test_quantize import PRE, smooth_images


def calibration(count=8):
    pictures = enumerate(smooth_images(count))
    return CalibrationSet("here", tuple(Picture(im, PRE, name=f"{i}.png") for i, im in pictures))


@pytest.mark.parametrize("observer", ["min-max", "percentile", "mse"])
def test_a_model_is_quantized_in_one_call(tmp_path, observer):
    model = mobile_net(tmp_path)
    done: dict[str, list[float]] = {}
    made = quantize_model(
        model,
        camera_graph(model),
        calibration(),
        QuantizeOptions(observer=observer),
        progress=lambda what, count, total: done.setdefault(what, []).append(count / max(total, 1)),
    )
    assert isinstance(made.integer, IntegerGraph)
    assert made.ranges.observer == observer
    assert {"calibrating", "measuring means", "making integers"} <= set(done)
    assert done["calibrating"] == sorted(done["calibrating"])
    assert done["calibrating"][-1] == done["making integers"][-1] == 1.0


def test_outputs_come_in_order_whatever_the_batch(tmp_path):
    model = mobile_net(tmp_path)
    made = quantize_model(model, camera_graph(model), calibration(2))
    images = smooth_images(5, seed=3)
    (name,) = made.integer.outputs
    one = [out[name] for out in integer_outputs(made.integer, images, together=1)]
    two = [out[name] for out in integer_outputs(made.integer, iter(images), together=2)]
    assert len(one) == 5 and np.array_equal(one, two)
    (source,) = made.integer.inputs
    by_hand = made.integer.run({source: (images[4].astype(int) - 128).astype(np.int8)[None]})
    assert np.array_equal(one[4], by_hand[name][0])


def test_top1_counts_the_first_of_equal_scores():
    outputs = [np.array([1, 3, 3]), np.array([5, 0, 0]), np.array([[[0, 0, 1]]])]
    assert top1(outputs, [1, 0, 2]) == 1.0
    assert top1(outputs, [2, 0, 1]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError):
        top1(outputs, [1])
