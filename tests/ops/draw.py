"""Drawn cases of every op: shapes, windows, scales over three decades, zero points, values.

`dyadic` scales are short integers times powers of two: every product of theirs is exact in float32
too, so that an oracle which computes with floats has nothing to round but the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from mcucc.ir import Quant, Tensor
from mcucc.ir.kernel import Kernel
from mcucc.ir.op import Op
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import NO_CLAMP, RELU, RELU6, Clamp, Int8Array, Rounding
from mcucc.ops.add import Add
from mcucc.ops.attention import Attention
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.channel_affine import ChannelAffine
from mcucc.ops.channel_operand import ChannelOperand
from mcucc.ops.clip import Clip
from mcucc.ops.common.lookup import Unary
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.common.table import Table
from mcucc.ops.concat import Concat
from mcucc.ops.constant import Constant
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.div import Div
from mcucc.ops.extremum import Extremum
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.function import FUNCTIONS, Function
from mcucc.ops.gather_channels import GatherChannels
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.layer_norm import LayerNorm
from mcucc.ops.mat_mul import MatMul
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.pad import Pad
from mcucc.ops.permute import Permute
from mcucc.ops.prelu import PRelu
from mcucc.ops.registry import registry
from mcucc.ops.resize_bilinear import ONE, ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.scalar_operand import Arithmetic
from mcucc.ops.slice import Slice
from mcucc.ops.softmax import Softmax
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.squared_difference import SquaredDifference
from mcucc.ops.sub import Sub
from mcucc.ops.transpose import Transpose

INT8 = np.dtype(np.int8)
CHANNELS = st.one_of(st.integers(1, 9), st.sampled_from([12, 16, 17, 31, 33, 64]))
ZERO_POINTS = st.one_of(st.sampled_from([-128, 127, 0]), st.integers(-128, 127))
CLAMPS = st.sampled_from([NO_CLAMP, RELU, RELU6, Clamp(-1.0, 2.5)])
TFLITE_CLAMPS = st.sampled_from([NO_CLAMP, RELU, RELU6])
SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True, eq=False)
class Case:
    """One quantized node with the int8 values of its activations, each (1, H, W, C) or (1, N)."""

    op: Op
    inputs: tuple[Tensor, ...]
    output: Tensor
    values: tuple[Int8Array, ...]

    def kernel(self, rounding: Rounding = Rounding.SINGLE) -> Kernel:
        """The lowered node."""
        return self.op.lower(self.inputs, self.output, rounding)

    def run(self, rounding: Rounding = Rounding.SINGLE) -> Int8Array:
        """The int8 reference, in the shape of the output."""
        return self.kernel(rounding).run(self.images).reshape(self.output.shape)

    @property
    def images(self) -> list[Int8Array]:
        """The activations as (1, H, W, C)."""
        return [v.reshape((1,) * (4 - v.ndim) + v.shape) for v in self.values]

    @property
    def window(self) -> Window2d:
        """The op's sliding window."""
        window: Window2d = self.op.window  # type: ignore[attr-defined]
        return window

    def real(self) -> np.ndarray:
        """The op's float result of the dequantized operands."""
        values, operands = iter(self.values), []
        for tensor in self.inputs:
            q = tensor.data if tensor.data is not None else next(values)
            operands.append(dequantize(q, tensor.quantization))
        return self.op.evaluate(operands)


def dequantize(q: np.ndarray, quant: Quant) -> np.ndarray:
    """real = scale * (q - zero_point) in float64, rounded to float32 once."""
    scale = np.asarray(quant.scale, dtype=np.float64)
    if quant.axis is not None:
        scale = scale.reshape([-1 if i == quant.axis else 1 for i in range(q.ndim)])
    return ((q.astype(np.int64) - quant.zero_point) * scale).astype(np.float32)


def free_scale(rng: np.random.Generator) -> float:
    """Any float32 in [0.001, 1), log-uniform."""
    return float(np.float32(10.0 ** rng.uniform(-3, 0)))


