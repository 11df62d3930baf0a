"""Orders of channels: absorbed by weights before or behind, else copied within pixels; exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mcucc.ir import Graph, Quant, Tensor, verify
from mcucc.numerics.fixed_point import RELU, Rounding
from mcucc.ops.add import Add
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.gather_channels import GatherChannels
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.pad import Pad
from mcucc.ops.permute import Permute
from mcucc.ops.prelu import PRelu
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.slice import Slice
from mcucc.ops.softmax import Softmax
from mcucc.ops.transpose import Transpose
from mcucc.passes import channel_order
from mcucc.quantize.lower import lower
from tests.passes.float_graphs import ONE, SAME, Floats, assert_same_values

Maker = Callable[[Floats, str], str]


def _shuffle(g: Floats, name: str, x: str, groups: int = 2) -> str:
    """torch's channel shuffle as the importer writes it."""
    _, height, width, channels = g.tensors[x].shape
    pixels, each = height * width, channels // groups
    g(f"{name}.a", Reshape((1, pixels, groups, each)), x)
    g(f"{name}.b", Transpose((0, 1, 3, 2)), f"{name}.a")
    return g(name, Reshape((1, height, width, channels)), f"{name}.b")


def _conv(g: Floats, name: str, x: str, made: int = 4, window: Window2d = ONE) -> str:
    channels = g.tensors[x].shape[3]
    weights = g.random(f"{name}.w", made, *window.kernel, channels)
    return g(name, Conv2d(window), x, weights, g.random(f"{name}.b", made))


def _ordered(before: Graph) -> list[str]:
    """The ops behind the pass, which keeps all values."""
    after = channel_order.run(before)
    assert_same_values(before, after)
    return [node.op.kind for node in after.nodes]


ALIKE: dict[str, Maker] = {
    "sigmoid": lambda g, x: g("f", Sigmoid(), x),
    "max_pool": lambda g, x: g("f", MaxPool(SAME), x),
    "resize": lambda g, x: g("f", ResizeNearest(2, 3), x),
    "prelu": lambda g, x: g("f", PRelu((0.1, 0.2, 0.3, 0.4)), x),
    "pad": lambda g, x: g("f", Pad(Pads(1, 0, 1, 2), (0, 0), 0.0), x),
    "rows": lambda g, x: g("f", Slice((1, 2, 0), (3, 4, 4)), x),
    "depthwise": lambda g, x: g(
        "f", DepthwiseConv2d(SAME), x, g.random("w", 3, 3, 8), g.random("b", 8)
    ),
    "self": lambda g, x: g("f", Mul(), g("s", Sigmoid(), x), x),
    "beside": lambda g, x: g("f", Concat(3), g("s", Sigmoid(), "x"), x),
    "below": lambda g, x: g("f", Concat(1), g("s", Sigmoid(), x), x),
}


@pytest.mark.parametrize("name", ALIKE)
def test_an_order_goes_through_what_treats_channels_alike(name: str) -> None:
    g = Floats()
    f = ALIKE[name](g, _shuffle(g, "y", "x"))
    before = g.graph(_conv(g, "z", f))
    found = _ordered(before)
    assert not {"GatherChannels", "Transpose", "Reshape"} & set(found)
    assert found[-1] == "Conv2d"


@pytest.mark.parametrize("name", ["sigmoid", "max_pool", "resize", "prelu", "pad"])
def test_an_order_that_an_output_has_goes_into_the_layer_before(name: str) -> None:
    g = Floats()
    before = g.graph(_shuffle(g, "y", ALIKE[name](g, _conv(g, "z", "x"))))
    after = channel_order.run(before)
    assert_same_values(before, after)
    assert [n.op.kind for n in after.nodes] == ["Conv2d", before.nodes[1].op.kind]


def test_a_picture_of_other_colours_is_read_by_the_first_layer() -> None:
    g = Floats(1, 5, 6, 3)
    before = g.graph(_conv(g, "z", g("bgr", GatherChannels((2, 1, 0)), "x"), window=SAME))
    assert _ordered(before) == ["Conv2d"]


def test_dense_layers_behind_a_flattened_picture() -> None:
    g = Floats()
    flat = g("flat", Reshape((1, 168)), _shuffle(g, "y", "x"))
    before = g.graph(g("z", FullyConnected(), flat, g.random("w", 5, 168)))
    assert _ordered(before) == ["Reshape", "FullyConnected"]


def test_shuffle_net_keeps_a_copy_in_few_runs() -> None:
    g = Floats(1, 4, 4, 8)
    x = g("both", Concat(3), _conv(g, "p", "x", 8), _conv(g, "q", "x", 8))
    for i in range(3):
        mixed = _shuffle(g, f"mixed{i}", x)
        kept = g(f"kept{i}", Slice((0, 0, 0), (4, 4, 8)), mixed)
        other = g(f"other{i}", Slice((0, 0, 8), (4, 4, 8)), mixed)
        x = g(f"y{i}", Concat(3), kept, _conv(g, f"conv{i}", other, 8))
    before = g.graph(_conv(g, "z", x))
    after = channel_order.run(before)
    assert_same_values(before, after)
    chosen = [n.op.positions for n in after.nodes if isinstance(n.op, GatherChannels)]
    assert chosen[:2] == [(0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)]
    assert all(positions == tuple(sorted(positions)) for positions in chosen)
    kinds = {n.op.kind for n in after.nodes}
    assert kinds == {"Conv2d", "Concat", "GatherChannels"}


