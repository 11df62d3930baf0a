"""MatMul: a product of two activations; rows of the left one are pixels, heads are channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import (
    INT32_MAX,
    IntegerArray,
    Requant,
    Rounding,
    saturate_int8,
)
from mcucc.ops.common.heads import HeadLayout, every_pixel


@register
@dataclass(frozen=True)
class MatMul(Op):
    """y = a b, or a b^T, for every head: pixels are rows of a matrix, heads lie in channels.

    a is (1, H, W, heads * K). b has a pixel for each of the K rows of (K, N), channels heads * N;
    `transposed` one for each of the N rows of (N, K), channels heads * K. y is (1, H, W,
    heads * N). `by_row`: row r of a has its own matrix, the pixels of row r of b.
    """

    heads: int = 1
    transposed: bool = False
    by_row: bool = False

    FORMULA: ClassVar[str] = "round(M * sum (a - z_a) * (b - z_b)) + z_y"
    LIMITS: ClassVar[str] = "int8; sums within int32: up to 33025 products"

    def layout(self, inputs: Sequence[tuple[int, ...]]) -> HeadLayout:
        """Where matrices lie in tensors of these shapes; ValueError where they do not fit."""
        return HeadLayout.of(inputs[0], inputs[1], self.heads, by_row=self.by_row)

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """a's pixels, heads * N channels."""
        a, b = inputs[0].shape, inputs[1].shape
        layout = self.layout([a, b])
        deep = layout.b_depth if self.transposed else layout.pixels
        if layout.a_depth != deep:
            raise ValueError(f"{self.heads} products of {a} and {b}")
        columns = layout.pixels if self.transposed else layout.b_depth
        return TensorType((*a[:-1], self.heads * columns), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return self.product(*inputs).astype(np.float32)

    def product(self, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The product of arrays (batch, ..), exact where they hold integers of float64."""
        layout = self.layout([(1, *a.shape[1:]), (1, *b.shape[1:])])
        right = layout.split(b)
        product = layout.split(a) @ (right.swapaxes(-1, -2) if self.transposed else right)
        return layout.joined(product, a.shape[:-1])

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        a, b = inputs
        layout = self.layout([(1, *a.shape[1:]), (1, *b.shape[1:])])
        g, left, right = (layout.split(each) for each in (gradient, a, b))
        of_a = g @ (right if self.transposed else right.swapaxes(-1, -2))
        of_b = g.swapaxes(-1, -2) @ left if self.transposed else left.swapaxes(-1, -2) @ g
        return layout.joined(of_a, a.shape[:-1]), layout.joined(of_b, b.shape[:-1])

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """A pixel of a; all pixels of b, or all of its row."""
        if index == 0:
            return Window(), Window()
        width = hwc(inputs[0].shape)[1]
        return every_pixel(hwc(inputs[1].shape), width, by_row=self.by_row)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> int:
        """K products for every output."""
        depth = hwc(inputs[0].shape)[2] // self.heads
        return int(np.prod(output.shape)) * depth

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """One factor of the three scales; what a sum may reach is proved to fit int32."""
        a, b, y = (tensor.quantization for tensor in (*inputs, output))
        layout = self.layout([tensor.shape for tensor in inputs])
        reach = max(abs(-128 - a.zero_point), 127 - a.zero_point)
        reach *= max(abs(-128 - b.zero_point), 127 - b.zero_point)
        if layout.a_depth * reach > INT32_MAX:
            raise ValueError(f"a sum of {layout.a_depth} products may leave int32")
        factor = a.per_tensor_scale * b.per_tensor_scale / y.per_tensor_scale
        return MatMulKernel(
            op=self,
            depth=layout.a_depth,
            outputs=hwc(output.shape)[2] // self.heads,
            b_shape=hwc(inputs[1].shape),
            width=hwc(output.shape)[1],
            zero_points=(a.zero_point, b.zero_point, y.zero_point),
            requant=Requant.from_real([factor], rounding),
        )


@dataclass(frozen=True, eq=False)
class MatMulKernel(Kernel):
    """MatMul on int8: `depth` products in each of the `outputs` of a head.

    `width` is that of the output.
    """

    op: MatMul
    depth: int
    outputs: int
    b_shape: tuple[int, int, int]
    width: int
    zero_points: tuple[int, int, int]  # a, b, y
    requant: Requant

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        za, zb, zy = self.zero_points
        a, b = inputs[0].astype(np.float64) - za, inputs[1].astype(np.float64) - zb
        sums = self.op.product(a, b).astype(np.int64)  # exact: below 2^31
        return saturate_int8(self.requant.apply(sums) + zy)

    def windows(self, index: int) -> tuple[Window, Window]:
        """A pixel of a; all pixels of b, or all of its row."""
        if index == 0:
            return Window(), Window()
        return every_pixel(self.b_shape, self.width, by_row=self.op.by_row)

    @property
    def macs_per_pixel(self) -> int:
        """K products for every channel."""
        return self.op.heads * self.outputs * self.depth

    def call(self) -> KernelCall:
        za, zb, zy = self.zero_points
        rows, columns, _ = self.b_shape
        return KernelCall(
            KernelId("mat_mul", requantization=self.requant.rounding),
            (
                ("heads", self.op.heads),
                ("depth", self.depth),
                ("outputs", self.outputs),
                ("transposed", int(self.op.transposed)),
                ("b_rows", 1 if self.op.by_row else rows),
                ("b_columns", columns),
                ("zero_point_a", za),
                ("zero_point_b", zb),
                ("multiplier", int(self.requant.multiplier[0])),
                ("shift", int(self.requant.shift[0])),
                ("output_zero_point", zy),
            ),
        )

    def describe(self) -> str:
        return str(self.op)