def dyadic_scale(rng: np.random.Generator) -> float:
    """4 to 7 times a power of two, roughly log-uniform over [0.001, 1)."""
    return int(rng.integers(4, 8)) * 2.0 ** -int(rng.integers(3, 13))


def free_output_scale(natural: float, rng: np.random.Generator) -> float:
    """A float32 within a factor of four of `natural`."""
    return float(np.float32(natural * 4.0 ** rng.uniform(-1, 1)))


def power_of_two(natural: float, rng: np.random.Generator) -> float:
    """The power of two nearest to `natural`, or a neighbour of it."""
    return 2.0 ** (round(np.log2(natural)) + int(rng.integers(-1, 2)))


@dataclass(frozen=True)
class Scales:
    """How scales are drawn."""

    operand: Callable[[np.random.Generator], float]
    output: Callable[[float, np.random.Generator], float]


FREE = Scales(free_scale, free_output_scale)
DYADIC = Scales(dyadic_scale, power_of_two)


def int8_values(rng: np.random.Generator, shape: tuple[int, ...], lowest: int = -128) -> Int8Array:
    """Uniform values, or (one time in four) only the extremes."""
    if rng.integers(0, 4) == 0:
        return rng.choice(np.array([lowest, 127], dtype=np.int8), shape)
    return rng.integers(lowest, 128, shape).astype(np.int8)


