"""The camera byte enters as byte - 128: input normalisation folded into the first layers.

Per channel c the network's real input is scale[c] * byte + offset[c]. The new input tensor holds
q = byte - 128 under one quantization x = s * (q - z), so that

    real[c] = a[c] * x + b[c],   a[c] = scale[c] / s,   b[c] = scale[c] * (z + 128) + offset[c].

s is the mean of the channels' scales; z is the byte (less 128) nearest to where real 0 lies,
averaged over channels, so that zero padding of the first convolution stays near to what it was.
a and b go into weights and bias of the layers that read the picture, and what padding then adds to
them into a border of theirs (mcucc/ops/common/border.py): both are exact. Borders too small to
matter are dropped once scales are known (mcucc/quantize/border.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mcucc.errors import ModelError
from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN, NO_CLAMP
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.passes.linear import Affine, affine_of, is_linear, scale_input, takes_affine
from mcucc.passes.rewrite import Rewriter

IDENTITY = 1e-6  # residuals below move no weight of 8 bits


def fold_input_normalisation(
    graph: Graph, input_name: str, scale: Sequence[float], offset: Sequence[float]
) -> Graph:
    """The graph reading byte - 128; its input keeps its name and gets a quantization.

    `scale` and `offset` are per channel: real = scale * byte + offset. A normalisation inside the
    graph right behind the input is folded along. Its other tensors keep names and values.
    Raises ModelError when the number of channels differs.
    """
    rewriter = Rewriter(graph)
    channels = graph.tensors[input_name].shape[-1]
    if len(scale) != channels or len(offset) != channels:
        raise ModelError(
            f"the preprocessing makes {len(scale)} channels, the network takes {channels}",
            where=f"input {input_name}",
            hint="check `channels`, `mean` and `std` of the preprocessing",
        )
    wanted = Affine(np.asarray(scale, np.float64), np.asarray(offset, np.float64))
    wanted = _with_inner(rewriter, input_name, wanted)
    quant = input_quant(wanted)
    step, zero = quant.per_tensor_scale, quant.zero_point
    residual = Affine(wanted.scale / step, wanted.scale * (zero + 128) + wanted.offset)
    if not _negligible(residual, step):
        _apply(rewriter, input_name, residual)
    rewriter.tensors[input_name] = replace(rewriter.tensors[input_name], quant=quant)
    rewriter.changed = True
    return rewriter.finish()


def input_quant(wanted: Affine) -> Quant:
    """One scale and zero point for q = byte - 128 (see the top of this file)."""
    used = wanted.scale != 0
    if not used.any():
        return Quant((1.0,), INT8_MIN)
    step = float(np.abs(wanted.scale[used]).mean())
    zero = float((-wanted.offset[used] / wanted.scale[used]).mean()) - 128
    return Quant((step,), min(max(math.floor(zero + 0.5), INT8_MIN), INT8_MAX))


def _with_inner(rewriter: Rewriter, name: str, wanted: Affine) -> Affine:
    """`wanted` followed by the affines behind the input, which leave the graph."""
    while True:
        user = rewriter.sole_user(name)
        inner = None if user is None else affine_of(rewriter, user)
        if user is None or inner is None or user.output in rewriter.outputs:
            return wanted
        assert isinstance(user.op, DepthwiseConv2d)
        if user.op.clamp != NO_CLAMP or not rewriter.users(user.output):
            return wanted
        wanted = Affine(inner.scale * wanted.scale, inner.scale * wanted.offset + inner.offset)
        rewriter.bypass(user)


def _negligible(residual: Affine, step: float) -> bool:
    scale, offset = np.abs(residual.scale - 1), np.abs(residual.offset)
    return bool((scale < IDENTITY).all() and (offset < IDENTITY * step).all())


def _apply(rewriter: Rewriter, name: str, residual: Affine) -> None:
    """Into the weights of all readers, else as a 1x1 depthwise convolution behind the input."""
    users = rewriter.users(name)
    foldable = name not in rewriter.outputs and all(
        is_linear(rewriter, user) and name not in user.inputs[1:] and takes_affine(user, residual)
        for user in users
    )
    if foldable:
        for user in users:
            rewriter.replace(user, scale_input(rewriter, user, residual))
        return
    real = rewriter.add_like(name, f"{name}.real")
    rewriter.redirect(name, real)
    weights = rewriter.add_constant(f"{real}.scale", residual.scale.reshape(1, 1, -1))
    bias = rewriter.add_constant(f"{real}.offset", residual.offset)
    op = DepthwiseConv2d(Window2d((1, 1)))
    rewriter.prepend(Node(rewriter.fresh(real), op, (name, weights, bias), (real,)))
