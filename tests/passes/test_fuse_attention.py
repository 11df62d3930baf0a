"""Attention in the spellings of its exporters: one node, and what ONNX Runtime computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.ops.attention import Attention
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

TOKENS, HEADS, DEPTH = 12, 2, 4
WIDTH = HEADS * DEPTH


def tokens(net: Net) -> str:
    """Pixels of a convolution as tokens (1, 12, 8)."""
    x = net("Reshape", net.conv("image", 3, WIDTH), net.ints(1, WIDTH, TOKENS))
    return net("Transpose", x, perm=[0, 2, 1])


def linear(net: Net, x: str, inputs: int, outputs: int) -> str:
    return net("Add", net("MatMul", x, net.weights(inputs, outputs)), net.weights(outputs))


def heads_of(net: Net, x: str) -> str:
    split = net("Reshape", x, net.ints(1, TOKENS, HEADS, DEPTH))
    return net("Transpose", split, perm=[0, 2, 1, 3])


def weighted(net: Net, scores: str, v: str) -> str:
    y = net("MatMul", net("Softmax", scores, axis=-1), v)
    joined = net("Reshape", net("Transpose", y, perm=[0, 2, 1, 3]), net.ints(1, TOKENS, WIDTH))
    return linear(net, joined, WIDTH, 3)


def only_attention(path: Path) -> Attention:
    graph = assert_equal_to_runtime(path)
    assert "MatMul" not in kinds(graph) and "Softmax" not in kinds(graph)
    assert "Transpose" not in kinds(graph)
    (found,) = (node.op for node in graph.nodes if isinstance(node.op, Attention))
    return found


@pytest.mark.parametrize("scaled", ["queries", "both", "product", "divided"])
@pytest.mark.parametrize("bias", ["none", "a table", "a row of keys"])
def test_scales_and_biases(scaled: str, bias: str, tmp_path: Path) -> None:
    net = Net([1, 3, 3, 4])
    x = tokens(net)
    q, k, v = (heads_of(net, linear(net, x, WIDTH, WIDTH)) for _ in range(3))
    k = net("Transpose", k, perm=[0, 1, 3, 2])
    if scaled in ("queries", "both"):
        q = net("Mul", q, net.const(0.7))
    if scaled == "both":
        k = net("Mul", k, net.const(0.7))
    scores = net("MatMul", q, k)
    if scaled == "product":
        scores = net("Mul", scores, net.const(0.5))
    if scaled == "divided":
        scores = net("Div", scores, net.const(2.0))
    if bias == "a table":
        scores = net("Add", scores, net.weights(1, HEADS, TOKENS, TOKENS, scale=1))
    if bias == "a row of keys":
        scores = net("Add", net.weights(TOKENS, scale=1), scores)
    op = only_attention(net.save(tmp_path, weighted(net, scores, v)))
    assert op.heads == HEADS
    assert (op.bias is None) == (bias == "none")


def test_one_projection_cut_in_three(tmp_path: Path) -> None:
    """(1, T, 3, heads, depth), as timm's and the old exporter's reshapes have it."""
    net = Net([1, 3, 3, 4])
    qkv = net("Reshape", linear(net, tokens(net), WIDTH, 3 * WIDTH), net.ints(1, 12, 3, 2, 4))
    parts = net("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    q, k, v = (net("Gather", parts, net.const(i, np.int64), axis=0) for i in range(3))
    scores = net("MatMul", q, net("Transpose", k, perm=[0, 1, 3, 2]))
    only_attention(net.save(tmp_path, weighted(net, net("Mul", scores, net.const(0.5)), v)))


def test_channels_first(tmp_path: Path) -> None:
    """v attn^T on (1, heads, depth, T), as YOLO11 has it."""
    net = Net([1, 3, 3, 4])
    x = net("Reshape", net.conv("image", 3, 2 * (2 + 2 + 4), 1), net.ints(1, 2, 8, 12))
    net("Split", x, net.ints(2, 2, 4), out="q", axis=2)
    net.nodes[-1].output.extend(["k", "v"])
    scores = net("MatMul", net("Transpose", "q", perm=[0, 1, 3, 2]), "k")
    weights = net("Softmax", net("Mul", scores, net.const(0.6)), axis=-1)
    y = net("MatMul", "v", net("Transpose", weights, perm=[0, 1, 3, 2]))
    y = net("Reshape", y, net.ints(1, 8, 3, 4))
    only_attention(net.save(tmp_path, net.conv(y, 8, 3, 1)))


def test_scores_that_are_an_output_stay(tmp_path: Path) -> None:
    net = Net([1, 3, 3, 4])
    q, k, v = (heads_of(net, linear(net, tokens(net), WIDTH, WIDTH)) for _ in range(3))
    scores = net("MatMul", q, net("Transpose", k, perm=[0, 1, 3, 2]))
    path = net.save(tmp_path, weighted(net, scores, v), scores)
    assert kinds(assert_equal_to_runtime(path)).count("MatMul") == 2


def test_a_projection_cut_in_three_is_three(tmp_path: Path) -> None:
    """Weights of parts, heads between them or inside them: no Slice is left."""
    net = Net([1, 3, 3, 4])
    parts = net("Reshape", linear(net, tokens(net), WIDTH, 3 * WIDTH), net.ints(1, 12, 2, 12))
    net("Split", net("Transpose", parts, perm=[0, 2, 1, 3]), net.ints(4, 4, 4), out="q", axis=3)
    net.nodes[-1].output.extend(["k", "v"])
    scores = net("MatMul", "q", net("Transpose", "k", perm=[0, 1, 3, 2]))
    graph = assert_equal_to_runtime(net.save(tmp_path, weighted(net, scores, "v")))
    assert kinds(graph) == ["Conv2d"] * 4 + ["Attention", "Conv2d", "Reshape"]
