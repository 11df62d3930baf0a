"""Converters of normalisations: over the channels of a pixel, or brought into that form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod, sqrt

import numpy as np

from mcucc.frontends.onnx.context import Constant, Context, Reals, pixels_of
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.spellings import CENTERED, LENGTH, NORMAL
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.common.table import Table
from mcucc.ops.group_norm import GroupNorm
from mcucc.ops.layer_norm import LayerNorm


@converter("LayerNormalization")
def layer_norm(ctx: Context, node: OnnxNode) -> View:
    """Over all axes from `axis` on."""
    node.only_output()
    view = ctx.view(node, 0)
    scale = ctx.constant(node, 1, "scale")
    offset = ctx.optional(node, 2, "bias")
    return normalised(ctx, node, view, _from(node, view), scale, offset, node.real("epsilon", 1e-5))


@converter("RMSNormalization", "SimplifiedLayerNormalization")
def rms_norm(ctx: Context, node: OnnxNode) -> View:
    """The same about 0."""
    node.only_output()
    view, scale = ctx.view(node, 0), ctx.constant(node, 1, "scale")
    epsilon = node.real("epsilon", 1e-5)
    return normalised(ctx, node, view, _from(node, view), scale, None, epsilon, centered=False)


@converter("LpNormalization")
def unit_length(ctx: Context, node: OnnxNode) -> View:
    """Vectors of length 1, by the root of a sum of squares."""
    if node.integer("p", 2) != 2:
        raise UnsupportedNode(f"p = {node.integer('p')}", "only 2 is compiled")
    view = ctx.view(node, 0)
    axis = node.integer("axis", -1)
    axis = axis + len(view.axes) if axis < 0 else axis
    if not 0 <= axis < len(view.axes):
        raise UnsupportedNode(f"axis {axis} of {list(view.shape)}")
    return of_length_one(ctx, node, view, (axis,), 0.0)


@converter("InstanceNormalization")
def instance_norm(ctx: Context, node: OnnxNode) -> View:
    """Over the picture of each channel, then a factor and an offset a channel."""
    view = ctx.view(node, 0)
    rank = len(view.axes)
    if rank < 3:
        raise UnsupportedNode(f"a value of {list(view.shape)} has no picture")
    operands = [ctx.constant(node, i, what) for i, what in ((1, "scale"), (2, "bias"))]
    if rank == 4:
        return _of_picture(ctx, node, view, view.shape[1], *operands)
    made = normalised(
        ctx, node, view, range(2, rank), np.ones(1), None, node.real("epsilon", 1e-5), part="normal"
    )
    return _by_channel(ctx, node, made, *operands)


@converter("GroupNormalization")
def group_norm(ctx: Context, node: OnnxNode) -> View:
    """Over the pictures of groups of channels."""
    view, groups = ctx.view(node, 0), node.integer("num_groups")
    shape = view.shape
    if len(shape) < 3 or groups < 1 or shape[1] % groups:
        raise UnsupportedNode(f"{groups} groups of {list(shape)}")
    scale, offset = ctx.constant(node, 1, "scale"), ctx.constant(node, 2, "bias")
    repeats = shape[1] // groups if scale.size == groups != shape[1] else 1
    scale, offset = scale.repeat(repeats), offset.repeat(repeats)
    if len(shape) == 4:
        return _of_picture(ctx, node, view, groups, scale, offset)
    apart = view.reshaped((shape[0], groups, shape[1] // groups, *shape[2:]))
    if apart is None:
        raise UnsupportedNode(f"{groups} groups of {list(shape)}, as they are stored")
    axes = range(2, len(shape) + 1)
    made = normalised(
        ctx, node, apart, axes, np.ones(1), None, node.real("epsilon", 1e-5), part="normal"
    )
    whole = made.reshaped(shape)
    if whole is None:
        raise UnsupportedNode(f"{groups} groups of {list(shape)}, as they are stored")
    return _by_channel(ctx, node, whole, scale, offset)


def _of_picture(
    ctx: Context, node: OnnxNode, view: View, groups: int, scale: Constant, offset: Constant
) -> View:
    """GroupNorm of a picture, its factors and offsets one a channel."""
    epsilon = node.real("epsilon", 1e-5)
    channels = view.shape[1]
    if scale.size != channels or offset.size != channels:
        raise UnsupportedNode(f"{scale.size} factors for {channels} channels")
    tables = [Table.of(values.reshape(-1).astype(np.float32)) for values in (scale, offset)]
    if not all(np.isfinite(table.array).all() for table in tables):
        raise UnsupportedNode("its constants contain NaN or infinity")
    image = ctx.image(node, view)
    op = GroupNorm(groups, epsilon, *tables)
    return replace(image, tensor=ctx.compute(node, op, [image.tensor]))


@converter(NORMAL)
def spelled(ctx: Context, node: OnnxNode) -> View:
    """A norm that an exporter wrote out (mcucc/frontends/onnx/spellings.py)."""
    view, kind = ctx.view(node, 0), node.text("kind")
    rank = len(view.axes)
    axes = sorted({axis + rank if axis < 0 else axis for axis in node.integers("axes") or ()})
    if not axes or axes[0] < 0 or axes[-1] >= rank:
        raise UnsupportedNode(f"a norm over the axes {axes} of {list(view.shape)}")
    epsilon, count = node.real("epsilon"), prod(view.shape[axis] for axis in axes)
    scale, offset = (ctx.optional(node, i, what) for i, what in ((1, "scale"), (2, "bias")))
    own, added = _along(view, axes, scale, 1.0), _along(view, axes, offset, 0.0)
    inside = own is not None and added is not None
    factor = np.ones(1) if own is None or not inside else own
    moved = added if inside else None
    if kind == LENGTH:
        factor, epsilon = factor / sqrt(count), epsilon / count
    made = normalised(
        *(ctx, node, view, axes, factor, moved, epsilon),
        centered=kind == CENTERED,
        part="" if inside else "normal",
    )
    if inside:
        return made
    return ctx.affine(
        node, made, 1.0 if scale is None else scale, 0.0 if offset is None else offset
    )


def _along(
    view: View, axes: Sequence[int], values: Constant | None, instead: float
) -> Constant | None:
    """A constant that varies along the axes only, in their shape; None for others.

    `instead` stands for one that is left out.
    """
    if values is None:
        return np.full(1, instead)
    rank = len(view.axes)
    shape = (1,) * (rank - values.ndim) + values.shape
    if len(shape) != rank or any(n > 1 and i not in axes for i, n in enumerate(shape)):
        return None
    return values.reshape([shape[axis] for axis in axes])


def normalised(
    ctx: Context,
    node: OnnxNode,
    view: View,
    axes: Sequence[int],
    scale: Constant,
    offset: Constant | None,
    epsilon: float,
    *,
    centered: bool = True,
    part: str = "",
) -> View:
    """LayerNorm over these axes of the value, which are put innermost; `scale` broadcasts to them.

    The order of what is reduced is that of its storage: a norm does not ask for one.
    """
    if not 0.0 <= epsilon < np.inf:
        raise UnsupportedNode(f"an epsilon of {epsilon}")
    view = view.canonical()
    inner = sorted(atom for axis in axes for atom in view.axes[axis])
    outer = [atom for atom in range(len(view.atoms)) if atom not in inner]
    count = view.size_of(inner)
    scales = _in_storage(view, axes, inner, scale)
    offsets = np.zeros(count) if offset is None else _in_storage(view, axes, inner, offset)
    plain = centered and (scales == 1).all() and not offsets.any()
    if plain and inner and outer and outer[0] > 0 and outer[-1] - outer[0] == len(outer) - 1:
        # Pixels, groups, channels of a group: nothing has to move.
        groups, rest = view.size_of(outer), view.size_of(range(outer[0], len(view.atoms)))
        view = ctx.shaped(node, view, (1, *pixels_of(ctx.tensors[view.tensor].shape, rest)))
        made = ctx.compute(node, GroupNorm(groups, epsilon), [view.tensor], part)
        return replace(view, tensor=made)
    before, view = view, ctx.reordered(node, view, [*outer, *inner])
    if ctx.tensors[view.tensor].shape[-1] != count:
        view = ctx.shaped(node, view, (1, 1, before.size_of(outer), count))
    op = LayerNorm(tuple(map(float, scales)), tuple(map(float, offsets)), epsilon, centered)
    return replace(view, tensor=ctx.compute(node, op, [view.tensor], part))


def of_length_one(
    ctx: Context, node: OnnxNode, view: View, axes: Sequence[int], epsilon: float
) -> View:
    """x / sqrt(sum of squares + epsilon): RmsNorm with its mean undone."""
    count = prod(view.shape[axis] for axis in axes)
    scale = np.full(1, 1.0 / sqrt(count))
    return normalised(ctx, node, view, axes, scale, None, epsilon / count, centered=False)


def _from(node: OnnxNode, view: View) -> range:
    """The axes from `axis` on."""
    rank, axis = len(view.axes), node.integer("axis", -1)
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis < rank:
        raise UnsupportedNode(f"axis {axis} of {list(view.shape)}")
    return range(axis, rank)


def _in_storage(view: View, axes: Sequence[int], inner: Sequence[int], values: Constant) -> Reals:
    """A constant of the reduced axes, in the order in which these are stored."""
    shape = tuple(view.shape[axis] for axis in axes)
    try:
        full = np.broadcast_to(np.asarray(values, np.float64), shape)
    except ValueError as error:
        raise UnsupportedNode(f"factors {list(values.shape)} for {list(shape)}") from error
    if not np.isfinite(full).all():
        raise UnsupportedNode("its constants contain NaN or infinity")
    flat = [atom for axis in axes for atom in view.axes[axis]]
    split = full.reshape(tuple(view.atoms[atom] for atom in flat))
    order = sorted(range(len(flat)), key=lambda i: flat[i])
    assert [flat[i] for i in order] == list(inner)
    return split.transpose(order).reshape(-1)


def _by_channel(
    ctx: Context, node: OnnxNode, view: View, scale: Constant, offset: Constant
) -> View:
    """A factor and an offset for each index of axis 1."""
    rank, channels = len(view.axes), view.shape[1]
    if scale.size != channels or offset.size != channels:
        raise UnsupportedNode(f"{scale.size} factors for {channels} channels")
    shape = (channels, *(1,) * (rank - 2))
    if (scale == 1).all() and not offset.any():
        return view
    image = ctx.image(node, view) if rank == 4 else view
    return ctx.affine(node, image, scale.reshape(shape), offset.reshape(shape))
