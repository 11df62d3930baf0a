"""The int8 references against LiteRT, bit for bit, over every scale, zero point and window.

`double` is LiteRT's reference resolver; `single` its default, XNNPACK, where it rounds once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Clamp, Rounding
from mcucc.ops.add import Add
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.sub import Sub
from tests.litert_builder import ACTIVATIONS, LiteRTBuilder, run_litert
from tests.ops import draw
from tests.ops.draw import FREE, SEEDS, TFLITE_CLAMPS, ZERO_PAIRS, Case

cases = settings(derandomize=True, deadline=None, max_examples=80)
PADDING = {"SAME": 0, "VALID": 1}


def by_litert(
    case: Case, code: str, options: str, *, version: int = 1, reference: bool = True, **fields: Any
) -> np.ndarray:
    """One operator run by LiteRT. The weights keep the case's order, which the caller adapts."""
    builder = LiteRTBuilder()
    operands, fed = [], []
    for tensor in case.inputs:
        data = tensor.data
        if data is None:
            operands.append(builder.tensor(tensor.shape, np.int8, tensor.quant))
            fed.append(operands[-1])
            continue
        quant = tensor.quantization
        if code == "DEPTHWISE_CONV_2D" and data.ndim == 3:  # (1, kh, kw, C), scales along C
            data, quant = data[None], Quant(quant.scale, 0, 3)
        operands.append(builder.constant(data, quant))
    y = builder.tensor(case.output.shape, np.int8, case.output.quant)
    builder.op(code, options, operands, [y], version, **fields)
    (result,) = run_litert(builder.build(fed, [y]), case.values, reference=reference)
    return result


def activation(case: Case) -> int:
    """The fused activation's number in the schema."""
    names: dict[Clamp, str] = {draw.NO_CLAMP: "none", draw.RELU: "relu", draw.RELU6: "relu6"}
    number: int = ACTIVATIONS[names[case.op.clamp]]  # type: ignore[attr-defined]
    return number


def window_fields(case: Case, padding: str) -> dict[str, int]:
    window = case.window
    return {
        "padding": PADDING[padding],
        "strideH": window.stride[0],
        "strideW": window.stride[1],
        "dilationHFactor": window.dilation[0],
        "dilationWFactor": window.dilation[1],
        "fusedActivationFunction": activation(case),
    }


@st.composite
def tflite_convolutions(sample: st.DrawFn, depthwise: bool) -> tuple[Case, str]:
    height, width = sample(st.integers(1, 12)), sample(st.integers(1, 12))
    window, padding = sample(draw.tflite_windows(height, width))
    channels, clamp = sample(draw.CHANNELS), sample(TFLITE_CLAMPS)
    shape = (1, height, width, channels)
    if depthwise:
        multiplier = sample(st.sampled_from([1, 1, 2, 3, 8]))
        op: Conv2d | DepthwiseConv2d = DepthwiseConv2d(window, clamp)
        weights: tuple[int, ...] = (*window.kernel, channels * multiplier)
    else:
        op = Conv2d(window, clamp=clamp)
        weights = (sample(st.integers(1, 9)), *window.kernel, channels)
    zeros, seed = sample(ZERO_PAIRS), sample(SEEDS)
    return draw.weighted(op, shape, weights, zeros, FREE, seed), padding


@cases
@given(drawn=tflite_convolutions(depthwise=False))
def test_conv(drawn: tuple[Case, str]) -> None:
    case, padding = drawn
    theirs = by_litert(case, "CONV_2D", "Conv2DOptions", version=3, **window_fields(case, padding))
    np.testing.assert_array_equal(case.run(Rounding.DOUBLE), theirs)