def activation(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
    """A per-tensor quantized activation."""
    return Tensor(name, shape, INT8, Quant((scale,), zero_point))


@st.composite
def windows(draw: st.DrawFn, largest: int = 5, dilated: bool = True) -> Window2d:
    """Any kernel, stride, dilation and asymmetric padding (below the kernel's extent)."""
    kernel = (draw(st.integers(1, largest)), draw(st.integers(1, largest)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    spread = st.integers(1, 3) if dilated else st.just(1)
    dilation = (draw(spread), draw(spread))
    tall = dilation[0] * (kernel[0] - 1)
    wide = dilation[1] * (kernel[1] - 1)
    pads = [draw(st.integers(0, limit)) for limit in (tall, wide, tall, wide)]
    return Window2d(kernel, stride, dilation, Pads(*pads))


WINDOWS, DENSE_WINDOWS = windows(), windows(dilated=False)


@st.composite
def tflite_windows(
    draw: st.DrawFn, height: int, width: int, largest: int = 5, dilated: bool = True
) -> tuple[Window2d, str]:
    """A window with the padding TFLite's SAME or VALID means for this input."""
    window = draw(windows(largest, dilated))
    if window.stride != (1, 1) and window.dilation != (1, 1):
        window = Window2d(window.kernel, (1, 1), window.dilation)
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    tall, wide = window.effective
    if padding == "VALID" and (tall > height or wide > width):
        padding = "SAME"
    if padding == "VALID":
        return Window2d(window.kernel, window.stride, window.dilation), padding
    pads = []
    for size, extent, stride in zip((height, width), (tall, wide), window.stride, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + extent - size)
        pads.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = pads
    return Window2d(
        window.kernel, window.stride, window.dilation, Pads(top, left, bottom, right)
    ), (padding)


@st.composite
def sizes(draw: st.DrawFn, window: Window2d, most: int = 11) -> tuple[int, int]:
    """Height and width, rows of one pixel included, into which the padded window fits."""
    tall, wide = window.effective
    low_h = max(1, tall - window.pads.top - window.pads.bottom)
    low_w = max(1, wide - window.pads.left - window.pads.right)
    return draw(st.integers(low_h, low_h + most)), draw(st.integers(low_w, low_w + most))


def weighted(
    op: Op,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    zeros: tuple[int, int],
    scales: Scales,
    seed: int,
    bias: bool = True,
) -> Case:
    """A case of Conv2d, DepthwiseConv2d or FullyConnected."""
    rng = np.random.default_rng(seed)
    axis = op.WEIGHT_AXIS
    assert axis is not None
    channels = weight_shape[axis]
    taps = int(np.prod(weight_shape)) // channels
    x_scale = scales.operand(rng)
    w_scales = np.array([scales.operand(rng) for _ in range(channels)])
    weights = int8_values(rng, weight_shape, -127)
    x = activation("x", x_shape, x_scale, zeros[0])
    w = Tensor.const("w", weights, Quant(tuple(w_scales.tolist()), 0, axis))
    natural = x_scale * float(np.median(w_scales)) * 74 * 74 * taps**0.5 / 40
    y_scale = scales.output(natural, rng)
    operands = [x, w]
    if bias:
        b_scales = tuple((x_scale * w_scales).tolist())
        spread = int(74 * 74 * taps**0.5)
        data = rng.integers(-spread, spread + 1, channels).astype(np.int32)
        operands.append(Tensor.const("b", data, Quant(b_scales, 0, 0)))
    output_type = op.infer([t.type for t in operands])
    output = activation("y", output_type.shape, y_scale, zeros[1])
    return Case(op, tuple(operands), output, (int8_values(rng, x_shape),))


ZERO_PAIRS = st.tuples(ZERO_POINTS, ZERO_POINTS)


@st.composite
def conv_cases(
    draw: st.DrawFn, scales: Scales = FREE, clamps: st.SearchStrategy[Clamp] = CLAMPS
) -> Case:
    """Conv2d with any window and group count."""
    window = draw(windows())
    height, width = draw(sizes(window))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    inputs, outputs = draw(CHANNELS), draw(st.integers(1, 9))
    op = Conv2d(window, groups, draw(clamps))
    shape = (1, height, width, inputs * groups)
    weight_shape = (outputs * groups, *window.kernel, inputs)
    zeros, bias = draw(ZERO_PAIRS), draw(st.booleans())
    return weighted(op, shape, weight_shape, zeros, scales, draw(SEEDS), bias)


@st.composite
def depthwise_cases(
    draw: st.DrawFn, scales: Scales = FREE, clamps: st.SearchStrategy[Clamp] = CLAMPS
) -> Case:
    """DepthwiseConv2d with any window and multiplier."""
    window = draw(windows())
    height, width = draw(sizes(window))
    channels = draw(CHANNELS)
    multiplier = draw(st.sampled_from([1, 1, 1, 2, 3, 4, 5, 8]))
    op = DepthwiseConv2d(window, draw(clamps))
    shape, weight_shape = (1, height, width, channels), (*window.kernel, channels * multiplier)
    return weighted(op, shape, weight_shape, draw(ZERO_PAIRS), scales, draw(SEEDS))


@st.composite
def fully_connected_cases(
    draw: st.DrawFn,
    scales: Scales = FREE,
    clamps: st.SearchStrategy[Clamp] = CLAMPS,
    by_pixel: bool = False,
) -> Case:
    """FullyConnected, of one vector or of every pixel."""
    inputs, outputs = draw(st.integers(1, 257)), draw(st.integers(1, 33))
    pixels = draw(st.sampled_from([(1,), (5,), (2, 3)])) if by_pixel else ()
    op = FullyConnected(draw(clamps), by_pixel)
    zeros, bias = draw(ZERO_PAIRS), draw(st.booleans())
    return weighted(op, (1, *pixels, inputs), (outputs, inputs), zeros, scales, draw(SEEDS), bias)


@st.composite
def squared_difference_cases(draw: st.DrawFn) -> Case:
    """Two scales, and an output that holds most squares."""
    shape = (1, draw(st.integers(1, 5)), draw(st.integers(1, 7)), draw(CHANNELS))
    zeros, seed = [draw(ZERO_POINTS) for _ in range(3)], draw(SEEDS)
    rng = np.random.default_rng(seed)
    a = activation("a", shape, FREE.operand(rng), zeros[0])
    b = activation("b", shape, FREE.operand(rng), zeros[1])
    larger = max(x.quantization.per_tensor_scale for x in (a, b))
    scale = float(np.float32((74 * larger) ** 2 / 40 * rng.uniform(0.5, 3)))
    values = (int8_values(rng, shape), int8_values(rng, shape))
    y = activation("y", shape, scale, zeros[2])
    return Case(SquaredDifference(), (a, b), y, values)


@st.composite
def binary_cases(
    draw: st.DrawFn,
    op_type: type[Add] | type[Mul] | type[Sub],
    scales: Scales = FREE,
    clamps: st.SearchStrategy[Clamp] = CLAMPS,
) -> Case:
    """Add, Sub or Mul, Mul also with one factor per channel."""
    op = op_type(draw(clamps))
    shape = (1, draw(st.integers(1, 5)), draw(st.integers(1, 7)), draw(CHANNELS))
    per_channel = op_type is Mul and draw(st.booleans())
    b_shape = (1, 1, 1, shape[3]) if per_channel else shape
    zeros, seed = [draw(ZERO_POINTS) for _ in range(3)], draw(SEEDS)
    rng = np.random.default_rng(seed)
    a = activation("a", shape, scales.operand(rng), zeros[0])
    b = activation("b", b_shape, scales.operand(rng), zeros[1])
    sa, sb = a.quantization.per_tensor_scale, b.quantization.per_tensor_scale
    natural = 74 * 74 * sa * sb / 40 if op_type is Mul else 74 * max(sa, sb) / 40
    y = activation("y", shape, scales.output(natural, rng), zeros[2])
    return Case(op, (a, b), y, (int8_values(rng, shape), int8_values(rng, b_shape)))


@st.composite
def mat_mul_cases(draw: st.DrawFn, scales: Scales = FREE) -> Case:
    """MatMul of any heads, b plain or transposed, one matrix or one a row."""
    rng = np.random.default_rng(draw(SEEDS))
    by_row, transposed, heads = draw(st.booleans()), draw(st.booleans()), draw(st.integers(1, 3))
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    b_height = height if by_row else draw(st.integers(1, 3))
    b_width, depth = draw(st.integers(1, 6)), draw(CHANNELS)
    pixels = b_width if by_row else b_height * b_width
    deep = depth if transposed else pixels
    op = MatMul(heads, transposed, by_row)
    zeros = [draw(ZERO_POINTS) for _ in range(3)]
    a = activation("a", (1, height, width, heads * deep), scales.operand(rng), zeros[0])
    b = activation("b", (1, b_height, b_width, heads * depth), scales.operand(rng), zeros[1])
    sa, sb = a.quantization.per_tensor_scale, b.quantization.per_tensor_scale
    natural = 74 * 74 * sa * sb * deep**0.5 / 40
    shape = op.infer([a.type, b.type]).shape
    y = activation("y", shape, scales.output(natural, rng), zeros[2])
    return Case(op, (a, b), y, (int8_values(rng, a.shape), int8_values(rng, b.shape)))


@st.composite
def attention_cases(draw: st.DrawFn, most: int = 7) -> Case:
    """Attention of any heads, shared keys, other tokens and depths, with and without a bias."""
    rng = np.random.default_rng(draw(SEEDS))
    by_row, shared, repeats = draw(st.booleans()), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    depth, deep = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    keys = (height if by_row else draw(st.integers(1, 3)), draw(st.integers(1, most)))
    scores = (height, width) if by_row else (1, height * width)
    pixels = keys[1] if by_row else keys[0] * keys[1]
    heads, bias = shared * repeats, None
    if draw(st.booleans()):
        one = (draw(st.sampled_from([1, scores[0]])), draw(st.sampled_from([1, heads])))
        table = rng.normal(0, 1, (one[0], scores[1], one[1], pixels)).astype(np.float32)
        table[..., 1:][rng.random(table[..., 1:].shape) < 0.2] = -np.inf
        bias = Table.of(table)
    zeros = [draw(ZERO_POINTS) for _ in range(4)]
    scale = 10.0 ** rng.uniform(-1.5, 0.5)
    q = activation("q", (1, height, width, heads * depth), scale / 40, zeros[0])
    k = activation("k", (1, *keys, shared * depth), 1 / 40, zeros[1])
    v = activation("v", (1, *keys, shared * deep), free_scale(rng), zeros[2])
    op = Attention(heads, float(depth**-0.5), 0 if repeats == 1 else shared, by_row, bias)
    shape = op.infer([q.type, k.type, v.type]).shape
    y_scale = v.quantization.per_tensor_scale * float(np.float32(4.0 ** rng.uniform(-1, 0.5)))
    y = activation("y", shape, y_scale, zeros[3])
    return Case(op, (q, k, v), y, tuple(int8_values(rng, t.shape) for t in (q, k, v)))


@st.composite
def squares(draw: st.DrawFn, *sizes: int, dilated: bool = True) -> Window2d:
    """The windows that pools mostly have: of these sizes, or 2x2, 3x3 and 5x5."""
    size, stride = draw(st.sampled_from(sizes or (2, 3, 5))), draw(st.integers(1, 2))
    dilation = draw(st.sampled_from([1, 1, 2])) if dilated else 1
    pads = Pads(*(draw(st.integers(0, (size - 1) * dilation)) for _ in range(4)))
    return Window2d((size, size), (stride, stride), (dilation, dilation), pads)


@st.composite
def max_pool_cases(draw: st.DrawFn, of: st.SearchStrategy[Window2d] = WINDOWS) -> Case:
    """MaxPool with any window, or those given."""
    window = draw(of)
    shape = (1, *draw(sizes(window)), draw(CHANNELS))
    op = MaxPool(window, draw(CLAMPS))
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def average_pool_cases(
    draw: st.DrawFn, scales: Scales = FREE, of: st.SearchStrategy[Window2d] = DENSE_WINDOWS
) -> Case:
    """AveragePool; padding is below the kernel's extent, so that no window is all padding."""
    window = draw(of)
    shape = (1, *draw(sizes(window)), draw(CHANNELS))
    op = AveragePool(window, draw(st.booleans()), draw(CLAMPS))
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, scales.operand(rng), draw(ZERO_POINTS))
    scale = scales.output(x.quantization.per_tensor_scale, rng)
    y = activation("y", op.infer([x.type]).shape, scale, draw(ZERO_POINTS))
    return Case(op, (x,), y, (int8_values(rng, shape),))


@st.composite
def global_average_pool_cases(draw: st.DrawFn, scales: Scales = FREE) -> Case:
    """GlobalAveragePool."""
    shape = (1, draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(CHANNELS))
    op = GlobalAveragePool(draw(CLAMPS))
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, scales.operand(rng), draw(ZERO_POINTS))
    scale = scales.output(x.quantization.per_tensor_scale, rng)
    y = activation("y", (1, 1, 1, shape[3]), scale, draw(ZERO_POINTS))
    return Case(op, (x,), y, (int8_values(rng, shape),))


# Every element-wise op with its default attributes, and more attributes where they matter.
LOOKUPS: tuple[Op, ...] = (
    *(op() for op in registry().values() if issubclass(op, Unary)),
    *(Function(name, (0.5, 0.25)[:count]) for name, (_, count) in FUNCTIONS.items()),
    Clip(RELU6),
    Clip(Clamp(-1.0, 2.5)),
)


@st.composite
def lookup_cases(draw: st.DrawFn, ops: tuple[Op, ...] = LOOKUPS) -> Case:
    """An element-wise function."""
    op = draw(st.sampled_from(ops))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(CHANNELS))
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    scale = free_output_scale(x.quantization.per_tensor_scale, rng)
    quant = op.fixed_quant() or Quant((scale,), draw(ZERO_POINTS))
    return Case(op, (x,), Tensor("y", shape, INT8, quant), (int8_values(rng, shape),))


