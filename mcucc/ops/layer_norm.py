"""LayerNorm: the channels of each pixel brought to mean 0 and variance 1, then scaled and moved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntArray, IntegerArray, Rounding, saturate_int8

NORMAL_BITS = 10  # behind the point of a normalised value
POWER_BITS = 16  # behind the point of a squared sum: epsilon may be far below 1
SCALE_BITS = 14  # of the largest factor
MOST_CHANNELS = 2**14  # a normalised value is below the root of it: 17 bits with NORMAL_BITS
LARGEST_EPSILON = 2**62  # in units of a squared sum, POWER_BITS in it


@register
@dataclass(frozen=True)
class LayerNorm(Op):
    """y = (x - mean) / sqrt(variance + epsilon) * scales[channel] + offsets[channel].

    Over the channels of each pixel. Not `centered` it is RMSNorm, x / sqrt(mean of squares +
    epsilon), and with scales of 1 / sqrt(C) the vector of length 1.
    """

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    epsilon: float = 1e-5
    centered: bool = True

    FORMULA: ClassVar[str] = (
        "((d * R >> a) * g[c] + b[c]) >> s, d = N q - sum q, R = 2^31 / sqrt(N sum q^2 - (sum q)^2)"
    )
    LARGEST_ERROR: ClassVar[str] = "0.56 units of the output scale"
    LIMITS: ClassVar[str] = f"over the channels of a pixel, at most {MOST_CHANNELS}"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        channels = hwc(inputs[0].shape)[2]
        if not len(self.scales) == len(self.offsets) == channels:
            raise ValueError(f"{len(self.scales)} scales for {channels} channels")
        if channels > MOST_CHANNELS:
            raise ValueError(f"{channels} channels; {MOST_CHANNELS} at most are normalised")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        normal, _ = self._normal(inputs[0])
        scaled: FloatArray = (normal * np.array(self.scales) + self.offsets).astype(np.float32)
        return scaled

    def _normal(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The normalised value, and the deviation it was divided by, both float64."""
        wide = x.astype(np.float64)
        if self.centered:
            wide = wide - wide.mean(-1, keepdims=True)
        deviation = np.sqrt(np.square(wide).mean(-1, keepdims=True) + self.epsilon)
        deviation = np.maximum(deviation, np.finfo(np.float64).tiny)
        return wide / deviation, deviation

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """J^T of x -> n: (g - mean g - n mean(g n)) / deviation."""
        normal, deviation = self._normal(inputs[0])
        g = gradient * np.array(self.scales)
        moved = g - normal * (g * normal).mean(-1, keepdims=True)
        if self.centered:
            moved = moved - g.mean(-1, keepdims=True)
        return ((moved / deviation).astype(np.float32),)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The scale of the input cancels but for epsilon; factors take as many bits as fit."""
        x, y = inputs[0].quantization, output.quantization
        channels = len(self.scales)
        epsilon = self.epsilon * (channels / x.per_tensor_scale) ** 2 * 2.0**POWER_BITS
        factors = np.array(self.scales) / y.per_tensor_scale
        offsets = np.array(self.offsets) / y.per_tensor_scale + y.zero_point
        bits = _bits(factors, offsets, channels)
        g = np.rint(factors * 2.0**bits).astype(np.int64)
        b = np.rint(offsets * 2.0 ** (bits + NORMAL_BITS)).astype(np.int64)
        shift = bits + NORMAL_BITS
        return LayerNormKernel(
            g,
            b + (1 << (shift - 1)),
            shift,
            x.zero_point,
            round(min(max(epsilon, 1.0), LARGEST_EPSILON)),
            self.centered,
        )

    def __str__(self) -> str:
        kind = "" if self.centered else ", about 0"
        return f"LayerNorm({len(self.scales)}, epsilon={self.epsilon:g}{kind})"


def _bits(factors: np.ndarray, offsets: np.ndarray, channels: int) -> int:
    """Most bits behind the point of the factors at which all sums fit 32 bits."""
    largest = float(np.abs(factors).max())
    bits = SCALE_BITS - (math.frexp(largest)[1] if largest else 0)
    reach = math.sqrt(channels) * largest + float(np.abs(offsets).max()) + 1.0
    bits = min(bits, 30 - NORMAL_BITS - math.frexp(reach)[1])
    if bits < 1 - NORMAL_BITS:
        raise ValueError("its scales are out of proportion to those of the output")
    return bits


@dataclass(frozen=True, eq=False)
class LayerNormKernel(Kernel):
    """LayerNorm on int8; sums and squares are exact, the root is rounded to 16 bits."""

    factors: IntArray  # g
    offsets: IntArray  # b, zero point and rounding in it
    shift: int
    zero_point: int
    epsilon: int  # at least 1: where all of a pixel is one number, nothing is divided by 0
    centered: bool

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64) - self.zero_point
        count = self.factors.size
        total = x.sum(-1, keepdims=True) if self.centered else 0
        power = count * (x * x).sum(-1, keepdims=True) - total * total
        power = (power << POWER_BITS) + self.epsilon
        reciprocal, halved = reciprocal_root(power)
        down = np.maximum(31 - NORMAL_BITS - POWER_BITS // 2 + halved, 1)
        normal = ((count * x - total) * reciprocal + (np.int64(1) << (down - 1))) >> down
        return saturate_int8((normal * self.factors + self.offsets) >> self.shift)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("layer_norm"),
            (
                ("channels", self.factors.size),
                ("zero_point", self.zero_point),
                ("centered", int(self.centered)),
                ("epsilon_high", self.epsilon >> 31),
                ("epsilon_low", self.epsilon & 0x7FFFFFFF),
                ("shift", self.shift),
                ("factors", ConstArray("factors", self.factors.astype(np.int16))),
                ("offsets", ConstArray("offsets", self.offsets.astype(np.int32))),
            ),
        )

    def describe(self) -> str:
        return "LayerNorm" if self.centered else "RmsNorm"


def reciprocal_root(power: IntArray) -> tuple[IntArray, IntArray]:
    """(m, h) with 1 / sqrt(power) = m * 2^-(31 + h), m of 16 bits, for 1 <= power < 2^63.

    power is shifted by 2 h to lie in [2^30, 2^32); m = round(2^31 / round(sqrt of that)).
    """
    length = np.zeros_like(power)
    rest = power.copy()
    for step in (32, 16, 8, 4, 2, 1):
        is_long = rest >= np.int64(1) << step
        length += np.where(is_long, step, 0)
        rest = np.where(is_long, rest >> step, rest)
    halved = (length >> 1) - 15  # the number of bits is length + 1, 31 or 32 are wanted
    up, down = np.maximum(-2 * halved, 0), np.maximum(2 * halved, 0)
    shifted = (power << up) >> down
    root = np.sqrt(shifted.astype(np.float64)).astype(np.int64)
    root -= root * root > shifted
    root += (root + 1) * (root + 1) <= shifted
    root += shifted - root * root > root
    return ((np.int64(1) << 31) + (root >> 1)) // root, halved
