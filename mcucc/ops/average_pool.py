"""AveragePool: the mean of each window; padding counts or does not, as the model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import (
    INT8,
    INT8_MIN,
    INT16,
    NO_CLAMP,
    Clamp,
    IntArray,
    IntegerArray,
    Requant,
    Rounding,
    saturate,
)
from mcucc.ops.common.spatial import (
    Window2d,
    patches,
    taps,
    valid_counts,
    with_padding,
    without_padding,
)


@register
@dataclass(frozen=True)
class AveragePool(Op):
    """y = clamp(mean over the window).

    `half_away`: the rounding of LiteRT on all its paths (input and output have one scale).
    `halves_up`: that of its uint8 kernel, whose sums are of the bytes plus 128.
    """

    window: Window2d
    count_include_pad: bool = False
    clamp: Clamp = NO_CLAMP
    half_away: bool = False
    halves_up: bool = False

    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True
    FORMULA: ClassVar[str] = (
        "clamp(round(sum (x - z_x) * s_x / (n * s_y)) + z_y), .tflite: sum x / n"
    )
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    ADDITIVE: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, Ho, Wo, C)."""
        batch, height, width, channels = inputs[0].shape
        size = self.window.output_size(height, width)
        return TensorType((batch, *size, channels), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        sums = patches(inputs[0], self.window, 0.0).sum(axis=(3, 4), dtype=np.float64)
        counts = self.counts(inputs[0].shape[1], inputs[0].shape[2])
        mean = sums / counts[None, :, :, None]
        return self.clamp.apply(mean)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        x, pads = inputs[0], self.window.pads
        counts = self.counts(*x.shape[1:3])[None, :, :, None].astype(np.float32)
        each = self.clamp.pullback(output, gradient) / counts
        total = with_padding(np.zeros_like(x), pads)
        for _, _, view in taps(total, self.window):
            view += each
        return (without_padding(total, pads),)

    def counts(self, height: int, width: int) -> np.typing.NDArray[np.int64]:
        """Divisor of each output position, (Ho, Wo)."""
        counts = valid_counts(self.window, height, width)
        if self.count_include_pad:
            counts = np.full_like(counts, self.window.kernel[0] * self.window.kernel[1])
        if counts.min() == 0:
            raise ValueError("a pooling window lies entirely in the padding")
        return counts

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        return self.window.rows, self.window.columns

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """One factor per possible divisor, LiteRT's of MEAN in `double`.

        int16 is rounded once in both profiles.
        """
        x, y = inputs[0].quantization, output.quantization
        _, height, width, channels = inputs[0].shape
        self.counts(height, width)
        taps = self.window.kernel[0] * self.window.kernel[1]
        clamp = self.clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
        types = inputs[0].dtype, output.dtype
        if self.halves_up:
            means = Requant.of_unsigned_means(range(1, taps + 1))
            least = INT8_MIN, INT8_MIN
            return AveragePoolKernel(self, (height, width, channels), least, means, clamp, types)
        if self.half_away:
            if x.zero_point != y.zero_point:
                raise ValueError("a .tflite pool has one zero point for input and output")
            return AveragePoolDivideKernel(self, (height, width, channels), clamp, types)
        ratio = x.per_tensor_scale / y.per_tensor_scale
        if INT16 in types:
            rounding = Rounding.SINGLE
        requant = Requant.from_real([ratio / n for n in range(1, taps + 1)], rounding)
        if rounding is Rounding.DOUBLE:
            requant = Requant.of_means(ratio, range(1, taps + 1))
        return AveragePoolKernel(
            op=self,
            input_shape=(height, width, channels),
            zero_points=(x.zero_point, y.zero_point),
            requant=requant,
            clamp=clamp,
            types=types,
        )


@dataclass(frozen=True, eq=False)
class AveragePoolKernel(Kernel):
    """AveragePool. `requant` has the factor for divisor n at index n - 1."""

    op: AveragePool
    input_shape: tuple[int, int, int]
    zero_points: tuple[int, int]  # x, y
    requant: Requant
    clamp: tuple[int, int]
    types: tuple[np.dtype[Any], ...] = (INT8, INT8)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        zx, zy = self.zero_points
        x = inputs[0].astype(np.int64) - zx
        sums = patches(x, self.op.window, 0).sum(axis=(3, 4))
        index = self.op.counts(*self.input_shape[:2])[None, :, :, None] - 1
        factor = Requant(
            self.requant.multiplier[index], self.requant.shift[index], self.requant.rounding
        )
        return saturate(factor.apply(sums) + zy, *self.clamp, self.types[1])

    def windows(self, index: int) -> tuple[Window, Window]:
        return self.op.window.rows, self.op.window.columns

    def padding(self) -> int | None:
        """Padding is the input's zero point: it adds nothing to the sum."""
        return self.zero_points[0] if self.op.window.padded else None

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("average_pool", requantization=self.requant.rounding, types=self.wide),
            (
                *_geometry(self.op, self.input_shape),
                ("multiplier", ConstArray("multiplier", self.requant.multiplier.astype(np.int32))),
                ("shift", ConstArray("shift", self.requant.shift.astype(np.uint8), align=1)),
                ("input_zero_point", self.zero_points[0]),
                ("output_zero_point", self.zero_points[1]),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )

    def describe(self) -> str:
        return f"AveragePool {self.op.window}"


@dataclass(frozen=True, eq=False)
class AveragePoolDivideKernel(Kernel):
    """LiteRT's pool: the sum of raw values divided by their number, rounded half away from zero."""

    op: AveragePool
    input_shape: tuple[int, int, int]
    clamp: tuple[int, int]
    types: tuple[np.dtype[Any], ...] = (INT8, INT8)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        sums = patches(inputs[0].astype(np.int64), self.op.window, 0).sum(axis=(3, 4))
        counts = self.op.counts(*self.input_shape[:2])[None, :, :, None]
        return saturate(divide_half_away(sums, counts), *self.clamp, self.types[1])

    def windows(self, index: int) -> tuple[Window, Window]:
        return self.op.window.rows, self.op.window.columns

    def padding(self) -> int | None:
        """Padding adds nothing to the raw sum."""
        return 0 if self.op.window.padded else None

    def call(self) -> KernelCall:
        """`mcucc_average_pool_divide`; the tables of factors are absent."""
        return KernelCall(
            KernelId("average_pool", variant="divide", types=self.wide),
            (
                *_geometry(self.op, self.input_shape),
                ("multiplier", None),
                ("shift", None),
                ("input_zero_point", 0),
                ("output_zero_point", 0),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )

    def describe(self) -> str:
        return f"AveragePool {self.op.window}, raw sum"


def divide_half_away(sums: IntArray, counts: IntArray | int) -> IntArray:
    """sums / counts to nearest, ties away from zero."""
    half = (np.abs(sums) + np.asarray(counts) // 2) // counts
    quotient: IntArray = np.sign(sums) * half
    return quotient


def _geometry(op: AveragePool, shape: tuple[int, int, int]) -> tuple[tuple[str, int], ...]:
    """The first C fields of both kernels."""
    window = op.window
    height, width, channels = shape
    return (
        *window.fields(),
        ("stride_h", window.stride[0]),
        ("dilation_h", window.dilation[0]),
        ("pad_top", window.pads.top),
        ("input_height", height),
        ("input_width", width),
        ("channels", channels),
        ("count_include_pad", int(op.count_include_pad)),
    )
