"""Converter of Resize: a target for every axis, then repeated pixels or linear interpolation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, lcm

import numpy as np
import numpy.typing as npt

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.resize_bilinear import ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest

Rounding = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
# nearest_mode as a shift and a rounding.
ROUNDING: dict[str, tuple[float, Rounding]] = {
    "floor": (0.0, np.floor),
    "ceil": (0.0, np.ceil),
    "round_prefer_floor": (-0.5, np.ceil),
    "round_prefer_ceil": (0.5, np.floor),
}
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
    """Linear resizing; nearest wherever it repeats every pixel a whole number of times."""
    view = ctx.view(node, 0)
    if len(view.axes) != 4:
        raise UnsupportedNode(f"only pictures are resized, the input is {list(view.shape)}")
    targets = _targets(ctx, node, view)
    *outer, rows, columns = targets
    factors = [f"{float(target.factor):g}" for target in targets]
    if any(target.size != target.length or target.factor != 1 for target in outer):
        raise UnsupportedNode(f"factors {', '.join(factors)}; only rows and columns are resized")
    if node.text("mode", "nearest") == "linear":
        return _linear(ctx, node, view, rows, columns)
    whole = rows.factor.numerator
    if rows.factor != columns.factor or rows.factor != whole:
        raise UnsupportedNode(
            f"factors {', '.join(factors)}; only one whole factor for rows and columns"
        )
    if whole == 1:
        return view
    if (rows.length, columns.length) != (1, 1):
        _check_repeats(node, view.shape[2:], whole)
    image = ctx.image(node, view)
    made = ctx.compute(node, ResizeNearest(whole), [image.tensor])
    _, height, width, channels = ctx.tensors[made].shape
    return View.stored(made, (1, channels, height, width), NHWC)


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
    factors = [Fraction(scale) for scale in scales]
    if node.text("mode", "nearest") == "linear":  # 1 / 3 is no float: what is meant, is taken
        factors = [factor.limit_denominator(FINEST_FACTOR) for factor in factors]
    sizes = [floor(n * scale) for n, scale in zip(lengths, scales, strict=True)]
    return [_Target(n, s, f) for n, s, f in zip(lengths, sizes, factors, strict=True)]


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


def _linear(ctx: Context, node: OnnxNode, view: View, rows: _Target, columns: _Target) -> View:
    """ResizeBilinear of rows and columns."""
    if node.integer("antialias") and min(rows.factor, columns.factor) < 1:
        raise UnsupportedNode("antialias", "only linear interpolation of neighbours is compiled")
    where = node.text("coordinate_transformation_mode", "half_pixel")
    samplings = [_sampling(where, t.length, t.size, t.factor) for t in (rows, columns)]
    image = ctx.image(node, view)
    made = ctx.compute(node, ResizeBilinear(*samplings), [image.tensor])
    _, height, width, channels = ctx.tensors[made].shape
    return View.stored(made, (1, channels, height, width), NHWC)


def _sampling(where: str, length: int, size: int, factor: Fraction) -> Sampling:
    """Where outputs lie between inputs (ONNX operator specification, Resize)."""
    if length == 1:
        return Sampling.repeated(size)
    zero, half = Fraction(0), Fraction(1, 2)
    if where == "align_corners":
        step, offset = (Fraction(length - 1, size - 1) if size > 1 else zero), zero
    elif where == "asymmetric":
        step, offset = 1 / factor, zero
    elif where == "half_pixel" or (where == "pytorch_half_pixel" and size > 1):
        step, offset = 1 / factor, half / factor - half
    elif where == "pytorch_half_pixel":
        step, offset = zero, zero
    elif where == "half_pixel_symmetric":
        shift = Fraction(length, 2) * (1 - Fraction(size) / (factor * length))
        step, offset = 1 / factor, half / factor - half + shift
    else:
        raise UnsupportedNode(f"coordinates {where!r} with linear interpolation")
    unit = lcm(step.denominator, offset.denominator)
    return Sampling.of(size, max(int(step * unit), 1), unit, int(offset * unit))


def _check_repeats(node: OnnxNode, size: Sequence[int], factor: int) -> None:
    """UnsupportedNode unless output i reads input i // factor everywhere."""
    mode = node.text("mode", "nearest")
    where = node.text("coordinate_transformation_mode", "half_pixel")
    rounding = node.text("nearest_mode", "round_prefer_floor")
    if mode != "nearest":
        raise UnsupportedNode(f"mode {mode!r}; only nearest and linear are compiled")
    for length in size:
        read = _nearest(where, rounding, length, factor)
        if (read != np.arange(length * factor) // factor).any():
            raise UnsupportedNode(f"{where} with {rounding} does not repeat whole pixels x{factor}")


def _nearest(where: str, rounding: str, length: int, factor: int) -> npt.NDArray[np.int64]:
    """The input position each output position reads (ONNX operator specification, Resize)."""
    x = np.arange(length * factor, dtype=np.float64)
    longer = length * factor
    if where == "asymmetric":
        at = x / factor
    elif where == "align_corners":
        at = x * (length - 1) / (longer - 1)
    elif where in ("half_pixel", "half_pixel_symmetric") or (
        where == "pytorch_half_pixel" and longer > 1
    ):
        at = (x + 0.5) / factor - 0.5
    elif where == "tf_half_pixel_for_nn":
        at = (x + 0.5) / factor
    else:
        raise UnsupportedNode(f"coordinate_transformation_mode {where!r}")
    if rounding not in ROUNDING:
        raise UnsupportedNode(f"nearest_mode {rounding!r}")
    shift, round_ = ROUNDING[rounding]
    read: npt.NDArray[np.int64] = np.clip(round_(at + shift), 0, length - 1).astype(np.int64)
    return read
