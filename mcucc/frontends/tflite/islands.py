"""Float operators between a DEQUANTIZE and a QUANTIZE of an int8 file: one table.

TensorFlow's converter leaves an operator in float that has no int8 form (NEG, SQUARE, ELU, POW).
A float tensor that is an element-wise function of one int8 tensor is a function of its bytes, of
which there are 256: every float operator maps those numbers in float32 as LiteRT does, and QUANTIZE
makes a table of them. What only moves values moves the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from mcucc.frontends.tflite.context import INT8, Array, Context, per_tensor
from mcucc.frontends.tflite.file import FileOperator, FileTensor
from mcucc.frontends.tflite.island import Island
from mcucc.frontends.tflite.options import ArithmeticOptions, LeakyOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.strided_view import StridedView
from mcucc.frontends.tflite.windows import fused
from mcucc.frontends.unsupported import NotComputed, UnsupportedNode, UnsupportedType
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.numerics.litert_floats import BINARY, COMPARISONS, UNARY, clamp, leaky_relu
from mcucc.ops.common.lookup import INT8_RANGE
from mcucc.ops.sampled import Sampled

LARGEST = 2.0**31  # of a quotient in QUANTIZE: a cast of more is what the machine makes of it
MOVERS = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE")


def island(ctx: Context, operator: FileOperator) -> bool:
    """Compute a float operator that reads islands; False for one that reads none.

    UnsupportedNode where it is no function of the bytes of one tensor.
    """
    chooses_bytes = operator.kind.startswith("SELECT") and (
        ctx.output_tensor(operator).dtype == INT8
    )
    if operator.kind == "QUANTIZE" or chooses_bytes:
        return False
    reads = {i: ctx.islands[i] for i in operator.inputs if i in ctx.islands}
    if not reads:
        return False
    first = next(iter(reads.values()))
    sources = list(dict.fromkeys(each.tensor.name for each in reads.values()))
    if len(sources) > 1:
        raise refused(f"in float, of several int8 tensors: {', '.join(sources)}", sources)
    y = ctx.output_tensor(operator)
    if operator.kind in MOVERS:
        made = replace(first, bytes=_moved(ctx, operator, first))
    else:
        made = replace(first, values=_mapped(ctx, operator, reads))
    if made.bytes.shape != tuple(max(n, 1) for n in y.shape):
        raise UnsupportedNode(f"computes {list(made.bytes.shape)}, the file says {list(y.shape)}")
    if y.index in ctx.file.outputs:
        raise refused(f"the network ends in {y.type_name.lower()} behind {sources[0]}", sources)
    ctx.islands[y.index] = made
    return True


def refused(why: str, ends: Sequence[str]) -> UnsupportedNode:
    """A refusal that says where the network can end instead."""
    return UnsupportedNode(
        why,
        f"end the network there (--outputs {','.join(ends)}), or give mcucc the float .tflite "
        "and pictures",
    )


def _moved(ctx: Context, operator: FileOperator, x: Island) -> StridedView:
    shape = tuple(max(n, 1) for n in ctx.output_tensor(operator).shape)
    if operator.kind == "TRANSPOSE":
        order = ctx.integers(operator, 1)
        if sorted(order) != list(range(len(x.bytes.axes))):
            raise UnsupportedNode(f"permutation {list(order)} of {list(x.bytes.shape)}")
        return x.bytes.transposed(order)
    view = x.bytes.reshaped(shape) if prod(shape) == prod(x.bytes.shape) else None
    if view is None:
        raise UnsupportedNode(f"reshapes {list(x.bytes.shape)} to {list(shape)}, in float")
    return view


def _mapped(ctx: Context, operator: FileOperator, reads: dict[int, Island]) -> Array:
    """The 256 results of an element-wise operator."""
    of_two: dict[str, Callable[..., Array]] = {**BINARY, **COMPARISONS}
    known: dict[str, tuple[int, Callable[..., Array]]] = {
        **{kind: (1, function) for kind, function in UNARY.items()},
        **{kind: (2, function) for kind, function in of_two.items()},
        **dict.fromkeys(("SELECT", "SELECT_V2"), (3, np.where)),
        "LEAKY_RELU": (1, lambda x: leaky_relu(x, _slope(operator))),
        "LOGICAL_NOT": (1, np.logical_not),
        "LOGICAL_AND": (2, np.logical_and),
        "LOGICAL_OR": (2, np.logical_or),
        "PRELU": (2, lambda x, slope: np.where(x >= 0, x, x * slope)),
    }
    count, function = known.get(operator.kind, (0, np.where))
    first = next(iter(reads.values()))
    if not count:
        raise refused(f"computes in float of {first.tensor.name}", [first.tensor.name])
    if len(operator.inputs) != count:
        raise UnsupportedNode(f"{len(operator.inputs)} inputs")
    operands = [_operand(ctx, operator, place, first) for place in range(count)]
    with np.errstate(all="ignore"):
        made: Array = function(*operands)
        bounds = _clamp(operator)
        return made if bounds is None else clamp(made, *bounds)


def _operand(ctx: Context, operator: FileOperator, place: int, first: Island) -> Array:
    """An operand's 256 values; a constant is one number."""
    tensor = ctx.file_tensor(operator, place)
    if tensor.index in ctx.islands:
        own = ctx.islands[tensor.index]
        if own.bytes != first.bytes:
            raise refused(
                f"in float, of {own.tensor.name} and its own values elsewhere", [own.tensor.name]
            )
        return own.values
    value = ctx.constants.get(tensor.index)
    if value is None:
        names = [first.tensor.name, tensor.name]
        raise refused(f"in float, of {names[0]} and {names[1]}", names[:1])
    if value.dtype not in (np.float32, np.bool_) or not value.size:
        raise UnsupportedType(f"{tensor.name} is {tensor.type_name}")
    stretched = np.broadcast_shapes(value.shape, first.bytes.shape)
    if (value != value.flat[0]).any() or stretched != first.bytes.shape:
        raise refused(
            f"in float, of {first.tensor.name} and a constant of {list(value.shape)}",
            [first.tensor.name],
        )
    return np.full(INT8_RANGE.size, value.flat[0])


