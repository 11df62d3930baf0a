"""What the tests of every instruction set draw: cases, their variant, and the calls it gets."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from mcucc.ir import Tensor
from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.kernels.packing import BITS, bits_of, step_of
from mcucc.kernels.select import NodeContext, choose
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from tests.kernels import driver
from tests.ops import draw
from tests.ops.draw import CLAMPS, FREE, SEEDS, ZERO_PAIRS, Case, Scales

ROUNDINGS = st.sampled_from(list(Rounding))
# Factors with few bits, so that the high multiply is exact; output scales near the natural one.
SHORT = Scales(draw.dyadic_scale, draw.power_of_two)
SCALES = st.sampled_from([SHORT, FREE])
WIDE = st.one_of(st.integers(1, 9), st.sampled_from([12, 16, 17, 63, 64, 257]))


@st.composite
def pointwise_cases(draw_: st.DrawFn) -> Case:
    stride = draw_(st.integers(1, 2))
    height, width = draw_(st.integers(1, 3)), draw_(st.integers(1, 12))
    op = Conv2d(Window2d((1, 1), (stride, stride)), 1, draw_(CLAMPS))
    inputs, outputs = draw_(WIDE), draw_(st.integers(1, 19))
    return draw.weighted(
        op,
        (1, height, width, inputs),
        (outputs, 1, 1, inputs),
        draw_(ZERO_PAIRS),
        draw_(SCALES),
        draw_(SEEDS),
    )


@st.composite
def window_cases(draw_: st.DrawFn) -> Case:
    window = draw_(draw.windows())
    height, width = draw_(draw.sizes(window))
    op = Conv2d(window, 1, draw_(CLAMPS))
    inputs, outputs = draw_(st.integers(1, 9)), draw_(st.integers(1, 9))
    return draw.weighted(
        op,
        (1, height, width, inputs),
        (outputs, *window.kernel, inputs),
        draw_(ZERO_PAIRS),
        draw_(SCALES),
        draw_(SEEDS),
    )


@st.composite
def grouped_cases(draw_: st.DrawFn) -> Case:
    window, groups = draw_(draw.windows()), draw_(st.integers(2, 4))
    height, width = draw_(draw.sizes(window))
    op = Conv2d(window, groups, draw_(CLAMPS))
    inputs, outputs = draw_(st.integers(1, 9)), draw_(st.integers(1, 5))
    return draw.weighted(
        op,
        (1, height, width, groups * inputs),
        (groups * outputs, *window.kernel, inputs),
        draw_(ZERO_PAIRS),
        draw_(SCALES),
        draw_(SEEDS),
    )


@st.composite
def depthwise_cases(draw_: st.DrawFn) -> Case:
    size, stride = draw_(st.sampled_from([3, 5, 7])), draw_(st.integers(1, 2))
    pads = Pads(*(draw_(st.integers(0, size - 1)) for _ in range(4)))
    window = Window2d((size, size), (draw_(st.integers(1, 2)), stride), pads=pads)
    least = max(1, size - pads.left - pads.right)
    height, width = draw_(draw.sizes(window, 4))[0], draw_(st.integers(least, 70))
    channels = draw_(st.integers(4, 13))
    return draw.weighted(
        DepthwiseConv2d(window, draw_(CLAMPS)),
        (1, height, width, channels),
        (size, size, channels),
        draw_(ZERO_PAIRS),
        draw_(SCALES),
        draw_(SEEDS),
    )


@st.composite
def dilated_cases(draw_: st.DrawFn) -> Case:
    """Depthwise convolutions of columns apart, padded by any part of a window or more."""
    size, dilation = draw_(st.sampled_from([3, 3, 5, 7])), draw_(st.integers(2, 5))
    reach = (size - 1) * dilation
    pads = Pads(*(draw_(st.integers(0, reach + 2)) for _ in range(4)))
    window = Window2d((size, size), (draw_(st.integers(1, 2)), 1), (2, dilation), pads)
    height = draw_(st.integers(max(1, 2 * size - 1 - pads.top - pads.bottom), 2 * size + 2))
    width = draw_(st.integers(max(1, reach + 1 - pads.left - pads.right), reach + 20))
    channels = draw_(st.integers(4, 9))
    op, shape = DepthwiseConv2d(window, draw_(CLAMPS)), (1, height, width, channels)
    weights = (size, size, channels)
    return draw.weighted(op, shape, weights, draw_(ZERO_PAIRS), draw_(SCALES), draw_(SEEDS))


@st.composite
def stem_cases(draw_: st.DrawFn) -> Case:
    """A first layer: few input channels, stride 2, padding on either side."""
    inputs, stride, pad = draw_(st.sampled_from([1, 3, 3, 4])), draw_(st.integers(1, 2)), 1
    pads = Pads(*(draw_(st.integers(0, pad)) for _ in range(4)))
    window = Window2d((3, 3), (stride, stride), pads=pads)
    width = draw_(st.integers(3, 20))
    op, outputs = Conv2d(window, 1, draw_(CLAMPS)), draw_(st.integers(1, 9))
    shape, weights = (1, 5, width, inputs), (outputs, 3, 3, inputs)
    return draw.weighted(op, shape, weights, draw_(ZERO_PAIRS), draw_(SCALES), draw_(SEEDS))


@st.composite
def border_cases(draw_: st.DrawFn) -> Case:
    """A convolution whose padding is worth something to each output, of one strip or several."""
    window = draw_(draw.windows())
    height, width = draw_(draw.sizes(window))
    width += draw_(st.sampled_from([0, 0, 17, 70]))
    inputs, outputs = draw_(st.integers(1, 20)), draw_(st.integers(1, 9))
    shape, weights = (1, height, width, inputs), (outputs, *window.kernel, inputs)
    op, seed = Conv2d(window, 1, draw_(CLAMPS)), draw_(SEEDS)
    case = draw.weighted(op, shape, weights, draw_(ZERO_PAIRS), draw_(SCALES), seed)
    bias = case.inputs[2]
    spread = int(np.abs(bias.constant).max()) // window.kernel[0] + 1
    values = np.random.default_rng(seed).integers(-spread, spread, (*window.kernel, outputs))
    quant = dataclasses.replace(bias.quantization, axis=2)
    border = Tensor.const("e", values.astype(np.int32), quant)
    return dataclasses.replace(case, inputs=(*case.inputs, border))


def divide_cases() -> st.SearchStrategy[Case]:
    """LiteRT's AveragePool: raw sums are divided, input and output have one scale."""

    def raw(case: Case) -> Case:
        op = dataclasses.replace(case.op, half_away=True)  # type: ignore[type-var]
        output = dataclasses.replace(case.output, quant=case.inputs[0].quant)
        return dataclasses.replace(case, op=op, output=output)

    return draw.average_pool_cases().map(raw)


