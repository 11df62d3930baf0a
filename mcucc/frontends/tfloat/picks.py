"""Operators of a float .tflite that choose: truths, and the largest."""

from __future__ import annotations

from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tfloat.writer import Writer, translator
from mcucc.frontends.unsupported import UnsupportedNode

_COMPARISONS = {
    "EQUAL": "Equal", "GREATER": "Greater", "GREATER_EQUAL": "GreaterOrEqual", "LESS": "Less",
    "LESS_EQUAL": "LessOrEqual",
}  # fmt: skip
_LOGIC = {"LOGICAL_AND": "And", "LOGICAL_OR": "Or", "LOGICAL_NOT": "Not"}


@translator(*_COMPARISONS)
def comparison(w: Writer, operator: FileOperator) -> None:
    operands = [w.read(operator, 0), w.read(operator, 1)]
    w.add(_COMPARISONS[operator.kind], operands, w.output(operator))


@translator("NOT_EQUAL")
def unlike(w: Writer, operator: FileOperator) -> None:
    made = w.add("Equal", [w.read(operator, 0), w.read(operator, 1)])
    w.add("Not", [made], w.output(operator))


@translator(*_LOGIC)
def logic(w: Writer, operator: FileOperator) -> None:
    operands = [w.truth(operator, i) for i in range(len(operator.inputs))]
    w.add(_LOGIC[operator.kind], operands, w.output(operator))


@translator("SELECT", "SELECT_V2")
def choice(w: Writer, operator: FileOperator) -> None:
    operands = [w.truth(operator, 0), w.read(operator, 1), w.read(operator, 2)]
    w.add("Where", operands, w.output(operator))


@translator("ARG_MAX", "ARG_MIN")
def largest(w: Writer, operator: FileOperator) -> None:
    axis = w.ctx.integers(operator, 1)
    if len(axis) != 1:
        raise UnsupportedNode(f"axes {list(axis)}")
    word = "ArgMax" if operator.kind == "ARG_MAX" else "ArgMin"
    w.add(word, [w.read(operator)], w.output(operator), axis=axis[0], keepdims=0)
