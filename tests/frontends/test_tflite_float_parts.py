"""Float .tflite: positions in any order, new axes, dilation by batches of phases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.load import load_model
from mcucc.passes.pipeline import optimize
from tests.frontends.test_tflite_float import SHAPE, Net, check


@pytest.mark.parametrize(
    ("kind", "made", "more", "fields"),
    [
        ("GATHER", (1, 6, 5, 3), ([3, 0, 2],), {"axis": 3}),
        ("GATHER", (1, 2, 2, 5, 4), ([[2, 0], [1, 1]],), {"axis": 1}),
        ("GATHER_ND", (2, 4), ([[0, 1, 2], [0, 3, 3]],), {}),
        ("REVERSE_V2", SHAPE, ([2],), {}),
        ("MIRROR_PAD", (1, 9, 7, 4), ([[0, 0], [2, 1], [1, 1], [0, 0]],), {"mode": 0}),
        ("MIRROR_PAD", (1, 9, 7, 4), ([[0, 0], [2, 1], [1, 1], [0, 0]],), {"mode": 1}),
        ("STRIDED_SLICE", (1, 3, 5, 4), ([0, -1], [1, -7], [1, -2]), {}),
        ("STRIDED_SLICE", (1, 1, 6, 4), ([0, 0, 0, 2], [1, 0, 6, 3], [1] * 4),
         {"newAxisMask": 2, "shrinkAxisMask": 8}),  # a row, and one column of it
        ("STRIDED_SLICE", (1, 6, 5, 2), ([0, 1], [0, 3], [1, 1]), {"ellipsisMask": 1}),
    ],
)  # fmt: skip
def test_positions(
    kind: str, made: Sequence[int], more: Any, fields: dict[str, int], tmp_path: Path
) -> None:
    net = Net()
    words = {"GATHER_ND": "GatherNd", "REVERSE_V2": "ReverseV2"}.get(kind)
    words = words or "".join(word.title() for word in kind.split("_"))
    operands = [net.b.constant(np.array(values, np.int32)) for values in more]
    net.op(kind, f"{words}Options", [net.image, *operands], made, **fields)
    check(net, tmp_path)


def dilated(net: Net, **fields: int) -> None:
    """A 3x3 convolution of two blocks each way, and a ReLU, as TensorFlow writes them."""
    block, pads = net.ints(2, 2), net.b.constant(np.array([[2, 2], [2, 3]], np.int32))
    x = net.op("SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions", [net.image, block, pads], (4, 5, 5, 4))
    x = net.conv(x, 4, (4, 3, 3, 4), **({"padding": 1} | fields))
    x = net.op("RELU", None, [x], (4, 3, 3, 4))
    crops = net.b.constant(np.array([[0, 0], [0, 1]], np.int32))
    net.op("BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions", [x, block, crops], (1, 6, 5, 4))


def test_a_dilated_convolution_in_phases(tmp_path: Path) -> None:
    net = Net()
    dilated(net)
    model = check(net, tmp_path)
    (op,) = [n.op for n in optimize(model.graph).nodes if n.op.kind == "Conv2d"]
    assert op.window.dilation == (2, 2)


def test_a_batch_of_phases_is_read_by_few(tmp_path: Path) -> None:
    net = Net()
    dilated(net, strideW=2)
    path = tmp_path / "net.tflite"
    path.write_bytes(net.b.build([net.image], [net.last]))
    with pytest.raises(UnsupportedError, match="a stride or a border within SPACE_TO_BATCH_ND"):
        load_model(path)
