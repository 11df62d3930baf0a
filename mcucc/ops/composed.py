"""Composed: a function of one number in steps, such as a choice between two of its functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import Op, register
from mcucc.ops.abs import Abs
from mcucc.ops.clip import Clip
from mcucc.ops.common.lookup import Unary
from mcucc.ops.elu import Elu
from mcucc.ops.erf import Erf
from mcucc.ops.function import FUNCTIONS, LARGEST, Function
from mcucc.ops.gelu import Gelu
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.leaky_relu import LeakyRelu
from mcucc.ops.mish import Mish
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.silu import Silu
from mcucc.ops.softplus import Softplus
from mcucc.ops.tanh import Tanh

Reals = npt.NDArray[np.float64]
MOST_STEPS = 64
_OPS: dict[str, type[Unary]] = {
    op.__name__: op
    for op in (
        *(Abs, Elu, Erf, Gelu, HardSigmoid, HardSwish),
        *(LeakyRelu, Mish, Sigmoid, Silu, Softplus, Tanh),
    )
}
# Of values, then numbers: how many of each.
_WORDS: dict[str, tuple[Callable[..., Reals], int, int]] = {
    "Add": (np.add, 2, 0),
    "Affine": (lambda x, scale, offset: scale * x + offset, 1, 2),
    "Clip": (np.clip, 1, 2),
    "Div": (np.divide, 2, 0),
    "Max": (np.maximum, 2, 0),
    "Min": (np.minimum, 2, 0),
    "Mul": (np.multiply, 2, 0),
    "Sub": (np.subtract, 2, 0),
    **{name: (function, 1, count) for name, (function, count) in FUNCTIONS.items()},
}


@dataclass(frozen=True)
class Step:
    """A word of `operands`, 0 for x and i for the result of step i, with its numbers."""

    word: str
    operands: tuple[int, ...]
    numbers: tuple[float, ...] = ()

    @staticmethod
    def of(op: Op, operand: int) -> Step | None:
        """The step that an element-wise op of one value is; None for one without a word."""
        if isinstance(op, Clip):
            return Step("Clip", (operand,), (op.clamp.lo, op.clamp.hi))
        if isinstance(op, Function) and not op.litert:
            return Step(op.name, (operand,), op.parameters)
        if type(op) is not _OPS.get(op.kind):
            return None
        numbers = tuple(float(getattr(op, field.name)) for field in _fields(op.kind))
        return Step(op.kind, (operand,), numbers)

    def check(self, before: int) -> None:
        """ValueError for a word that is not known, or other operands than it has."""
        if self.word in _OPS:
            counts = 1, len(_fields(self.word))
        elif self.word in _WORDS:
            counts = _WORDS[self.word][1:]
        else:
            raise ValueError(f"no step {self.word}")
        if (len(self.operands), len(self.numbers)) != counts:
            raise ValueError(f"{self.word} of {len(self.operands)} and {len(self.numbers)}")
        if not all(0 <= operand <= before for operand in self.operands):
            raise ValueError(f"{self.word} of what is not computed before")

    def apply(self, values: list[Reals]) -> Reals:
        """Its result, finite."""
        operands = [values[operand] for operand in self.operands]
        if self.word in _OPS:
            made = _op(self.word, self.numbers).function(operands[0])
        else:
            made = _WORDS[self.word][0](*operands, *self.numbers)
        return np.clip(np.nan_to_num(made, nan=0.0), -LARGEST, LARGEST)


def _fields(kind: str) -> tuple[Field[Any], ...]:
    return fields(cast(Any, _OPS[kind]))


def _op(kind: str, numbers: tuple[float, ...]) -> Unary:
    attributes = {
        field.name: bool(number) if field.type == "bool" else number
        for field, number in zip(_fields(kind), numbers, strict=True)
    }
    return _OPS[kind](**attributes)


@register
@dataclass(frozen=True)
class Composed(Unary):
    """y = f(x), f in steps, the last of which is y: one table, whatever their number."""

    steps: tuple[Step, ...] = (Step("Above", (0,), (0.0,)), Step("Mul", (0, 1)))

    LIMITS: ClassVar[str] = "choices by a comparison with a number, between functions of it"

    def __post_init__(self) -> None:
        if not 0 < len(self.steps) <= MOST_STEPS:
            raise ValueError(f"{len(self.steps)} steps")
        for index, step in enumerate(self.steps):
            step.check(index)

    def function(self, x: Reals) -> Reals:
        values = [x]
        with np.errstate(all="ignore"):
            for step in self.steps:
                values.append(step.apply(values))
        return values[-1]

    def __str__(self) -> str:
        return f"Composed({', '.join(step.word for step in self.steps)})"
