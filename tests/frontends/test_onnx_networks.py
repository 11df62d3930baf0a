"""Whole networks in the styles of torch's two exporters and tf2onnx, against ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds


def _activation(net: Net, x: str) -> str:
    return net("Clip", x, net.node_const(0.0), net.node_const(6.0))


@pytest.mark.parametrize("opset", [11, 12, 13, 15, 17, 18, 20, 22])
def test_old_torch_exporter_with_dynamic_batch(tmp_path: Path, opset: int) -> None:
    net = Net(["batch", 3, 9, 11], opset)
    x = _activation(net, net.batch_norm(net.conv("image", 3, 8, bias=False, strides=[2, 2]), 8))
    y = _activation(net, net.batch_norm(net.conv(x, 8, 8, group=8, bias=False), 8))
    y = net.batch_norm(net.conv(y, 8, 8, 1, bias=False), 8)
    x = net("Add", x, y)
    x = net("GlobalAveragePool", x)
    size = net("Gather", net("Shape", x), net.node_const(0, np.int64), axis=0)
    shape = net("Concat", net.axes_op("Unsqueeze", size, 0), net.node_const([-1], np.int64), axis=0)
    x = net("Reshape", x, shape)
    net("Gemm", x, net.weights(5, 8), net.weights(5), out="logits", transB=1)
    graph = assert_equal_to_runtime(net.save(tmp_path, "logits"))
    assert kinds(graph) == [
        "Conv2d",
        "DepthwiseConv2d",
        "Conv2d",
        "Add",
        "GlobalAveragePool",
        "FullyConnected",
    ]


def test_dynamo_exporter(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8], 18)
    x = net("Clip", net.conv("image", 3, 6), net.const(0.0), net.const(6.0))
    x = net("Relu", net.conv(x, 6, 12, group=6))
    x = net.mean(x, [-1, -2], 1)
    x = net("Reshape", x, net.ints(1, -1), allowzero=1)
    net("Gemm", x, net.weights(12, 4), net.weights(4), out="logits", alpha=0.5, beta=2.0)
    graph = assert_equal_to_runtime(net.save(tmp_path, "logits"))
    assert kinds(graph) == ["Conv2d", "DepthwiseConv2d", "GlobalAveragePool", "FullyConnected"]


def test_tf2onnx_stores_its_nhwc_input_as_it_is(tmp_path: Path) -> None:
    net = Net([1, 8, 10, 3], 13)
    x = net("Div", net("Sub", "image", net.const([0.4, 0.5, 0.6])), net.const([0.2, 0.3, 0.25]))
    x = net("Transpose", x, perm=[0, 3, 1, 2])
    x = net("Relu", net.conv(x, 3, 8, auto_pad="SAME_UPPER", strides=[2, 2], pads=None))
    x = net("Transpose", x, perm=[0, 2, 3, 1])
    x = net("Add", net("Mul", x, net.weights(8)), net.weights(8))
    x = net("ReduceMean", x, axes=[1, 2], keepdims=0)
    x = net("Add", net("MatMul", x, net.weights(8, 4)), net.weights(4))
    net("Softmax", x, out="scores")
    graph = assert_equal_to_runtime(net.save(tmp_path, "scores"))
    assert graph.tensors["image"].shape == (1, 8, 10, 3)
    assert kinds(graph)[-3:] == ["GlobalAveragePool", "FullyConnected", "Softmax"]
    assert "Transpose" not in kinds(graph)


def test_flatten_of_a_map_permutes_the_matrix(tmp_path: Path) -> None:
    net = Net([1, 1, 12, 10])
    x = net("MaxPool", net("Relu", net.conv("image", 1, 4)), kernel_shape=[2, 2], strides=[2, 2])
    x = net("Relu", net("Gemm", net("Flatten", x), net.weights(7, 120), net.weights(7), transB=1))
    net("Gemm", x, net.weights(7, 3), out="logits")
    graph = assert_equal_to_runtime(net.save(tmp_path, "logits"))
    assert kinds(graph) == ["Conv2d", "MaxPool", "FullyConnected", "FullyConnected"]


def test_decomposed_hard_swish_and_squeeze_excite(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8], 13)
    x = net.conv("image", 3, 8)
    gate = net("Clip", net("Add", x, net.const(3.0)), net.const(0.0), net.const(6.0))
    x = net("Div", net("Mul", x, gate), net.const(6.0))
    s = net("Relu", net.conv(net("GlobalAveragePool", x), 8, 4, 1))
    s = net.conv(s, 4, 8, 1)
    s = net(
        "Div",
        net("Clip", net("Add", s, net.const(3.0)), net.const(0.0), net.const(6.0)),
        net.const(6.0),
    )
    x = net("Mul", s, x)
    net("GlobalAveragePool", x, out="features")
    graph = assert_equal_to_runtime(net.save(tmp_path, "features"))
    assert kinds(graph) == [
        "Conv2d",
        "HardSwish",
        "GlobalAveragePool",
        "Conv2d",
        "Conv2d",
        "Mul",
        "GlobalAveragePool",
    ]


def test_squeeze_excite_through_dense_layers(tmp_path: Path) -> None:
    net = Net([1, 8, 6, 6], 14)
    x = net("HardSwish", "image")
    s = net("Flatten", net("GlobalAveragePool", x))
    s = net("Relu", net("Gemm", s, net.weights(2, 8), net.weights(2), transB=1))
    s = net("HardSigmoid", net("Gemm", s, net.weights(8, 2), transB=1), alpha=1 / 6)
    s = net("Reshape", s, net.ints(1, 8, 1, 1))
    net("Mul", x, s, out="features")
    graph = assert_equal_to_runtime(net.save(tmp_path, "features"))
    assert "Reshape" not in kinds(graph) and "Transpose" not in kinds(graph)


def test_silu_and_hard_swish_from_hard_sigmoid(tmp_path: Path) -> None:
    net = Net([1, 3, 6, 6], 14)
    x = net.conv("image", 3, 4)
    x = net("Mul", x, net("Sigmoid", x))
    net("Mul", net("HardSigmoid", x, alpha=1 / 6), x, out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert kinds(graph) == ["Conv2d", "Silu", "HardSwish"]


def test_u_net_keeps_its_map_output(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8])
    a = net("Relu", net.conv("image", 3, 6))
    b = net("Relu", net.conv(a, 6, 8, strides=[2, 2]))
    up = net(
        "Resize",
        b,
        "",
        net.const([1, 1, 2, 2]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    x = net("Concat", up, a, axis=1)
    x = net.conv(x, 14, 2, 1)
    net("Sigmoid", x, out="mask")
    graph = assert_equal_to_runtime(net.save(tmp_path, "mask"))
    assert graph.tensors["mask"].shape == (1, 8, 8, 2)
    assert "Transpose" not in kinds(graph)


def test_channel_shuffle_behind_groups_is_one_copy_within_pixels(tmp_path: Path) -> None:
    net = Net([1, 4, 6, 5])
    x = net.conv("image", 4, 8, 1, group=2)
    x = net("Reshape", x, net.ints(1, 2, 4, 6, 5))
    x = net("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = net("Reshape", x, net.ints(0, -1, 6, 5))
    net.conv(x, 8, 8, 3, group=8)
    graph = assert_equal_to_runtime(net.save(tmp_path, net.nodes[-1].output[0]))
    assert kinds(graph) == ["Conv2d", "GatherChannels", "DepthwiseConv2d"]


def test_detection_head_in_the_order_of_the_file(tmp_path: Path) -> None:
    net = Net([1, 3, 6, 6])
    x = net.conv("image", 3, 10)
    x = net("Reshape", x, net.ints(1, 2, 5, 36))
    x = net("Transpose", x, perm=[0, 3, 1, 2])
    net("Reshape", x, net.ints(1, 72, 5), out="boxes")
    graph = assert_equal_to_runtime(net.save(tmp_path, "boxes"))
    assert graph.tensors["boxes"].shape == (1, 72, 5)
    assert "Transpose" not in kinds(graph)  # channels last is the order the head asks for


def test_two_heads_of_one_vector(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 4])
    x = net("Flatten", net("GlobalAveragePool", net("Relu", net.conv("image", 3, 6))))
    net("Gemm", x, net.weights(6, 2), out="a")
    net("Gemm", x, net.weights(6, 3), out="b")
    graph = assert_equal_to_runtime(net.save(tmp_path, "a", "b", x))
    assert len(graph.outputs) == 3


def test_batch_norm_before_the_activation_and_padding(tmp_path: Path) -> None:
    net = Net([1, 4, 7, 7])
    x = net.conv(net("Relu", net.batch_norm("image", 4)), 4, 4)
    y = net.conv(net("Relu", net.batch_norm(x, 4)), 4, 4)
    net("Add", x, y, out="sum")
    assert_equal_to_runtime(net.save(tmp_path, "sum"))


def test_batch_norm_1d_between_dense_layers(tmp_path: Path) -> None:
    net = Net([1, 6])
    x = net.batch_norm(net("Gemm", "image", net.weights(6, 8), net.weights(8)), 8)
    net("Gemm", net("Relu", x), net.weights(8, 3), out="logits")
    graph = assert_equal_to_runtime(net.save(tmp_path, "logits"))
    assert kinds(graph) == ["FullyConnected", "FullyConnected"]


def test_pads_fold_where_zeros_mean_the_same(tmp_path: Path) -> None:
    net = Net([1, 3, 7, 9])
    padded = net("Pad", "image", net.ints(0, 0, 0, 0, 0, 0, 1, 1))
    x = net("Relu", net.conv(padded, 3, 4, pads=[0] * 4, strides=[2, 2]))
    x = net("MaxPool", net("Pad", x, net.ints(0, 0, 1, 1, 0, 0, 1, 1)), kernel_shape=[3, 3])
    x = net("AveragePool", net("Pad", x, net.ints(0, 0, 1, 0, 0, 0, 0, 1)), kernel_shape=[2, 2])
    graph = assert_equal_to_runtime(net.save(tmp_path, x))
    assert kinds(graph) == ["Conv2d", "MaxPool", "AveragePool"]


def test_arithmetic_of_activations_and_constants(tmp_path: Path) -> None:
    net = Net([1, 4, 5, 5])
    a, b = net.conv("image", 4, 4), net.conv("image", 4, 4)
    a = net("Min", a, net("Max", net("Abs", b), net.conv("image", 4, 4)))
    x = net("Sub", net.const(1.0), net("Sub", a, b))
    x = net("Mul", x, net("Neg", b))
    x = net("Max", net("Div", x, net.weights(4, 1, 1)), net.const(-0.5))
    x = net("Add", x, net.weights(1, 4, 5, 5))
    assert_equal_to_runtime(net.save(tmp_path, x))


def test_spatial_attention_multiplies_pixels(tmp_path: Path) -> None:
    net = Net([1, 4, 5, 6])
    gate = net("Sigmoid", net.conv("image", 4, 1))
    net("Mul", "image", gate, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_dense_layer_on_every_pixel(tmp_path: Path) -> None:
    net = Net([1, 4, 3, 5])
    x = net("Transpose", "image", perm=[0, 2, 3, 1])
    x = net("Add", net("MatMul", x, net.weights(4, 6)), net.weights(6))
    net("Transpose", x, perm=[0, 3, 1, 2], out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert kinds(graph) == ["Conv2d"]


@pytest.mark.parametrize(
    ("mode", "rounding"),
    [
        ("half_pixel", "round_prefer_floor"),
        ("half_pixel", "round_prefer_ceil"),
        ("asymmetric", "floor"),
        ("pytorch_half_pixel", "round_prefer_floor"),
        ("tf_half_pixel_for_nn", "floor"),
    ],
)
@pytest.mark.parametrize("factor", [2, 3])
def test_resize_by_a_whole_factor(tmp_path: Path, mode: str, rounding: str, factor: int) -> None:
    net = Net([1, 3, 4, 5], 11)
    scales = net.const([1, 1, factor, factor])
    kw = {"coordinate_transformation_mode": mode, "nearest_mode": rounding, "mode": "nearest"}
    net("Resize", net("Relu", "image"), net.const([]), scales, out="y", **kw)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    "mode", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
)
@pytest.mark.parametrize("size", [(8, 10), (7, 3), (1, 20)])
def test_linear_resize_to_any_size(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    net = Net([1, 3, 4, 5], 11)
    kw = {"coordinate_transformation_mode": mode, "mode": "linear"}
    empty = net.const([])
    net("Resize", net("Relu", "image"), empty, empty, net.ints(1, 3, *size), out="y", **kw)
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert kinds(graph) == ["Clip", "ResizeBilinear"]


@pytest.mark.parametrize("factor", [2.0, 1.5, 0.5])
def test_linear_resize_by_a_factor(tmp_path: Path, factor: float) -> None:
    net = Net([1, 3, 7, 5], 13)
    scales = net.const([1, 1, factor, factor])
    net("Resize", net("Relu", "image"), net.const([]), scales, out="y", mode="linear")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 2]},
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        {"strides": [2, 1], "pads": [0, 1, 1, 0]},
        {"strides": [3, 2], "auto_pad": "SAME_UPPER"},
        {"output_shape": [9, 11], "strides": [2, 2]},
    ],
)
def test_transposed_convolution_with_its_batch_norm(
    tmp_path: Path, attributes: dict[str, Any]
) -> None:
    net = Net([1, 3, 4, 5])
    x = net.conv("image", 3, 4)
    x = net("ConvTranspose", x, net.weights(4, 6, 3, 3), net.weights(6), **attributes)
    x = net("Relu", net.batch_norm(x, 6))
    graph = assert_equal_to_runtime(net.save(tmp_path, x))
    assert kinds(graph) == ["Conv2d", "ConvTranspose2d"]


@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_over_channels_of_a_map(tmp_path: Path, opset: int) -> None:
    net = Net([1, 5, 3, 4], opset)
    x = net.conv("image", 5, 6)
    if opset == 11:  # over everything but the batch: allowed, as one vector
        net("Softmax", net("GlobalAveragePool", x), out="y")
    else:
        net("Softmax", x, axis=1, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))
