"""Attention as one operator of ONNX and of ONNX Runtime, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.ir import Graph
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

MICROSOFT = "com.microsoft"
TOKENS, HEADS, DEPTH = 5, 2, 4
WIDTH = HEADS * DEPTH


def linear(net: Net, x: str, c_in: int, c_out: int) -> str:
    return net("Add", net("MatMul", x, net.weights(c_in, c_out)), net.weights(c_out))


def compared(net: Net, folder: Path, *outputs: str) -> Graph:
    model = net.model(*outputs)
    model.opset_import.append(onnx.helper.make_opsetid(MICROSOFT, 1))
    onnx.save(model, str(folder / "net.onnx"))
    return assert_equal_to_runtime(folder / "net.onnx")


def mask_of(kind: str, net: Net, shape: tuple[int, ...]) -> str:
    if kind == "added":
        return net.const(net.rng.normal(0, 1, shape))
    allowed = net.rng.random(shape) < 0.6
    allowed[..., 0] = True
    return net.const(allowed, np.bool_)


@pytest.mark.parametrize("kind", ["none", "added", "bool", "causal"])
@pytest.mark.parametrize("shared", [1, 2])
@pytest.mark.parametrize("axes", [3, 4])
def test_attention(kind: str, shared: int, axes: int, tmp_path: Path) -> None:
    """Heads in channels or on an axis, fewer heads of keys; nothing is transposed."""
    net = Net([1, TOKENS, 6], 23)
    counts, attributes = (HEADS, shared, shared), {}
    operands = [linear(net, "image", 6, n * DEPTH) for n in counts]
    if axes == 3:
        attributes = {"q_num_heads": HEADS, "kv_num_heads": shared}
    else:
        shapes = [net.ints(1, TOKENS, n, DEPTH) for n in counts]
        split = [net("Reshape", x, s) for x, s in zip(operands, shapes, strict=True)]
        operands = [net("Transpose", x, perm=[0, 2, 1, 3]) for x in split]
    if kind in ("added", "bool"):
        operands.append(mask_of(kind, net, (HEADS, TOKENS, TOKENS)))
    net("Attention", *operands, out="y", is_causal=int(kind == "causal"), scale=0.3, **attributes)
    found = kinds(compared(net, tmp_path, "y"))
    assert found.count("Attention") == 1
    if axes == 3:
        assert not {"Transpose", "Permute"} & set(found)


def test_windows_are_a_batch(tmp_path: Path) -> None:
    net = Net([1, 12, 6], 23)
    windows = net("Reshape", linear(net, "image", 6, WIDTH), net.ints(3, 4, WIDTH))
    y = net("Attention", windows, windows, windows, q_num_heads=HEADS, kv_num_heads=HEADS)
    net("Reshape", y, net.ints(1, 12, WIDTH), out="y")
    assert kinds(compared(net, tmp_path, "y")).count("Attention") == 1


@pytest.mark.parametrize("biased", [True, False])
def test_multi_head_attention_of_the_runtime(biased: bool, tmp_path: Path) -> None:
    net = Net([1, TOKENS, WIDTH], 17)
    operands = [linear(net, "image", WIDTH, WIDTH) for _ in range(3)]
    if biased:
        operands.append(net.weights(3 * WIDTH))
    net("MultiHeadAttention", *operands, out="y", domain=MICROSOFT, num_heads=HEADS)
    assert kinds(compared(net, tmp_path, "y")).count("Attention") == 1


@pytest.mark.parametrize("causal", [0, 1])
def test_attention_of_the_runtime(causal: int, tmp_path: Path) -> None:
    """Its projections inside."""
    net = Net([1, TOKENS, 6], 17)
    operands = ["image", net.weights(6, 3 * WIDTH), net.weights(3 * WIDTH)]
    attributes: dict[str, Any] = {"num_heads": HEADS, "unidirectional": causal}
    net("Attention", *operands, out="y", domain=MICROSOFT, **attributes)
    assert kinds(compared(net, tmp_path, "y")).count("Attention") == 1


@pytest.mark.parametrize("op", ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"])
def test_a_sum_and_its_norm(op: str, tmp_path: Path) -> None:
    """The sum is an output of its own."""
    net = Net([1, TOKENS, 6], 17)
    skip = linear(net, "image", 6, 6)
    constants = [net.weights(6) for _ in range(3 if op == "SkipLayerNormalization" else 2)]
    node = onnx.helper.make_node(
        op, ["image", skip, *constants], ["normal", "", "", "sum"], domain=MICROSOFT, epsilon=1e-5
    )
    net.nodes.append(node)
    net("BiasGelu", "normal", net.weights(6), out="y", domain=MICROSOFT)
    net("Neg", "sum", out="z")
    found = kinds(compared(net, tmp_path, "y", "z"))
    assert found.count("LayerNorm") == found.count("Gelu") == 1


@pytest.mark.parametrize(
    ("more", "attributes", "words"),
    [
        (["", "image", "image"], {}, "a network has no memory here"),
        ([], {"softcap": 2.0}, "softcap"),
        ([], {"local_window": 2}, "the attribute local_window is not compiled"),
        ([], {"q_num_heads": 3}, "3 heads of 8 channels"),
        (["image"], {}, "its mask is computed by the network"),
    ],
)
def test_what_is_refused(
    more: list[str], attributes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    net = Net([1, TOKENS, WIDTH], 23)
    heads = {"q_num_heads": HEADS, "kv_num_heads": HEADS, **attributes}
    net("Attention", "image", "image", "image", *more, out="y", **heads)
    with pytest.raises(UnsupportedError, match=words):
        import_onnx(net.save(tmp_path, "y"))


def test_rotary_embeddings_are_refused(tmp_path: Path) -> None:
    net = Net([1, 2, TOKENS, 4], 23)
    tables = [net.weights(1, TOKENS, 2) for _ in range(2)]
    net("RotaryEmbedding", "image", *tables, out="y")
    with pytest.raises(UnsupportedError, match="rotary embeddings"):
        import_onnx(net.save(tmp_path, "y"))