def test_channels_that_nothing_reads_are_not_made() -> None:
    g = Floats()
    before = g.graph(g("y", GatherChannels((5, 1)), _conv(g, "conv", "x", 6)))
    after = channel_order.run(before)
    assert_same_values(before, after)
    assert [n.op.kind for n in after.nodes] == ["Conv2d"]
    assert after.macs == before.macs // 3


def test_slices_joined_in_another_order_are_one_copy() -> None:
    g = Floats(1, 3, 3, 12)
    parts = [g(f"part{i}", Slice((0, 0, i), (3, 3, 4)), "x") for i in (8, 0, 4)]
    before = g.graph(g("y", Softmax(), g("all", Concat(3), *parts)))
    assert _ordered(before) == ["GatherChannels", "Softmax"]


def test_an_order_of_more_axes() -> None:
    g = Floats()
    before = g.graph(g("y", Permute((6, 7, 2, 2), (0, 1, 3, 2), (1, 6, 7, 4)), "x"))
    assert _ordered(before) == ["GatherChannels"]


def test_what_changes_pixels_stays() -> None:
    g = Floats(1, 4, 4, 4)
    before = g.graph(g("y", Transpose((0, 2, 1, 3)), "x"))
    assert channel_order.run(before) is before


@pytest.mark.parametrize("stuck", ["softmax", "groups", "sum", "output"])
def test_what_cannot_follow_reads_a_copy(stuck: str) -> None:
    g = Floats(1, 3, 4, 8)
    y = _shuffle(g, "y", "x")
    if stuck == "softmax":
        y = g("z", Softmax(), y)
    elif stuck == "groups":
        y = g("z", Conv2d(ONE, groups=2), y, g.random("w", 4, 1, 1, 4))
    elif stuck == "sum":
        y = g("z", Add(), y, "x")
    found = _ordered(g.graph(y))
    assert found[0] == "GatherChannels"
    assert len(found) == (1 if stuck == "output" else 2)


def test_equal_distances_are_a_slice() -> None:
    g = Floats(1, 3, 4, 8)
    y = g("y", GatherChannels((1, 3, 5)), "x")
    assert _ordered(g.graph(y)) == ["Slice"]


@pytest.mark.parametrize("seed", range(8))
def test_int8_graphs_keep_their_bytes(seed: int) -> None:
    """Weights with a scale a channel, biases and a depthwise layer between, any permutation."""
    rng = np.random.default_rng(seed)
    g = Floats(1, 5, 5, 12)
    y = g("y", GatherChannels(tuple(rng.permutation(12).tolist())), _conv(g, "a", "x", 12))
    g("d", DepthwiseConv2d(SAME, RELU), y, g.random("d.w", 3, 3, 12), g.random("d.b", 12))
    g("e", GatherChannels(tuple(rng.permutation(12)[:7].tolist())), "d")
    before = _int8(g.graph(g("z", GlobalAveragePool(), _conv(g, "f", "e"))), rng)
    after, moved = channel_order.ordered(before)
    verify(after)
    kinds = {node.op.kind for node in after.nodes}
    assert "GatherChannels" not in kinds or len(after.nodes) < len(before.nodes)
    x = rng.integers(-128, 128, (2, 5, 5, 12)).astype(np.int8)
    old, new = (lower(graph, Rounding.SINGLE).run({"x": x}) for graph in (before, after))
    np.testing.assert_array_equal(old["z"], new["z"])
    for name, value in new.items():
        if name in moved:
            chosen = old[moved[name].tensor][..., list(moved[name].channels)]
            np.testing.assert_array_equal(value, chosen, err_msg=name)
        else:
            np.testing.assert_array_equal(value, old[name], err_msg=name)


def _int8(graph: Graph, rng: np.random.Generator) -> Graph:
    """The graph with drawn integers and scales."""
    tensors = {n: t for n, t in graph.tensors.items() if t.data is None}
    shared = Quant((0.05,), 3)
    made = {n: replace(t, dtype=np.dtype(np.int8), quant=shared) for n, t in tensors.items()}
    for node in graph.nodes:
        axis = node.op.WEIGHT_AXIS
        if axis is None:
            continue
        shape = graph.tensors[node.inputs[1]].shape
        scales = rng.uniform(0.001, 0.02, shape[axis])
        weights = rng.integers(-127, 128, shape).astype(np.int8)
        quant = Quant(tuple(scales.tolist()), 0, axis)
        bias = rng.integers(-999, 999, shape[axis]).astype(np.int32)
        made[node.inputs[1]] = Tensor.const(node.inputs[1], weights, quant)
        quant = Quant(tuple((scales * 0.05).tolist()), 0, 0)
        made[node.inputs[2]] = Tensor.const(node.inputs[2], bias, quant)
    return graph.with_(tensors=made)