@cases
@given(drawn=tflite_convolutions(depthwise=True))
def test_depthwise(drawn: tuple[Case, str]) -> None:
    case, padding = drawn
    multiplier = case.output.shape[3] // case.inputs[0].shape[3]
    theirs = by_litert(
        case,
        "DEPTHWISE_CONV_2D",
        "DepthwiseConv2DOptions",
        version=3,
        depthMultiplier=multiplier,
        **window_fields(case, padding),
    )
    np.testing.assert_array_equal(case.run(Rounding.DOUBLE), theirs)


@cases
@given(
    sizes=st.tuples(st.integers(1, 257), st.integers(1, 33)),
    clamp=TFLITE_CLAMPS,
    zeros=ZERO_PAIRS,
    seed=SEEDS,
)
def test_fully_connected(
    sizes: tuple[int, int], clamp: Clamp, zeros: tuple[int, int], seed: int
) -> None:
    """One weight scale per output: the per-tensor form is the TFLite importer's test."""
    inputs, outputs = sizes
    op = FullyConnected(clamp)
    case = draw.weighted(op, (1, inputs), (outputs + 1, inputs), zeros, FREE, seed)
    theirs = by_litert(
        case,
        "FULLY_CONNECTED",
        "FullyConnectedOptions",
        version=5,
        fusedActivationFunction=activation(case),
    )
    np.testing.assert_array_equal(case.run(Rounding.DOUBLE), theirs)


@pytest.mark.parametrize("op", [Add, Sub, Mul])
def test_element_wise(op: type[Add] | type[Sub] | type[Mul]) -> None:
    """Equal shapes, and for Mul one factor per channel."""

    @cases
    @given(case=draw.binary_cases(op, FREE, TFLITE_CLAMPS))
    def run(case: Case) -> None:
        name = op.__name__
        theirs = by_litert(
            case,
            name.upper(),
            f"{name}Options",
            version=2,
            fusedActivationFunction=activation(case),
        )
        np.testing.assert_array_equal(case.run(Rounding.DOUBLE), theirs)

    run()


@cases
@given(case=draw.binary_cases(Add, FREE, TFLITE_CLAMPS))
def test_add_of_xnnpack(case: Case) -> None:
    """The multipliers of the `single` profile are the ones XNNPACK chooses."""
    theirs = by_litert(
        case,
        "ADD",
        "AddOptions",
        version=2,
        reference=False,
        fusedActivationFunction=activation(case),
    )
    np.testing.assert_array_equal(case.run(Rounding.SINGLE), theirs)


@cases
@given(data=st.data())
def test_max_pool(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    window, padding = data.draw(draw.tflite_windows(height, width, dilated=False))
    rng = np.random.default_rng(data.draw(SEEDS))
    shape = (1, height, width, data.draw(draw.CHANNELS))
    op = MaxPool(window, data.draw(TFLITE_CLAMPS))
    x = draw.activation("x", shape, draw.free_scale(rng), data.draw(draw.ZERO_POINTS))
    y = draw.Tensor("y", op.infer([x.type]).shape, draw.INT8, x.quant)
    case = Case(op, (x,), y, (draw.int8_values(rng, shape),))
    fields = window_fields(case, padding)
    theirs = by_litert(
        case,
        "MAX_POOL_2D",
        "Pool2DOptions",
        version=2,
        filterHeight=window.kernel[0],
        filterWidth=window.kernel[1],
        **{name: fields[name] for name in fields if not name.startswith("dilation")},
    )
    np.testing.assert_array_equal(case.run(Rounding.DOUBLE), theirs)


@cases
@given(case=draw.concat_cases())
def test_concat_of_equal_scales(case: Case) -> None:
    if any(tensor.quant != case.output.quant for tensor in case.inputs):
        same = tuple(draw.Tensor(t.name, t.shape, t.dtype, case.output.quant) for t in case.inputs)
        case = Case(case.op, same, case.output, case.values)
    assert isinstance(case.op, Concat)
    theirs = by_litert(case, "CONCATENATION", "ConcatenationOptions", version=2, axis=case.op.axis)
    np.testing.assert_array_equal(case.run(Rounding.DOUBLE), theirs)