def _slope(operator: FileOperator) -> float:
    return operator.options.alpha if isinstance(operator.options, LeakyOptions) else 0.0


def _clamp(operator: FileOperator) -> tuple[float, float] | None:
    """The bounds of a fused activation."""
    options = operator.options
    found = fused(options.activation) if isinstance(options, ArithmeticOptions) else NO_CLAMP
    return None if found == NO_CLAMP else (found.lo, found.hi)


@converter("DEQUANTIZE")
def dequantize(ctx: Context, operator: FileOperator) -> None:
    """The float end of the network, or where an island begins."""
    x, y = ctx.file_tensor(operator, 0), ctx.output_tensor(operator)
    if y.dtype != np.float32:
        raise UnsupportedType(f"from {x.type_name} to {y.type_name}")
    if y.index in ctx.names or y.index in ctx.islands:
        raise UnsupportedNode(f"{y.name} is defined twice")
    if y.index in ctx.file.outputs:
        ctx.names[y.index] = ctx.activation(operator).name
        ctx.says(y, ctx.shape_at(operator))
    if any(y.index in other.inputs for other in ctx.file.operators):
        _begin(ctx, operator, x, y)


def _begin(ctx: Context, operator: FileOperator, x: FileTensor, y: FileTensor) -> None:
    view = ctx.view(operator)
    ctx.says(y, view.shape)
    if x.dtype != INT8:
        raise refused(f"computed on in float, of {x.type_name}", [x.name])
    quant = per_tensor(x)
    values = np.float32(quant.per_tensor_scale) * (INT8_RANGE - quant.zero_point)
    ctx.islands[y.index] = Island(x, view, values.astype(np.float32))


def end(ctx: Context, operator: FileOperator) -> None:
    """QUANTIZE of a float tensor that an island computes."""
    x, y = ctx.file_tensor(operator, 0), ctx.output_tensor(operator)
    if x.index not in ctx.islands:
        raise NotComputed(f"input {x.name} is not computed")
    if y.dtype != INT8:
        raise UnsupportedType(f"from {x.type_name} to {y.type_name} within the network")
    own = ctx.islands[x.index]
    real, step = own.values.astype(np.float64), per_tensor(y).per_tensor_scale
    if own.values.dtype != np.float32 or not (np.abs(real) < LARGEST * step).all():
        raise refused(
            f"in float, of {own.tensor.name}, infinite or far beyond int8 for some of its bytes",
            [own.tensor.name],
        )
    table_of(ctx, own, own.values, ctx.define(y, own.bytes.shape))


def table_of(ctx: Context, own: Island, values: Array, target: Tensor) -> Tensor:
    """Emit the table of 256 float32 values of an island's bytes, where they lie; the target."""
    source, quant = ctx.tensors[own.bytes.source], per_tensor(own.tensor)
    moved = source
    if (source.shape, source.quant) != (target.shape, quant) or not own.bytes.plain:
        moved = ctx.between(f"{target.name}_bytes", source, target.shape, quant)
        ctx.apply(own.bytes, moved)
    real = tuple(values.astype(np.float64).tolist())
    ctx.emit(Sampled(real, quant.per_tensor_scale, quant.zero_point), [moved.name], target)
    return target