@st.composite
def prelu_cases(draw: st.DrawFn) -> Case:
    """PRelu with slopes of either sign, of a given unit or the finest."""
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(CHANNELS))
    rng = np.random.default_rng(draw(SEEDS))
    unit = free_scale(rng) if draw(st.booleans()) else 0.0
    slopes = rng.integers(-255, 256, shape[3]) * (unit or 0.004)
    op = PRelu(tuple(float(slope) for slope in slopes), unit)
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    scale = free_output_scale(x.quantization.per_tensor_scale, rng)
    y = activation("y", shape, scale, draw(ZERO_POINTS))
    return Case(op, (x,), y, (int8_values(rng, shape),))


@st.composite
def channel_affine_cases(draw: st.DrawFn) -> Case:
    """ChannelAffine with scales of either sign, some 0, and offsets that saturate."""
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(CHANNELS))
    rng = np.random.default_rng(draw(SEEDS))
    scales = rng.normal(0, 1, shape[3]) * rng.integers(0, 4, shape[3])
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    offsets = rng.normal(0, 60, shape[3]) * x.quantization.per_tensor_scale
    offsets *= rng.choice([0.0, 1.0, 1e5], shape[3], p=[0.2, 0.7, 0.1])
    op = ChannelAffine(tuple(scales.tolist()), tuple(offsets.tolist()), draw(CLAMPS))
    scale = free_output_scale(x.quantization.per_tensor_scale, rng)
    y = activation("y", shape, scale, draw(ZERO_POINTS))
    return Case(op, (x,), y, (int8_values(rng, shape),))


