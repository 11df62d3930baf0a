"""The operators of a .tflite one by one: converted, or refused with one problem a cause."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcucc.errors import Problem
from mcucc.frontends.frontier import Follows, Step, frontier
from mcucc.frontends.tflite.context import INT8, INT16, Context, check_integer
from mcucc.frontends.tflite.converters import converters
from mcucc.frontends.tflite.file import FileOperator, FileTensor, TfliteFile
from mcucc.frontends.tflite.folding import fold_moved
from mcucc.frontends.tflite.islands import island
from mcucc.frontends.tflite.kinds import CONTROL_FLOW, DYNAMIC
from mcucc.frontends.tflite.shapes import fold
from mcucc.frontends.tflite.unsigned import check_proved
from mcucc.frontends.tflite.versions import unknown_version
from mcucc.frontends.unsupported import NotComputed, UnsupportedNode, UnsupportedType

_SHAPES = "shapes"  # the cause of whatever is refused because a shape is not known at import
_FIXED = "convert the model with a fixed batch and fixed shapes"


def walk(ctx: Context, of_file: Sequence[Problem]) -> list[Problem]:
    """Convert inputs and operators into `ctx`; what could not be converted, with its cause.

    `of_file` are the problems of the file as a whole, from which others follow.
    """
    whole = {problem.op: problem.node for problem in of_file}
    problems: list[Problem] = []
    follows = Follows()
    for index in ctx.file.inputs:
        tensor = ctx.file.tensors[index]
        try:
            _define_input(ctx, tensor)
        except ValueError as error:
            problems.append(_problem(tensor.name, "input", error, whole.get(DYNAMIC, "")))
            follows.passed_on(tensor.name, [index])
    for operator in ctx.file.operators:
        label, cause = label_of(ctx.file, operator), follows.of(operator.inputs)
        try:
            _convert_one(ctx, operator)
        except ValueError as error:
            refusal = UnsupportedNode.of(error)
            cause = _cause(ctx, operator, refusal, cause, whole)
            if not (isinstance(refusal, UnsupportedType) and of_file):
                problems.append(_problem(label, operator.kind, refusal, cause))
            _define_anyway(ctx, operator)
            cause = cause or label
        for index in operator.outputs:
            unknown = not any(
                index in known for known in (ctx.names, ctx.views, ctx.constants, ctx.islands)
            )
            if unknown or (index in ctx.names and _is_odd(ctx.file.tensors[index].shape)):
                follows.passed_on(cause or ctx.file.tensors[index].name, [index])
    for index in ctx.file.outputs:
        try:
            ctx.settle_output(index)
        except ValueError as error:
            problems.append(_problem(ctx.file.tensors[index].name, "output", error, ""))
    return problems + _missing(ctx, problems or of_file)


def _missing(ctx: Context, others: Sequence[Problem]) -> list[Problem]:
    """Outputs that nothing computes, where no other problem says why."""
    known = (ctx.names, ctx.constants)
    lost = [i for i in ctx.file.outputs if not any(i in each for each in known)]
    tensors = [ctx.file.tensors[index] for index in lost]
    why = "output {} is not computed by the network"
    return [] if others else [Problem(t.name, "output", why.format(t.name)) for t in tensors]


def ends_before(file: TfliteFile, problems: Sequence[Problem]) -> tuple[str, ...]:
    """The tensors at which the network can end before what is refused."""
    steps = [
        Step(label_of(file, o), _texts(o.inputs), _texts(o.outputs), o.kind == "SHAPE")
        for o in file.operators
    ]
    known = [str(t.index) for t in file.tensors if t.data is not None] + ["-1"]
    faults = {problem.node for problem in problems}
    found = frontier(steps, faults, known, _texts(file.outputs))
    return tuple(file.tensors[int(text)].name for text in found)


def label_of(file: TfliteFile, operator: FileOperator) -> str:
    """How messages name an operator: by the tensor it computes."""
    if operator.outputs:
        return file.tensors[operator.outputs[0]].name
    return f"operator {operator.index}"


def _is_odd(shape: tuple[int, ...]) -> bool:
    """Whether few operators take a shape: what refuses it has one cause, where it began."""
    return len(shape) > 4 or (len(shape) == 4 and shape[0] != 1)


def _texts(indices: Sequence[int]) -> tuple[str, ...]:
    return tuple(str(index) for index in indices)


def _cause(
    ctx: Context,
    operator: FileOperator,
    refusal: UnsupportedNode,
    cause: str,
    whole: dict[str, str],
) -> str:
    """What the refusal of an operator follows from, "" where it stands for itself."""
    if operator.kind in CONTROL_FLOW:
        return whole.get("control flow", cause)
    tensors = [ctx.file.tensors[index] for index in operator.outputs]
    integer = all(t.dtype is not None and t.dtype.kind == "i" and t.dtype != INT8 for t in tensors)
    shapes = integer and all(
        i in ctx.constants or i not in ctx.names or cause == _SHAPES for i in operator.inputs
    )
    if shapes and not cause:
        cause = _SHAPES
    if cause == _SHAPES:
        refusal.hint = refusal.hint or _FIXED
    if operator.kind not in converters() and not shapes:
        return ""
    if DYNAMIC in whole:
        return whole[DYNAMIC]
    return cause or (_SHAPES if isinstance(refusal, NotComputed) else "")


def _unknown(ctx: Context, operator: FileOperator) -> UnsupportedNode:
    if not operator.kind.startswith("CUSTOM"):
        return UnsupportedNode("mcucc does not compile this operator")
    if {i for i in operator.inputs if i >= 0 and i not in ctx.constants} <= {*ctx.file.inputs}:
        return UnsupportedNode(
            "a custom operator in front of the network, as decoders of pictures are",
            "convert the network from behind it, with the pixels as its input",
        )
    return UnsupportedNode(
        "a custom operator, which mcucc does not know", "end the network before it with --outputs"
    )


def _problem(name: str, kind: str, error: ValueError, cause: str) -> Problem:
    refusal = UnsupportedNode.of(error)
    return Problem(name, kind, refusal.why, refusal.hint, cause)


def _define_input(ctx: Context, tensor: FileTensor) -> None:
    if tensor.foreign:
        raise UnsupportedNode(f"{tensor.name}: {tensor.foreign}")
    if tensor.dtype in (INT8, INT16):
        ctx.inputs.append(ctx.define(tensor).name)
    elif tensor.dtype != np.float32:
        raise UnsupportedType(f"{tensor.name} is {tensor.type_name}")


def _convert_one(ctx: Context, operator: FileOperator) -> None:
    _check_operands(ctx, operator)
    newer = unknown_version(operator)
    if not newer and (fold(ctx, operator) or fold_moved(ctx, operator)):
        return
    if not newer and island(ctx, operator):
        return
    convert = converters().get(operator.kind)
    if convert is None:
        raise _unknown(ctx, operator)
    if newer:
        raise UnsupportedNode(newer, "convert the model for an older runtime, or update mcucc")
    check_proved(ctx, operator)
    convert(ctx, operator)


def _check_operands(ctx: Context, operator: FileOperator) -> None:
    """UnsupportedNode for operands whose data or meaning is not where this version reads it."""
    for index in (*operator.inputs, *operator.outputs):
        tensor = ctx.file.tensors[index] if index >= 0 else None
        if tensor is not None and tensor.sparse:
            raise UnsupportedNode(f"{tensor.name} is sparse", "convert the model without sparsity")
        if tensor is not None and tensor.foreign:
            raise UnsupportedNode(
                f"{tensor.name}: {tensor.foreign}", "convert it in the common form"
            )


def _define_anyway(ctx: Context, operator: FileOperator) -> None:
    """Define what a rejected operator computes, so that only real problems are reported."""
    for index in operator.outputs:
        tensor = ctx.file.tensors[index]
        if index in ctx.names or index in ctx.constants:
            continue
        try:
            check_integer(tensor)
            ctx.define(tensor)
        except ValueError:
            continue
