"""Constant channels: found by intervals, folded into biases, outputs byte-equal."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.ir import Graph
from mcucc.ir.verify import verify
from mcucc.numerics.fixed_point import RELU, RELU6, Rounding
from mcucc.passes.constant_channels import ENDING, KeptChannels, remove_constant_channels
from mcucc.passes.intervals import intervals
from mcucc.quantize.lower import lower
from tests.graphs import Builder

SATURATE = 10_000_000  # a bias beyond any sum of these small layers


def pictures(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """Random images and the two extremes."""
    rng = np.random.default_rng(seed)
    shape = graph.tensors["image"].shape[1:]
    random = rng.integers(-128, 128, (3, *shape))
    ends = [np.full((1, *shape), value) for value in (-128, 127)]
    return {"image": np.concatenate([random, *ends]).astype(np.int8)}


def assert_same_outputs(graph: Graph, rounding: Rounding, seed: int = 0) -> Graph:
    removed, *_ = remove_constant_channels(graph, rounding)
    verify(removed)
    images = pictures(graph, seed)
    before, after = lower(graph, rounding).run(images), lower(removed, rounding).run(images)
    for name in graph.outputs:
        np.testing.assert_array_equal(after[name], before[name])
    return removed


def saturate(b: Builder, layer: str, channels: dict[int, int]) -> None:
    """Give channels of a layer a bias that drowns every input."""
    name = f"{layer}_b"
    data = b.tensors[name].constant.copy()
    for channel, sign in channels.items():
        data[channel] = sign * SATURATE
    b.tensors[name] = dataclasses.replace(b.tensors[name], data=data)


def dropped(graph: Graph, removed: Graph, name: str) -> int:
    left = removed.tensors.get(f"{name}{ENDING}") or removed.tensors[name]
    return graph.tensors[name].shape[-1] - left.shape[-1]


def test_a_constant_between_two_1x1_layers_goes_into_the_bias() -> None:
    b = Builder(5, 4, 3)
    x = b.conv("image", 8, clamp=RELU)
    y = b.conv(x, 4)
    saturate(b, x, {2: 1, 5: -1})
    removed = assert_same_outputs(graph := b.graph(y), Rounding.SINGLE)
    assert dropped(graph, removed, x) == 2
    assert removed.macs == 5 * 4 * (3 * 6 + 6 * 4)


def test_a_constant_through_a_depthwise_layer_removes_it_there_too() -> None:
    b = Builder(6, 6, 3)
    x = b.conv("image", 6)
    y = b.depthwise(x)
    z = b.conv(y, 4)
    saturate(b, y, {1: 1})  # whatever its input, the depthwise output is constant
    removed = assert_same_outputs(graph := b.graph(z), Rounding.SINGLE)
    assert dropped(graph, removed, y) == dropped(graph, removed, x) == 1


def test_a_constant_that_is_not_the_zero_point_stays_before_padding() -> None:
    b = Builder(6, 6, 3)
    x = b.conv("image", 6)
    y = b.conv(x, 4, kernel=3)
    saturate(b, x, {1: 1})
    b.tensors[x] = dataclasses.replace(
        b.tensors[x], quant=dataclasses.replace(b.tensors[x].quantization, zero_point=0)
    )
    removed = assert_same_outputs(graph := b.graph(y), Rounding.SINGLE)
    assert intervals(graph, Rounding.SINGLE)[x].constant.sum() == 1
    assert dropped(graph, removed, x) == 0


def test_a_constant_at_the_zero_point_goes_even_before_padding() -> None:
    b = Builder(6, 6, 3)
    x = b.conv("image", 6, clamp=RELU6)
    y = b.conv(x, 4, kernel=3)
    saturate(b, x, {1: -1, 4: -1})  # ReLU of a large negative number: 0
    removed = assert_same_outputs(graph := b.graph(y), Rounding.SINGLE)
    assert dropped(graph, removed, x) == 2


def test_a_channel_without_readers_is_dropped() -> None:
    b = Builder(4, 4, 3)
    x = b.conv("image", 5)
    y = b.conv(x, 3)
    weights = b.tensors[f"{y}_w"].constant.copy()
    weights[..., 3] = 0
    b.tensors[f"{y}_w"] = dataclasses.replace(b.tensors[f"{y}_w"], data=weights)
    removed = assert_same_outputs(graph := b.graph(y), Rounding.SINGLE)
    assert dropped(graph, removed, x) == 1


def test_outputs_keep_all_channels() -> None:
    b = Builder(4, 4, 3)
    x = b.conv("image", 5)
    saturate(b, x, {0: 1, 1: -1})
    removed = assert_same_outputs(graph := b.graph(x), Rounding.SINGLE)
    assert removed.tensors[x].shape == graph.tensors[x].shape


def test_a_layer_of_constants_keeps_one_channel() -> None:
    b = Builder(4, 4, 3)
    x = b.conv("image", 4, clamp=RELU)
    y = b.conv(x, 3)
    saturate(b, x, dict.fromkeys(range(4), -1))
    removed = assert_same_outputs(b.graph(y), Rounding.SINGLE)
    assert removed.tensors[f"{x}{ENDING}"].shape[-1] == 1


def test_the_report_counts_channels_and_macs() -> None:
    b = Builder(5, 4, 3)
    x = b.conv("image", 8)
    y = b.conv(x, 4)
    saturate(b, x, {2: 1, 5: -1})
    graph = b.graph(y)
    removed, report, kept = remove_constant_channels(graph, Rounding.SINGLE)
    known = intervals(graph, Rounding.SINGLE)
    constant = int(known[x].constant.sum() + known[y].constant.sum())
    assert (report.channels, report.constant, report.dropped) == (12, constant, 2)
    assert (report.macs_before, report.macs_after) == (graph.macs, removed.macs)
    assert kept == {f"{x}{ENDING}": KeptChannels(x, (0, 1, 3, 4, 6, 7))}


@pytest.mark.parametrize("rounding", list(Rounding))
@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**16), share=st.floats(0.0, 0.8))
def test_residual_networks_keep_their_bytes(rounding: Rounding, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    b = Builder(9, 7, 3, seed)
    x = b.conv("image", 6, 3, 2, clamp=RELU6)
    x = b.block(x, 3, 6)
    x = b.block(x, 2, 8, 5, 2)
    x = b.block(x, 2, 8)
    out = b.classifier(x, 4)
    for name in [n for n in b.tensors if n.endswith("_b")]:
        for channel in range(b.tensors[name].shape[0]):
            if rng.random() < share:
                saturate(b, name[:-2], {channel: int(rng.choice([-1, 1]))})
    assert_same_outputs(b.graph(out), rounding, seed)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**16))
def test_no_value_leaves_its_interval(seed: int) -> None:
    b = Builder(7, 6, 2, seed)
    x = b.block(b.conv("image", 4, 3), 2, 4)
    graph = b.graph(b.classifier(x, 3))
    known = intervals(graph, Rounding.SINGLE)
    values = lower(graph, Rounding.SINGLE).run(pictures(graph, seed))
    for name, value in values.items():
        flat = value.reshape(-1, value.shape[-1])
        assert (flat >= known[name].lo).all() and (flat <= known[name].hi).all()
