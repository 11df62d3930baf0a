"""LogSoftmax over channels: the distance to the largest value, and one logarithm a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntegerArray, Rounding, saturate_int8

MOST_CHANNELS = 65536
FRACTION_BITS = 16  # of an output step, at most
FEWEST_BITS = 8
LARGEST_LOG = Decimal(12)  # of 65536 channels
FAR = 2**29  # a distance that saturates whatever is added to it
STEPS = 256  # between a number and twice it; between them the logarithm is a line
DIGITS = 40


@register
@dataclass(frozen=True)
class LogSoftmax(Op):
    """y = x - log(sum exp(x)) over the last axis."""

    FORMULA: ClassVar[str] = (
        "(b - t[max - x] - log(sum e[max - x])) >> F, e as Softmax's, the logarithm by a table of "
        "257 and lines between"
    )
    LARGEST_ERROR: ClassVar[str] = "0.51 units of the output scale"
    LIMITS: ClassVar[str] = "the last axis, at most 65536 channels"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape[-1] > MOST_CHANNELS:
            raise ValueError(f"softmax over {inputs[0].shape[-1]} channels (at most 65536)")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        x = inputs[0].astype(np.float64)
        x = x - x.max(axis=-1, keepdims=True)
        y: FloatArray = (x - np.log(np.exp(x).sum(axis=-1, keepdims=True))).astype(np.float32)
        return y

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        return (gradient - np.exp(output) * gradient.sum(axis=-1, keepdims=True),)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Tables in decimal arithmetic, whose functions are rounded correctly on every machine."""
        channels, y = hwc(output.shape)[2], output.quantization
        bits = min(23, 30 - (channels - 1).bit_length())  # sums stay below 2^31
        with localcontext() as context:
            context.prec = DIGITS
            x_scale = Decimal(inputs[0].quantization.per_tensor_scale)
            y_scale = Decimal(y.per_tensor_scale)
            fraction = FRACTION_BITS
            while fraction > FEWEST_BITS and LARGEST_LOG / y_scale * 2**fraction > 2**30:
                fraction -= 1
            if LARGEST_LOG / y_scale * 2**fraction > 2**30:
                raise ValueError(f"an output scale of {y.per_tensor_scale:g}")
            unit = 2**fraction / y_scale
            powers = [_whole((-x_scale * d).exp() * 2**bits) for d in range(256)]
            distances = [min(_whole(x_scale * d * unit), FAR) for d in range(256)]
            logs = [_whole((1 + Decimal(i) / STEPS).ln() * unit) for i in range(STEPS + 1)]
            doubling = _whole(Decimal(2).ln() * unit)
        base = (y.zero_point << fraction) + (1 << (fraction - 1)) + bits * doubling
        return LogSoftmaxKernel(
            channels,
            np.array(powers, np.uint32),
            np.array(distances, np.int32),
            np.array(logs, np.int32),
            (doubling, base, fraction),
        )


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))


@dataclass(frozen=True, eq=False)
class LogSoftmaxKernel(Kernel):
    """LogSoftmax on int8; `numbers`: log 2 in fractions of an output step, base, their bits."""

    channels: int
    powers: npt.NDArray[np.uint32]
    distances: npt.NDArray[np.int32]
    logs: npt.NDArray[np.int32]
    numbers: tuple[int, int, int]

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        doubling, base, fraction = self.numbers
        x = inputs[0].astype(np.int64)
        d = x.max(axis=-1, keepdims=True) - x
        total = self.powers.astype(np.int64)[d].sum(axis=-1, keepdims=True)
        whole = np.frexp(total.astype(np.float64))[1].astype(np.int64) - 1
        part = (total << (31 - whole) >> 15) & 0xFFFF
        logs = self.logs.astype(np.int64)
        lower, upper = logs[part >> 8], logs[(part >> 8) + 1]
        log = whole * doubling + lower + ((upper - lower) * (part & 255) >> 8)
        return saturate_int8((base - log - self.distances.astype(np.int64)[d]) >> fraction)

    def in_place(self, index: int) -> bool:
        """The maximum and the sum are known before the first output is written."""
        return True

    def call(self) -> KernelCall:
        doubling, base, fraction = self.numbers
        return KernelCall(
            KernelId("log_softmax"),
            (
                ("channels", self.channels),
                ("powers", ConstArray("powers", self.powers)),
                ("distances", ConstArray("distances", self.distances)),
                ("logs", ConstArray("logs", self.logs)),
                ("doubling", doubling),
                ("base", base),
                ("fraction", fraction),
            ),
        )
