"""Conv2d: any kernel, stride, dilation, padding and group count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import INT16, NO_CLAMP, Clamp, IntegerArray, Rounding
from mcucc.ops.common.border import added_by_padding, bias_pullbacks, bordered, check_border
from mcucc.ops.common.convolution import ConvolutionKernel, integer_weights, with_offset
from mcucc.ops.common.long_convolution import LongConvolutionKernel, leaves_int32
from mcucc.ops.common.matrix import accumulation, exact_matmul
from mcucc.ops.common.spatial import Window2d, patches, taps, with_padding, without_padding


@register
@dataclass(frozen=True)
class Conv2d(Op):
    """y[o] = clamp(bias[o] + sum x * w[o]).

    Inputs: x, weights (C_out, kh, kw, C_in / groups), bias (C_out), border (kh, kw, C_out: what
    each tap adds where it is padding, see border.py); the last ones may be missing.
    """

    window: Window2d
    groups: int = 1
    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp(round((bias + sum (x - z_x) * w) * M[c]) + z_y)"
    WEIGHT_AXIS: ClassVar[int | None] = 0
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, Ho, Wo, C_out)."""
        batch, height, width, channels = inputs[0].shape
        c_out, kh, kw, c_in = inputs[1].shape
        if (kh, kw) != self.window.kernel:
            raise ValueError(f"weights are {kh}x{kw}, the kernel is {self.window.kernel}")
        if c_in * self.groups != channels or c_out % self.groups:
            raise ValueError(
                f"weights for {c_in} channels in {self.groups} groups, the input has {channels}"
            )
        check_border(inputs, (kh, kw, c_out))
        return TensorType((batch, *self.window.output_size(height, width), c_out), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        x, weights = inputs[0], inputs[1]
        columns = patches(x, self.window)
        parts = []
        step_in, step_out = weights.shape[3], weights.shape[0] // self.groups
        for group in range(self.groups):
            part = columns[..., group * step_in : (group + 1) * step_in]
            kernel = weights[group * step_out : (group + 1) * step_out]
            flat = part.reshape(*part.shape[:3], -1)
            parts.append(flat @ kernel.reshape(step_out, -1).T)
        y = np.concatenate(parts, axis=-1)
        if len(inputs) > 2:
            y = y + inputs[2]
        if len(inputs) > 3:
            y = y + added_by_padding(inputs[3], self.window, *x.shape[1:3])
        return self.clamp.apply(y)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        x, weights = inputs[0], inputs[1]
        g = self.clamp.pullback(output, gradient)
        values = with_padding(x, self.window.pads)
        of_x, of_weights = np.zeros_like(values), np.empty_like(weights)
        step_in, step_out = weights.shape[3], weights.shape[0] // self.groups
        for group in range(self.groups):
            read = slice(group * step_in, (group + 1) * step_in)
            made = slice(group * step_out, (group + 1) * step_out)
            flat = np.ascontiguousarray(g[..., made]).reshape(-1, step_out)
            for i, j, view in taps(of_x[..., read], self.window):
                view += (flat @ weights[made, i, j]).reshape(view.shape)
            for i, j, view in taps(values[..., read], self.window):
                of_weights[made, i, j] = flat.T @ view.reshape(-1, step_in)
        constants = (of_weights, *bias_pullbacks(inputs, self.window, g))
        return without_padding(of_x, self.window.pads), *constants

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        return self.window.rows, self.window.columns

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> int:
        """Ho * Wo * C_out * kh * kw * C_in / groups."""
        _, height, width, _ = output.shape
        return height * width * int(np.prod(inputs[1].shape))

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Fold zero points and scales."""
        weights = integer_weights(inputs[1])
        flat = weights.reshape(weights.shape[0], -1).astype(np.int64)
        if leaves_int32(inputs, flat):
            form = self.window, self.groups, self.clamp
            return LongConvolutionKernel.of(inputs, output, weights, form)
        sums = accumulation(
            output.name, inputs, output, flat, self.clamp, rounding, wide_double=True
        )
        kernel = Conv2dKernel(self.window, inputs[0].shape[2], weights, sums, self.groups)
        return bordered(kernel, inputs, flat)


@dataclass(frozen=True, eq=False)
class Conv2dKernel(ConvolutionKernel):
    """Conv2d on int8; weights (C_out, kh, kw, C_in / groups)."""

    groups: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        columns = patches(inputs[0], self.window, self.sums.input_zero_point)
        step_in, step_out = self.weights.shape[3], self.weights.shape[0] // self.groups
        parts = []
        for group in range(self.groups):
            part = columns[..., group * step_in : (group + 1) * step_in]
            kernel = self.weights[group * step_out : (group + 1) * step_out]
            flat = part.reshape(*part.shape[:3], -1)
            parts.append(exact_matmul(flat, kernel.reshape(step_out, -1)))
        return self.sums.finish(np.concatenate(parts, axis=-1))

    def call(self) -> KernelCall:
        """`mcucc_conv2d`; weights (C_out, kh, kw, C_in / groups)."""
        call = KernelCall(
            KernelId("conv2d", requantization=self.sums.requant.rounding, types=self.wide),
            (
                *self.window.fields(),
                ("input_width", self.input_width),
                ("input_channels", self.weights.shape[3] * self.groups),
                ("output_channels", self.weights.shape[0]),
                ("groups", self.groups),
                ("weights", ConstArray("weights", self.weights)),
                *self.sums.c_fields(),
            ),
        )
        return with_offset(call, self.weights) if self.weights.dtype == INT16 else call

    def describe(self) -> str:
        groups = f" groups {self.groups}" if self.groups > 1 else ""
        return f"Conv2d {self.window}{groups}"
