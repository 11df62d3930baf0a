"""Converters of attention as one operator: ONNX's (opset 23, 24) and ONNX Runtime's own.

Queries, keys and values become matrices of tokens by heads * depth, as their projections make them;
what masks them, constants of the file, is the bias of the op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod, sqrt

import numpy as np

from mcucc.frontends.onnx.context import Context, Reals, pixels_of
from mcucc.frontends.onnx.elementwise import combined, with_constant
from mcucc.frontends.onnx.linear import of_matrix
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.norms import normalised
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.attention import Attention
from mcucc.ops.common.table import Table
from mcucc.ops.constant import MOST_VALUES
from mcucc.ops.gelu import Gelu

_PAST = "keys and values of earlier calls: a network has no memory here"
# Attributes that are read, or say nothing of the values; another one changes what is computed.
_KNOWN = {
    *("do_rotary", "is_causal", "kv_num_heads", "mask_filter_value", "num_heads", "q_num_heads"),
    *("past_present_share_buffer", "qk_matmul_output_mode", "qkv_hidden_sizes", "scale", "softcap"),
    *("rotary_embedding_dim", "softmax_precision", "unidirectional"),
}


@converter("Attention")
def attention(ctx: Context, node: OnnxNode) -> View:
    """Of (1, heads, tokens, depth), or (1, tokens, heads * depth) with the heads as attributes."""
    _check(node)
    if any(node.optional(place) for place in (4, 5, 6)):
        raise UnsupportedNode(_PAST)
    if node.real("softcap"):
        raise UnsupportedNode("softcap", "only plain scores are compiled")
    views = [ctx.view(node, i) for i in range(3)]
    flat = len(views[0].axes) == 3
    if any(len(view.axes) != (3 if flat else 4) for view in views):
        raise UnsupportedNode(f"operands {', '.join(str(list(v.shape)) for v in views)}")
    if flat:
        counts = (node.integer("q_num_heads"), *[node.integer("kv_num_heads")] * 2)
        views = [_heads(ctx, node, v, n) for v, n in zip(views, counts, strict=True)]
    mask = ctx.optional(node, 3, "mask")
    made = _attended(ctx, node, views, mask, node.real("scale"), bool(node.integer("is_causal")))
    return _flattened(ctx, node, made) if flat else made


@converter("com.microsoft.MultiHeadAttention")
def multi_head(ctx: Context, node: OnnxNode) -> View:
    """The same of (1, tokens, heads * depth) alone, after a bias; packed operands are refused."""
    _check(node)
    if node.optional(1) is None or node.optional(2) is None:
        raise UnsupportedNode("queries, keys and values in one tensor")
    if any(node.optional(place) for place in (4, 6, 7)):
        raise UnsupportedNode(f"a padding mask, or {_PAST}")
    views = [ctx.view(node, i) for i in range(3)]
    if any(len(view.axes) != 3 for view in views):
        raise UnsupportedNode(f"operands {', '.join(str(list(v.shape)) for v in views)}")
    bias = ctx.optional(node, 3, "bias")
    if bias is not None:
        bounds = np.cumsum([view.shape[2] for view in views])
        if bias.size != bounds[-1]:
            raise UnsupportedNode(f"a bias of {bias.size} for {bounds[-1]} columns")
        parts = np.split(bias.reshape(-1).astype(np.float64), bounds[:-1])
        views = [
            with_constant(ctx, node, "Add", view, part, name)
            for view, part, name in zip(views, parts, ("queries", "keys", "values"), strict=True)
        ]
    return _of_runtime(ctx, node, views, ctx.optional(node, 5, "bias of the scores"))


@converter("com.microsoft.Attention")
def projected(ctx: Context, node: OnnxNode) -> View:
    """With the projections of one input in front."""
    _check(node)
    if any(node.optional(place) for place in (3, 4, 6)) or node.integer("do_rotary"):
        raise UnsupportedNode(f"a mask a batch, rotations, or {_PAST}")
    view = ctx.view(node, 0)
    weights = ctx.constant(node, 1, "weights").astype(np.float64)
    bias = ctx.optional(node, 2, "bias")
    if len(view.axes) != 3 or weights.ndim != 2 or weights.shape[0] != view.shape[2]:
        raise UnsupportedNode(f"weights {list(weights.shape)} for {list(view.shape)}")
    sizes = node.integers("qkv_hidden_sizes") or (weights.shape[1] // 3,) * 3
    added = np.zeros(weights.shape[1]) if bias is None else bias.astype(np.float64)
    if len(sizes) != 3 or sum(sizes) != weights.shape[1] or added.shape != weights.shape[1:]:
        raise UnsupportedNode(f"columns {list(sizes)} of {list(weights.shape)}")
    views, begin = [], 0
    for size in sizes:
        part = slice(begin, begin + size)
        views.append(of_matrix(ctx, node, view, weights[:, part].T, added[part]))
        begin += size
    return _of_runtime(ctx, node, views, ctx.optional(node, 5, "bias of the scores"))


def _check(node: OnnxNode) -> None:
    """UnsupportedNode for a second output, and for an attribute that is not known here."""
    node.only_output()
    other = sorted({attribute.name for attribute in node.proto.attribute} - _KNOWN)
    if other:
        raise UnsupportedNode(f"the attribute {', '.join(other)} is not compiled")


def _of_runtime(
    ctx: Context, node: OnnxNode, views: Sequence[View], bias: np.ndarray | None
) -> View:
    """What ONNX Runtime's own operators have in common."""
    split = [_heads(ctx, node, view, node.integer("num_heads")) for view in views]
    causal = bool(node.integer("unidirectional"))
    made = _attended(ctx, node, split, bias, node.real("scale"), causal)
    return _flattened(ctx, node, made)


