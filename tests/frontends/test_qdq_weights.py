"""Weights and biases of quantized ONNX: pruned channels, zero points, what stands before them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from mcucc.errors import UnsupportedError
from mcucc.kernels.packing import storage_bits
from mcucc.quantize.lower import lower
from tests.frontends.qdq_nets import QuantNet, imported, kinds, steps_off

SHAPE = (1, 4, 6, 6)
BIASES = (0.5, -1.0, 2.0, 3.0)
TINY = (0.0, 1e-45, 1e-38, 1e-30, 1e-12, 1e-9, 1e-7)
Layer = Callable[[QuantNet, str, str, str], str]  # of input, weights and bias


def conv(net: QuantNet, x: str, w: str, b: str) -> str:
    return net("Conv", x, w, b)


def depthwise(net: QuantNet, x: str, w: str, b: str) -> str:
    return net("Conv", x, w, b, group=4)


def transposed(net: QuantNet, x: str, w: str, b: str) -> str:
    return net("ConvTranspose", x, w, b, strides=[2, 2])


def gemm(net: QuantNet, x: str, w: str, b: str) -> str:
    return net("Gemm", net("Flatten", net("GlobalMaxPool", x)), w, b)


# The shape of each layer's weights, the axis of its outputs, and the layer.
LAYERS: dict[str, tuple[tuple[int, ...], int, Layer]] = {
    "Conv": ((4, 4, 3, 3), 0, conv),
    "depthwise": ((4, 1, 3, 3), 0, depthwise),
    "ConvTranspose": ((4, 4, 2, 2), 1, transposed),
    "Gemm": ((4, 4), 1, gemm),
}


def pruned(name: str, scales: np.ndarray, dead: slice, x_scale: float = 0.02) -> QuantNet:
    """A layer with float biases; the weights of the `dead` channels are 0."""
    shape, axis, layer = LAYERS[name]
    net = QuantNet(SHAPE)
    integers = net.rng.integers(-127, 128, shape)
    np.moveaxis(integers, axis, 0)[dead] = 0
    ends = net.ends(scales, np.zeros(scales.shape))
    w = net.dq(net.const(integers, np.int8), ends, axis=axis)
    x = net.pair("image", x_scale)
    net.pair(layer(net, x, w, net.const(BIASES)), 0.05, 3)
    return net


@pytest.mark.parametrize("name", list(LAYERS))
@pytest.mark.parametrize("tiny", TINY)
def test_a_pruned_channel_is_its_bias(tmp_path: Path, name: str, tiny: float) -> None:
    """Weights of 0 with a scale of 0, of a denormal, of next to nothing."""
    net = pruned(name, np.array([0.01, tiny, 0.004, 0.01]), slice(1, 2))
    path = net.qsave(tmp_path, net.nodes[-1].output[0])
    assert np.abs(steps_off(path)).max() <= 1.01


@pytest.mark.parametrize("name", list(LAYERS))
@pytest.mark.parametrize("tiny", [0.0, 1e-30, 1e-9])
def test_a_layer_without_living_channels(tmp_path: Path, name: str, tiny: float) -> None:
    """Per tensor, or per channel and all of them."""
    for scales in (np.array(tiny), np.full(4, tiny)):
        net = pruned(name, scales, slice(None))
        path = net.qsave(tmp_path, net.nodes[-1].output[0])
        assert np.abs(steps_off(path)).max() <= 1.01


@pytest.mark.parametrize("tiny", TINY)
def test_weights_that_come_to_nothing(tmp_path: Path, tiny: float) -> None:
    """Integers that are not 0, their scale next to it: their sum is lost in the bias."""
    net = pruned("Conv", np.array([0.01, tiny, 0.004, 0.01]), slice(0, 0))
    path = net.qsave(tmp_path, net.nodes[-1].output[0])
    assert np.abs(steps_off(path)).max() <= 1.01


@pytest.mark.parametrize("x_scale", [1e-30, 1e-20, 1e-9])
def test_an_input_that_is_next_to_nothing(tmp_path: Path, x_scale: float) -> None:
    net = pruned("Conv", np.array([0.01, 0.0, 0.004, 0.01]), slice(1, 2), x_scale)
    path = net.qsave(tmp_path, net.nodes[-1].output[0])
    assert np.abs(steps_off(path)).max() <= 1.01


# Biases


@pytest.mark.parametrize("zero", [0, 5000, -(2**20)])
@pytest.mark.parametrize("factor", [1.0, 3.3])
def test_the_zero_point_of_an_int32_bias(tmp_path: Path, zero: int, factor: float) -> None:
    net = QuantNet(SHAPE)
    x, w = net.pair("image", 0.02), net.qweights(3, 4, 1, 1, scale=0.01)
    integers = net.const(net.rng.integers(-3000, 3000, 3) + zero, np.int32)
    ends = (net.const(0.02 * 0.01 * factor), net.const(zero, np.int32))
    y = net("Conv", x, w, net.dq(integers, ends))
    assert np.abs(steps_off(net.qsave(tmp_path, net.pair(y, 0.05, 3)))).max() <= 1.01


@pytest.mark.parametrize("alpha", [1.0, 0.5, -0.7, 3.0])
@pytest.mark.parametrize("beta", [1.0, 2.0, 0.0])
def test_the_factors_of_a_gemm(tmp_path: Path, alpha: float, beta: float) -> None:
    """An int32 bias in units of both scales, which beta multiplies and alpha does not."""
    net = QuantNet((1, 8))
    w = net.qweights(5, 8, scale=0.01)
    b = net.dq(net.const(net.rng.integers(-3000, 3000, 5), np.int32), (net.const(0.02 * 0.01),))
    y = net("Gemm", net.pair("image", 0.02), w, b, transB=1, alpha=alpha, beta=beta)
    assert np.abs(steps_off(net.qsave(tmp_path, net.pair(y, 0.05, 3)))).max() <= 1.01


# What stands between weights and their layer


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rows", [1, 5])
def test_a_linear_layer_as_torch_exports_it(
    tmp_path: Path, axis: int, bias: bool, rows: int
) -> None:
    """DequantizeLinear, Transpose, MatMul, Add: scales along the outputs or the inputs."""
    net = QuantNet((rows, 8) if rows > 1 else (1, 8))
    w = net("Transpose", net.qweights(6, 8, axis=axis), perm=[1, 0])
    y = net("MatMul", net.pair("image", 0.02), w)
    y = net("Add", y, net.weights(6)) if bias else y
    path = net.qsave(tmp_path, net.pair(net("Relu", y), 0.05, -100))
    if axis == 1:  # scales along what is summed over
        with pytest.raises(UnsupportedError, match="several scales within one output channel"):
            imported(path)
        return
    assert np.abs(steps_off(path)).max() <= 1.01
    assert not {"Clip", "ChannelAffine", "Requantize"} & set(kinds(path))


def test_weights_that_are_moved_before_and_behind(tmp_path: Path) -> None:
    """Integers through a Reshape and a Clip, floats through two Transposes and a Slice."""
    net = QuantNet(SHAPE)
    w = net(
        "Reshape", net.const(net.rng.integers(-127, 128, (6, 4)), np.int8), net.ints(6, 4, 1, 1)
    )
    w = net("Clip", w, net.const(-100, np.int8), net.const(100, np.int8))
    w = net.dq(w, net.ends(net.rng.uniform(0.002, 0.01, 6), np.zeros(6)), axis=-4)
    w = net("Transpose", net("Transpose", w, perm=[3, 2, 1, 0]), perm=[3, 2, 1, 0])
    w = net("Slice", w, net.ints(1), net.ints(5), net.ints(0))
    y = net("Conv", net.pair("image", 0.02), w, net.weights(4))
    assert np.abs(steps_off(net.qsave(tmp_path, net.pair(y, 0.05, 3)))).max() <= 1.01


def test_everything_in_constant_nodes(tmp_path: Path) -> None:
    """Scales, zero points, bounds and weights as nodes, weights cast to float32 once more."""
    net = QuantNet(SHAPE)
    net.const = net.node_const  # type: ignore[method-assign]
    integers = net.const(net.rng.integers(-127, 128, (5, 4, 1, 1)), np.int8)
    w = net("Clip", integers, net.const(-90, np.int8), net.const(90, np.int8))
    w = net("Cast", net.dq(w, net.ends(np.full(5, 0.01), np.zeros(5)), axis=0), to=1)
    b = net.dq(net.const(net.rng.integers(-3000, 3000, 5), np.int32), (net.const(0.02 * 0.01),))
    y = net("Conv", net.pair("image", 0.02), w, b)
    assert np.abs(steps_off(net.qsave(tmp_path, net.pair(y, 0.05, 3)))).max() <= 1.01


@pytest.mark.parametrize("floats", [False, True])
def test_weights_of_four_bits_in_a_clip(tmp_path: Path, floats: bool) -> None:
    """QuantizeLinear of floats, or integers, an integer Clip, DequantizeLinear (Brevitas)."""
    net = QuantNet(SHAPE)
    ends = net.ends(np.full(5, 0.05), np.zeros(5))
    w = net.const(net.rng.integers(-10, 10, (5, 4, 3, 3)), np.int8)
    if floats:
        w = net.q(net.weights(5, 4, 3, 3), ends, axis=0)
    w = net("Clip", w, net.const(-7, np.int8), net.const(7, np.int8))
    y = net("Conv", net.pair("image", 0.02), net.dq(w, ends, axis=0))
    path = net.qsave(tmp_path, net.pair(y, 0.05, 3))
    assert np.abs(steps_off(path)).max() <= 1.01
    (weights,) = (t for t in imported(path).graph.tensors.values() if t.data is not None)
    assert np.abs(weights.constant).max() == 7


@pytest.mark.parametrize(
    ("low", "high", "dtype", "relu"),
    [(-127, 127, np.int8, False), (0, 15, np.uint8, True), (-8, 7, np.int8, False)],
)
def test_activations_in_a_clip(
    tmp_path: Path, low: int, high: int, dtype: type, relu: bool
) -> None:
    """Narrow range and four bits: the range of the integers, not another operator."""
    net = QuantNet(SHAPE)
    y = net.qconv(net.pair("image", 0.02), 4, 4)
    y = net("Relu", y) if relu else y
    ends = net.ends(0.1, 0, dtype)
    y = net("Clip", net.q(y, ends), net.const(low, dtype), net.const(high, dtype))
    path = net.qsave(tmp_path, net.pair(net.qconv(net.dq(y, ends), 4, 3), 0.1, 3))
    assert np.abs(steps_off(path)).max() <= 1.01
    assert kinds(path) == ["Conv2d", "Conv2d"]


def test_weights_that_are_computed_with_are_named(tmp_path: Path) -> None:
    net = QuantNet(SHAPE)
    w = net("Mul", net.qweights(3, 4, 1, 1), net.weights(1, 4, 1, 1))
    y = net("Conv", net.pair("image", 0.02), w)
    with pytest.raises(UnsupportedError, match=r"n_conv_\d+ \[Conv\]: its weights are float"):
        imported(net.qsave(tmp_path, net.pair(y, 0.05, 3)))


def in_blocks(folder: Path, scales: list[list[float]], size: int = 2, most: int = 7) -> Path:
    """Weights with a scale for every so many (opset 21)."""
    net = QuantNet((1, 4), 21)
    integers = net.const(net.rng.integers(-most, most + 1, (2, 4)), np.int8)
    w = net("DequantizeLinear", integers, net.const(scales), axis=1, block_size=size)
    y = net("Gemm", net.pair("image", 0.02), w, transB=1)
    return net.qsave(folder, net.pair(y, 0.05))


def test_blocks_whose_scales_are_multiples_are_exact(tmp_path: Path) -> None:
    path = in_blocks(tmp_path, [[0.015625, 0.125], [0.09375, 0.03125]])
    assert np.abs(steps_off(path)).max() <= 1.01
    (weights,) = [t for t in imported(path).graph.tensors.values() if t.shape == (2, 4)]
    assert weights.quantization.scale == (0.015625, 0.03125)


@pytest.mark.parametrize(
    ("scales", "size", "most", "why"),
    [
        ([[0.01, 0.02], [0.03, 0.04]], 2, 7, "several scales within one output channel"),
        ([[0.015625, 0.5], [0.25, 8.0]], 2, 7, "its weights leave int8"),
        ([[0.01, 0.02], [0.25, 0.5]], 1, 7, "blocks of 1"),
        ([[0.01, 0.02], [0.25, 0.5]], 2**40, 7, "blocks of 1099511627776"),
        ([[0.5], [0.25]], -2, 7, "scales"),
    ],
)
def test_other_blocks_are_refused(
    scales: list[list[float]], size: int, most: int, why: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=why):
        imported(in_blocks(tmp_path, scales, size, most))


@pytest.mark.parametrize(("kind", "zero"), [("INT4", 0), ("UINT4", 8), ("INT4", 1), ("UINT4", 0)])
@pytest.mark.parametrize("op", ["Conv", "depthwise", "Gemm"])
def test_weights_of_four_bits(kind: str, zero: int, op: str, tmp_path: Path) -> None:
    """Exact to ONNX Runtime; without a zero point of their own they are stored in four bits."""
    net = QuantNet((1, 8) if op == "Gemm" else (1, 8, 5, 4), 21)
    shape = {"Conv": (6, 8, 3, 3), "depthwise": (8, 1, 3, 3), "Gemm": (6, 8)}[op]
    low = 0 if kind == "UINT4" else -8
    integers = net.rng.integers(low, low + 16, shape)
    code = getattr(TensorProto, kind)
    names = []
    for values in (integers, np.full(shape[0], zero)):
        names.append(f"four_{len(names)}")
        tensor = helper.make_tensor(names[-1], code, values.shape, values.reshape(-1))
        net.initializers.append(tensor)
    scales = net.const(net.rng.uniform(0.02, 0.1, shape[0]))
    w = net("DequantizeLinear", names[0], scales, names[1], axis=0)
    x = net.pair("image", 0.02)
    if op == "Gemm":
        y = net("Gemm", x, w, net.weights(6), transB=1)
    else:
        group = 8 if op == "depthwise" else 1
        y = net("Conv", x, w, net.weights(shape[0]), group=group, pads=[1] * 4)
    path = net.qsave(tmp_path, net.pair(y, 0.05))
    assert np.abs(steps_off(path)).max() <= 1.01
    weights = [node.kernel for node in lower(imported(path).graph).nodes]
    (kernel,) = [k for k in weights if hasattr(k, "weights")]
    symmetric = zero == (8 if kind == "UINT4" else 0)
    assert storage_bits(kernel.weights) == (4 if symmetric else 8)
