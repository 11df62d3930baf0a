"""Equalisation: the same function, ReLU6 never exceeded, shared scales tied, less noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from mcucc.backends.host import run_program
from mcucc.boards.board import load_board
from mcucc.images.samples import Sample
from mcucc.ir import Graph, verify
from mcucc.ir.float_run import evaluate_graph
from mcucc.numerics.fixed_point import NO_CLAMP, RELU, RELU6, Clamp
from mcucc.ops.add import Add
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.ops.sigmoid import Sigmoid
from mcucc.quantize.equalize import Equalized, equalize
from mcucc.quantize.equalize.check import LEAST_DB, Equivalence
from mcucc.quantize.equalize.classes import FIXED, channel_classes
from mcucc.quantize.lower import lower
from mcucc.quantize.quantize import quantize
from mcucc.quantize.sensitivity import Sensitivities
from mcucc.toolchain import build_program
from tests.passes.float_graphs import Floats
from tests.quantize.drawn_floats import Pictures, drawn_net, drawn_pictures, observed
from tests.whole.library import library

SEEDS = range(40)
ONE = Conv2d(Window2d((1, 1)))
AROUND = Window2d((3, 3), pads=Pads(1, 1, 1, 1))


def samples(pictures: Pictures) -> list[Sample]:
    return [cast(Sample, SimpleNamespace(real=(picture,))) for picture in pictures]


def equalized(graph: Graph, seed: int = 0) -> Equalized:
    pictures = drawn_pictures(graph, seed)
    return equalize(graph, observed(graph, pictures), None, samples(pictures))


def alike(graph: Graph) -> Sensitivities:
    """Every channel and every weight counts the same."""
    weighted = [node for node in graph.nodes if node.op.WEIGHT_AXIS is not None]
    shapes = {node.name: graph.tensors[node.inputs[1]].shape for node in weighted}
    names = [tensor.name for tensor in graph.tensors.values() if tensor.data is None]
    return Sensitivities(
        1,
        {name: np.ones(graph.tensors[name].shape[-1]) for name in names},
        {name: np.ones((shape[0], shape[-1])) for name, shape in shapes.items()},
    )


def mapped(made: Equalized, name: str, value: np.ndarray) -> np.ndarray:
    if name not in made.maps:
        return value
    return (value * made.maps[name].scale + made.maps[name].offset).astype(np.float32)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_node_makes_of_mapped_inputs_its_mapped_output(seed: int) -> None:
    graph = drawn_net(seed)
    made = equalized(graph, seed)
    verify(made.graph)
    assert [node.op.kind for node in made.graph.nodes] == [node.op.kind for node in graph.nodes]
    (picture,) = drawn_pictures(graph, seed + 1000, 1)
    old = evaluate_graph(graph, {"x": picture})
    for node in made.graph.nodes:
        operands = [
            tensor.constant
            if tensor.data is not None
            else mapped(made, tensor.name, old[tensor.name])
            for tensor in made.graph.tensors_of(node.inputs)
        ]
        value, exact = node.op.evaluate(operands), mapped(made, node.output, old[node.output])
        # A clamp that is not at 0 cuts channels with k > 1 off earlier, and changes nothing else.
        wanted = node.op.fused_clamp.apply(exact)
        size = sum(np.abs(v[np.isfinite(v)]).max() for v in (exact, operands[0]))
        np.testing.assert_allclose(value, wanted, rtol=0, atol=2e-5 * size, err_msg=node.name)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_saturation_the_whole_network_is_the_same(seed: int) -> None:
    graph = drawn_net(seed)
    made = equalized(graph, seed)
    (picture,) = drawn_pictures(graph, seed + 2000, 1)
    old, new = (evaluate_graph(g, {"x": picture}) for g in (graph, made.graph))
    cut = [
        node.output
        for node in graph.nodes
        if not np.array_equal(
            node.op.fused_clamp.apply(mapped(made, node.output, old[node.output])),
            mapped(made, node.output, old[node.output]),
        )
    ]
    if not cut:
        for name in graph.outputs:
            size = np.abs(old[name]).max()
            np.testing.assert_allclose(new[name], old[name], rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize("seed", SEEDS)
def test_ends_keep_their_values_and_clamps_their_reach(seed: int) -> None:
    graph = drawn_net(seed)
    made = equalized(graph, seed)
    assert not {*graph.inputs, *graph.outputs} & set(made.maps)
    for node in graph.nodes:
        clamp = node.op.fused_clamp
        if 0.0 < clamp.hi < np.inf and node.output in made.maps:
            assert made.maps[node.output].scale.min() >= 1.0
            assert not made.maps[node.output].offset.any()


@pytest.mark.parametrize("seed", SEEDS)
def test_an_equalised_network_becomes_integers(seed: int) -> None:
    graph = drawn_net(seed)
    made = equalized(graph, seed)
    network = lower(quantize(made.graph, made.ranges))
    values = network.run({"x": np.zeros((1, 6, 6, 8), np.int8)})
    assert set(values) >= set(graph.outputs)


def test_the_drawn_networks_saturate_and_do_not() -> None:
    """What the test of whole networks stands on."""
    changed = [equalized(drawn_net(seed), seed).maps for seed in SEEDS]
    assert sum(bool(maps) for maps in changed) > 35
    assert sum(any(m.offset.any() for m in maps.values()) for maps in changed) > 20


def inverted_residual(clamp: Clamp = RELU6) -> Graph:
    """Expand, depthwise, project, add: (1, 6, 6, 8) to (1, 3)."""
    net = Floats(1, 6, 6, 8)
    spread = np.exp2(np.linspace(-3, 1, 16))
    stem = net("stem", ONE, "x", net.random("stem.w", 8, 1, 1, 8), net.random("stem.b", 8))
    w = net.const("up.w", net.rng.normal(0, 1, (16, 1, 1, 8)) * spread[:, None, None, None])
    up = net("up", Conv2d(Window2d((1, 1)), 1, clamp), stem, w, net.random("up.b", 16))
    dw = DepthwiseConv2d(AROUND, clamp)
    middle = net("dw", dw, up, net.random("dw.w", 3, 3, 16), net.random("dw.b", 16))
    down = net("down", ONE, middle, net.random("down.w", 8, 1, 1, 16), net.random("down.b", 8))
    total = net("total", Add(), stem, down)
    mean = net("flat", Reshape((1, 8)), net("mean", GlobalAveragePool(), total))
    return net.graph(net("end", FullyConnected(), mean, net.random("end.w", 3, 8)))


def test_both_sides_of_a_sum_have_its_factors_and_offsets_that_add_up() -> None:
    made = equalized(inverted_residual())
    scales = [made.maps[name].scale for name in ("stem", "down", "total", "mean", "flat")]
    assert all(np.array_equal(scales[0], other) for other in scales[1:])
    assert len(np.unique(scales[0])) > 1
    offsets = {name: made.maps[name].offset for name in ("stem", "down", "total", "mean")}
    assert np.allclose(offsets["stem"] + offsets["down"], offsets["total"], atol=1e-5)
    assert np.array_equal(offsets["mean"], offsets["total"]) and offsets["total"].any()


def test_channels_behind_a_depthwise_layer_alone_become_as_wide_as_the_widest() -> None:
    graph = inverted_residual(RELU)
    pictures = drawn_pictures(graph, 0, 50)
    made = equalize(graph, observed(graph, pictures), alike(graph), samples(pictures))
    tops = np.max([evaluate_graph(made.graph, {"x": p})["up"] for p in pictures], axis=(0, 1, 2, 3))
    before = np.max([evaluate_graph(graph, {"x": p})["up"] for p in pictures], axis=(0, 1, 2, 3))
    assert before.max() > 8 * before.min()
    assert tops.max() < 2 * tops.min()


def test_pictures_held_back_give_clamped_channels_room() -> None:
    graph = inverted_residual()
    seen = observed(graph, [0.2 * picture for picture in drawn_pictures(graph, 0)])
    like, unlike = drawn_pictures(graph, 1), [3 * p for p in drawn_pictures(graph, 1)]
    near = equalize(graph, seen, None, samples([0.2 * picture for picture in like]))
    assert near.cut > 0 and near.equivalence_db >= LEAST_DB
    assert (near.maps["up"].scale > 1).any()
    assert Equivalence(graph, samples(unlike)).decibels(near.graph) < LEAST_DB
    far = equalize(graph, seen, None, samples(unlike))
    assert far.cut < near.cut and far.equivalence_db >= LEAST_DB
    blind = equalize(graph, seen, None, [])
    assert "up" not in blind.maps and "stem" in blind.maps
    assert Equivalence(graph, samples(unlike)).decibels(blind.graph) > 100


def test_what_clamps_cut_off_is_decided_without_the_pictures_held_back() -> None:
    graph = inverted_residual()
    some = [0.2 * picture for picture in drawn_pictures(graph, 0)]
    unlike = [3 * p for p in drawn_pictures(graph, 1)]
    alone = equalize(graph, observed(graph, some), None, samples(unlike))
    made = equalize(graph, observed(graph, some, unlike), None, samples(unlike))
    assert made.cut == alone.cut and abs(made.equivalence_db - alone.equivalence_db) < 3
    # The factors know them: channels are wider, and their ranges hold what all pictures show.
    assert made.ranges.by_name["stem"].high > 2 * alone.ranges.by_name["stem"].high


def test_what_was_seen_of_a_tensor_is_carried_along() -> None:
    """Int16 has room for it, whatever int8 cuts off."""
    graph = inverted_residual(NO_CLAMP)
    pictures = drawn_pictures(graph, 0)
    made = equalize(graph, observed(graph, pictures), alike(graph), samples(pictures))
    for name in ("stem", "total"):
        values = [evaluate_graph(made.graph, {"x": picture})[name] for picture in pictures]
        ends = made.ranges.statistics[name]
        assert np.allclose((ends.low, ends.high), (np.min(values), np.max(values)), rtol=1e-3)


def test_relu6_stays_6_and_no_channel_exceeds_its_own() -> None:
    graph = inverted_residual()
    made = equalized(graph)
    assert made.graph.nodes[1].op.clamp == RELU6
    for picture in drawn_pictures(graph, 7, 3):
        value = evaluate_graph(made.graph, {"x": 4 * picture})["up"]
        assert (value / made.maps["up"].scale).max() <= 6.0
        assert value.max() == 6.0


def test_a_padded_reader_forbids_offsets() -> None:
    net = Floats(1, 6, 6, 8)
    a = net("a", ONE, "x", net.random("a.w", 8, 1, 1, 8), net.random("a.b", 8))
    b = net("b", Conv2d(AROUND), a, net.random("b.w", 4, 3, 3, 8))
    maps = equalized(net.graph(b)).maps
    assert not maps["a"].offset.any() and len(np.unique(maps["a"].scale)) > 1


def test_both_sides_of_a_function_are_fixed() -> None:
    net = Floats(1, 6, 6, 8)
    a = net("a", ONE, "x", net.random("a.w", 8, 1, 1, 8))
    swish = net("swish", HardSwish(), a)
    b = net("b", ONE, swish, net.random("b.w", 8, 1, 1, 8))
    gate = net("gate", Sigmoid(), net("mean", GlobalAveragePool(), b))
    gated = net("gated", Mul(), b, net("g", ONE, gate, net.random("g.w", 8, 1, 1, 8)))
    out = net("out", ONE, gated, net.random("out.w", 3, 1, 1, 8))
    classes = channel_classes(net.graph(out)).of
    for name in ("x", "a", "swish", "b", "mean", "gate", "g", "gated", "out"):
        assert (classes[name] == FIXED).all(), name  # b's mean is read by the sigmoid


def test_a_gate_passes_the_factors_of_what_it_multiplies() -> None:
    net = Floats(1, 6, 6, 8)
    a = net("a", ONE, "x", net.random("a.w", 8, 1, 1, 8))
    pre = net("pre", ONE, net("mean", GlobalAveragePool(), a), net.random("pre.w", 8, 1, 1, 8))
    gated = net("gated", Mul(), a, net("gate", Sigmoid(), pre))
    out = net("out", ONE, gated, net.random("out.w", 3, 1, 1, 8))
    classes = channel_classes(net.graph(out)).of
    assert np.array_equal(classes["a"], classes["gated"]) and (classes["a"] != FIXED).all()
    assert np.array_equal(classes["a"], classes["mean"])
    assert all((classes[name] == FIXED).all() for name in ("pre", "gate"))


@pytest.mark.parametrize("clamp", [NO_CLAMP, RELU])
def test_statistics_that_are_missing_fix_a_tensor(clamp: Clamp) -> None:
    graph = inverted_residual(clamp)
    ranges = observed(graph, drawn_pictures(graph, 0))
    channels = {name: c for name, c in ranges.channels.items() if name != "up"}
    made = equalize(graph, replace(ranges, channels=channels), None, [])
    assert "up" not in made.maps and "dw" in made.maps
    assert made.ranges.by_name["up"] == ranges.by_name["up"]


def with_image(graph: Graph) -> Graph:
    """The graph with the input's name that the library's cameras know."""
    nodes = [
        replace(node, inputs=tuple("image" if name == "x" else name for name in node.inputs))
        for node in graph.nodes
    ]
    tensors = {**graph.tensors, "image": replace(graph.tensors["x"], name="image")}
    return graph.with_(nodes=nodes, tensors=tensors, inputs=("image",))


@pytest.mark.host
@pytest.mark.parametrize("seed", [3, 11])
def test_the_c_of_an_equalised_network_computes_the_same_bytes(seed: int, tmp_path: Path) -> None:
    made = equalized(drawn_net(seed), seed)
    graph = with_image(quantize(made.graph, made.ranges))
    c = library(graph, load_board("nucleo-l4r5zi"), tmp_path / "c", "net")
    program = build_program(c.unit, c.kernels, tmp_path / "host")
    pictures = c.pictures(4)
    assert run_program(program, pictures) == b"".join(c.expected(pictures))
