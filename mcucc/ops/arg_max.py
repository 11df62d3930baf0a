"""ArgMax: which channel of each pixel holds the largest value, as an integer.

An index is stored as it is counted: in int8 with the zero point -128 while 256 entries suffice, in
int16 beyond. Nothing is rounded, so an index is exact as soon as the scores are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import INT8, INT8_MIN, INT16, IntegerArray, Rounding

INT8_ENTRIES = 256
MOST_ENTRIES = 2**15
INT16_LIMIT = MOST_ENTRIES - 1


@register
@dataclass(frozen=True)
class ArgMax(Op):
    """y = the channel of the largest x of each pixel, or of the smallest unless `largest`.

    `entries` are the channels there are. Of equal values the first counts, or the `last`.
    """

    entries: int
    largest: bool = True
    last: bool = False

    FORMULA: ClassVar[str] = "argmax(x) - 128, scale 1; above 256 channels argmax(x) in int16"
    LARGEST_ERROR: ClassVar[str] = "0, of the integers that it reads"
    LIMITS: ClassVar[str] = "int8 in; at most 32768 entries, along channels"
    WIDE_OUTPUT: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 1 <= self.entries <= MOST_ENTRIES:
            raise ValueError(f"an index into {self.entries:,} entries (at most {MOST_ENTRIES:,})")

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """One channel, which is the index."""
        shape = inputs[0].shape
        if shape[-1] != self.entries:
            raise ValueError(f"{self.entries} entries in {shape[-1]} channels")
        return TensorType((*shape[:-1], 1), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return self.index(inputs[0]).astype(np.float32)

    def index(self, x: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """(.., 1) indices into the last axis."""
        ordered = x[..., ::-1] if self.last else x
        choose = np.argmax if self.largest else np.argmin
        found: npt.NDArray[np.intp] = choose(ordered, axis=-1, keepdims=True)
        return self.entries - 1 - found if self.last else found

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """0: an index moves in steps. Where it is an output, what it reads is the end instead."""
        return (np.zeros_like(inputs[0]),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return Window(), Window()

    def fixed_quant(self) -> Quant:
        """Integers are indices: an index less 128, or, in int16, the index itself."""
        if self.entries <= INT8_ENTRIES:
            return Quant((1.0,), INT8_MIN)
        return Quant((1.0,), 0, limit=INT16_LIMIT)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Compare integers: scales are positive, so the order is that of the real values."""
        wanted = self.fixed_quant()
        if output.quantization.per_tensor_scale != 1.0 or (
            output.quantization.zero_point != wanted.zero_point
        ):
            raise ValueError(f"an index has the scale 1 and the zero point {wanted.zero_point}")
        return ArgMaxKernel(self, (INT8, INT16 if wanted.limit else INT8))


@dataclass(frozen=True, eq=False)
class ArgMaxKernel(Kernel):
    """ArgMax of int8, an int8 or an int16 for each pixel."""

    op: ArgMax
    types: tuple[np.dtype[Any], ...] = (INT8, INT8)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        index = self.op.index(inputs[0]) + self.op.fixed_quant().zero_point
        made: IntegerArray = index.astype(self.types[1])
        return made

    def call(self) -> KernelCall:
        op = self.op
        return KernelCall(
            KernelId("arg_max", types=self.wide),
            (("channels", op.entries), ("largest", int(op.largest)), ("last", int(op.last))),
        )

    def describe(self) -> str:
        name = "ArgMax" if self.op.largest else "ArgMin"
        return name + (", the last of equals" if self.op.last else "")


def index_entries(graph: IntegerGraph, name: str) -> int | None:
    """How many entries a tensor of indices chooses from; None where it holds other values."""
    makers = {node.output: node for node in graph.nodes}
    node = makers.get(name)
    while node is not None and node.kernel.granularity is Granularity.ALIAS:
        node = makers.get(node.inputs[0])
    kernel = None if node is None else node.kernel
    return kernel.op.entries if isinstance(kernel, ArgMaxKernel) else None
