"""Converters of functions in pieces: PRelu, comparisons with a number, Where, logic, Mod.

A truth is 0 or 1, in int8 exactly. What compares two activations is refused: both are rounded, and
where they are near each other the comparison would be of their rounding.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from mcucc.frontends.onnx.context import Context, Reals
from mcucc.frontends.onnx.elementwise import combined, scalar_of, with_constant
from mcucc.frontends.onnx.functions import of_value
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.numerics.fixed_point import RELU, Clamp
from mcucc.ops.clip import Clip
from mcucc.ops.function import Function
from mcucc.ops.leaky_relu import LeakyRelu
from mcucc.ops.prelu import PRelu

# x > c as it is written, and as it is with the constant in front: c > x.
_COMPARISONS = {
    "Greater": ("Above", "Below"),
    "GreaterOrEqual": ("AtLeast", "AtMost"),
    "Less": ("Below", "Above"),
    "LessOrEqual": ("AtMost", "AtLeast"),
    "Equal": ("Is", "Is"),
}
LARGEST_CHOICE = 1e6  # beyond it a constant stands for infinity


@converter("PRelu")
def prelu(ctx: Context, node: OnnxNode) -> View:
    """LeakyRelu of one slope, PRelu of one a channel; any others multiply the negative part."""
    slope = ctx.constant(node, 1, "slope").astype(np.float64)
    if not slope.size or not np.isfinite(slope).all():
        raise UnsupportedNode("a slope that is not a number")
    view = ctx.view(node, 0)
    if (slope == slope.flat[0]).all() and slope.ndim <= len(view.axes):
        leaky = LeakyRelu(float(slope.flat[0]))
        return replace(view, tensor=ctx.compute(node, leaky, [view.tensor]))
    rank = len(view.axes)
    slope = slope.reshape((1,) * (rank - slope.ndim) + slope.shape) if slope.ndim < rank else slope
    try:
        fits = np.broadcast_shapes(slope.shape, view.shape) == view.shape
    except ValueError:
        fits = False
    if not fits:
        raise UnsupportedNode(f"slopes {list(slope.shape)} for {list(view.shape)}")
    channel = 1 if rank == 4 else rank - 1
    if slope.size != view.shape[channel] or slope.shape[channel] != slope.size:
        return _in_parts(ctx, node, view, slope)
    order = (0, 2, 3, 1) if rank == 4 else tuple(range(rank))
    stored = ctx.in_layout(node, view, order)
    op = PRelu(tuple(float(value) for value in slope.flat))
    return View.stored(ctx.compute(node, op, [stored.tensor]), view.shape, order)


def _in_parts(ctx: Context, node: OnnxNode, view: View, slope: Reals) -> View:
    """max(x, 0) + slope * min(x, 0)."""
    view = view.canonical()
    positive = ctx.compute(node, Clip(RELU), [view.tensor], "positive")
    negative = ctx.compute(node, Clip(Clamp(-np.inf, 0.0)), [view.tensor], "negative")
    sloped = with_constant(ctx, node, "Mul", replace(view, tensor=negative), slope, "sloped")
    return combined(ctx, node, "Add", replace(view, tensor=positive), sloped)


@converter(*_COMPARISONS)
def compare(ctx: Context, node: OnnxNode) -> View:
    """Of an activation and a number: a table of 0 and 1."""
    constant = [name in ctx.constants for name in node.proto.input]
    if len(constant) != 2 or not any(constant):
        raise UnsupportedNode(
            "two activations compared: what they are rounded to would decide",
            "end the network before, and compare its outputs",
        )
    place = constant.index(False)
    bound = scalar_of(ctx.constant(node, 1 - place, "bound"), "bound")
    if node.op == "Equal" and node.input(place) not in ctx.integers_of_file:
        raise UnsupportedNode(f"real numbers that equal {bound:g}", "ask for a range of them")
    if not np.isfinite(bound):
        raise UnsupportedNode(f"a bound of {bound}")
    _truth(ctx, node)
    return of_value(ctx, node, Function(_COMPARISONS[node.op][place], (bound,)), place)


def _truth(ctx: Context, node: OnnxNode) -> None:
    ctx.integers_of_file.add(node.output)
    ctx.truths_of_file.add(node.output)


@converter("Not")
def negation(ctx: Context, node: OnnxNode) -> View:
    """1 - x."""
    _truth(ctx, node)
    return ctx.affine(node, ctx.view(node, 0), -1.0, 1.0)


@converter("And", "Or")
def logic(ctx: Context, node: OnnxNode) -> View:
    """A product, or the larger."""
    _truth(ctx, node)
    word = "Mul" if node.op == "And" else "Max"
    return combined(ctx, node, word, ctx.view(node, 0), ctx.view(node, 1))


@converter("Where")
def where(ctx: Context, node: OnnxNode) -> View:
    """condition * x + (1 - condition) * y; the condition is computed, or a constant."""
    if node.input(0) in ctx.constants:
        condition = ctx.constant(node, 0, "condition").astype(np.float64)
        return _masked(ctx, node, condition)
    condition_view = ctx.view(node, 0)
    x, y = (_choice(ctx, node, i) for i in (1, 2))
    if not isinstance(x, View) and not isinstance(y, View):
        made = with_constant(ctx, node, "Mul", condition_view, x - y, "chosen")
        return with_constant(ctx, node, "Add", made, y)
    if isinstance(x, View) and isinstance(y, View):
        other = ctx.affine(node, condition_view, -1.0, 1.0, "other")
        parts = (
            combined(ctx, node, "Mul", x, condition_view, "first"),
            combined(ctx, node, "Mul", y, other, "second"),
        )
        return combined(ctx, node, "Add", *parts)
    if isinstance(y, View):
        condition_view = ctx.affine(node, condition_view, -1.0, 1.0, "other")
        x, y = y, x
    assert isinstance(x, View) and not isinstance(y, View)
    if not y.any():
        return combined(ctx, node, "Mul", x, condition_view)
    apart = with_constant(ctx, node, "Sub", x, y, "apart")
    chosen = combined(ctx, node, "Mul", apart, condition_view, "chosen")
    return with_constant(ctx, node, "Add", chosen, y)


def _choice(ctx: Context, node: OnnxNode, index: int) -> View | Reals:
    name = node.input(index)
    if name not in ctx.constants:
        return ctx.view(node, index)
    values = ctx.constant(node, index, "choice").astype(np.float64)
    if not (np.abs(values) < LARGEST_CHOICE).all():
        raise UnsupportedNode(
            "a choice that stands for infinity", "int8 has no room for it beside other values"
        )
    return values


def _masked(ctx: Context, node: OnnxNode, condition: Reals) -> View:
    """A constant condition: a mask that multiplies, and what is added outside of it."""
    x, y = (_choice(ctx, node, i) for i in (1, 2))
    if isinstance(x, View) and isinstance(y, View):
        first = with_constant(ctx, node, "Mul", x, condition, "first")
        second = with_constant(ctx, node, "Mul", y, 1.0 - condition, "second")
        return combined(ctx, node, "Add", first, second)
    if isinstance(y, View):
        x, y, condition = y, x, 1.0 - condition
    assert isinstance(x, View) and not isinstance(y, View)
    added = (1.0 - condition) * y
    size = prod(np.broadcast_shapes(condition.shape, x.shape))
    if size == prod(x.shape) and not added.any():
        return with_constant(ctx, node, "Mul", x, condition)
    made = with_constant(ctx, node, "Mul", x, condition, "kept")
    return with_constant(ctx, node, "Add", made, added)


@converter("Mod")
def remainder(ctx: Context, node: OnnxNode) -> View:
    """By a number: of the divisor's sign, or with fmod of the value's own."""
    divisor = scalar_of(ctx.constant(node, 1, "divisor"), "divisor")
    if not np.isfinite(divisor) or divisor == 0:
        raise UnsupportedNode(f"a remainder by {divisor:g}")
    return of_value(ctx, node, Function("Fmod" if node.integer("fmod") else "Mod", (divisor,)))
