"""Which value a quantized ONNX file rounds, and who reads it before and behind that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from mcucc.errors import ModelError, UnsupportedError
from mcucc.frontends.qdq import settle as qdq_settle
from tests.frontends.qdq_nets import QuantNet, imported, kinds, steps_off

SHAPE = (1, 3, 6, 6)
COARSE, FINE, CLOSE = 0.05, 0.005, 0.04


def two_branches(scales: tuple[float, float]) -> tuple[QuantNet, str, str]:
    """Two convolutions, the second of values ten times as large."""
    net = QuantNet(SHAPE)
    x = net.pair("image", 0.02)
    a = net.pair(net.qconv(x, 3, 4), scales[0], 3)
    return net, a, net.pair(net.qconv(x, 3, 4), scales[1], -9)


# Tails without a quantization of their own


@pytest.mark.parametrize("op", ["Concat", "Max", "Min"])
def test_a_tail_of_unlike_scales_is_refused(tmp_path: Path, op: str) -> None:
    """No scale of eight bits holds both: the message says whose scales, and what to do."""
    net, a, b = two_branches((FINE, COARSE))
    net(op, a, b, out="y", **({"axis": 1} if op == "Concat" else {}))
    with pytest.raises(UnsupportedError, match=r"0\.005 \(3\), 0\.05 \(-9\), its output none"):
        imported(net.qsave(tmp_path, "y"))


@pytest.mark.parametrize("op", ["Concat", "Max", "Min"])
@pytest.mark.parametrize("scales", [(COARSE, COARSE), (CLOSE, COARSE), (COARSE, CLOSE)])
def test_a_tail_of_like_scales(tmp_path: Path, op: str, scales: tuple[float, float]) -> None:
    """No value is cut off; beside the coarser scale the finer loses half a step of it."""
    net = QuantNet(SHAPE)
    x = net.pair("image", 0.02)
    branches = [net.pair(net.qconv(x, 3, 4), scale) for scale in scales]
    y = net(op, *branches, **({"axis": -3} if op == "Concat" else {}))
    assert np.abs(steps_off(net.qsave(tmp_path, y), reach=6.0)).max() <= 1.01


@pytest.mark.parametrize(
    ("value", "tail", "fits"),
    [
        (0.0, True, True),
        (-0.5, True, True),
        (-4.0, True, False),
        (-4.0, False, True),
        (0.0123, True, False),
        (0.0123, False, True),
    ],
)
def test_a_border_in_the_scale_of_its_reader(
    tmp_path: Path, value: float, tail: bool, fits: bool
) -> None:
    """Beyond the input's range, or between its steps: in the next scale, or refused."""
    net = QuantNet(SHAPE)
    a = net.pair(net.qconv(net.pair("image", 0.02), 3, 4), FINE)
    y = net("Pad", a, net.ints(0, 0, 1, 1, 0, 0, 2, 1), net.const(value))
    path = net.qsave(tmp_path, y if tail else net.pair(y, COARSE))
    if fits:
        assert np.abs(steps_off(path)).max() <= 1.01
        return
    with pytest.raises(UnsupportedError, match="border of"):
        imported(path)


# Values that are rounded twice, or read before they are


def test_a_value_rounded_in_two_ways(tmp_path: Path) -> None:
    """Each from the sums themselves, not one from the other, whose range may be smaller."""
    for scales in ((FINE, COARSE), (COARSE, FINE)):
        net = QuantNet(SHAPE)
        v = net.qconv(net.pair("image", 0.02), 3, 4)
        outputs = [net.pair(v, scale, zero) for scale, zero in zip(scales, (3, -9), strict=True)]
        path = net.qsave(tmp_path, *outputs)
        assert np.abs(steps_off(path)).max() <= 1.01
        assert kinds(path) == ["Conv2d", "Conv2d"]


