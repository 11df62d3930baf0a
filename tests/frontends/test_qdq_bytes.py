"""8-bit values that are moved as they are, and read with another scale than they were written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from tests.frontends.qdq_nets import QuantNet, imported, kinds, steps_off

SHAPE = (1, 4, 6, 6)
Move = Callable[[QuantNet, str], str]


def written(net: QuantNet, scale: float, zero: int, dtype: Any) -> str:
    """8-bit values of a convolution."""
    net_in = net.pair("image", 0.02)
    return net.q(net.qconv(net_in, 4, 4), net.ends(scale, zero, dtype))


def halves(net: QuantNet, x: str) -> str:
    net("Split", x, net.ints(1, 3), out="first", axis=-3)
    net.nodes[-1].output.append("rest")
    return net("Concat", "rest", "first", axis=1)


def moves(dtype: Any) -> dict[str, Move]:
    """Every operator that ONNX Runtime runs on 8-bit values and mcucc compiles."""
    low, high = (60, 180) if dtype is np.uint8 else (-70, 50)

    def constant(value: int) -> Callable[[QuantNet], str]:
        return lambda net: net.const(value, dtype)

    return {
        "MaxPool": lambda net, x: net("MaxPool", x, kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
        "Pad": lambda net, x: net("Pad", x, net.ints(0, 0, 1, 2, 0, 0, 0, 1)),
        "Pad value": lambda net, x: net(
            "Pad", x, net.ints(0, 1, 1, 0, 0, 0, 0, 1), constant(low)(net)
        ),
        "Clip": lambda net, x: net("Clip", x, constant(low)(net), constant(high)(net)),
        "Clip above": lambda net, x: net("Clip", x, "", constant(high)(net)),
        "Max": lambda net, x: net("Max", constant(low)(net), x),
        "Min": lambda net, x: net("Min", x, constant(high)(net)),
        "Resize": lambda net, x: net(
            "Resize",
            x,
            "",
            net.const([1, 1, 2, 2]),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        # ONNX Runtime cuts off what is interpolated between integers, here it is rounded.
        "Resize linear": lambda net, x: net(
            "Resize", x, "", net.const([1, 1, 2, 1.5]), mode="linear"
        ),
        "Slice": lambda net, x: net("Slice", x, net.ints(1), net.ints(4), net.ints(-1)),
        "Gather": lambda net, x: net("Gather", x, net.ints(0, 2), axis=-3),
        "Gather in any order": lambda net, x: net("Gather", x, net.ints(2, 0, 0, 1), axis=1),
        "Slice backwards": lambda net, x: net(
            "Slice", x, net.ints(4, -1), net.ints(0, -99), net.ints(2, 3), net.ints(-2, -1)
        ),
        "Pad mirrored": lambda net, x: net(
            "Pad", x, net.ints(0, 0, 1, 2, 0, 0, 0, 1), mode="reflect"
        ),
        "Split": halves,
        "DepthToSpace": lambda net, x: net("DepthToSpace", x, blocksize=2),
        "SpaceToDepth": lambda net, x: net("SpaceToDepth", x, blocksize=2),
        "Transpose": lambda net, x: net("Transpose", x, perm=[0, 1, 3, 2]),
        "Reshape": lambda net, x: net("Reshape", x, net.ints(1, 4, 9, 4)),
        "Flatten": lambda net, x: net("Flatten", x),
        "Unsqueeze": lambda net, x: net.axes_op("Squeeze", net.axes_op("Unsqueeze", x, 1), 1),
        "Identity": lambda net, x: net("Identity", x),
    }


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("name", list(moves(np.int8)))
def test_bytes_are_moved_and_read_with_another_scale(tmp_path: Path, name: str, dtype: Any) -> None:
    """Written in one scale and zero point, read in the same, and in another one."""
    zero, other = (110, 140) if dtype is np.uint8 else (-18, 12)
    for scale, read in (((0.05, zero), (0.05, zero)), ((0.05, zero), (0.08, other))):
        net = QuantNet(SHAPE)
        x = written(net, *scale, dtype)
        y = moves(dtype)[name](net, x)
        path = net.qsave(tmp_path, net.dq(y, net.ends(*read, dtype)))
        assert np.abs(steps_off(path)).max() <= 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("op", ["Concat", "Max", "Min"])
@pytest.mark.parametrize("read", [0, 1, 2])
def test_bytes_of_two_scales_side_by_side(tmp_path: Path, dtype: Any, op: str, read: int) -> None:
    """Copied or compared as integers, whatever they stood for; read with either scale or a third.

    ONNX Runtime alone says what that means: the integers.
    """
    offset = 128 * (dtype is np.uint8)
    scales = [(0.05, -10 + offset), (0.1, 20 + offset), (0.02, 3 + offset)]
    net = QuantNet(SHAPE)
    a, b = (written(net, *scale, dtype) for scale in scales[:2])
    y = net("Concat", a, b, axis=-3) if op == "Concat" else net(op, a, b)
    path = net.qsave(tmp_path, net.dq(y, net.ends(*scales[read], dtype)))
    assert np.abs(steps_off(path)).max() <= 1


def test_one_value_read_with_three_scales(tmp_path: Path) -> None:
    net = QuantNet(SHAPE)
    x = written(net, 0.05, 4, np.int8)
    outputs = [net.dq(x, net.ends(*ends)) for ends in ((0.05, 4), (0.05, None), (0.2, -9))]
    assert np.abs(steps_off(net.qsave(tmp_path, *outputs))).max() <= 1


def test_no_operand_of_another_type(tmp_path: Path) -> None:
    """int8 and uint8 do not mix: not in a Concat, nor between data and zero point."""
    net = QuantNet(SHAPE)
    x = written(net, 0.05, 4, np.int8)
    net.dq(x, net.ends(0.05, 132, np.uint8), out="y")
    with pytest.raises(UnsupportedError, match="zero point is uint8, the data are int8"):
        imported(net.qsave(tmp_path, "y"))
    net = QuantNet(SHAPE)
    both = written(net, 0.05, 4, np.int8), written(net, 0.05, 132, np.uint8)
    net.dq(net("Concat", *both, axis=1), net.ends(0.05, 4), out="y")
    with pytest.raises(UnsupportedError, match="is uint8, other operands are int8"):
        imported(net.qsave(tmp_path, "y"))


@pytest.mark.parametrize("op", ["Abs", "Neg", "Sum"])
def test_arithmetic_on_integers_is_refused(tmp_path: Path, op: str) -> None:
    net = QuantNet(SHAPE)
    x = written(net, 0.05, 4, np.int8)
    net.dq(net(op, x), net.ends(0.05, 4), out="y")
    with pytest.raises(UnsupportedError, match="it computes on integers"):
        imported(net.qsave(tmp_path, "y"))


# Zero points that are left out


@pytest.mark.parametrize("code", [2, 3])
def test_the_type_a_quantizer_names(tmp_path: Path, code: int) -> None:
    """`output_dtype` of opset 21: 0 of int8 or of uint8."""
    net = QuantNet(SHAPE, 21)
    x = net.dq(net.q("image", net.ends(0.02, None), output_dtype=code), net.ends(0.02, None))
    y = net("Relu", net.qconv(x, 4, 3))
    y = net.dq(net.q(y, net.ends(0.05, None), output_dtype=code), net.ends(0.05, None))
    assert np.abs(steps_off(net.qsave(tmp_path, y))).max() <= 1


def test_a_type_and_a_zero_point_of_another(tmp_path: Path) -> None:
    net = QuantNet(SHAPE, 21)
    ends = net.ends(0.02, 128, np.uint8)
    net.dq(net.q("image", ends, output_dtype=3), ends, out="y")
    with pytest.raises(UnsupportedError, match="output_dtype and a zero point of type uint8"):
        imported(net.qsave(tmp_path, "y"))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("zero", [None, 7])
@pytest.mark.parametrize("before", ["", "Transpose", "MaxPool"])
def test_inputs_that_are_bytes_already(
    tmp_path: Path, dtype: Any, zero: int | None, before: str
) -> None:
    net = QuantNet(SHAPE, dtype=dtype)
    x = "image"
    if before == "Transpose":
        x = net(before, x, perm=[0, 1, 3, 2])
    elif before:
        x = net(before, x, kernel_shape=[2, 2])
    x = net.dq(x, net.ends(0.02, zero, dtype))
    path = net.qsave(tmp_path, net.pair(net.qconv(x, 4, 3), 0.05, 3))
    assert np.abs(steps_off(path)).max() <= 1
    assert "ChannelAffine" not in kinds(path)  # the input is read as it will be


@pytest.mark.parametrize(("wrote", "read"), [(None, None), (3, None), (None, -5)])
def test_zero_points_on_one_side(tmp_path: Path, wrote: int | None, read: int | None) -> None:
    """uint8 where nothing says another type; 3 that is read as 0 is another value."""
    dtype = np.int8 if wrote == 3 else np.uint8
    net = QuantNet(SHAPE)
    x = net.q(net.qconv(net.pair("image", 0.02), 4, 4), net.ends(0.05, wrote, dtype))
    y = net.dq(x, net.ends(0.05, None if read is None else 128 + read, dtype))
    assert np.abs(steps_off(net.qsave(tmp_path, net.pair(net.qconv(y, 4, 2), 0.1)))).max() <= 1


QLINEAR: dict[str, Callable[[QuantNet, list[str]], str]] = {  # of two scales, a zero point
    "LeakyRelu": lambda net, k: net("QLinearLeakyRelu", "image", k[0], "", k[1], "", alpha=0.1),
    "Sigmoid": lambda net, k: net("QLinearSigmoid", "image", k[0], "", k[1], ""),
    "Add": lambda net, k: net("QLinearAdd", "image", k[0], k[2], "image", k[1], k[2], k[1]),
    "Mul": lambda net, k: net("QLinearMul", "image", k[0], k[2], "image", k[1], k[2], k[1]),
}


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("op", list(QLINEAR))
def test_optional_zero_points_of_qlinear_operators(tmp_path: Path, dtype: Any, op: str) -> None:
    """Left out, or named by nothing: 0 of the type of the data."""
    net = QuantNet(SHAPE, dtype=dtype)
    x = QLINEAR[op](net, [net.const(0.02), net.const(0.03), net.const(9, dtype)])
    assert np.abs(steps_off(net.qsave(tmp_path, x, dtype=dtype))).max() <= 1


@pytest.mark.parametrize("opset", [17, 18])
def test_the_axes_of_a_quantized_mean(tmp_path: Path, opset: int) -> None:
    """An attribute in every opset, where ReduceMean's are an input from 18 on.

    ONNX Runtime has no kernel for it: the mean over pixels, and nothing over channels.
    """
    net = QuantNet(SHAPE, opset, dtype=np.int8)
    s, t, zero = net.const(0.02), net.const(0.01), net.const(-3, np.int8)
    x = net("QLinearReduceMean", "image", s, zero, t, zero, axes=[-1, -2], keepdims=1)
    made = imported(net.qsave(tmp_path, x, dtype=np.int8))
    assert [node.op.kind for node in made.graph.nodes] == ["GlobalAveragePool"]
    assert made.outputs[0].shape == (1, 4, 1, 1)


def test_a_camera_byte_that_is_cast(tmp_path: Path) -> None:
    """Cast of uint8 to float: a scale of 1 and no zero point."""
    net = QuantNet(SHAPE, dtype=np.uint8)
    x = net("Mul", net("Cast", "image", to=1), net.const(1 / 255))
    path = net.qsave(tmp_path, net.pair(net.qconv(net.pair(x, 1 / 255, -128), 4, 3), 0.05))
    assert np.abs(steps_off(path)).max() <= 1


def test_a_constant_shared_with_two_scales(tmp_path: Path) -> None:
    """One int8 constant, added in one scale and multiplied in another."""
    net = QuantNet(SHAPE)
    k = net.const(net.rng.integers(-100, 100, (1, 4, 1, 1)), np.int8)
    s, t, z = net.const(0.02), net.const(0.05), net.const(0, np.int8)
    x = net("QuantizeLinear", "image", s, z)
    x = net("QLinearAdd", x, s, z, k, s, z, t, z)
    x = net("QLinearMul", x, t, z, k, net.const(0.01), z, t, z)
    assert np.abs(steps_off(net.qsave(tmp_path, net.dq(x, (t, z))))).max() <= 1
