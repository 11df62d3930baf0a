"""The int8 references in the `single` profile against ONNX Runtime's quantized operators.

ONNX Runtime multiplies accumulators by a float32 scale and rounds to nearest, ties to even; the
contract rounds the exact product half up. With `dyadic` scales its float32 arithmetic is exact:
every byte is equal but those whose real value is exactly halfway between two integers. With any
scales its product is off by a few float32 roundings (scale product, division, conversion of the
sum, product): bytes may differ where a real value lies that close to halfway, and nowhere else.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.add import Add
from mcucc.ops.mul import Mul
from mcucc.ops.sigmoid import Sigmoid
from tests.ops import draw, ort
from tests.ops.draw import DYADIC, FREE, Case, Scales
from tests.ops.ort import CONTRIB, channels_first, channels_last, run_ort, tensor_constants

UNCLAMPED = st.just(NO_CLAMP)
FLOAT32_ROUNDINGS = 6  # at most, in ONNX Runtime's way from the sum to the byte
cases = settings(derandomize=True, deadline=None, max_examples=120)
both = pytest.mark.parametrize("scales", [DYADIC, FREE], ids=["dyadic", "free"])


def agree(case: Case, theirs: np.ndarray, real: np.ndarray, exact: bool) -> None:
    """Equal bytes, but where `real` (the unrounded result in output units) is halfway.

    With `exact`, halfway means exactly; else within the float32 roundings of the oracle.
    """
    ours = case.run().reshape(theirs.shape).astype(np.int64)
    distance = np.abs(real - np.floor(real) - 0.5)
    reach = 0.0 if exact else FLOAT32_ROUNDINGS * 2.0**-24 * np.abs(real)
    halfway = distance <= reach
    differs = ours != theirs
    assert not (differs & ~halfway).any(), "differs where the result is not halfway"
    assert (np.abs(ours - theirs)[differs] == 1).all()
    if exact:  # half up against half to even: never below
        assert (ours >= theirs).all()


def weighted_real(case: Case, sums: np.ndarray) -> np.ndarray:
    """sums * s_x * s_w / s_y per output channel, in float64 (exact for dyadic scales)."""
    x, w = (tensor.quantization for tensor in case.inputs[:2])
    return sums * (np.array(w.scale) * x.scale[0]) / case.output.quantization.per_tensor_scale


def exact_sums(case: Case) -> np.ndarray:
    """The accumulators by float64 arithmetic on integers, from the op's float64-safe parts."""
    x = case.values[0].astype(np.float64) - case.inputs[0].quantization.zero_point
    w = case.inputs[1].constant.astype(np.float64)
    operands = [x, w]
    if len(case.inputs) > 2:
        operands.append(case.inputs[2].constant.astype(np.float64))
    return unclamped(case, operands)


def unclamped(case: Case, operands: list[np.ndarray]) -> np.ndarray:
    """The op's float formula without its narrowing to float32."""
    window = getattr(case.op, "window", None)
    if window is None:
        total = operands[0] @ operands[1].T
    else:
        total = _convolve(case, operands[0], operands[1])
    return total + (operands[2] if len(operands) > 2 else 0.0)


