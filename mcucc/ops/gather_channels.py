"""GatherChannels: channels of every pixel in another order, some of them, or some of them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntegerArray, Rounding

INT16_MAX = 2**15 - 1


@register
@dataclass(frozen=True)
class GatherChannels(Op):
    """y[..., k] = x[..., positions[k]]."""

    positions: tuple[int, ...]

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = f"at most {INT16_MAX:,} bytes a pixel"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """The input's shape with as many channels as positions."""
        shape = inputs[0].shape
        if not self.positions or not all(0 <= place < shape[-1] for place in self.positions):
            raise ValueError(f"{len(self.positions)} positions do not lie in {list(shape)}")
        return TensorType((*shape[:-1], len(self.positions)), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return inputs[0][..., list(self.positions)]

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        total = np.zeros_like(inputs[0])
        for channel, place in enumerate(self.positions):  # some are there more than once
            total[..., place] += gradient[..., channel]
        return (total,)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """No arithmetic: neighbours that stay neighbours are copied together."""
        channels, value_bytes = hwc(inputs[0].shape)[2], output.dtype.itemsize
        if max(channels, len(self.positions)) * value_bytes > INT16_MAX:
            raise ValueError(f"{output.name} has more than {INT16_MAX:,} bytes a pixel")
        return GatherChannelsKernel(self.positions, channels, value_bytes)


def runs_of(positions: Sequence[int]) -> list[tuple[int, int]]:
    """The positions as (first, how many) of runs of neighbours, as few as there can be."""
    runs: list[tuple[int, int]] = []
    for place in positions:
        if runs and sum(runs[-1]) == place:
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((place, 1))
    return runs


@dataclass(frozen=True, eq=False)
class GatherChannelsKernel(Kernel):
    """GatherChannels of values of so many bytes."""

    positions: tuple[int, ...]
    input_channels: int
    value_bytes: int = 1

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return inputs[0][..., list(self.positions)]

    def call(self) -> KernelCall:
        """`mcucc_gather_channels`; runs in bytes."""
        runs = np.array(runs_of(self.positions), dtype=np.int16) * np.int16(self.value_bytes)
        return KernelCall(
            KernelId("gather_channels"),
            (
                ("input_channels", self.input_channels * self.value_bytes),
                ("channels", len(self.positions) * self.value_bytes),
                ("runs", len(runs)),
                ("places", ConstArray("places", runs)),
            ),
        )

    def describe(self) -> str:
        runs = len(runs_of(self.positions))
        return f"GatherChannels in {runs} run{'s' if runs > 1 else ''}"
