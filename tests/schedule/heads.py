"""A sink of several maps, as a detector's head is: what the planner's tests draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.numerics.fixed_point import IntegerArray, Rounding


@dataclass(frozen=True)
class Strongest(Op):
    """The bytes of all maps where channel 0 of the first is largest, in `records` copies."""

    records: int = 3

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        channels = sum(x.shape[3] for x in inputs)
        return TensorType((1, self.records * channels), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        best = int(np.argmax(inputs[0][..., 0]))
        values = [x.reshape(-1, x.shape[-1])[best] for x in inputs]
        return np.tile(np.concatenate(values), self.records)[None]

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        return tuple(np.zeros_like(x) for x in inputs)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        return StrongestKernel(self, sum(x.shape[3] for x in inputs))


@dataclass(frozen=True, eq=False)
class StrongestKernel(Kernel):
    """Strongest; its scratch is a score, a place, and the bytes found."""

    op: Strongest
    channels: int

    @property
    def granularity(self) -> Granularity:
        return Granularity.SINK

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return self.op.evaluate(inputs)

    @property
    def scratch_bytes(self) -> int:
        return 8 + self.channels

    def call(self) -> KernelCall:
        return KernelCall(KernelId("strongest"), (("channels", self.channels),))