def _convolve(case: Case, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """A convolution tap by tap, written apart from mcucc's own: weights as (kh, kw, C_in/g, C)."""
    window = case.window
    pads = window.pads
    padded = np.pad(x, ((0, 0), (pads.top, pads.bottom), (pads.left, pads.right), (0, 0)))
    _, height, width, outputs = case.output.shape
    groups = getattr(case.op, "groups", x.shape[3])
    taps = w.transpose(1, 2, 3, 0) if w.ndim == 4 else w[:, :, None, :]
    per_group = outputs // groups
    total = np.zeros(case.output.shape)
    for row, column in np.ndindex(*window.kernel):
        top, left = row * window.dilation[0], column * window.dilation[1]
        seen = padded[:, top :: window.stride[0], left :: window.stride[1]][:, :height, :width]
        for channel in range(outputs):
            group = channel // per_group
            inputs = seen[..., group * taps.shape[2] : (group + 1) * taps.shape[2]]
            total[..., channel] += inputs @ taps[row, column, :, channel]
    return total


def conv_by_ort(case: Case) -> np.ndarray:
    """QLinearConv, groups standing for depthwise."""
    window, weights = case.window, case.inputs[1].constant
    depthwise = weights.ndim == 3
    w = weights.transpose(2, 0, 1)[:, None] if depthwise else channels_first(weights)
    constants = tensor_constants(x=case.inputs[0], w=case.inputs[1], y=case.output)
    constants["w"] = np.ascontiguousarray(w)
    order = "x x_scale x_zero w w_scale w_zero y_scale y_zero"
    if len(case.inputs) > 2:
        constants["b"] = case.inputs[2].constant
        order += " b"
    pads = window.pads
    y = run_ort(
        "QLinearConv",
        {"x": channels_first(case.values[0])},
        constants,
        order,
        kernel_shape=window.kernel,
        strides=window.stride,
        dilations=window.dilation,
        pads=(pads.top, pads.left, pads.bottom, pads.right),
        group=case.values[0].shape[3] if depthwise else getattr(case.op, "groups", 1),
    )
    return channels_last(y)


@both
@pytest.mark.parametrize("draw_case", [draw.conv_cases, draw.depthwise_cases])
def test_convolutions(draw_case: object, scales: Scales) -> None:
    @cases
    @given(case=draw_case(scales, UNCLAMPED))  # type: ignore[operator]
    def run(case: Case) -> None:
        real = weighted_real(case, exact_sums(case))
        agree(case, conv_by_ort(case), real, scales is DYADIC)

    run()


@both
def test_fully_connected(scales: Scales) -> None:
    """QGemm."""

    @cases
    @given(case=draw.fully_connected_cases(scales, UNCLAMPED))
    def run(case: Case) -> None:
        constants = tensor_constants(x=case.inputs[0], w=case.inputs[1], y=case.output)
        constants["w"] = case.inputs[1].constant
        bias = len(case.inputs) > 2
        if bias:
            constants["b"] = case.inputs[2].constant
        theirs = run_ort(
            "QGemm",
            {"x": case.values[0]},
            constants,
            f"x x_scale x_zero w w_scale w_zero {'b' if bias else '-'} y_scale y_zero",
            CONTRIB,
            transB=1,
        )
        agree(case, theirs, weighted_real(case, exact_sums(case)), scales is DYADIC)

    run()


@pytest.mark.parametrize("op", [Add, Mul])
def test_element_wise(op: type[Add] | type[Mul]) -> None:
    """QLinearAdd and QLinearMul, equal shapes and one factor per channel."""

    @cases
    @given(case=draw.binary_cases(op, DYADIC, UNCLAMPED))
    def run(case: Case) -> None:
        a, b = case.inputs
        theirs = run_ort(
            f"QLinear{op.__name__}",
            {"a": case.values[0], "b": case.values[1]},
            tensor_constants(a=a, b=b, y=case.output),
            "a a_scale a_zero b b_scale b_zero y_scale y_zero",
            CONTRIB,
        )
        x, y = (
            (v.astype(np.float64) - t.quantization.zero_point) * t.quantization.scale[0]
            for v, t in zip(case.values, case.inputs, strict=True)
        )
        real = (x + y if op is Add else x * y) / case.output.quantization.per_tensor_scale
        agree(case, theirs, real, exact=True)

    run()


def pool_real(case: Case) -> np.ndarray:
    """The mean of every window in output units, summed tap by tap."""
    quant, window = case.inputs[0].quantization, case.window
    x = case.values[0].astype(np.float64) - quant.zero_point
    ones = np.ones((1, *x.shape[1:3], 1))
    padding = np.array([[window.pads.top, window.pads.bottom], [window.pads.left] * 2])
    padding[1, 1] = window.pads.right
    sums, counts = np.zeros(case.output.shape), np.zeros((*case.output.shape[:3], 1))
    _, height, width, _ = case.output.shape
    for row, column in np.ndindex(*window.kernel):
        for total, source in ((sums, x), (counts, ones)):
            padded = np.pad(source, ((0, 0), *padding, (0, 0)))
            seen = padded[:, row :: window.stride[0], column :: window.stride[1]]
            total += seen[:, :height, :width]
    if getattr(case.op, "count_include_pad", False):
        counts[:] = np.prod(window.kernel)
    return sums * quant.scale[0] / (counts * case.output.quantization.per_tensor_scale)


def test_average_pool() -> None:
    """QLinearAveragePool, both ways to count padding."""

    @cases
    @given(case=draw.average_pool_cases(DYADIC))
    def run(case: Case) -> None:
        window, pads = case.window, case.window.pads
        theirs = run_ort(
            "QLinearAveragePool",
            {"x": channels_first(case.values[0])},
            tensor_constants(x=case.inputs[0], y=case.output),
            "x x_scale x_zero y_scale y_zero",
            CONTRIB,
            kernel_shape=window.kernel,
            strides=window.stride,
            pads=(pads.top, pads.left, pads.bottom, pads.right),
            count_include_pad=int(case.op.count_include_pad),  # type: ignore[attr-defined]
        )
        quant = case.output.quantization
        limits = case.op.clamp.to_integers(quant.scale[0], quant.zero_point)  # type: ignore[attr-defined]
        theirs = np.clip(channels_last(theirs), *limits)
        agree(case, theirs, pool_real(case), exact=False)

    run()


@cases
@given(scale=st.integers(0, 2**32 - 1), zero_point=draw.ZERO_POINTS)
def test_sigmoid(scale: int, zero_point: int) -> None:
    """QLinearSigmoid over all 256 inputs, which works by a table of its own."""
    op, every = Sigmoid(), np.arange(-128, 128).astype(np.int8)[None]
    x = draw.activation(
        "x", (1, 256), draw.free_scale(np.random.default_rng(scale)) / 4, zero_point
    )
    y = draw.Tensor("y", (1, 256), draw.INT8, op.fixed_quant())
    theirs = run_ort(
        "QLinearSigmoid",
        {"x": every},
        ort.tensor_constants(x=x, y=y),
        "x x_scale x_zero y_scale y_zero",
        CONTRIB,
    )
    real = (every.astype(np.float64) - zero_point) * float(np.float32(x.quantization.scale[0]))
    agree(Case(op, (x,), y, (every,)), theirs, 256.0 / (1.0 + np.exp(-real)), exact=False)
