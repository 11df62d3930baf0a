"""Small int8 networks that together use every op, in every shape the generator tells apart."""

from __future__ import annotations

from collections.abc import Callable

from mcucc.ir import Graph
from mcucc.numerics.fixed_point import Clamp
from mcucc.ops.abs import Abs
from mcucc.ops.add import Add
from mcucc.ops.attention import Attention
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.channel_affine import ChannelAffine
from mcucc.ops.channel_operand import ChannelOperand
from mcucc.ops.clip import Clip
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.extremum import Extremum
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.leaky_relu import LeakyRelu
from mcucc.ops.mat_mul import MatMul
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.pad import Pad
from mcucc.ops.requantize import Requantize
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_bilinear import ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.scalar_operand import Arithmetic
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.silu import Silu
from mcucc.ops.slice import Slice
from mcucc.ops.softmax import Softmax
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.tanh import Tanh
from mcucc.ops.transpose import Transpose
from tests.few_bits import few_bits
from tests.graphs import Builder, mobile_net, same
from tests.wide import widened


def squeeze_excite() -> Graph:
    """Hard swish, a factor per channel, softmax over the classes."""
    b = Builder(10, 11, 3, seed=1)
    x = b.node(HardSwish(), b.conv("image", 6, 3, 2))
    x = b.node(HardSwish(), b.depthwise(x, 5))
    pooled = b.node(GlobalAveragePool(), x)
    squeezed = b.conv(pooled, 2, clamp=Clamp(0.0))
    gate = b.node(HardSigmoid(), b.conv(squeezed, 6))
    x = b.node(Mul(), x, gate)
    x = b.node(Mul(), x, b.node(Sigmoid(), x))
    return b.graph(b.node(Softmax(), b.classifier(x, 7)), name="squeeze excite")


def windows() -> Graph:
    """Odd sizes; dilation, groups, depth multiplier, stride 3, kernels 1x5, 7x2, uneven pads."""
    b = Builder(19, 13, 1, seed=2)
    x = b.conv("image", 6, 3, 1, dilation=2)
    x = b.conv(x, 8, 3, 2, groups=2)
    x = b.depthwise(x, 3, 1, multiplier=2)
    w, bias = b.weights((5, 1, 5, 16), 0, x, "wide")
    pads = Window2d((1, 5), (1, 2), (1, 1), Pads(0, 3, 0, 1))
    x = b.node(Conv2d(pads, 1, Clamp(0.0, 6.0)), x, w, bias, name="wide")
    w, bias = b.weights((7, 2, 5), 2, x, "tall")
    open_window = Window2d((7, 2), (3, 1), (1, 1), Pads(2, 0, 0, 1))
    x = b.node(DepthwiseConv2d(open_window), x, w, bias, name="tall")
    return b.graph(b.classifier(x, 3), name="windows")


def branches() -> Graph:
    """Concat along every axis, with and without rescaling; upsampling; pad; two outputs."""
    b = Builder(9, 7, 2, seed=3)
    left, right = b.conv("image", 4, 3), b.conv("image", 4, 1)
    tall = b.node(Concat(1), left, right)
    wide = b.node(Concat(2), tall, tall)
    small = b.node(MaxPool(Window2d((2, 2), (2, 2))), wide)
    shared = b.node(Requantize(), small, quant=b.tensors[wide].quant)
    large = b.node(ResizeNearest(2), shared)
    deep = b.node(Concat(3), large, b.node(MaxPool(same(3)), wide), wide)
    padded = b.node(Pad(Pads(1, 0, 2, 3), (0, 1), 0.5), deep)
    return b.graph(b.conv(padded, 3, 3, 2), shared, name="branches")


def pools() -> Graph:
    """Both average pools, overlapping and padded, and the activations that are tables."""
    b = Builder(15, 15, 4, seed=4)
    x = b.node(MaxPool(Window2d((3, 3), (2, 2), (1, 1), Pads(1, 1, 0, 1))), "image")
    x = b.node(LeakyRelu(0.1), b.conv(x, 5, 3))
    x = b.node(AveragePool(same(3)), x)
    x = b.node(AveragePool(Window2d((2, 3), (2, 1), (1, 1), Pads(0, 1, 1, 1)), True), x)
    x = b.node(Tanh(), b.conv(x, 4, 1))
    x = b.node(Transpose((0, 2, 1, 3)), x)
    x = b.node(Transpose((0, 3, 1, 2)), x)
    return b.graph(b.node(Softmax(), x), name="pools")


def outputs() -> Graph:
    """A tensor that is read on and an output too, an alias as output, names that need cleaning."""
    b = Builder(6, 5, 3, seed=5)
    x = b.conv("image", 4, 3)
    y = b.node(Clip(Clamp(0.0, 1.0)), x, name="/features/0/Clip_output_0")
    z = b.add(y, b.depthwise(y))
    flat = b.node(Reshape((1, 6 * 5 * 4)), z, name="int")
    again = b.node(Add(), z, x)
    return b.graph(y, flat, b.classifier(again, 2), name="*/ outputs")


