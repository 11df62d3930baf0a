"""Opsets 7 to 10 in the words of 11, against ONNX Runtime, which reads the old ones itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest

from mcucc.errors import ModelError
from mcucc.frontends.onnx.dialects import NEWEST_OPSET
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime

SHAPE = [1, 3, 8, 6]
OLD: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "Slice": ((7, 9), {"starts": [1, 2], "ends": [-1, 2**63 - 1], "axes": [2, 3]}),
    "Clip": ((7, 10), {"min": -0.25, "max": 0.5}),
    "Pad": ((7, 10), {"pads": [0, 0, 1, 2, 0, 0, 0, 1], "value": 0.75}),
    "Upsample": ((7, 8), {"scales": [1.0, 1.0, 2.0, 2.0], "mode": "nearest"}),
}


@pytest.mark.parametrize(("op", "opset"), [(op, opset) for op in OLD for opset in OLD[op][0]])
def test_attributes_that_became_inputs(op: str, opset: int, tmp_path: Path) -> None:
    net = Net(SHAPE, opset)
    x = net.conv("image", 3, 4)
    net(op, x, out="y", **OLD[op][1])
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_a_clip_of_one_bound_keeps_the_other_open(tmp_path: Path) -> None:
    net = Net(SHAPE, 9)
    net("Clip", net.conv("image", 3, 4), out="y", min=0.125)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("op", ["Upsample", "Resize"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_scales_that_are_an_input_enlarge_from_the_corner(
    op: str, mode: str, tmp_path: Path
) -> None:
    net = Net(SHAPE, 9 if op == "Upsample" else 10)
    net(op, net.conv("image", 3, 4), net.const([1, 1, 2, 2]), out="y", mode=mode)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_a_network_of_opset_7(tmp_path: Path) -> None:
    net = Net(SHAPE, 7)
    x = net("Relu", net.batch_norm(net.conv("image", 3, 6), 6))
    x = net("Dropout", net("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), ratio=0.25)
    x = net("Reshape", x, net.ints(1, -1))
    x = net("Gemm", x, net.weights(5, 72), net.weights(5), transB=1)
    net("Softmax", x, out="y")
    path = net.save(tmp_path, "y")
    model = onnx.load(str(path))
    model.ir_version = 3  # weights are inputs, too
    for tensor in model.graph.initializer:
        value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.append(value)
    onnx.save(model, str(path))
    assert_equal_to_runtime(path)


@pytest.mark.parametrize(
    ("opset", "op", "attributes", "why"),
    [
        (7, "BatchNormalization", {"spatial": 0}, "statistics of every pixel"),
        (9, "Slice", {"starts": [0]}, "a Slice without its starts and ends"),
        (8, "Upsample", {}, "an Upsample without scales"),
        (10, "Pad", {}, "a Pad without pads"),
        (10, "Resize", {}, "a Resize of 1 inputs"),
        (6, "Relu", {}, "the model has opset 6"),
        (NEWEST_OPSET + 1, "Relu", {}, f"the model has opset {NEWEST_OPSET + 1}"),
    ],
)
def test_what_no_newer_operator_means_is_said(
    opset: int, op: str, attributes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    net = Net(SHAPE, opset)
    net(op, "image", out="y", **attributes)
    with pytest.raises(ModelError, match=why):
        import_onnx(net.save(tmp_path, "y"))
