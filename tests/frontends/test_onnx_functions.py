"""Functions of one value and sequences of one dimension, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest

from mcucc.passes.pipeline import optimize
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

POSITIVE = ("Log", "Sqrt", "Reciprocal")
PLAIN = ("Ceil", "Cos", "Exp", "Floor", "Round", "Sign", "Sin", "Softsign", *POSITIVE)
WITH: dict[str, dict[str, Any]] = {
    "Celu": {"alpha": 0.75},
    "Selu": {},
    "Shrink": {"lambd": 0.3, "bias": 0.1},
    "ThresholdedRelu": {"alpha": 0.4},
}


def input_of(net: Net, op: str) -> str:
    """Values that the function has."""
    x = net.conv("image", 3, 4)
    return net("Add", net("Abs", x), net.const(0.25)) if op in POSITIVE else x


@pytest.mark.parametrize("op", [*PLAIN, *WITH])
def test_functions(op: str, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    net(op, input_of(net, op), out="y", **WITH.get(op, {}))
    assert kinds(assert_equal_to_runtime(net.save(tmp_path, "y"))).count("Function") == 1


@pytest.mark.parametrize("exponent", [-1.0, 0.5, 1.5, 4.0])
def test_powers(exponent: float, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    net("Pow", input_of(net, "Log"), net.const(exponent), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_powers_of_a_number_and_quotients_of_one(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    net("Div", net.const(3.0), net("Pow", net.const(1.5), "image"), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(("op", "attributes"), [("Gelu", {}), ("QuickGelu", {"alpha": 1.5})])
def test_names_of_onnx_runtime(op: str, attributes: dict[str, Any], tmp_path: Path) -> None:
    net = Net([1, 7, 6])
    net(op, "image", out="y", domain="com.microsoft", **attributes)
    model = net.model("y")
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, str(tmp_path / "net.onnx"))
    assert_equal_to_runtime(tmp_path / "net.onnx")


def test_a_network_of_sequences(tmp_path: Path) -> None:
    net = Net([1, 6, 20])
    x = net("Conv", "image", net.weights(8, 6, 3), net.weights(8), pads=[1, 1], strides=[2])
    x = net("Conv", x, net.weights(8, 1, 3), pads=[2, 2], dilations=[2], group=8)
    x = net("MaxPool", net.batch_norm(x, 8), kernel_shape=[2], strides=[2])
    x = net("ConvTranspose", x, net.weights(8, 4, 2), strides=[2])
    x = net("AveragePool", net("Relu", x), kernel_shape=[3], pads=[1, 1])
    x = net("Flatten", net("GlobalAveragePool", x))
    net("Gemm", x, net.weights(4, 3), net.weights(3), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_causal_convolutions(tmp_path: Path) -> None:
    """Borders of sequences, in front only: windows of the convolutions behind them."""
    net = Net([1, 6, 20])
    x = net("Pad", "image", net.ints(0, 0, 2, 0, 0, 0))
    x = net("Relu", net("Conv", x, net.weights(8, 6, 3), net.weights(8)))
    x = net("Pad", x, net.ints(0, 0, 4, 0, 0, 0))
    net("Conv", x, net.weights(4, 8, 3), dilations=[2], out="y")
    graph = optimize(assert_equal_to_runtime(net.save(tmp_path, "y")))
    assert "Pad" not in [node.op.kind for node in graph.nodes]


@pytest.mark.parametrize("shape", [[1, 6, 5], [1, 7]])
def test_borders_of_sequences_and_vectors(shape: list[int], tmp_path: Path) -> None:
    net = Net(shape)
    pads = [0, *range(1, len(shape)), 0, *range(2, len(shape) + 1)]
    net("Pad", net("Relu", "image"), net.ints(*pads), net.const(1.5), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))
