"""Sigmoid and Tanh of int16 as LiteRT computes them: lines between 256 values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT16, IntegerArray
from mcucc.numerics.litert_tables import (
    OUTPUT_SCALE,
    TableInput,
    logistic,
    logistic_table,
    tanh,
)

FIXED = Quant((OUTPUT_SCALE,))  # of the output of every such function, softmax too


def check_fixed(inputs: Sequence[Tensor], output: Tensor) -> None:
    """ValueError unless both are int16, the output in LiteRT's own scale."""
    if inputs[0].dtype != INT16 or output.dtype != INT16:
        raise ValueError("of int16, input and output must both be int16")
    scale, zero = output.quantization.per_tensor_scale, output.quantization.zero_point
    if (scale, zero, inputs[0].quantization.zero_point) != (OUTPUT_SCALE, 0, 0):
        raise ValueError("of int16, the output must have the scale 1/32768, zero points must be 0")


@dataclass(frozen=True, eq=False)
class TableFunctionKernel(Kernel):
    """The logistic function, or tanh, of int16."""

    channels: int
    units: TableInput
    is_tanh: bool

    @staticmethod
    def of(inputs: Sequence[Tensor], output: Tensor, *, is_tanh: bool) -> TableFunctionKernel:
        """ValueError for scales that LiteRT does not take."""
        check_fixed(inputs, output)
        units = TableInput.of(inputs[0].quantization.per_tensor_scale)
        return TableFunctionKernel(hwc(output.shape)[2], units, is_tanh)

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return INT16, INT16

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        function = tanh if self.is_tanh else logistic
        return function(inputs[0].astype(np.int64), self.units).astype(np.int16)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        table = np.array(logistic_table(), np.uint16)
        return KernelCall(
            KernelId("table_function", types=self.wide),
            (
                ("channels", self.channels),
                ("multiplier", self.units.multiplier),
                ("shift", self.units.shift),
                ("tanh", int(self.is_tanh)),
                ("table", ConstArray("table", table)),
            ),
        )

    def describe(self) -> str:
        return "Tanh of int16" if self.is_tanh else "Sigmoid of int16"
