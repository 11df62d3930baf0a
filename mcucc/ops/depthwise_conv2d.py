"""DepthwiseConv2d: one filter (or `multiplier` filters) per input channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import INT16, NO_CLAMP, Clamp, IntegerArray, Rounding
from mcucc.ops.common.border import added_by_padding, bias_pullbacks, bordered, check_border
from mcucc.ops.common.convolution import ConvolutionKernel, integer_weights
from mcucc.ops.common.long_convolution import LongConvolutionKernel, leaves_int32
from mcucc.ops.common.matrix import accumulation
from mcucc.ops.common.spatial import Window2d, patches, taps, with_padding, without_padding
from mcucc.ops.conv2d import Conv2dKernel


@register
@dataclass(frozen=True)
class DepthwiseConv2d(Op):
    """Channel c * multiplier + m of the output sees channel c of the input.

    Inputs: x, weights (kh, kw, C_in * multiplier), bias, border (as those of Conv2d).
    """

    window: Window2d
    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp(round((bias + sum (x - z_x) * w) * M[c]) + z_y)"
    WEIGHT_AXIS: ClassVar[int | None] = 2
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, Ho, Wo, C_in * multiplier)."""
        batch, height, width, channels = inputs[0].shape
        kh, kw, c_out = inputs[1].shape
        if (kh, kw) != self.window.kernel:
            raise ValueError(f"weights are {kh}x{kw}, the kernel is {self.window.kernel}")
        if c_out % channels:
            raise ValueError(f"{c_out} filters are no multiple of {channels} channels")
        check_border(inputs, (kh, kw, c_out))
        return TensorType((batch, *self.window.output_size(height, width), c_out), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        y = depthwise_sums(inputs[0], inputs[1], self.window, 0.0)
        if len(inputs) > 2:
            y = y + inputs[2]
        if len(inputs) > 3:
            y = y + added_by_padding(inputs[3], self.window, *inputs[0].shape[1:3])
        return self.clamp.apply(y)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        x, weights, pads = inputs[0], inputs[1], self.window.pads
        g = self.clamp.pullback(output, gradient)
        values = with_padding(x, pads)
        of_x, of_weights = np.zeros_like(values), np.empty_like(weights)
        multiplier = weights.shape[2] // x.shape[3]
        for m in range(multiplier):
            part = np.ascontiguousarray(g[..., m::multiplier])
            pairs = zip(taps(values, self.window), taps(of_x, self.window), strict=True)
            for (i, j, read), (_, _, view) in pairs:
                view += part * weights[i, j, m::multiplier]
                of_weights[i, j, m::multiplier] = np.einsum("nhwc,nhwc->c", part, read)
        constants = (of_weights, *bias_pullbacks(inputs, self.window, g))
        return without_padding(of_x, pads), *constants

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        return self.window.rows, self.window.columns

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> int:
        """Ho * Wo * C_out * kh * kw."""
        _, height, width, _ = output.shape
        return height * width * int(np.prod(inputs[1].shape))

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Fold zero points and scales."""
        weights = integer_weights(inputs[1])
        flat = weights.reshape(-1, weights.shape[2]).T.astype(np.int64)
        width, channels = inputs[0].shape[2], inputs[0].shape[3]
        if leaves_int32(inputs, flat):
            grouped = np.ascontiguousarray(weights.transpose(2, 0, 1))[..., None]
            form = self.window, channels, self.clamp
            return LongConvolutionKernel.of(inputs, output, grouped, form)
        sums = accumulation(output.name, inputs, output, flat, self.clamp, rounding)
        kernel = DepthwiseConv2dKernel(self.window, width, weights, sums, channels)
        if weights.dtype == INT16 and channels == 1:  # all outputs see one input, densely
            return bordered(kernel.grouped, inputs, flat)
        return bordered(kernel, inputs, flat)


@dataclass(frozen=True, eq=False)
class DepthwiseConv2dKernel(ConvolutionKernel):
    """DepthwiseConv2d on int8; weights (kh, kw, C_out)."""

    input_channels: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int32)
        zero = self.sums.input_zero_point
        raw = depthwise_sums(x, self.weights.astype(np.int32), self.window, zero)
        return self.sums.finish(raw.astype(np.int64))

    @property
    def grouped(self) -> Conv2dKernel:
        """The same as a Conv2d of as many groups as channels."""
        weights = np.ascontiguousarray(self.weights.transpose(2, 0, 1))[..., None]
        layer = self.window, self.input_width, weights, self.sums
        return Conv2dKernel(*layer, groups=self.input_channels)

    def call(self) -> KernelCall:
        """`mcucc_depthwise_conv2d`; weights (kh, kw, C_out). Of 9 bits it is a grouped Conv2d."""
        if self.weights.dtype == INT16:
            return self.grouped.call()
        return KernelCall(
            KernelId(
                "depthwise_conv2d", requantization=self.sums.requant.rounding, types=self.wide
            ),
            (
                *self.window.fields(),
                ("input_width", self.input_width),
                ("input_channels", self.input_channels),
                ("depth_multiplier", self.weights.shape[2] // self.input_channels),
                ("weights", ConstArray("weights", self.weights)),
                *self.sums.c_fields(),
            ),
        )

    def describe(self) -> str:
        return f"DepthwiseConv2d {self.window}"


def depthwise_sums(
    x: npt.NDArray[Any], weights: npt.NDArray[Any], window: Window2d, pad_value: Any
) -> npt.NDArray[Any]:
    """sum over taps of x * w in the arrays' own type, (N, Ho, Wo, C_out)."""
    channels = x.shape[3]
    multiplier = weights.shape[2] // channels
    views = patches(x, window, pad_value)
    total = np.zeros((*views.shape[:3], channels, multiplier), dtype=weights.dtype)
    shaped = weights.reshape(*weights.shape[:2], channels, multiplier)
    product = np.empty_like(total)
    for row, column in np.ndindex(*window.kernel):
        np.multiply(views[:, :, :, row, column, :, None], shaped[row, column], out=product)
        total += product
    return total.reshape(*views.shape[:3], channels * multiplier)
