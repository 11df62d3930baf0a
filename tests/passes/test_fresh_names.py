"""Tensors that passes make never take a name of the graph, or one that the model file has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.frontends.onnx.importer import import_onnx
from mcucc.images.samples import ArraySample
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.verify import verify
from mcucc.numerics.fixed_point import Rounding
from mcucc.passes.constant_channels import ENDING, remove_constant_channels
from mcucc.passes.pipeline import optimize
from mcucc.passes.rewrite import Rewriter
from mcucc.quantize.calibrate import Range, Ranges
from mcucc.quantize.lower import lower
from mcucc.quantize.quantize import quantize
from mcucc.quantize.sweep import sweep
from tests.frontends.onnx_nets import Net


def net_of_names(prefix: str) -> Net:
    """Two convolutions, the first with a channel of 0; values called after parts of them."""
    net = Net([1, 3, 6, 6])
    weights = net.rng.normal(size=(4, 3, 3, 3))
    weights[2] = 0
    x = net("Conv", "image", net.const(weights), pads=[1] * 4, out=f"{prefix}x")
    x = net("Relu", x, out=f"{prefix}r")
    x = net("Conv", x, net.weights(5, 4, 3, 3), out=f"{prefix}n_{prefix}x.weights")
    x = net("Sigmoid", x, out=f"{prefix}x.bias")
    x = net("Conv", x, net.weights(4, 5, 1, 1), out=f"n_{prefix}x.bias")
    x = net("Tanh", x, out=f"{prefix}r{ENDING}")
    net("Conv", x, net.weights(2, 4, 1, 1), out="y")
    return net


@pytest.mark.parametrize("prefix", ["", "n_"])
def test_constants_made_on_the_way_to_integers(tmp_path: Path, prefix: str) -> None:
    """Biases added by the sweep, constants of dropped channels, tensors with fewer."""
    imported = import_onnx(net_of_names(prefix).save(tmp_path, "y"))
    graph = optimize(imported.graph)
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 6, 6, 3)).astype(np.float32)
    values = evaluate_graph(graph, {"image": picture})
    by_name = {n: Range(min(float(v.min()), 0), max(float(v.max()), 0)) for n, v in values.items()}
    (port,) = imported.ports
    sample = ArraySample((port,), (port.in_file(picture),))
    quantized = sweep(graph, quantize(graph, Ranges("max", 1, by_name)), [sample])
    verify(quantized)
    removed, said, _ = remove_constant_channels(quantized, Rounding.SINGLE)
    verify(removed)
    assert said.constant or said.dropped
    byte = np.random.default_rng(2).integers(-128, 128, (1, 6, 6, 3)).astype(np.int8)
    ours = [lower(g).run({"image": byte})["y"] for g in (quantized, removed)]
    np.testing.assert_array_equal(*ours)


def test_names_of_values_that_are_gone(tmp_path: Path) -> None:
    """A view of the file is no tensor of the graph; its name still stands for the file's value."""
    net = Net([1, 3, 4, 4])
    net("Relu", net("Transpose", "image", perm=[0, 2, 3, 1], out="moved"), out="y")
    graph = import_onnx(net.save(tmp_path, "y")).graph
    assert "moved" not in graph.tensors
    assert graph.fresh("moved") != "moved"
    assert Rewriter(graph).fresh("moved") != "moved"
    assert graph.fresh("new", {"new", "new.1"}) == "new.2"
