"""Permute: the elements of a tensor, seen with any number of axes, in another order of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntegerArray, Rounding

Scalar = TypeVar("Scalar", bound=np.generic)
MOST_AXES = 8


@register
@dataclass(frozen=True)
class Permute(Op):
    """x seen as an array of `sizes`: axis i of the output, of `shape`, is its axis order[i]."""

    sizes: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = f"at most {MOST_AXES} axes; reads the whole tensor"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """`shape`; ValueError where elements or axes do not match."""
        axes = len(self.sizes)
        if not 1 <= axes <= MOST_AXES or sorted(self.order) != list(range(axes)):
            raise ValueError(f"an order {self.order} of {axes} axes (at most {MOST_AXES})")
        if min(self.sizes) < 1 or not prod(inputs[0].shape) == prod(self.sizes) == prod(self.shape):
            raise ValueError(f"{inputs[0].shape} as {self.sizes} to {self.shape}")
        if self.shape[0] != 1:
            raise ValueError(f"a batch of {self.shape[0]}")
        return TensorType(self.shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return self.moved(inputs[0]).reshape(-1, *self.shape[1:])

    def moved(self, x: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """(N, ...) in the new order, an axis of its own for each of `sizes`."""
        return x.reshape(-1, *self.sizes).transpose(0, *(1 + axis for axis in self.order))

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        moved = gradient.reshape(-1, *(self.sizes[axis] for axis in self.order))
        back = moved.transpose(0, *(1 + np.argsort(self.order)))
        return (back.reshape(inputs[0].shape),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Bytes are moved: those of an int16 value are one more axis."""
        sizes, order = self.sizes, self.order
        if output.dtype.itemsize > 1:
            sizes, order = (*sizes, output.dtype.itemsize), (*order, len(order))
        return PermuteKernel(self, sizes, order)


@dataclass(frozen=True, eq=False)
class PermuteKernel(Kernel):
    """Permute on bytes seen with `sizes`, their order along the output `order`."""

    op: Permute
    sizes: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def granularity(self) -> Granularity:
        return Granularity.TENSOR

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        shape = (1,) * (4 - len(self.op.shape)) + self.op.shape
        return self.op.moved(inputs[0]).reshape(-1, *shape[1:])

    def call(self) -> KernelCall:
        """`mcucc_permute`: output sizes, and the input's stride along each output axis."""
        strides = [prod(self.sizes[axis + 1 :]) for axis in range(len(self.sizes))]
        pairs = [(self.sizes[axis], strides[axis]) for axis in self.order]
        sizes, steps = (np.array(values, np.int32) for values in zip(*pairs, strict=True))
        return KernelCall(
            KernelId("permute"),
            (
                ("axes", len(self.order)),
                ("sizes", ConstArray("sizes", sizes)),
                ("strides", ConstArray("strides", steps)),
            ),
        )

    def describe(self) -> str:
        return f"Permute of {len(self.op.sizes)} axes"