def splits() -> Graph:
    """Every second pixel of the picture stacked into channels, halves of channels, a corner cut."""
    b = Builder(10, 13, 2, seed=6)
    corners = [
        b.node(Slice((top, left, 0), (5, 6, 2), (2, 2, 1)), "image")
        for top in (0, 1)
        for left in (0, 1)
    ]
    x = b.conv(b.node(Concat(3), *corners), 8, 3)
    left, right = (b.node(Slice((0, 0, k), (5, 6, 4)), x) for k in (0, 4))
    x = b.node(Concat(3), b.depthwise(right, 3), left)
    mixed = b.node(Slice((0, 0, 1), (5, 6, 3), (1, 1, 3)), x)
    x = b.node(Silu(), b.conv(mixed, 6, 3))
    corner = b.node(Slice((2, 1, 0), (3, 4, 6)), x)
    return b.graph(b.classifier(corner, 3), name="splits")


def decoder() -> Graph:
    """Down by blocks, up by a transposed convolution, by blocks and by blending to an odd size."""
    b = Builder(12, 10, 3, seed=9)
    x = b.conv(b.node(SpaceToDepth(2), "image"), 8, 3, 2)
    up = ConvTranspose2d((3, 3), (2, 2), (1, 1), (6, 5), Clamp(0.0))
    x = b.node(up, x, *b.weights((8, 3, 3, 8), 0, x, "up"), name="up")
    scales = tuple(0.25 * (i - 3) for i in range(8))
    norm = b.node(ChannelAffine(scales, scales[::-1]), x)
    other = b.node(ChannelOperand(Arithmetic.ADD, tuple(range(-90, 70, 20)), 0.02, 3), x)
    x = b.node(Extremum(), norm, other, quant=b.tensors[other].quant)
    x = b.node(ResizeBilinear(*(Sampling.of(2 * n, 2, 4, -1) for n in (6, 5))), x)
    x = b.node(DepthToSpace(2, channels_first=True), b.conv(x, 12, 3))
    heat = b.node(ResizeBilinear(Sampling.of(17, 23, 16), Sampling.of(9, 19, 8)), x)
    pixels = b.node(Reshape((1, 17, 9, 3)), b.node(Abs(), heat))
    weights = b.weights((4, 3), 0, pixels, "head")
    head = b.node(FullyConnected(by_pixel=True), pixels, *weights, name="head")
    return b.graph(heat, b.node(Softmax(), head), name="decoder")


def borders() -> Graph:
    """Borders with biases of their own: every kind of window, a picture that is border only."""
    b = Builder(13, 18, 3, seed=11)
    left = b.bordered("image", Conv2d(same(3, 2), clamp=Clamp(0.0, 2.0)), (9, 3, 3, 3))
    uneven = Window2d((3, 5), (2, 2), (1, 1), Pads(1, 3, 1, 1))
    right = b.bordered("image", Conv2d(uneven), (6, 3, 5, 3))
    other = b.bordered("image", DepthwiseConv2d(same(3, 2)), (3, 3, 6))
    x = b.node(Concat(3), left, right, other)
    x = b.bordered(x, DepthwiseConv2d(same(5)), (5, 5, 21))
    x = b.bordered(x, DepthwiseConv2d(same(3, 2)), (3, 3, 21))
    x = b.bordered(x, Conv2d(same(3, 1, 2), 3), (9, 3, 3, 7))
    x = b.bordered(x, Conv2d(same(7, 2)), (8, 7, 7, 9))
    return b.graph(b.classifier(x, 4), name="borders")


def encoder() -> Graph:
    """Attention over all tokens, over those of a row, and a product whose right side stays."""
    b = Builder(9, 8, 3, seed=12)
    x = b.conv("image", 8, 3, 2)
    q, k, v = b.conv(x, 8), b.conv(x, 4), b.conv(x, 4)
    x = b.add(x, b.conv(b.node(Attention(2, 0.3, shared=1), q, k, v), 8))
    q, k, v = (b.conv(x, 10) for _ in range(3))
    x = b.node(Attention(1, 0.2, by_row=True), q, k, v)
    y = b.node(MatMul(2, transposed=True), x, b.conv(x, 10))
    return b.graph(b.classifier(b.conv(y, 6), 5), name="encoder")


NETWORKS: dict[str, Callable[[], Graph]] = {
    "mobile": mobile_net,
    "squeeze": squeeze_excite,
    "windows": windows,
    "branches": branches,
    "pools": pools,
    "outputs": outputs,
    "splits": splits,
    "decoder": decoder,
    "borders": borders,
    "encoder": encoder,
    "wide_mobile": lambda: widened(mobile_net(), 0),
    "wide_branches": lambda: widened(branches(), 1),
    "wide_pools": lambda: widened(pools(), 2, 1.0),
    "wide_squeeze": lambda: widened(squeeze_excite(), 3, 1.0),
    "wide_outputs": lambda: widened(outputs(), 4, 1.0),
    "wide_borders": lambda: widened(borders(), 5),
    "int4_mobile": lambda: few_bits(mobile_net(), 4),
    "int2_branches": lambda: few_bits(branches(), 2),
    "int4_borders": lambda: few_bits(borders(), 4),
}
