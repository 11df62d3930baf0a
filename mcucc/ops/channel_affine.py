"""ChannelAffine: a scale and an offset for every channel, such as a batch norm left on its own."""

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
from mcucc.numerics.fixed_point import (
    INT32_MAX,
    NO_CLAMP,
    Clamp,
    IntArray,
    IntegerArray,
    Requant,
    Rounding,
    check_int32,
    round_half_up,
    saturate_int8,
)

LARGEST_SHIFT = 24
FAR = 1024.0  # units of the output: such an offset saturates, whatever is added to it


@register
@dataclass(frozen=True)
class ChannelAffine(Op):
    """y = clamp(scales[channel] * x + offsets[channel])."""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp((x * f[c] + b[c]) >> s), b with zero points and rounding"
    LARGEST_ERROR: ClassVar[str] = "0.51 units of the output scale"
    LIMITS: ClassVar[str] = "of quantized ONNX files; float ones fold it into a layer beside it"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        channels = hwc(inputs[0].shape)[2]
        if not len(self.scales) == len(self.offsets) == channels:
            raise ValueError(f"{len(self.scales)} scales for {channels} channels")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        scales, offsets = (np.array(v, dtype=np.float32) for v in (self.scales, self.offsets))
        return self.clamp.apply(inputs[0] * scales + offsets)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        scales = np.array(self.scales, dtype=np.float32)
        return (self.clamp.pullback(output, gradient) * scales,)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The finest common shift that int32 allows; one rounding in both profiles."""
        del rounding
        x, y = inputs[0].quantization, output.quantization
        factors = np.array(self.scales) * (x.per_tensor_scale / y.per_tensor_scale)
        reach = 256.0 * np.abs(factors)
        offsets = np.array(self.offsets) / y.per_tensor_scale
        offsets = np.clip(offsets, -reach - FAR, reach + FAR)
        largest = float((reach + np.abs(offsets)).max()) + 256.0
        shift = min(LARGEST_SHIFT, 31 - math.frexp(largest)[1])
        if shift < 8:
            raise ValueError(f"a channel's scale is {np.abs(factors).max():.3g} output units")
        fixed = round_half_up(factors * 2.0**shift)
        return ChannelAffineKernel.shifted(
            fixed,
            round_half_up(offsets * 2.0**shift) - fixed * x.zero_point,
            shift,
            y.zero_point,
            self.clamp.to_integers(y.per_tensor_scale, y.zero_point),
        )

    def __str__(self) -> str:
        return f"ChannelAffine({min(self.scales):g} to {max(self.scales):g})"


@dataclass(frozen=True, eq=False)
class ChannelAffineKernel(Kernel):
    """x * factors[c] + offsets[c] in int32, then one factor and zero point for all channels.

    `requant` None: the sums are shifted right by `shift`, rounding and zero point being in
    `offsets` already. `products` are the MACs of a pixel where the op is one that counts them.
    """

    factors: IntArray
    offsets: IntArray
    requant: Requant | None
    shift: int
    output_zero_point: int
    clamp: tuple[int, int]
    products: int = 0

    def __post_init__(self) -> None:
        ends = [self.offsets + self.factors * value for value in (-128, 127)]
        check_int32("a channel", int(np.min(ends)), int(np.max(ends)))

    @staticmethod
    def shifted(
        factors: IntArray, offsets: IntArray, shift: int, zero_point: int, clamp: tuple[int, int]
    ) -> ChannelAffineKernel:
        """The kernel whose sums are in units of the output times 2^shift."""
        constant = (zero_point << shift) + (1 << (shift - 1))
        moved = np.clip(offsets + constant, -INT32_MAX, INT32_MAX)
        return ChannelAffineKernel(factors, moved, None, shift, 0, clamp)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        sums = inputs[0].astype(np.int64) * self.factors + self.offsets
        if self.requant is None:
            return saturate_int8(sums >> self.shift, *self.clamp)
        return saturate_int8(self.requant.apply(sums) + self.output_zero_point, *self.clamp)

    @property
    def macs_per_pixel(self) -> int:
        return self.products

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        """`mcucc_channel_affine`; the variant `shift` where nothing is multiplied."""
        requant = self.requant
        key = KernelId("channel_affine", variant="shift")
        if requant is not None:
            key = KernelId("channel_affine", requantization=requant.rounding)
        return KernelCall(
            key,
            (
                ("channels", self.factors.size),
                ("factors", ConstArray("factors", self.factors.astype(np.int32))),
                ("offsets", ConstArray("offsets", self.offsets.astype(np.int32))),
                ("multiplier", 1 if requant is None else int(requant.multiplier[0])),
                ("shift", self.shift if requant is None else int(requant.shift[0])),
                ("output_zero_point", self.output_zero_point),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )
