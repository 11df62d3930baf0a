"""From float to int8: the contract of docs/design/numerics.md, and how close the integers come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import Picture
from mcucc.ir import Graph, Quant, Tensor, verify
from mcucc.numerics.fixed_point import RELU6, Clamp
from mcucc.ops.concat import ConcatKernel
from mcucc.oracles.float_session import FloatSession
from mcucc.quantize.calibrate import Ranges, calibrate
from mcucc.quantize.lower import lower
from mcucc.quantize.observers import MeanSquaredError, MinMax, Range
from mcucc.quantize.quantize import QuantizeOptions, quant_of_range, quantize
from tests.quantize.float_nets import FloatNet, camera_graph, mobile_net

PRE = Preprocess("rgb", (16, 12), scale=1 / 127.5, mean=(1.0, 1.0, 1.0))


def smooth_images(count, seed=0):
    """Pictures with structure: random blobs, not white noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 3, 3)).astype(np.float64)
    grown = coarse.repeat(4, axis=1).repeat(4, axis=2) + rng.normal(0, 20, (count, 16, 12, 3))
    return list(np.clip(grown, 0, 255).astype(np.uint8))


def quantized(model, count=12, observer=None, **options):
    graph = camera_graph(model)
    camera = smooth_images(count)
    samples = [Picture(image, PRE) for image in camera]
    ranges = calibrate(model, graph, samples, observer or MeanSquaredError())
    return graph, ranges, quantize(graph, ranges, QuantizeOptions(**options))


def snr(model, integer, images):
    """Signal to noise of the outputs in dB."""
    (name,) = integer.outputs
    session = FloatSession(model)
    real = np.stack([session.run_sample(Picture(i, PRE))[name].ravel() for i in images])
    stacked = (np.stack(images).astype(np.int16) - 128).astype(np.int8)
    run = integer.run({integer.inputs[0]: stacked})[name]
    made = integer.activations[name].real(run).reshape(real.shape)
    return 10 * np.log10((real**2).sum() / ((real - made) ** 2).sum())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_integer_network_is_close_to_the_float_one_on_new_pictures(tmp_path, seed):
    model = mobile_net(tmp_path, seed)
    _, _, graph = quantized(model)
    verify(graph)
    assert snr(model, lower(graph), smooth_images(16, seed=99)) > 25.0


def test_every_tensor_is_an_integer_of_its_kind(tmp_path):
    _, _, graph = quantized(mobile_net(tmp_path))
    for node in graph.nodes:
        assert graph.tensors[node.output].dtype == np.int8
        if node.op.WEIGHT_AXIS is None:
            continue
        x, weights, bias, *border = graph.tensors_of(node.inputs)
        assert weights.dtype == np.int8 and weights.constant.min() >= -127
        assert weights.quantization.axis == node.op.WEIGHT_AXIS
        assert weights.quantization.zero_point == 0
        assert bias.dtype == np.int32
        products = np.array(weights.quantization.scale) * x.quantization.per_tensor_scale
        for added in (bias, *border):
            assert added.dtype == np.int32
            assert added.quantization.scale == tuple(products)


def test_the_input_keeps_the_quantization_the_camera_pass_gave_it(tmp_path):
    graph, _, int8 = quantized(mobile_net(tmp_path))
    assert int8.tensors["image"].quant == graph.tensors["image"].quant == Quant((1 / 127.5,), 0)


def test_a_fused_relu6_never_covers_more_than_zero_to_six(tmp_path):
    net = FloatNet(16, 12, 3)
    name = net.conv("image", 4, clamp=RELU6, gain=30.0)
    model = net.model(tmp_path, name)
    wide = Ranges("min-max", 1, {"image": Range(-1, 1), name: Range(-3.0, 40.0)})
    quant = quantize(model.graph, wide).tensors[name].quantization
    assert quant.zero_point == -128
    assert quant.per_tensor_scale == pytest.approx(6 / 255)


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero_point"),
    [
        (0.0, 2.55, 0.01, -128),
        (-2.55, 0.0, 0.01, 127),
        (-1.28, 1.27, 0.01, 0),
        (0.0, 0.0, 0.125, 0),
        (0.0, 1e-40, 0.125, 0),
    ],
)
def test_scale_and_zero_point_of_a_range(low, high, scale, zero_point):
    quant = quant_of_range(Range(low, high), fallback_scale=0.125)
    assert quant.per_tensor_scale == pytest.approx(scale)
    assert quant.zero_point == zero_point


