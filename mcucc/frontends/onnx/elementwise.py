"""Converters of element-wise operators: they keep the layout they find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from mcucc.frontends.onnx.broadcast import (
    broadcast_shape,
    constant_like,
    order_of,
    stretched,
)
from mcucc.frontends.onnx.context import Constant, Context, Reals
from mcucc.frontends.onnx.functions import of_value
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.op import Op
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import RELU, Clamp
from mcucc.ops.abs import Abs
from mcucc.ops.add import Add
from mcucc.ops.clip import Clip
from mcucc.ops.constant import MOST_VALUES
from mcucc.ops.div import Div
from mcucc.ops.elu import Elu
from mcucc.ops.erf import Erf
from mcucc.ops.extremum import Extremum
from mcucc.ops.function import Function
from mcucc.ops.gelu import Gelu
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.leaky_relu import LeakyRelu
from mcucc.ops.mish import Mish
from mcucc.ops.mul import Mul
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.silu import Silu
from mcucc.ops.softplus import Softplus
from mcucc.ops.sub import Sub
from mcucc.ops.tanh import Tanh


def _unary(ctx: Context, node: OnnxNode, op: Op) -> View:
    view = ctx.view(node, 0)
    return replace(view, tensor=ctx.compute(node, op, [view.tensor]))


@converter("Relu")
def relu(ctx: Context, node: OnnxNode) -> View:
    """Clip from below at 0."""
    return _unary(ctx, node, Clip(RELU))


# Operators without attributes that are one op each.
_PLAIN: dict[str, type[Op]] = {
    "Abs": Abs,
    "Erf": Erf,
    "HardSwish": HardSwish,
    "Mish": Mish,
    "Sigmoid": Sigmoid,
    "Softplus": Softplus,
    "Tanh": Tanh,
}


@converter(*_PLAIN)
def plain(ctx: Context, node: OnnxNode) -> View:
    return _unary(ctx, node, _PLAIN[node.op]())


@converter("Elu")
def elu(ctx: Context, node: OnnxNode) -> View:
    return _unary(ctx, node, Elu(node.real("alpha", 1.0)))


@converter("Gelu")
def gelu(ctx: Context, node: OnnxNode) -> View:
    """Gelu, exact or approximated."""
    approximate = node.text("approximate", "none")
    if approximate not in ("none", "tanh"):
        raise UnsupportedNode(f"approximate {approximate!r}")
    return _unary(ctx, node, Gelu(approximate == "tanh"))


@converter("com.microsoft.Gelu", "com.microsoft.FastGelu")
def gelu_of_runtime(ctx: Context, node: OnnxNode) -> View:
    """ONNX Runtime's own names for both; the fast one may add a constant first."""
    view, bias = ctx.view(node, 0), ctx.optional(node, 1, "bias")
    if bias is not None:
        view = ctx.affine(node, view, 1.0, bias.astype(np.float64), "biased")
    op = Gelu(node.op == "FastGelu")
    return replace(view, tensor=ctx.compute(node, op, [view.tensor]))


@converter("com.microsoft.QuickGelu")
def quick_gelu(ctx: Context, node: OnnxNode) -> View:
    """x * sigmoid(alpha * x)."""
    view, alpha = ctx.view(node, 0).canonical(), node.real("alpha", 1.702)
    inner = ctx.affine(node, view, alpha, 0.0, "scaled")
    gate = ctx.compute(node, Sigmoid(), [inner.tensor], "gate")
    view = ctx.shaped(node, view, ctx.tensors[gate].shape)
    return replace(view, tensor=ctx.compute(node, Mul(), [view.tensor, gate]))


@converter("Swish")
def swish(ctx: Context, node: OnnxNode) -> View:
    """Silu (opset 24), for the slope 1."""
    if node.real("alpha", 1.0) != 1.0:
        raise UnsupportedNode(f"alpha {node.real('alpha')}", "only x * sigmoid(x) is compiled")
    return _unary(ctx, node, Silu())


@converter("Pow")
def power(ctx: Context, node: OnnxNode) -> View:
    """The square or the cube by multiplications, other exponents and c^x by tables."""
    if node.input(0) in ctx.constants:
        base = scalar_of(ctx.constant(node, 0, "base"), "base")
        if base <= 0:
            raise UnsupportedNode(f"powers of {base:g}")
        return of_value(ctx, node, Function("PowOf", (base,)), 1)
    view = ctx.view(node, 0)
    exponent = scalar_of(ctx.constant(node, 1, "exponent"), "exponent")
    if exponent not in (2.0, 3.0):
        return of_value(ctx, node, Function("Pow", (exponent,)))
    tensor = view.tensor
    if exponent == 3.0:
        tensor = ctx.compute(node, Mul(), [tensor, tensor], "square")
    return replace(view, tensor=ctx.compute(node, Mul(), [tensor, view.tensor]))