@st.composite
def channel_operand_cases(draw: st.DrawFn) -> Case:
    """ChannelOperand: every operation, the constant first or second."""
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(CHANNELS))
    rng = np.random.default_rng(draw(SEEDS))
    operation, first = draw(st.sampled_from(list(Arithmetic))), draw(st.booleans())
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    values = tuple(int(v) for v in int8_values(rng, (shape[3],)))
    constant = free_scale(rng), draw(ZERO_POINTS)
    op = ChannelOperand(operation, values, *constant, draw(CLAMPS), first)
    sx, sc = x.quantization.per_tensor_scale, constant[0]
    natural = 74 * 74 * sx * sc / 40 if operation is Arithmetic.MUL else 74 * max(sx, sc) / 40
    y = activation("y", shape, free_output_scale(natural, rng), draw(ZERO_POINTS))
    return Case(op, (x,), y, (int8_values(rng, shape),))


@st.composite
def softmax_cases(draw: st.DrawFn) -> Case:
    """Softmax of vectors and of pixels."""
    channels = draw(st.one_of(CHANNELS, st.sampled_from([257, 1001])))
    pixels = draw(st.sampled_from([(), (1, 1), (2, 3)]))
    shape = (1, *pixels, channels)
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    op = Softmax(draw(st.sampled_from([1.0, 0.5])))
    y = Tensor("y", shape, INT8, op.fixed_quant())
    return Case(op, (x,), y, (int8_values(rng, shape),))