@st.composite
def packed(draw_: st.DrawFn, cases: st.SearchStrategy[Case]) -> Case:
    """One of `cases` with weights that 4 or 2 bits hold."""
    return with_bits(draw_(cases), draw_(st.sampled_from(BITS)))


def with_bits(case: Case, bits: int) -> Case:
    """The case with its weights rounded down to multiples."""
    weights = case.inputs[1]
    few = weights.constant & np.int8(-step_of(bits))
    inputs = (case.inputs[0], dataclasses.replace(weights, data=few), *case.inputs[2:])
    return dataclasses.replace(case, inputs=inputs)


@st.composite
def deep_cases(draw_: st.DrawFn) -> Case:
    """1x1 convolutions of so many inputs that their sum leaves int16 many times."""
    inputs, seed = draw_(st.sampled_from([1030, 2100])), draw_(SEEDS)
    op = Conv2d(Window2d((1, 1)), 1, draw_(CLAMPS))
    shape, weights = (1, 1, 3, inputs), (3, 1, 1, inputs)
    case = draw.weighted(op, shape, weights, draw_(ZERO_PAIRS), draw_(SCALES), seed)
    most = np.full(shape, draw_(st.sampled_from([-128, 127])), np.int8)
    return dataclasses.replace(case, values=(most,)) if seed % 2 else case


@st.composite
def long(draw_: st.DrawFn, cases: st.SearchStrategy[Case]) -> Case:
    """One of `cases` whose weights are 9 bits: a zero point moves some of them beyond int8."""
    case = draw_(cases)
    weights = case.inputs[1]
    moved = weights.constant.astype(np.int16) + draw_(st.sampled_from([-127, -9, 1, 100, 127]))
    wide = dataclasses.replace(weights, data=moved, dtype=moved.dtype)
    return dataclasses.replace(case, inputs=(case.inputs[0], wide, *case.inputs[2:]))


def everyday(examples: int) -> settings:
    return settings(
        derandomize=True,
        deadline=None,
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
    )


def chosen(
    case: Case, rounding: Rounding, seed: int, isa: InstructionSet
) -> tuple[Variant, tuple[int, int, int]]:
    kernel = case.kernel(rounding)
    shape = kernel.run(case.images)[0].shape
    optimize = ("speed", "size")[seed % 2]
    intervals = tuple(tensor.interval for tensor in case.inputs if tensor.data is None)
    weights = getattr(kernel, "weights", None)
    bits = None if weights is None or bits_of(weights) == 8 else bits_of(weights)
    context = NodeContext(intervals, shape[0], shape[1], optimize, bits=bits)
    choice = choose(kernel, context, isa)
    other = (None, Form.SHIFT, Form.COMMON)[seed // 2 % 3]
    if other and choice.form in (Form.HIGH, Form.COMMON):  # drawn factors hardly ever need them
        found = choose(kernel, dataclasses.replace(context, form=other), isa)
        like = found.form is other and found.call.id.bits == choice.call.id.bits
        choice = found if like else choice
    return choice, shape


def recording(case: Case, rounding: Rounding, choice: Variant, seed: int) -> driver.Recording:
    kernel = case.kernel(rounding)
    output = kernel.run(case.images)[0]
    images, rng = [image[0] for image in case.images], np.random.default_rng(seed)
    recorded = driver.record(kernel, images, output.shape, rng, dtype=output.dtype)
    scratch_bytes = max(recorded.scratch_bytes, choice.call.scratch_bytes)
    return dataclasses.replace(recorded, call=choice.call, scratch_bytes=scratch_bytes)


def forms_of(seen: Counter[str]) -> set[str]:
    """The forms of requantization among variant names such as `armv7em smlad, high`."""
    return {name.rpartition(", ")[2] for name in seen}