@converter("HardSigmoid")
def hard_sigmoid(ctx: Context, node: OnnxNode) -> View:
    """HardSigmoid; ONNX's default slope is 0.2."""
    return _unary(ctx, node, HardSigmoid(node.real("alpha", 0.2), node.real("beta", 0.5)))


@converter("LeakyRelu")
def leaky_relu(ctx: Context, node: OnnxNode) -> View:
    return _unary(ctx, node, LeakyRelu(node.real("alpha", 0.01)))


@converter("Clip")
def clip(ctx: Context, node: OnnxNode) -> View:
    """Clip; bounds are inputs that may be left out."""
    bounds = [ctx.optional(node, i, name) for i, name in ((1, "minimum"), (2, "maximum"))]
    lo = -math.inf if bounds[0] is None else scalar_of(bounds[0], "minimum")
    hi = math.inf if bounds[1] is None else scalar_of(bounds[1], "maximum")
    return _clamped(ctx, node, ctx.view(node, 0), lo, hi)


@converter("Max", "Min")
def extremum(ctx: Context, node: OnnxNode) -> View:
    """Of an activation and one constant a Clip; activations two by two."""
    names = list(node.proto.input)
    activations = [i for i, name in enumerate(names) if name not in ctx.constants]
    if len(activations) == len(names):
        return _all_of(ctx, node)
    if len(names) != 2 or len(activations) != 1:
        raise UnsupportedNode(f"of {len(names)} values, some constant", "compare them two by two")
    bound = scalar_of(ctx.constant(node, 1 - activations[0], "bound"), "bound")
    view = ctx.view(node, activations[0])
    if node.op == "Max":
        return _clamped(ctx, node, view, bound, math.inf)
    return _clamped(ctx, node, view, -math.inf, bound)


def _clamped(ctx: Context, node: OnnxNode, view: View, lo: float, hi: float) -> View:
    if math.isnan(lo) or math.isnan(hi) or lo == math.inf or hi == -math.inf:
        raise UnsupportedNode(f"bounds {lo} and {hi}")
    lowest, highest = float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)
    # Exporters write "no bound" as the largest float.
    lo, hi = (-math.inf if lo <= lowest else lo), (math.inf if hi >= highest else hi)
    if (lo, hi) == (-math.inf, math.inf):
        return view
    made = ctx.compute(node, Clip(Clamp(min(lo, hi), hi)), [view.tensor])
    return replace(view, tensor=made)


def scalar_of(value: Constant, what: str) -> float:
    """The one number that a constant holds; UnsupportedNode where it is not one."""
    if not value.size or (value != value.flat[0]).any():
        raise UnsupportedNode(f"a {what} that is not one number")
    return float(value.flat[0])


@converter("Add", "Sub", "Mul", "Div")
def arithmetic(ctx: Context, node: OnnxNode) -> View:
    """Of two activations, or of one and a constant."""
    constant = [name in ctx.constants for name in node.proto.input]
    if len(constant) != 2:
        raise UnsupportedNode(f"{len(constant)} inputs")
    if not any(constant):
        return combined(ctx, node, node.op, ctx.view(node, 0), ctx.view(node, 1))
    view = ctx.view(node, constant.index(False))
    value = ctx.constant(node, constant.index(True), "operand").astype(np.float64)
    return with_constant(ctx, node, node.op, view, value, comes_first=constant[0])


def with_constant(
    ctx: Context,
    node: OnnxNode,
    word: str,
    view: View,
    value: Reals,
    part: str = "",
    *,
    comes_first: bool = False,
) -> View:
    """Add, Sub, Mul or Div of a value and a constant: a scale and an offset, or a table beside."""
    common = broadcast_shape(view.shape, value.shape)
    if prod(common) != prod(view.shape):
        view = view.expanded(len(common))
        view = stretched(ctx, node, view, common, order_of(view))
    if word == "Div" and not comes_first and (value == 0).any():
        raise UnsupportedNode("a division by zero")
    if not ctx.is_quantized and _varies_in_rows(ctx, view, value):
        return _beside_constant(ctx, node, word, view, value, part, comes_first=comes_first)
    if word == "Add":
        return ctx.affine(node, view, 1.0, value, part)
    if word == "Mul":
        return ctx.affine(node, view, value, 0.0, part)
    if word == "Sub":
        scale, offset = (-1.0, value) if comes_first else (1.0, -value)
        return ctx.affine(node, view, scale, offset, part)
    if comes_first:
        inverse = ctx.compute(node, Function("Reciprocal"), [view.tensor], "reciprocal")
        return ctx.affine(node, replace(view, tensor=inverse), value, 0.0, part)
    return ctx.affine(node, view, 1.0 / value, 0.0, part)


def _varies_in_rows(ctx: Context, view: View, value: Reals) -> bool:
    """Whether the constant differs from pixel to pixel of a picture, or of tokens.

    Folded into a scale and an offset it would make one pixel of the whole picture.
    """
    shape = hwc(ctx.tensors[view.tensor].shape)
    if shape[0] * shape[1] == 1 or prod(shape) > MOST_VALUES:
        return False
    stored = view.canonical().expanded(max(value.ndim, len(view.axes)))
    pixels = stored.constant_in_storage(value).reshape(-1, shape[2])
    return bool((pixels != pixels[0]).any())


