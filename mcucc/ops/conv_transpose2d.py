"""ConvTranspose2d: every input pixel adds its weighted kernel to the output around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp, Int8Array, IntegerArray, Rounding
from mcucc.ops.common.matrix import Accumulation, accumulation


@register
@dataclass(frozen=True)
class ConvTranspose2d(Op):
    """y[o] = clamp(bias + sum x[i] * w[k]) over all i, k with i * stride + k - pad = o.

    Inputs: x, weights (C_out, kh, kw, C_in), bias (C_out), which may be missing. `pads` are cut off
    at the top and left, `size` is the output's height and width.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int]
    size: tuple[int, int]
    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp(round((bias + sum (x - z_x) * w) * M[c]) + z_y)"
    LIMITS: ClassVar[str] = "one group, no dilation"
    WEIGHT_AXIS: ClassVar[int | None] = 0

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, *size, C_out)."""
        batch, *_, channels = inputs[0].shape
        c_out, kh, kw, c_in = inputs[1].shape
        if (kh, kw) != self.kernel or c_in != channels:
            raise ValueError(f"weights {inputs[1].shape} for {channels} channels, {self.kernel}")
        if min(*self.stride, *self.size) < 1 or min(self.pads) < 0:
            raise ValueError(f"stride {self.stride}, pads {self.pads}, size {self.size}")
        for pad, kernel in zip(self.pads, self.kernel, strict=True):
            if pad >= kernel:
                raise ValueError(f"{pad} rows or columns are cut off, the kernel has {kernel}")
        return TensorType((batch, *self.size, c_out), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        y = self.spread(inputs[0], inputs[1])
        if len(inputs) > 2:
            y = y + inputs[2]
        return self.clamp.apply(y)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        x, weights = inputs[0], inputs[1]
        (top, left), (height, width) = self.pads, x.shape[1:3]
        (sh, sw), (tall, wide) = self.stride, self.size
        whole = np.zeros((x.shape[0], *self.reach(height, width), weights.shape[0]), np.float32)
        g = self.clamp.pullback(output, gradient)
        whole[:, top : top + tall, left : left + wide] = g
        of_x, of_weights = np.zeros_like(x), np.empty_like(weights)
        flat = x.reshape(-1, x.shape[3])
        for i, j in np.ndindex(*self.kernel):
            rows = slice(i, i + (height - 1) * sh + 1, sh)
            columns = slice(j, j + (width - 1) * sw + 1, sw)
            view = whole[:, rows, columns].reshape(-1, weights.shape[0])
            of_x += (view @ weights[:, i, j]).reshape(x.shape)
            of_weights[:, i, j] = view.T @ flat
        return of_x, *(of_weights, g.sum(axis=(0, 1, 2)))[: len(inputs) - 1]

    def spread(self, x: npt.NDArray[Any], weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The sums, in float64 (exact for integers)."""
        batch, height, width, _ = x.shape
        (sh, sw), (kh, kw) = self.stride, self.kernel
        y = np.zeros((batch, *self.reach(height, width), weights.shape[0]))
        x, weights = x.astype(np.float64), weights.astype(np.float64)
        for i in range(kh):
            for j in range(kw):
                rows = slice(i, i + (height - 1) * sh + 1, sh)
                columns = slice(j, j + (width - 1) * sw + 1, sw)
                y[:, rows, columns] += x @ weights[:, i, j].T
        top, left = self.pads
        return y[:, top : top + self.size[0], left : left + self.size[1]]

    def reach(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns that taps of an input of this size write to, or that are cut out."""
        sizes = zip((height, width), self.stride, self.kernel, self.pads, self.size, strict=True)
        tall, wide = (max((n - 1) * s + k, pad + size) for n, s, k, pad, size in sizes)
        return tall, wide

    @property
    def rows_and_columns(self) -> tuple[Window, Window]:
        """ceil(k / stride) inputs reach an output; the last one is (o + pad) // stride."""
        down, across = (
            Window(kernel=-(-k // s), pad=-(-k // s) - 1, upsample=s, phase=pad)
            for k, s, pad in zip(self.kernel, self.stride, self.pads, strict=True)
        )
        return down, across

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """Those of `rows_and_columns`."""
        return self.rows_and_columns

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> int:
        """Of the pixels of the output, borders included."""
        return self.macs_per_pixel(inputs[1].shape) * output.shape[1] * output.shape[2]

    def macs_per_pixel(self, weights: tuple[int, ...]) -> int:
        """The mean over the stride's positions, rounded up: kernel / stride^2 taps."""
        return -(-int(np.prod(weights)) // (self.stride[0] * self.stride[1]))

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Fold scales. Zero points stay: how many taps there are differs from pixel to pixel."""
        weights = inputs[1].constant.astype(np.int8)
        flat = weights.reshape(weights.shape[0], -1).astype(np.int64)
        sums = accumulation(output.name, inputs, output, flat, self.clamp, rounding)
        bias = inputs[2].constant if len(inputs) > 2 else np.zeros(weights.shape[0])
        plain = replace(sums, bias=bias.astype(np.int32))
        return ConvTranspose2dKernel(self, inputs[0].shape[2], weights, plain)


@dataclass(frozen=True, eq=False)
class ConvTranspose2dKernel(Kernel):
    """ConvTranspose2d on int8; the bias of `sums` is that of x - zero point."""

    op: ConvTranspose2d
    input_width: int
    weights: Int8Array
    sums: Accumulation

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        centred = inputs[0].astype(np.int64) - self.sums.input_zero_point
        return self.sums.finish(self.op.spread(centred, self.weights).astype(np.int64))

    def windows(self, index: int) -> tuple[Window, Window]:
        """The inputs that reach an output."""
        return self.op.rows_and_columns

    @property
    def macs_per_pixel(self) -> int:
        """C_out * kh * kw * C_in / stride^2."""
        return self.op.macs_per_pixel(self.weights.shape)

    def call(self) -> KernelCall:
        """`mcucc_conv_transpose2d`; weights (C_out, kh, kw, C_in)."""
        c_out, kernel_h, kernel_w, c_in = self.weights.shape
        return KernelCall(
            KernelId("conv_transpose2d", requantization=self.sums.requant.rounding),
            (
                ("kernel_h", kernel_h),
                ("kernel_w", kernel_w),
                ("stride_h", self.op.stride[0]),
                ("stride_w", self.op.stride[1]),
                ("cut_top", self.op.pads[0]),
                ("cut_left", self.op.pads[1]),
                ("input_width", self.input_width),
                ("input_channels", c_in),
                ("output_channels", c_out),
                ("weights", ConstArray("weights", self.weights)),
                *self.sums.c_fields(),
            ),
        )

    def describe(self) -> str:
        kernel, stride = self.op.kernel, self.op.stride
        return f"ConvTranspose2d {kernel[0]}x{kernel[1]} s{stride[0]},{stride[1]}"
