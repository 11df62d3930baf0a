"""The sweep: biases that give every layer of the integer network the float network's means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcucc.images.samples import Picture, Sample, batch
from mcucc.ir import Graph, verify
from mcucc.ir.float_run import evaluate_graph
from mcucc.numerics.fixed_point import INT32_MAX, RELU6
from mcucc.numerics.weights import INT4, INT8, WeightGrid
from mcucc.quantize import sweep as module
from mcucc.quantize.calibrate import Ranges, calibrate
from mcucc.quantize.lower import lower
from mcucc.quantize.observers import MeanSquaredError, Range
from mcucc.quantize.quantize import QuantizeOptions, quantize
from mcucc.quantize.room import reach_of, room_of, short_reach
from mcucc.quantize.sensitivity import real_inputs
from mcucc.quantize.sweep import dead_after, sweep
from mcucc.quantize.weight_choice import WeightChoice, grids_of
from tests.quantize.float_nets import FloatNet, camera_graph, mobile_net
from tests.quantize.test_quantize import PRE, smooth_images, snr


def nearest(folder: Path, net: FloatNet | None = None) -> tuple[Graph, Graph, list[Sample]]:
    """A float network, its integers rounded to nearest, and pictures."""
    model = mobile_net(folder) if net is None else net.model(folder, net.nodes[-1].output)
    graph = camera_graph(model)
    samples: list[Sample] = [Picture(image, PRE) for image in smooth_images(12)]
    return graph, quantize(graph, calibrate(model, graph, samples, MeanSquaredError())), samples


def shifts(graph: Graph, quantized: Graph, samples: list[Sample]) -> dict[str, np.ndarray]:
    """How far the mean of each layer's channels is off, in output steps.

    Channels that hardly move are left out: a constant is rounded away, whatever its bias.
    """
    values = lower(quantized).run(batch(quantized.inputs, samples))
    real = [evaluate_graph(graph, real_inputs(graph, sample)) for sample in samples]
    found = {}
    for node in graph.nodes:
        if node.op.WEIGHT_AXIS is None:
            continue
        quant = quantized.tensors[node.output].quantization
        floats = np.concatenate([each[node.output] for each in real])
        exact = floats.reshape(-1, floats.shape[-1]).mean(axis=0) / quant.per_tensor_scale
        made = values[node.output].reshape(-1, exact.size).astype(np.float64) - quant.zero_point
        found[node.output] = (made.mean(axis=0) - exact)[made.std(axis=0) > 1.0]
    return found


def total(shifts: dict[str, np.ndarray]) -> float:
    return sum(float(np.abs(shift).mean()) for shift in shifts.values())


def test_the_mean_of_every_channel_is_the_float_networks(tmp_path: Path) -> None:
    graph, quantized, samples = nearest(tmp_path)
    swept = sweep(graph, quantized, samples)
    verify(swept)
    before, after = shifts(graph, quantized, samples), shifts(graph, swept, samples)
    for name, shift in after.items():
        # The logits' 12 values each have a mean of their own when they are rounded.
        assert np.abs(shift).mean() < (0.15 if name in graph.outputs else 0.05)
    assert total(after) < 0.4 * total(before)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_new_pictures_gain_by_it(tmp_path: Path, seed: int) -> None:
    model = mobile_net(tmp_path, seed)
    graph = camera_graph(model)
    samples = [Picture(image, PRE) for image in smooth_images(12)]
    plain = quantize(graph, calibrate(model, graph, samples, MeanSquaredError()))
    new = smooth_images(16, seed=99)
    swept = sweep(graph, plain, samples)
    assert snr(model, lower(swept), new) > snr(model, lower(plain), new)


def test_weights_and_scales_stay(tmp_path: Path) -> None:
    graph, quantized, samples = nearest(tmp_path)
    swept = sweep(graph, quantized, samples)
    for old, new in zip(quantized.nodes, swept.nodes, strict=True):
        assert old == new
        for name in {*old.inputs, old.output}:
            assert swept.tensors[name].quant == quantized.tensors[name].quant
        if old.op.WEIGHT_AXIS is not None:
            assert swept.tensors[old.inputs[1]] is quantized.tensors[old.inputs[1]]


@pytest.mark.parametrize("grid", [INT8, INT4])
def test_weights_rounded_for_what_they_read_leave_less_noise(
    tmp_path: Path, grid: WeightGrid
) -> None:
    model = mobile_net(tmp_path)
    graph = camera_graph(model)
    samples = [Picture(image, PRE) for image in smooth_images(12)]
    ranges = calibrate(model, graph, samples, MeanSquaredError())
    name = "int8" if grid is INT8 else "int4"
    plain = quantize(graph, ranges, QuantizeOptions(weights=WeightChoice(name)))
    grids = grids_of(graph, WeightChoice(name))
    assert grid in grids.values()
    new = smooth_images(16, seed=99)
    swept, rounded = sweep(graph, plain, samples), sweep(graph, plain, samples, grids=grids)
    verify(rounded)
    gained = snr(model, lower(rounded), new) - snr(model, lower(swept), new)
    # Of int8 only the rounding of the 8-bit values is left, which has its luck.
    assert gained > (-0.3 if grid is INT8 else 0.5)
    for node in rounded.nodes:
        if node.op.WEIGHT_AXIS is not None:
            own = grids[node.name]
            steps = rounded.tensors[node.inputs[1]].constant / own.step
            assert np.array_equal(steps, np.rint(steps)) and np.abs(steps).max() <= own.largest
            least, most = room_of(rounded, node, reach_of(plain, node))
            bias = rounded.tensors[node.inputs[2]].constant
            assert (least <= bias).all() and (bias <= most).all()


def test_channels_that_would_go_beyond_what_was_proved_keep_nearest_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, quantized, samples = nearest(tmp_path)
    grids = grids_of(graph, WeightChoice())
    monkeypatch.setattr(module, "reach_of", lambda graph, node: np.zeros(1))
    swept = sweep(graph, quantized, samples, grids=grids)
    for node in swept.nodes:
        if node.op.WEIGHT_AXIS is not None:
            old, new = (g.tensors[node.inputs[1]].constant for g in (quantized, swept))
            assert np.array_equal(old, new)


def test_a_node_without_a_bias_gets_one(tmp_path: Path) -> None:
    graph, quantized, samples = nearest(tmp_path)

    def bare(whole: Graph) -> Graph:
        nodes = [replace(n, inputs=n.inputs[:2]) if n.inputs[2:] else n for n in whole.nodes]
        return whole.with_(nodes=nodes)

    swept = sweep(bare(graph), bare(quantized), samples)
    verify(swept)
    weighted = [node for node in swept.nodes if node.op.WEIGHT_AXIS is not None]
    assert all(len(node.inputs) == 3 for node in weighted)
    assert sum(np.abs(swept.tensors[node.inputs[2]].constant).max() > 0 for node in weighted) > 3


def test_layers_that_share_weights_have_biases_of_their_own(tmp_path: Path) -> None:
    net = FloatNet(16, 12, 3)
    a = net.conv("image", 3)
    b = net.conv(a, 3)
    net.add(a, b)
    model = net.model(tmp_path, net.nodes[-1].output)
    graph = camera_graph(model)
    first, second, last = graph.nodes
    graph = graph.with_(nodes=[first, replace(second, inputs=(a, *first.inputs[1:])), last])
    ranges = Ranges("", 1, {name: Range(-9.0, 9.0) for name in (a, b, last.output)})
    samples = [Picture(image, PRE) for image in smooth_images(4)]
    swept = sweep(graph, quantize(graph, ranges), samples)
    verify(swept)
    assert max(np.abs(shift).max() for shift in shifts(graph, swept, samples).values()) < 0.1


def test_how_many_pictures_are_computed_together_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, quantized, samples = nearest(tmp_path)
    swept = sweep(graph, quantized, samples)
    monkeypatch.setattr(module, "TOGETHER", 1)
    again = sweep(graph, quantized, samples)
    for name, tensor in swept.tensors.items():
        if tensor.data is not None:
            assert np.array_equal(tensor.data, again.tensors[name].data)


def test_less_memory_is_fewer_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, quantized, samples = nearest(tmp_path)
    fewer = sweep(graph, quantized, samples[::3])
    # The widest moment: 24 channels of 8x6 read and as many written, and 8 for the Add behind.
    monkeypatch.setattr(module, "LARGEST_LIVE", 8 * 6 * (24 + 24 + 8) * 4)
    bounded = sweep(graph, quantized, samples)
    for name, tensor in fewer.tensors.items():
        if tensor.data is not None:
            assert np.array_equal(tensor.data, bounded.tensors[name].data)


def test_a_tensor_is_dead_behind_its_last_reader() -> None:
    nodes = [(("x",), "a"), (("a", "a"), "b"), (("a", "x"), "c"), (("b", "c"), "d")]
    assert dead_after(nodes) == [(), (), ("a", "x"), ("b", "c", "d")]


def test_biases_stay_where_sums_were_proved(tmp_path: Path) -> None:
    """A float network of other, far larger biases: they end at what int32 holds, and it lowers."""
    graph, quantized, samples = nearest(tmp_path)
    moved = {
        name: replace(t, data=t.data + 1e9) if t.data is not None and t.data.ndim == 1 else t
        for name, t in graph.tensors.items()
    }
    swept = sweep(graph.with_(tensors=moved), quantized, samples)
    lower(swept)
    for node in swept.nodes:
        if node.op.WEIGHT_AXIS is not None:
            least, most = room_of(swept, node, reach_of(quantized, node))
            bias = swept.tensors[node.inputs[2]].constant
            assert (least <= bias).all() and (bias <= most).all()
            assert np.abs(bias).max() > 1e5


def test_room_is_what_a_short_product_leaves(tmp_path: Path) -> None:
    _, quantized, _ = nearest(tmp_path)
    node = quantized.nodes[1]
    x, weights, bias = quantized.tensors_of(node.inputs)
    factor = np.array(weights.quantization.scale) * x.quantization.per_tensor_scale
    factor /= quantized.tensors[node.output].quantization.per_tensor_scale
    least, most = room_of(quantized, node, reach_of(quantized, node))
    assert (least <= bias.constant).all() and (bias.constant <= most).all()
    flat = weights.constant.reshape(len(factor), -1).astype(np.int64)
    up = 127 - x.quantization.zero_point
    largest = most + np.maximum(flat, 0).sum(axis=1) * up
    # One step less is within, one more is not: the short product, or int32 itself, ends there.
    assert (largest <= short_reach(factor)).all()
    assert (largest + 3 > np.minimum(short_reach(factor), INT32_MAX)).all()


def test_factors_without_a_common_shift_are_bound_by_int32_alone() -> None:
    assert np.isinf(short_reach(np.array([0.1, 1 / 3]))).all()
    assert (
        short_reach(np.array([3 / 64, 5 / 32])) == (INT32_MAX - 2.0**14) / np.array([3, 10])
    ).all()


def test_a_clamp_that_cuts_means_is_counted(tmp_path: Path) -> None:
    net = FloatNet(16, 12, 3)
    x = net.conv("image", 8, clamp=RELU6, gain=8.0)
    net.conv(x, 4)
    graph, quantized, samples = nearest(tmp_path, net)
    after = shifts(graph, sweep(graph, quantized, samples), samples)
    assert np.abs(after[x]).max() < 0.1