@st.composite
def concat_cases(draw: st.DrawFn) -> Case:
    """Concat of one to four tensors along any axis, of equal or different scales."""
    axis, rng = draw(st.integers(1, 3)), np.random.default_rng(draw(SEEDS))
    common = [1, draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(CHANNELS)]
    quant, rescaled = Quant((free_scale(rng),), draw(ZERO_POINTS)), draw(st.booleans())
    inputs = []
    for index in range(draw(st.integers(1, 4))):
        shape = tuple(draw(st.integers(1, 7)) if i == axis else n for i, n in enumerate(common))
        own = Quant((free_scale(rng),), draw(ZERO_POINTS)) if rescaled else quant
        inputs.append(Tensor(f"x{index}", shape, INT8, own))
    op = Concat(axis)
    output = Tensor("y", op.infer([t.type for t in inputs]).shape, INT8, quant)
    return Case(op, tuple(inputs), output, tuple(int8_values(rng, t.shape) for t in inputs))


@st.composite
def extremum_cases(draw: st.DrawFn) -> Case:
    """Extremum of tensors of equal or different scales."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(CHANNELS))
    quant, rescaled = Quant((free_scale(rng),), draw(ZERO_POINTS)), draw(st.booleans())
    other = Quant((free_scale(rng),), draw(ZERO_POINTS)) if rescaled else quant
    inputs = (Tensor("a", shape, INT8, quant), Tensor("b", shape, INT8, other))
    op = Extremum(draw(st.booleans()))
    values = tuple(int8_values(rng, shape) for _ in inputs)
    return Case(op, inputs, Tensor("y", shape, INT8, quant), values)


@st.composite
def div_cases(draw: st.DrawFn) -> Case:
    """Div by any integers, among them those that stand for 0."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(CHANNELS))
    a = activation("a", shape, free_scale(rng), draw(ZERO_POINTS))
    b = activation("b", shape, free_scale(rng), draw(ZERO_POINTS))
    natural = a.quantization.per_tensor_scale / b.quantization.per_tensor_scale / 40
    y = activation("y", shape, free_output_scale(natural, rng), draw(ZERO_POINTS))
    values = tuple(int8_values(rng, shape) for _ in range(2))
    return Case(Div(), (a, b), y, values)


