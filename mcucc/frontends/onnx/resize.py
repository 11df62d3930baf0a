"""Converter of Resize: a target for every axis, then pixels repeated, sampled or blended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np

from mcucc.frontends.onnx import sampling
from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.parts import picked
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.sample_nearest import SampleNearest

LARGEST_SIDE = 2**13  # pixels of a resized picture: beyond any of this field
FINEST_FACTOR = 2**10  # denominator of a factor that a file gives as a float


@dataclass(frozen=True)
class _Target:
    """What an axis of `length` becomes: its new size, and the factor that places the samples."""

    length: int
    size: int
    factor: Fraction


@converter("Resize")
def resize(ctx: Context, node: OnnxNode) -> View:
    """Pixels that are repeated or left out, two blended linearly, or four cubically."""
    view = ctx.view(node, 0)
    if len(view.axes) != 4:
        raise UnsupportedNode(f"only pictures are resized, the input is {list(view.shape)}")
    *outer, rows, columns = _targets(ctx, node, view)
    if any(target.size != target.length or target.factor != 1 for target in outer):
        factors = [f"{float(target.factor):g}" for target in (*outer, rows, columns)]
        raise UnsupportedNode(f"factors {', '.join(factors)}; only rows and columns are resized")
    mode = node.text("mode", "nearest")
    if mode not in _MODES:
        raise UnsupportedNode(f"mode {mode!r}")
    if mode != "nearest" and node.integer("antialias") and min(rows.factor, columns.factor) < 1:
        raise UnsupportedNode("antialias", "interpolation of neighbours alone is compiled")
    return _MODES[mode](ctx, node, view, rows, columns)


def _targets(ctx: Context, node: OnnxNode, view: View) -> list[_Target]:
    """The target of each axis; axes that are not named keep their length."""
    rank = len(view.axes)
    axes = _resized_axes(node, rank)
    scales, sizes = ctx.optional(node, 2, "scales"), ctx.integers(node, 3, "sizes")
    found = [_Target(length, length, Fraction(1)) for length in view.shape]
    if sizes:
        made = _of_sizes(node, [view.shape[axis] for axis in axes], sizes)
    elif scales is not None and scales.size:
        made = _of_factors(node, [view.shape[axis] for axis in axes], scales.reshape(-1).tolist())
    else:
        raise UnsupportedNode("neither scales nor sizes")
    for axis, target in zip(axes, made, strict=True):
        if not 1 <= target.size <= LARGEST_SIDE and target.size != target.length:
            raise UnsupportedNode(f"{target.size} pixels of {target.length}")
        found[axis] = target
    return found


def _resized_axes(node: OnnxNode, rank: int) -> tuple[int, ...]:
    given = node.integers("axes")
    if given is None:
        return tuple(range(rank))
    axes = tuple(axis + rank if axis < 0 else axis for axis in given)
    if len(set(axes)) != len(axes) or any(not 0 <= axis < rank for axis in axes):
        raise UnsupportedNode(f"axes {list(given)} of a value of rank {rank}")
    return axes


def _of_factors(node: OnnxNode, lengths: Sequence[int], scales: Sequence[float]) -> list[_Target]:
    if len(scales) != len(lengths) or not all(0 < s < LARGEST_SIDE for s in scales):
        raise UnsupportedNode(f"scales {list(scales)} for lengths {list(lengths)}")
    where = node.text("coordinate_transformation_mode", "half_pixel")
    if where == "align_corners" and any(n * s % 1 for n, s in zip(lengths, scales, strict=True)):
        raise UnsupportedNode(
            f"align_corners with the factors {list(scales)}", "give sizes instead"
        )
    factors = [_meant(scale) for scale in scales]
    sizes = [floor(n * scale) for n, scale in zip(lengths, scales, strict=True)]
    return [_Target(n, s, f) for n, s, f in zip(lengths, sizes, factors, strict=True)]


def _meant(scale: float) -> Fraction:
    """1 / 3 is no float: the short fraction that rounds to it is meant, where there is one."""
    short = Fraction(scale).limit_denominator(FINEST_FACTOR)
    return short if np.float32(float(short)) == np.float32(scale) else Fraction(scale)


def _of_sizes(node: OnnxNode, lengths: Sequence[int], sizes: Sequence[int]) -> list[_Target]:
    """Sizes as they are given, or one factor for all axes that keeps their proportions."""
    if len(sizes) != len(lengths) or min(sizes) < 1:
        raise UnsupportedNode(f"sizes {list(sizes)} for lengths {list(lengths)}")
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    factors = [Fraction(size, n) for size, n in zip(sizes, lengths, strict=True)]
    if policy == "stretch":
        return [_Target(n, s, f) for n, s, f in zip(lengths, sizes, factors, strict=True)]
    if policy not in ("not_larger", "not_smaller"):
        raise UnsupportedNode(f"keep_aspect_ratio_policy {policy!r}")
    common = min(factors) if policy == "not_larger" else max(factors)
    # The nearest whole number, a half rounded up (ONNX operator specification, Resize).
    return [_Target(n, floor(common * n + Fraction(1, 2)), common) for n in lengths]


def _nearest(ctx: Context, node: OnnxNode, view: View, rows: _Target, columns: _Target) -> View:
    """Whole pixels repeated, or sampled from the picture with its border repeated."""
    if all(t.size == t.length and t.factor == 1 for t in (rows, columns)):
        return view
    down, across = (sampling.nearest(node, t.length, t.size, t.factor) for t in (rows, columns))
    repeats = down.repeats(rows.length), across.repeats(columns.length)
    op: ResizeNearest | SampleNearest
    if all(repeats):
        op = ResizeNearest(repeats[0], 0 if repeats[1] == repeats[0] else repeats[1])
    else:
        op = SampleNearest(down.formula, across.formula)
        view = _bordered(ctx, node, view, 2, down.before, down.behind)
        view = _bordered(ctx, node, view, 3, across.before, across.behind)
    image = ctx.image(node, view)
    made = ctx.compute(node, op, [image.tensor])
    _, height, width, channels = ctx.tensors[made].shape
    return View.stored(made, (1, channels, height, width), NHWC)


def _bordered(
    ctx: Context, node: OnnxNode, view: View, axis: int, before: int, behind: int
) -> View:
    """The picture with the ends of an axis repeated so often; cut off where it is negative."""
    length = view.shape[axis]
    places = np.clip(np.arange(-before, length + behind), 0, length - 1)
    return picked(ctx, node, view, axis, places, f"border_{axis}")


def _linear(ctx: Context, node: OnnxNode, view: View, rows: _Target, columns: _Target) -> View:
    """ResizeBilinear of rows and columns."""
    samplings = [sampling.linear(node, t.length, t.size, t.factor) for t in (rows, columns)]
    image = ctx.image(node, view)
    made = ctx.compute(node, ResizeBilinear(*samplings), [image.tensor])
    _, height, width, channels = ctx.tensors[made].shape
    return View.stored(made, (1, channels, height, width), NHWC)


def _cubic(ctx: Context, node: OnnxNode, view: View, rows: _Target, columns: _Target) -> View:
    """A depthwise convolution of the picture with its border repeated, a filter for each phase.

    Of p outputs for q inputs there are p phases: filters of stride q, whose outputs are pixels of
    blocks of p x p.
    """
    if ctx.is_quantized:
        raise UnsupportedNode("mode 'cubic' between quantized values", "resize the float network")
    if node.integer("exclude_outside"):
        raise UnsupportedNode("exclude_outside", "borders that are repeated alone are compiled")
    if rows.factor != columns.factor:
        raise UnsupportedNode(f"cubic by {float(rows.factor):g} and {float(columns.factor):g}")
    alpha, image, phases = node.real("cubic_coeff_a", -0.75), view, rows.factor.numerator
    filters, stride = [], rows.factor.denominator
    for axis, target in ((2, rows), (3, columns)):
        found = sampling.cubic(node, target.length, target.size, target.factor, alpha)
        filters.append(found.weights)
        image = _bordered(ctx, node, image, axis, found.before, found.behind)
    image = ctx.image(node, image)
    channels, (down, across) = view.shape[1], filters
    # (row phase, rows), (column phase, columns): a filter for each pair of phases.
    kernel = np.einsum("ik,jl->klij", down, across).reshape(down.shape[1], across.shape[1], -1)
    weights = ctx.weights(f"{node.output}.weights", np.tile(kernel, (1, 1, channels)))
    window = Window2d((down.shape[1], across.shape[1]), (stride, stride))
    made = ctx.compute(
        node, DepthwiseConv2d(window), [image.tensor, weights], "phases" if phases > 1 else ""
    )
    if phases > 1:
        made = ctx.compute(node, DepthToSpace(phases, True), [made])
    return View.stored(made, (1, channels, rows.size, columns.size), NHWC)


_MODES = {"nearest": _nearest, "linear": _linear, "cubic": _cubic}
