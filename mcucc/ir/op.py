"""An op: the mathematics of a node with its attributes; it knows shapes, windows and floats.

`lower` makes it a Kernel once scales are known. Ops register by `register`; mcucc.ops.registry
imports them all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp, Rounding

FloatArray = npt.NDArray[np.float32]


class Op(ABC):
    """The mathematics of one node. Subclasses are frozen dataclasses of typed attributes."""

    FORMULA: ClassVar[str] = ""
    LARGEST_ERROR: ClassVar[str] = "0.5 units of the output scale"
    LIMITS: ClassVar[str] = ""
    # Axis of per-channel weight scales of input 1 (None: the op has no weights).
    WEIGHT_AXIS: ClassVar[int | None] = None
    # The output takes scale and zero point of input 0 (no arithmetic on values).
    SHARES_QUANT: ClassVar[bool] = False
    # With SHARES_QUANT: inputs of another scale are rescaled by the op itself.
    RESCALES: ClassVar[bool] = False
    # Activation inputs that scale the output, channel by channel: when they all take one factor
    # k > 0 there (and any clamp scales along), so does the output. The others keep their values.
    SCALED_BY: ClassVar[tuple[int, ...]] = ()
    # f(x + o) = f(x) + f(o) for any o, a number a channel, clamp aside. So are ops that only move
    # values (SHARES_QUANT without SCALED_BY), as far as f(o) is a number a channel, too.
    ADDITIVE: ClassVar[bool] = False
    # Beside int8, activations that it reads, or the one that it makes, may be int16. With
    # SHARES_QUANT all of them are of one type.
    WIDE_INPUTS: ClassVar[bool] = False
    WIDE_OUTPUT: ClassVar[bool] = False
    # Or all activations are int16 together, as in LiteRT's 16x8 mode.
    WIDE_ALL: ClassVar[bool] = False

    @abstractmethod
    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """Shape and type of the output; ValueError says why the inputs do not fit."""

    @abstractmethod
    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        """The float result (float32 in and out); float64 operands are summed in float64."""

    @abstractmethod
    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """The gradient of every input, constants included, in its shape: J^T `gradient`.

        `output` is what `evaluate` makes of `inputs`; where a function bends, any slope between
        those of its two sides.
        """

    @abstractmethod
    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The kernel for quantized tensors; constants among `inputs` carry their integers."""

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        """Row and column window of activation `index`; None when the op needs the whole tensor."""
        del index, inputs
        return Window(), Window()

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> int:
        """Multiply-accumulates of the whole output."""
        del inputs, output
        return 0

    def fixed_quant(self) -> Quant | None:
        """The output quantization the op prescribes (softmax, sigmoid), or None."""
        return None

    @property
    def fused_clamp(self) -> Clamp:
        """The fused activation; NO_CLAMP where there is none."""
        clamp: Clamp = getattr(self, "clamp", NO_CLAMP)
        return clamp

    def unclamped(self) -> Op:
        """The op without its fused activation."""
        if self.fused_clamp == NO_CLAMP:
            return self
        return replace(self, clamp=NO_CLAMP)  # type: ignore[type-var]

    @property
    def kind(self) -> str:
        """The op's name in text forms and reports."""
        return type(self).__name__

    def __str__(self) -> str:
        shown = ", ".join(
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)  # type: ignore[arg-type]
            if field.default != getattr(self, field.name)
        )
        return f"{self.kind}({shown})"


OpClass = TypeVar("OpClass", bound=type[Op])
REGISTERED: dict[str, type[Op]] = {}


def register(cls: OpClass) -> OpClass:
    """Class decorator: makes an op known to docs, tests and tools."""
    REGISTERED[cls.__name__] = cls
    return cls