@st.composite
def pad_cases(draw: st.DrawFn) -> Case:
    """Pad of rows, columns and channels by any value."""
    border = st.integers(0, 3)
    op = Pad(
        Pads(*(draw(border) for _ in range(4))),
        (draw(border), draw(border)),
        draw(st.sampled_from([0.0, -0.25, 1.0])),
    )
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(CHANNELS))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def slice_cases(draw: st.DrawFn) -> Case:
    """Slice of rows, columns and channels of a picture, or of a vector."""
    rng = np.random.default_rng(draw(SEEDS))
    channels = draw(CHANNELS)
    picture = (1, draw(st.integers(1, 7)), draw(st.integers(1, 9)), channels)
    shape: tuple[int, ...] = draw(st.sampled_from([picture, (1, channels)]))
    axes: list[tuple[int, int, int]] = []
    for length in hwc(shape):
        begin, stride = draw(st.integers(0, length - 1)), draw(st.integers(1, 3))
        axes.append((begin, draw(st.integers(1, (length - 1 - begin) // stride + 1)), stride))
    op = Slice(*zip(*axes, strict=True))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def gather_channels_cases(draw: st.DrawFn) -> Case:
    """GatherChannels of a picture or a vector: long and short runs, left out and repeated."""
    rng = np.random.default_rng(draw(SEEDS))
    channels = draw(st.one_of(CHANNELS, st.integers(9, 40)))
    picture = (1, draw(st.integers(1, 4)), draw(st.integers(1, 6)), channels)
    shape: tuple[int, ...] = draw(st.sampled_from([picture, (1, channels)]))
    begins = rng.integers(0, channels, draw(st.integers(1, 5)))
    runs = [range(begin, int(rng.integers(begin, channels)) + 1) for begin in begins]
    op = GatherChannels(tuple(int(place) for run in runs for place in run))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def resize_cases(draw: st.DrawFn) -> Case:
    """ResizeNearest by 1 to 4, columns as rows or otherwise, channels too."""
    factors = (draw(st.integers(1, 4)), draw(st.integers(0, 4)), draw(st.integers(1, 3)))
    op = ResizeNearest(*factors)
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(CHANNELS))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def layer_norm_cases(draw: st.DrawFn) -> Case:
    """LayerNorm and RmsNorm of few to many channels: outliers, and pixels of one value."""
    rng = np.random.default_rng(draw(SEEDS))
    channels = draw(st.one_of(CHANNELS, st.sampled_from([128, 192, 320, 1024])))
    shape = (1, draw(st.integers(1, 3)), draw(st.integers(1, 4)), channels)
    scales = rng.normal(1, 0.3, channels) * 10.0 ** rng.uniform(-1, 1)
    offsets = rng.normal(0, 1, channels) * 10.0 ** rng.uniform(-2, 1)
    epsilon = draw(st.sampled_from([1e-12, 1e-6, 1e-5, 1e-3]))
    op = LayerNorm(tuple(scales), tuple(offsets), epsilon, centered=draw(st.booleans()))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    largest = 4 * np.abs(scales).max() + np.abs(offsets).max()
    output = activation("y", shape, free_output_scale(largest / 127, rng), draw(ZERO_POINTS))
    values = int8_values(rng, shape)
    kind = draw(st.sampled_from(["any", "narrow", "outlier", "flat", "alone"]))
    if kind != "any":
        width = 5 if kind in ("narrow", "outlier") else 1
        values = rng.integers(-2, -2 + width, shape).astype(np.int8)
    if kind in ("outlier", "alone"):
        values[..., 0] = 127
    return Case(op, (x,), output, (values,))


@st.composite
def constant_cases(draw: st.DrawFn) -> Case:
    """Constant of as many pixels as x, or made beside its first; any axes repeated."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(CHANNELS))
    pixels = shape[1:3] if draw(st.booleans()) else (draw(st.integers(1, 4)), 3)
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    made = (1, *pixels, draw(CHANNELS))
    own = [n if draw(st.booleans()) else 1 for n in made]
    values = np.broadcast_to(rng.normal(0, 20, own).astype(np.float32), made)
    op = Constant.of(values, made)
    output = activation("y", made, free_scale(rng), draw(ZERO_POINTS))
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def resize_bilinear_cases(draw: st.DrawFn) -> Case:
    """ResizeBilinear to any size, pixel centres at halves or not, corners aligned or not."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, draw(st.integers(1, 5)), draw(st.integers(1, 7)), draw(CHANNELS))
    samplings = []
    for length in shape[1:3]:
        size = draw(st.one_of(st.integers(1, 13), st.sampled_from([2 * length, 4 * length])))
        kind = draw(st.sampled_from(["asymmetric", "half", "corners"]))
        if kind == "corners" and size > 1 and length > 1:
            samplings.append(Sampling.of(size, length - 1, size - 1))
        else:
            offset = length - size if kind == "half" else 0
            samplings.append(Sampling.of(size, 2 * length, 2 * size, offset))
    halves_up = all(ONE % each.unit == 0 for each in samplings) and draw(st.booleans())
    op = ResizeBilinear(*samplings, halves_up=halves_up)
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def conv_transpose_cases(draw: st.DrawFn) -> Case:
    """ConvTranspose2d: kernels smaller and larger than the stride, any part cut off or added."""
    kernel = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    cut = (draw(st.integers(0, kernel[0] - 1)), draw(st.integers(0, kernel[1] - 1)))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(CHANNELS))
    whole = [(n - 1) * s + k for n, s, k in zip(shape[1:3], stride, kernel, strict=True)]
    rows, columns = (
        draw(st.integers(1, max(1, n - c) + 2)) for n, c in zip(whole, cut, strict=True)
    )
    op = ConvTranspose2d(kernel, stride, cut, (rows, columns), draw(CLAMPS))
    weight_shape = (draw(st.integers(1, 9)), *kernel, shape[3])
    zeros, bias = draw(ZERO_PAIRS), draw(st.booleans())
    return weighted(op, shape, weight_shape, zeros, FREE, draw(SEEDS), bias)


@st.composite
def block_cases(draw: st.DrawFn, op_type: type[DepthToSpace | SpaceToDepth]) -> Case:
    """DepthToSpace or SpaceToDepth, both orders of channels."""
    rng = np.random.default_rng(draw(SEEDS))
    block, first = draw(st.integers(1, 3)), draw(st.booleans())
    height, width, channels = (draw(st.integers(1, most)) for most in (3, 5, 7))
    shape = (1, height * block, width * block, channels)
    if op_type is DepthToSpace:
        shape = (1, height, width, channels * block**2)
    op = op_type(block, first)
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def transpose_cases(draw: st.DrawFn) -> Case:
    """Transpose of tensors of three and four axes."""
    axes = draw(st.permutations([1, 2, 3]) | st.permutations([1, 2]))
    op = Transpose((0, *axes))
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, *(draw(st.integers(1, 6)) for _ in axes))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def permute_cases(draw: st.DrawFn) -> Case:
    """Permute of up to eight axes, some of length 1."""
    axes = draw(st.integers(1, 8))
    sizes = tuple(draw(st.integers(1, 5 if axes < 5 else 3)) for _ in range(axes))
    order = tuple(draw(st.permutations(range(axes))))
    made = [sizes[axis] for axis in order]
    split = draw(st.integers(0, axes))
    shape = (1, int(np.prod(made[:split])), int(np.prod(made[split:])))
    op = Permute(sizes, order, shape)
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", (1, 1, 1, int(np.prod(sizes))), free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, x.shape),))
