"""Where a quantized ONNX file rounds, and where it does not: ours rounds there and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnxruntime.quantization import QuantFormat, QuantType

from mcucc.errors import UnsupportedError
from mcucc.frontends.qdq.importer import import_quantized_onnx
from tests.frontends.onnx_nets import Net
from tests.frontends.quantizer import FORMS, Form, compare

SHAPE = (1, 3, 6, 7)


class Quantized(Net):
    """A network whose author writes the QuantizeLinear - DequantizeLinear pairs."""

    def __init__(self) -> None:
        super().__init__(SHAPE, 17)

    def pair(self, x: str, scale: float, zero: int = 0) -> str:
        ends = self.const(scale), self.const(zero, np.int8)
        return self("DequantizeLinear", self("QuantizeLinear", x, *ends), *ends)

    def convolved(self, x: str, c_in: int, c_out: int) -> str:
        """A 1x1 convolution with weights in steps of 0.01 and no bias."""
        weights = self.const(self.rng.integers(-127, 128, (c_out, c_in, 1, 1)), np.int8)
        ends = self.const(0.01), self.const(0, np.int8)
        return self("Conv", x, self("DequantizeLinear", weights, *ends))


def problems(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(UnsupportedError) as raised:
        import_quantized_onnx(path)
    return [(problem.op, problem.why) for problem in raised.value.problems]


@pytest.mark.parametrize("op", ["Tanh", "Sigmoid"])
def test_a_value_that_is_computed_with_in_float_is_not_rounded(tmp_path: Path, op: str) -> None:
    """Its prescribed step of 1/128 would be 80 steps of the difference behind it."""
    net = Quantized()
    x = net.pair("image", 0.01)
    y = net.pair(net("Sub", x, net(op, x)), 1e-4)
    ((kind, why),) = problems(net.save(tmp_path, y))
    assert kind == op and "computes in float" in why


@pytest.mark.parametrize("op", ["Tanh", "Sigmoid"])
def test_an_end_in_float_is_rounded_as_prescribed(tmp_path: Path, op: str) -> None:
    net = Quantized()
    y = net("Transpose", net(op, net.pair("image", 0.02)), perm=[0, 2, 3, 1])
    assert compare(net.save(tmp_path, y), SHAPE).verdict in ("equal", "within 1")


def test_a_function_before_a_clip_is_rounded_as_the_clip_is(tmp_path: Path) -> None:
    """Once, in steps of 0.001; not in those of 1/128 first."""
    net = Quantized()
    y = net("Clip", net("Tanh", net.pair("image", 0.01)), net.const(0.0), net.const(0.25))
    found = compare(net.save(tmp_path, net.pair(y, 0.001, -128)), SHAPE)
    assert (found.local, found.whole, found.operators) == (0, 0, ("Tanh", "Clip"))


def test_extrema_of_two_scales_are_not_rounded_inside(tmp_path: Path) -> None:
    net = Quantized()
    a, b = net.pair("image", 0.013), net.pair(net.convolved(net.pair("image", 0.013), 3, 3), 0.02)
    y = net.pair(net("Tanh", net("Max", a, b)), 0.005)
    assert [op for op, _ in problems(net.save(tmp_path, y))] == ["Max"]


@pytest.mark.parametrize("relu", [False, True])
def test_pixels_are_blended_before_their_scale_changes(tmp_path: Path, relu: bool) -> None:
    """The finer scale has two thirds of the range: clipped first, means would be wrong by far."""
    net = Quantized()
    x = net.pair("image", 0.015)
    x = net("Relu", x) if relu else x
    y = net("Resize", x, "", net.const([1, 1, 2, 2]), mode="linear")
    y = net.pair(net.convolved(net.pair(y, 0.01), 3, 4), 0.03)
    found = compare(net.save(tmp_path, y), SHAPE)
    blended = found.operators.index("ResizeBilinear")
    assert found.operators[blended + 1] == "Requantize"
    assert found.verdict != "wrong"


def test_steps_of_blended_pixels_that_would_be_invented(tmp_path: Path) -> None:
    """Pixels in steps of 0.015 say nothing in steps of 0.005."""
    net = Quantized()
    y = net("Resize", net.pair("image", 0.015), "", net.const([1, 1, 2, 2]), mode="linear")
    ((kind, why),) = problems(net.save(tmp_path, net.pair(y, 0.005)))
    assert kind == "Resize" and "in steps of 0.015" in why


def test_the_input_is_not_rounded_before_pixels_are_blended(tmp_path: Path) -> None:
    net = Quantized()
    y = net("Resize", "image", "", net.const([1, 1, 0.5, 0.5]), mode="linear")
    ((kind, why),) = problems(net.save(tmp_path, net.pair(y, 0.004)))
    assert kind == "input" and "no quantization" in why


def test_steps_of_a_softmax_that_would_be_invented(tmp_path: Path) -> None:
    for scale, refused in ((1 / 255, False), (1 / 400, False), (1 / 2000, True)):
        net = Quantized()
        y = net.pair(net("Softmax", net.pair("image", 0.01), axis=1), scale, -128)
        path = net.save(tmp_path, y)
        if refused:
            assert [op for op, _ in problems(path)] == ["Softmax"]
        else:
            assert compare(path, SHAPE).local <= 1


@pytest.mark.parametrize("op", ["Identity", "Dropout", "Cast"])
@pytest.mark.parametrize("form", ["QDQ int8", "QOperator uint8"])
def test_ends_that_change_nothing(tmp_path: Path, op: str, form: str) -> None:
    net = Net(SHAPE, 17)
    x = net("Relu", net.conv("image", 3, 4))
    y = net(op, x, **({"to": 1} if op == "Cast" else {}))
    FORMS[form].quantize(net.save(tmp_path, y), tmp_path / "q.onnx", SHAPE)
    assert compare(tmp_path / "q.onnx", SHAPE).verdict == "equal"


def test_a_negative_factor_of_the_bias(tmp_path: Path) -> None:
    """The quantizer writes Gemm's beta into the scale of the bias."""
    net = Net(SHAPE, 17)
    x = net("Flatten", net.conv("image", 3, 2))
    y = net("Gemm", x, net.weights(84, 5), net.weights(5), beta=-1.5)
    form = Form(QuantFormat.QDQ, QuantType.QInt8)
    form.quantize(net.save(tmp_path, y), tmp_path / "q.onnx", SHAPE)
    assert compare(tmp_path / "q.onnx", SHAPE).verdict in ("equal", "within 1")


def test_one_cause_is_one_problem(tmp_path: Path) -> None:
    net = Net(SHAPE, 17)
    x = net.conv("image", 3, 3)
    y = net.conv(net("MatMul", x, net.weights(1, 3, 7, 4)), 3, 2)
    FORMS["QOperator int8"].quantize(net.save(tmp_path, y), tmp_path / "q.onnx", SHAPE)
    ((kind, why),) = problems(tmp_path / "q.onnx")
    assert kind == "QLinearMatMul" and "a product of" in why
