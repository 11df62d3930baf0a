"""What chooses in a float .tflite, against LiteRT: positions, truths, the largest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.frontends.test_tflite_float import F32, SHAPE, Net, check

WORDS = {
    "GREATER": "GreaterOptions",
    "GREATER_EQUAL": "GreaterEqualOptions",
    "LESS": "LessOptions",
    "LESS_EQUAL": "LessEqualOptions",
}


def number(net: Net, value: float) -> int:
    return net.b.constant(np.array(value, F32))


def truth(net: Net, kind: str, options: str, *inputs: int) -> int:
    made = net.b.tensor(SHAPE, np.bool_)
    net.b.op(kind, options, inputs, [made])
    return made


@pytest.mark.parametrize("kind", WORDS)
def test_a_choice(kind: str, tmp_path: Path) -> None:
    net = Net()
    chosen = truth(net, kind, WORDS[kind], net.image, number(net, 0.2))
    sloped = net.op("MUL", "MulOptions", [net.image, number(net, 0.3)], SHAPE)
    net.op("SELECT", "SelectOptions", [chosen, net.image, sloped], SHAPE)
    check(net, tmp_path)


def test_logic(tmp_path: Path) -> None:
    net = Net()
    above = truth(net, "LESS", "LessOptions", number(net, -0.2), net.image)
    beyond = truth(net, "GREATER", "GreaterOptions", net.image, number(net, 0.4))
    within = truth(net, "LOGICAL_NOT", "LogicalNotOptions", beyond)
    both = truth(net, "LOGICAL_AND", "LogicalAndOptions", above, within)
    net.op("SELECT_V2", "SelectV2Options", [both, net.image, number(net, 0.5)], SHAPE)
    check(net, tmp_path)


@pytest.mark.parametrize("kind", ["ARG_MAX", "ARG_MIN"])
def test_the_largest(kind: str, tmp_path: Path) -> None:
    net = Net()
    options = {"ARG_MAX": "ArgMaxOptions", "ARG_MIN": "ArgMinOptions"}[kind]
    net.last = net.b.tensor(SHAPE[:3], np.int32)
    fields = {"outputType": schema.TensorType.INT32}
    net.b.op(kind, options, [net.image, net.ints(3)], [net.last], **fields)
    check(net, tmp_path)


def test_positions(tmp_path: Path) -> None:
    net = Net()
    x = net.op("GATHER", "GatherOptions", [net.image, net.ints(2, 0, 3)], (1, 6, 5, 3), axis=-1)
    net.op("REVERSE_V2", "ReverseV2Options", [x, net.ints(2)], (1, 6, 5, 3))
    check(net, tmp_path)


@pytest.mark.parametrize(
    ("steps", "made"), [((1, -1, 2, 1), (1, 6, 3, 4)), ((1, -2, -3, 1), (1, 3, 2, 4))]
)
def test_slices_backwards(steps: tuple[int, ...], made: tuple[int, ...], tmp_path: Path) -> None:
    net = Net()
    bounds = [net.ints(0, 0, 0, 0), net.ints(0, 0, 0, 0), net.ints(*steps)]
    net.op(
        "STRIDED_SLICE", "StridedSliceOptions", [net.image, *bounds], made, beginMask=15, endMask=15
    )
    check(net, tmp_path)


def test_mirrors(tmp_path: Path) -> None:
    def padded(widths: list[list[int]], symmetric: bool) -> Net:
        net = Net()
        pads = net.b.constant(np.array(widths, np.int32))
        made = [n + sum(pair) for n, pair in zip(SHAPE, widths, strict=True)]
        net.op("MIRROR_PAD", "MirrorPadOptions", [net.image, pads], made, mode=int(symmetric))
        return net

    check(padded([[0, 0], [2, 1], [1, 3], [0, 0]], symmetric=False), tmp_path)
    check(padded([[0, 0], [1, 1], [0, 1], [0, 0]], symmetric=True), tmp_path)
    check(padded([[0, 0], [2, 1], [0, 0], [0, 0]], symmetric=True), tmp_path)


@pytest.mark.parametrize(("adj_x", "adj_y"), [(True, False), (False, True)])
def test_products_of_swapped_axes(adj_x: bool, adj_y: bool, tmp_path: Path) -> None:
    net = Net((1, 6, 4))
    x = net.op("MUL", "MulOptions", [net.image, number(net, 0.7)], (1, 6, 4))
    made = (1, 4, 4) if adj_x else (1, 6, 6)
    fields = {"adjX": adj_x, "adjY": adj_y}
    net.op("BATCH_MATMUL", "BatchMatMulOptions", [x, net.image], made, **fields)
    check(net, tmp_path)


def test_a_quotient_with_an_activation(tmp_path: Path) -> None:
    net = Net()
    net.op("DIV", "DivOptions", [net.image, number(net, -0.5)], SHAPE, fusedActivationFunction=1)
    check(net, tmp_path)
