"""Choices by a comparison of a tensor become one function of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.driver.network_file import load_graph, save_graph
from mcucc.ops.composed import Composed, Step
from mcucc.ops.elu import Elu
from mcucc.passes.pipeline import optimize
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds


def selu(net: Net, x: str, out: str) -> None:
    """As Keras' converter spells it."""
    inner = net("Mul", net("Sub", net("Exp", x), net.const(1.0)), net.const(1.7580993))
    chosen = net("Greater", x, net.const(0.0))
    net("Where", chosen, net("Mul", x, net.const(1.0507)), inner, out=out)


def composed(path: Path) -> list[Composed]:
    graph = optimize(assert_equal_to_runtime(path))
    assert not {"Mul", "Add", "Function"} & set(kinds(graph))
    return [node.op for node in graph.nodes if isinstance(node.op, Composed)]


def test_selu_as_it_is_written_out(tmp_path: Path) -> None:
    net = Net([1, 3, 6, 6])
    selu(net, net.conv("image", 3, 4), "y")
    (op,) = composed(net.save(tmp_path, "y"))
    x = np.linspace(-6, 6, 101)
    want = 1.0507 * np.where(x > 0, x, 1.7580993 / 1.0507 * np.expm1(np.minimum(x, 0)))
    np.testing.assert_allclose(op.function(x), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("word", ["Greater", "LessOrEqual"])
def test_thresholds_and_slopes_behind_one_another(word: str, tmp_path: Path) -> None:
    """The second one is a function of the same tensor, and of the first one's truth."""
    net = Net([1, 3, 6, 6])
    x = net.conv("image", 3, 4)
    chosen = net(word, x, net.const(0.3))
    y = net("Where", chosen, net("LeakyRelu", x, alpha=0.2), net.const(0.5))
    y = net("Where", net("Less", x, net.const(-1.0)), net("Sigmoid", x), y)
    net("Relu", y, out="y")
    (op,) = composed(net.save(tmp_path, "y"))
    assert op.steps[0].operands == (0,)


def test_of_a_choice_between_tensors_the_part_that_is_a_function(tmp_path: Path) -> None:
    net = Net([1, 3, 6, 6])
    x, other = net.conv("image", 3, 4), net.conv("image", 3, 4)
    chosen = net("Greater", x, net.const(0.0))
    net("Where", chosen, x, other, out="y")
    graph = optimize(assert_equal_to_runtime(net.save(tmp_path, "y")))
    assert [kinds(graph).count(kind) for kind in ("Composed", "Mul", "Add")] == [1, 1, 1]


def test_steps_are_saved_and_checked(tmp_path: Path) -> None:
    net = Net([1, 3, 6, 6])
    selu(net, net.conv("image", 3, 4), "y")
    graph = optimize(assert_equal_to_runtime(net.save(tmp_path, "y")))
    save_graph(graph, tmp_path / "net.npz")
    assert load_graph(tmp_path / "net.npz").nodes == graph.nodes

    made = Step.of(Elu(0.5), 0)
    assert made == Step("Elu", (0,), (0.5,))
    x = np.array([-2.0, 3.0])
    np.testing.assert_array_equal(Composed((made,)).function(x), Elu(0.5).function(x))
    for wrong in (
        Step("Nothing", (0,)),
        Step("Add", (0,)),
        Step("Add", (0, 1)),
        Step("Elu", (0,)),
    ):
        with pytest.raises(ValueError, match=wrong.word):
            Composed((wrong,))