def test_a_value_rounded_in_very_many_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are bounded: one message, however many there would be."""
    monkeypatch.setattr(qdq_settle, "MOST_COPIES", 3)
    net = QuantNet(SHAPE)
    v = net.qconv(net.pair("image", 0.02), 3, 4)
    path = net.qsave(tmp_path, *(net.pair(v, 0.01 * (i + 1)) for i in range(6)))
    with pytest.raises(UnsupportedError, match="rounded in several ways") as error:
        imported(path)
    assert len(error.value.problems) == 1


Reader = Callable[[QuantNet, str], str]
READERS: dict[str, Reader] = {
    "Relu": lambda net, v: net("Relu", v),
    "Clip": lambda net, v: net("Clip", v, net.const(-0.21), net.const(0.43)),
    "Mul": lambda net, v: net("Mul", v, net.const(net.rng.normal(size=(1, 4, 1, 1)))),
    "MaxPool": lambda net, v: net("MaxPool", v, kernel_shape=[2, 2]),
    "Transpose": lambda net, v: net("Transpose", v, perm=[0, 1, 3, 2]),
    "Concat": lambda net, v: net("Concat", v, v, axis=1),
}


@pytest.mark.parametrize("name", list(READERS))
def test_a_value_read_before_it_is_rounded(tmp_path: Path, name: str) -> None:
    """The reader sees the sums: neither rounded nor cut off in the scale of another."""
    net = QuantNet(SHAPE)
    v = net.qconv(net.pair("image", 0.02), 3, 4)
    rounded = net.pair(v, FINE, 3)
    y = net.pair(READERS[name](net, v), COARSE, -9)
    for outputs in ((rounded, y), (y, rounded)):
        assert np.abs(steps_off(net.qsave(tmp_path, *outputs))).max() <= 1.01


def test_a_value_that_is_also_a_float_output(tmp_path: Path) -> None:
    net = QuantNet(SHAPE)
    v = net.qconv(net.pair("image", 0.02), 3, 4)
    with pytest.raises(UnsupportedError, match=r"n_conv_\d+ \[Conv\]: its output has no quant"):
        imported(net.qsave(tmp_path, v, net.pair(v, COARSE)))


def test_an_input_rounded_in_two_ways_is_refused(tmp_path: Path) -> None:
    net = QuantNet(SHAPE)
    y = net("Concat", net.pair("image", 0.02), net.pair("image", 0.03), axis=1)
    with pytest.raises(UnsupportedError, match=r"image \[input\]: it is rounded in 2 ways"):
        imported(net.qsave(tmp_path, net.pair(net.qconv(y, 6, 2), COARSE)))


def test_an_input_in_float_names_who_reads_it(tmp_path: Path) -> None:
    net = QuantNet(SHAPE)
    y = net.pair(net("Sub", "image", net.const(0.5)), 0.02)
    with pytest.raises(UnsupportedError, match=r"n_sub_0 \[Sub\] reads it in float") as error:
        imported(net.qsave(tmp_path, net.pair(net.qconv(y, 3, 2), COARSE)))
    assert len(error.value.problems) == 1


def test_a_chain_of_scales(tmp_path: Path) -> None:
    """Rounded again and again: each time from what the last left."""
    net = QuantNet(SHAPE)
    x = net.pair(net.pair(net.pair("image", 0.02), FINE, 60), COARSE, -3)
    path = net.qsave(tmp_path, net.pair(net.qconv(x, 3, 4), COARSE))
    assert np.abs(steps_off(path)).max() <= 1.01
    assert kinds(path) == ["Requantize", "Requantize", "Conv2d"]


def test_a_gate_of_one_channel(tmp_path: Path) -> None:
    """A picture times one value for every pixel: the channel is repeated as it is."""
    net = QuantNet(SHAPE)
    x = net.pair(net.qconv(net.pair("image", 0.02), 3, 4), COARSE, 3)
    gate = net.pair(net("Sigmoid", net.pair(net.qconv(x, 4, 1), 0.1)), 1 / 256, -128)
    path = net.qsave(tmp_path, net.pair(net("Mul", x, gate), COARSE, 3))
    assert np.abs(steps_off(path)).max() <= 1.01


@pytest.mark.parametrize("length", [60, 300])
def test_a_long_way_out(tmp_path: Path, length: int) -> None:
    """Behind a Sigmoid one operator that moves values after the other, in pairs that meet again."""
    net = QuantNet(SHAPE)
    x = net("Sigmoid", net.pair("image", 0.05))
    for _ in range(length):
        x = net("Max", *(net("MaxPool", x, kernel_shape=[1, 1]) for _ in range(2)))
    path = net.qsave(tmp_path, x)
    assert len(imported(path).graph.nodes) == 3 * length + 1


# Names and order


def test_names_that_an_importer_could_have_made(tmp_path: Path) -> None:
    """Values and nodes called like parts of others: two values, two nodes, whatever their names."""
    net = QuantNet(SHAPE)
    v = net.qconv(net.pair("image", 0.02), 3, 4)
    ends, others = net.ends(COARSE), net.ends(0.03)
    x = net("QuantizeLinear", v, *ends, out="a")
    x = net.dq(x, ends)
    y = net.dq(net("QuantizeLinear", v, *others, out="a.real"), others)
    z = net.pair(net("Add", x, y, out="a.real.2"), 0.1)
    z = net("MaxPool", net.dq(net.q(z, others), ends), kernel_shape=[2, 2], out="a.rescaled")
    w = net.qweights(5, 100)
    z = net("MatMul", net("Flatten", z, out="a.own_scale"), net("Transpose", w), out="m")
    z = net("Add", z, net.weights(5), out="m.flat")
    z = net.pair(net("Relu", z, out="m.weights"), 0.1)
    z = net.pair(net("Identity", z, out="m.bias"), 0.2)
    path = net.qsave(tmp_path, z)
    assert np.abs(steps_off(path)).max() <= 1.01
    plain, model = kinds(path), onnx.load(path)
    for number, node in enumerate(model.graph.node):  # now every node like a part of the last
        node.name = "n" + ".reshape" * (number % 3) + ".read" * (number % 4) + ".again" * number
    onnx.save(model, path)
    assert kinds(path) == plain
    assert np.abs(steps_off(path)).max() <= 1.01


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("op", ["Reshape", "Relu", "Add", "DequantizeLinear"])
def test_values_that_wait_for_themselves(tmp_path: Path, length: int, op: str) -> None:
    """A cycle of one, two or three nodes, of layouts, floats or integers."""
    net = QuantNet(SHAPE)
    x = net.pair("image", 0.02)
    last = f"loop_{length - 1}"
    for i in range(length):
        others = {"Reshape": [net.ints(*SHAPE)], "Add": [x], "DequantizeLinear": net.ends(0.1)}
        net(op, last, *others.get(op, []), out=f"loop_{i}")
        last = f"loop_{i}"
    path = net.qsave(tmp_path, net.pair(last, 0.1))
    with pytest.raises(ModelError, match=r"reads loop_.*nothing before it computes"):
        imported(path)


def test_values_that_are_made_twice(tmp_path: Path) -> None:
    net = QuantNet(SHAPE)
    y = net.pair("image", 0.02)
    model = net.model(y)
    model.graph.node.append(helper.make_node("Relu", [y], [y], name="again"))
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="is computed twice"):
        imported(tmp_path / "net.onnx")