def _heads(ctx: Context, node: OnnxNode, view: View, heads: int) -> View:
    """(batch, tokens, heads * depth) as (batch, heads, tokens, depth)."""
    batch, tokens, channels = view.shape
    if heads < 1 or channels % heads:
        raise UnsupportedNode(f"{heads} heads of {channels} channels")
    shape = (batch, tokens, heads, channels // heads)
    apart = view.reshaped(shape)
    if apart is None:
        view = view.canonical()
        apart = ctx.reordered(node, view, view.flat).reshaped(shape)
    assert apart is not None, "axes in order can be told apart"
    return apart.transposed((0, 2, 1, 3))


def _flattened(ctx: Context, node: OnnxNode, view: View) -> View:
    """Back: tokens lie as they are wanted."""
    batch, heads, tokens, depth = view.shape
    made = view.transposed((0, 2, 1, 3)).reshaped((batch, tokens, heads * depth))
    assert made is not None, "heads lie in channels"
    return made


def _attended(
    ctx: Context,
    node: OnnxNode,
    views: Sequence[View],
    mask: np.ndarray | None,
    scale: float,
    causal: bool,
) -> View:
    """The op on (batch, heads, tokens, depth); a batch is rows of tokens of their own."""
    q, k, v = (view.shape for view in views)
    batch, heads, tokens, depth = q
    if k[0] != batch or v[0] != batch or k[1] != v[1] or k[2] != v[2] or k[3] != depth:
        raise UnsupportedNode(f"operands {list(q)}, {list(k)} and {list(v)}")
    if heads % k[1]:
        raise UnsupportedNode(f"{heads} heads of queries and {k[1]} of keys")
    bias = _bias(mask, causal, (batch, heads, tokens, k[2]))
    shared = 0 if k[1] == heads else k[1]
    op = Attention(heads, scale or 1 / sqrt(depth), shared, batch > 1, bias)
    made = ctx.compute(node, op, [_matrix(ctx, node, view) for view in views])
    return View.stored(made, (batch, heads, tokens, v[3]), (0, 2, 1, 3))


def _matrix(ctx: Context, node: OnnxNode, view: View) -> str:
    """The tensor with a pixel for each token, its own rows where it is a picture's."""
    batch, heads, tokens, depth = view.shape
    stored = ctx.in_layout(node, view, (0, 2, 1, 3))
    shape = (batch, tokens, heads * depth)
    if batch == 1:
        shape = pixels_of(ctx.tensors[view.tensor].shape, heads * depth)
    return ctx.shaped(node, stored, (1, *shape)).tensor


def _bias(mask: np.ndarray | None, causal: bool, scores: tuple[int, int, int, int]) -> Table | None:
    """What is added to scores (batch, heads, queries, keys), as the op has it."""
    if mask is None and not causal:
        return None
    if prod(scores) > MOST_VALUES:
        raise UnsupportedNode(f"a mask of {prod(scores):,} scores")
    added: Reals = np.zeros(scores)
    if mask is not None:
        given = np.where(mask, 0.0, -np.inf) if mask.dtype == np.bool_ else mask.astype(np.float64)
        try:
            added = added + np.broadcast_to(given, scores)
        except ValueError as error:
            raise UnsupportedNode(f"a mask {list(mask.shape)} of {list(scores)}") from error
    if causal:
        added = np.where(np.tril(np.ones(scores[2:], bool)), added, -np.inf)
    added = added.transpose(0, 2, 1, 3)
    most = added.max(axis=3, keepdims=True)
    if not np.isfinite(most).all():
        raise UnsupportedNode("a mask that leaves a query no key, or is not a number")
    added = added - most
    if not added.any():
        return None
    for axis in (0, 2):
        if (added == added.take([0], axis)).all():
            added = added.take([0], axis)
    return Table.of(added.astype(np.float32))


@converter("RotaryEmbedding", "com.microsoft.RotaryEmbedding")
def rotary(ctx: Context, node: OnnxNode) -> View:
    """Not compiled."""
    raise UnsupportedNode(
        "rotary embeddings", "positions that are added, or a bias of the scores, are compiled"
    )


@converter("com.microsoft.SkipLayerNormalization", "com.microsoft.SkipSimplifiedLayerNormalization")
def skip_norm(ctx: Context, node: OnnxNode) -> dict[str, View]:
    """A sum, which may be an output too, and its norm over the last axis."""
    extra = [name for name in node.proto.output[1:3] if name]
    if extra:
        raise UnsupportedNode(f"the extra outputs {', '.join(extra)} are not computed")
    centered = node.op == "SkipLayerNormalization"
    bias = ctx.optional(node, 4 if centered else 3, "bias")
    total = combined(ctx, node, "Add", ctx.view(node, 0), ctx.view(node, 1), "sum")
    if bias is not None:
        total = with_constant(ctx, node, "Add", total, bias.astype(np.float64), "biased")
    scale = ctx.constant(node, 2, "scale")
    offset = ctx.optional(node, 3, "offset") if centered else None
    epsilon = node.real("epsilon", 1e-12)
    made = normalised(
        *(ctx, node, total, [len(total.axes) - 1], scale, offset, epsilon), centered=centered
    )
    found = {node.output: made}
    sums = [name for name in node.proto.output[3:4] if name]
    return found | dict.fromkeys(sums, total)


@converter("com.microsoft.BiasGelu")
def bias_gelu(ctx: Context, node: OnnxNode) -> View:
    """Gelu of a sum with a vector."""
    bias = ctx.constant(node, 1, "bias").astype(np.float64)
    view = with_constant(ctx, node, "Add", ctx.view(node, 0), bias, "biased")
    return replace(view, tensor=ctx.compute(node, Gelu(), [view.tensor]))