def test_a_range_beyond_float32_is_an_error():
    with pytest.raises(ModelError):
        quant_of_range(Range(0.0, 1e300))


def test_a_tensor_that_is_always_zero_lowers_and_stays_zero(tmp_path):
    net = FloatNet(16, 12, 3)
    dead = net.conv("image", 4, clamp=Clamp(0.0, 6.0))
    net.tensors[f"{dead}_b"] = Tensor.const(f"{dead}_b", np.full(4, -1e3, np.float32))
    last = net.conv(dead, 3)
    model = net.model(tmp_path, last)
    by_name = {"image": Range(-1, 1), dead: Range(0.0, 0.0), last: Range(-0.5, 0.5)}
    integer = lower(quantize(model.graph, Ranges("min-max", 1, by_name)))
    values = integer.run({"image": np.full((1, 16, 12, 3), 77, np.int8)})
    assert (values[dead] == integer.activations[dead].zero_point).all()


def test_concat_becomes_a_copy_where_scales_may_be_made_equal(tmp_path):
    net = FloatNet(16, 12, 3)
    a, b = net.conv("image", 4, gain=3.0), net.conv("image", 4)
    c = net.conv(b, 2)
    both, rescaled = net.concat(a, c), net.concat(b, net.conv(b, 2, gain=9.0))
    model = net.model(tmp_path, both, rescaled)
    camera = smooth_images(4)
    ranges = calibrate(model, model.graph, [Picture(i, PRE) for i in camera], MinMax())
    graph = quantize(model.graph, ranges)
    integer = lower(graph)
    kernels = {n.output: n.kernel for n in integer.nodes if isinstance(n.kernel, ConcatKernel)}
    assert kernels[both].tables is None
    assert kernels[rescaled].tables is not None
    union = ranges.by_name[a].union(ranges.by_name[c])
    assert graph.tensors[both].quantization.per_tensor_scale == pytest.approx(
        (union.high - union.low) / 255
    )


def test_softmax_has_its_prescribed_quantization(tmp_path):
    net = FloatNet(16, 12, 3)
    out = net.softmax(net.dense(net.pooled_vector(net.conv("image", 4)), 3))
    model = net.model(tmp_path, out)
    _, ranges, graph = quantized(model)
    assert out not in ranges.by_name
    assert graph.tensors[out].quantization.per_tensor_scale == 1 / 256


def test_weights_read_by_two_nodes_become_two_sets_of_integers(tmp_path):
    net = FloatNet(16, 12, 3)
    a = net.conv("image", 3)
    b = net.conv(a, 3, gain=1e-3)
    model = net.model(tmp_path, net.add(a, b))
    shared = replace(model.graph.nodes[1], inputs=(a, f"{a}_w", f"{a}_b"))
    graph = model.graph.with_(nodes=[model.graph.nodes[0], shared, model.graph.nodes[2]])
    by_name = {name: Range(-4.0, 4.0) for name in ("image", a, b, graph.outputs[0])}
    by_name[a] = Range(-40.0, 40.0)
    int8 = quantize(graph, Ranges("min-max", 1, by_name))
    verify(int8)
    first, second = int8.nodes[0].inputs[2], int8.nodes[1].inputs[2]
    assert first != second
    assert int8.tensors[first].quant != int8.tensors[second].quant
    lower(int8)


def test_all_bad_nodes_are_in_one_error(tmp_path):
    net = FloatNet(8, 8, 3)
    a = net.conv("image", 4, gain=np.nan)
    b = net.conv(a, 4)
    c = net.conv(b, 4, gain=np.inf)
    model = net.model(tmp_path, c)
    by_name = {name: Range(-1.0, 1.0) for name in ("image", a, b, c)}
    with pytest.raises(ModelError) as caught:
        quantize(model.graph, Ranges("min-max", 1, by_name))
    assert f"node_{a}" in str(caught.value) and f"node_{c}" in str(caught.value)
    assert f"node_{b}" not in str(caught.value)


def test_a_tensor_without_a_range_is_an_error(tmp_path):
    model = mobile_net(tmp_path)
    with pytest.raises(ModelError, match="not calibrated"):
        quantize(model.graph, Ranges("min-max", 1, {}))


def test_an_empty_network_is_its_input():
    graph = Graph("none", (), {"x": Tensor("x", (1, 2, 2, 1))}, ("x",), ("x",))
    integer = lower(quantize(graph, Ranges("min-max", 1, {"x": Range(0.0, 1.0)})))
    values = integer.run({"x": np.ones((1, 2, 2, 1), np.int8)})
    assert values["x"].sum() == 4
