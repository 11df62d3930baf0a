"""The whole quantizer as one call, and the comparison with the float network."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.evaluate.ways import top1
from mcucc.images.samples import CalibrationSet, Picture
from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.pipeline import quantize_model
from mcucc.quantize.quantize import QuantizeOptions
from tests.quantize.float_nets import camera_graph, mobile_net
from tests.quantize.quality import integer_outputs, layer_snr
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


def test_layer_snr_is_that_of_each_tensor_and_points_at_a_broken_one(tmp_path):
    model = mobile_net(tmp_path)
    graph = camera_graph(model)
    made = quantize_model(model, graph, calibration())
    images = smooth_images(4, seed=7)
    errors = layer_snr(model, graph, made.integer, images, PRE)
    assert [error.tensor for error in errors] == [node.output for node in graph.nodes]
    assert all(20.0 < error.snr_db < math.inf and error.cosine > 0.99 for error in errors)
    assert errors[0].snr_db > 30.0

    broken = graph.nodes[2].output
    activations = dict(made.integer.activations)
    old = activations[broken]
    activations[broken] = type(old)(
        old.name, old.height, old.width, old.channels, 2 * old.scale, old.zero_point
    )
    integer = made.integer
    twice = IntegerGraph(
        integer.name,
        integer.nodes,
        activations,
        integer.inputs,
        integer.outputs,
        integer.rounding,
    )
    again = {e.tensor: e for e in layer_snr(model, graph, twice, images, PRE)}
    assert again[broken].snr_db == pytest.approx(0.0, abs=0.5)
    others = [e for e in errors if e.tensor != broken]
    assert all(again[e.tensor] == e for e in others)


def test_comparing_without_pictures_is_an_error(tmp_path):
    model = mobile_net(tmp_path)
    graph = camera_graph(model)
    made = quantize_model(model, graph, calibration(2))
    with pytest.raises(ModelError):
        layer_snr(model, graph, made.integer, [], PRE)


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
