"""The two halves of a convolution 1x1 whose inputs come in groups: int32 sums, and their end.

Sums are a tensor of bytes, 4 * C_out a pixel, little endian: every group adds to them, and when the
last one has, they become int8 exactly as the convolution's own accumulators would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.numerics.fixed_point import Int8Array, IntArray, IntegerArray
from mcucc.ops.common.matrix import Accumulation, exact_matmul

SUM_BYTES = 4
INT32 = np.dtype("<i4")


def as_bytes(sums: IntArray) -> Int8Array:
    """int32 sums (..., C) as bytes (..., 4 * C)."""
    return np.ascontiguousarray(sums.astype(INT32)).view(np.int8)


def as_sums(data: Int8Array) -> npt.NDArray[np.int32]:
    """Bytes (..., 4 * C) as int32 sums (..., C)."""
    return np.ascontiguousarray(data).view(INT32)


@dataclass(frozen=True, eq=False)
class PartialSumsKernel(Kernel):
    """What one group of inputs adds to the sums; weights (C_out, channels of the group).

    The `first` group writes the sums, the others add to what is there: NumPy gives the addend.
    """

    weights: Int8Array
    first: bool

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        """The int8 reference: raw sums, zero points not considered."""
        return as_bytes(exact_matmul(inputs[0], self.weights))

    @property
    def macs_per_pixel(self) -> int:
        """C_out * channels of the group."""
        return int(self.weights.size)

    def call(self) -> KernelCall:
        """`mcucc_partial_sums`; weights (C_out, channels of the group)."""
        outputs, inputs = self.weights.shape
        return KernelCall(
            KernelId("partial_sums"),
            (
                ("input_channels", inputs),
                ("output_channels", outputs),
                ("first", int(self.first)),
                ("weights", ConstArray("weights", self.weights)),
            ),
        )

    def describe(self) -> str:
        return f"partial sums of {self.weights.shape[1]} channels"


@dataclass(frozen=True, eq=False)
class FinishSumsKernel(Kernel):
    """Sums of all groups to int8: bias, requantization, clamp.

    `weights` (C_out, all channels) bound the sums; they are not read.
    """

    weights: Int8Array
    accumulation: Accumulation

    def weight_bytes(self, bits: int) -> int:
        """None: it has those that made the sums only for what they can reach."""
        del bits
        return 0

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return self.accumulation.finish(as_sums(inputs[0]).astype(np.int64))

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("finish_sums", requantization=self.accumulation.requant.rounding),
            (("channels", len(self.weights)), *self.accumulation.c_fields()),
        )

    def describe(self) -> str:
        return "FinishSums int32 to int8"