def _beside_constant(
    ctx: Context,
    node: OnnxNode,
    word: str,
    view: View,
    value: Reals,
    part: str,
    *,
    comes_first: bool,
) -> View:
    """The value and a table of its shape, stored as it is; a divisor is a factor."""
    op = _BINARY[word]
    if word == "Div" and not comes_first:
        op, value = Mul(), 1.0 / value
    view = view.expanded(max(value.ndim, len(view.axes))).canonical()
    table = constant_like(ctx, node, view.constant_in_storage(value), view.tensor)
    pair = [table, view.tensor] if comes_first else [view.tensor, table]
    return replace(view, tensor=ctx.compute(node, op, pair, part))


@converter("Neg")
def negate(ctx: Context, node: OnnxNode) -> View:
    """A scale of -1."""
    return ctx.affine(node, ctx.view(node, 0), -1.0, 0.0)


@converter("Sum")
def add_all(ctx: Context, node: OnnxNode) -> View:
    """Sum of activations, two by two."""
    return _all_of(ctx, node)


_BINARY: dict[str, Op] = {
    "Add": Add(),
    "Sum": Add(),
    "Sub": Sub(),
    "Mul": Mul(),
    "Div": Div(),
    "Max": Extremum(largest=True),
    "Min": Extremum(largest=False),
}


def _all_of(ctx: Context, node: OnnxNode) -> View:
    """Any number of activations, the first two, the result and the third, and so on."""
    first, *others = (ctx.view(node, i) for i in range(len(node.proto.input)))
    for left, other in zip(range(len(others))[::-1], others, strict=True):
        first = combined(ctx, node, node.op, first, other, f"first_{left}" if left else "")
    return first


def combined(ctx: Context, node: OnnxNode, word: str, a: View, b: View, part: str = "") -> View:
    """An arithmetic operator of two activations of broadcastable shapes."""
    rank = max(len(a.axes), len(b.axes))
    a, b = a.expanded(rank).canonical(), b.expanded(rank).canonical()
    common = broadcast_shape(a.shape, b.shape)
    if word == "Mul" and a.shape != b.shape:
        gated = _gated(ctx, node, *((a, b) if a.shape == common else (b, a)), common, part)
        if gated is not None:
            return gated
    if a.shape != b.shape:
        order = order_of(a if a.shape == common or b.shape != common else b)
        a, b = (stretched(ctx, node, each, common, order) for each in (a, b))
    a, b = _alike(ctx, node, a, b)
    b = ctx.shaped(node, b, ctx.tensors[a.tensor].shape)
    return replace(a, tensor=ctx.compute(node, _BINARY[word], [a.tensor, b.tensor], part))


def _alike(ctx: Context, node: OnnxNode, a: View, b: View) -> tuple[View, View]:
    """Both values in one layout; channels last where one of them has it."""
    if a.same_layout(b):
        return a, b
    if len(a.axes) == 4 and b.matches(NHWC) and not a.matches(NHWC):
        return _like(ctx, node, a, b), b
    if a.permutation(NHWC) is None and b.in_order:
        return _like(ctx, node, a, b), b
    return a, _like(ctx, node, b, a)


def _like(ctx: Context, node: OnnxNode, view: View, model: View) -> View:
    """The value stored as another of its shape is, axes in pieces among it (windows)."""
    permutation = model.permutation(NHWC)
    if permutation is not None:
        return ctx.in_layout(node, view, permutation)
    pieces = [model.atoms[atom] for atom in model.flat]
    apart = view.reshaped(pieces)
    if apart is None:
        apart = ctx.reordered(node, view, view.flat).reshaped(pieces)
    assert apart is not None, "axes in order can be told apart"
    stored = ctx.in_layout(node, apart, np.argsort(model.flat).tolist())
    return replace(model, tensor=stored.tensor)


def _gated(
    ctx: Context, node: OnnxNode, a: View, b: View, common: Sequence[int], part: str
) -> View | None:
    """a * b where b has one value per channel of a picture, which Mul reads as it is."""
    if a.shape != tuple(common) or len(a.axes) != 4 or a.shape[0] != 1:
        return None
    stored = a.permutation(NHWC)
    order = stored if stored is not None and stored[0] == 0 else NHWC
    channel = order[3]
    if b.shape != tuple(n if i == channel else 1 for i, n in enumerate(a.shape)):
        return None
    a = ctx.in_layout(node, a, order)
    if hwc(ctx.tensors[b.tensor].shape) != (1, 1, a.shape[channel]):
        b = ctx.shaped(node, b, (1, 1, 1, a.shape[channel]))
    return replace(a, tensor=ctx.compute(node, Mul(), [a.tensor, b.tensor], part))
