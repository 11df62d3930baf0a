"""Sequences (N, C, L) as pictures of one row: Conv, ConvTranspose and pools of one dimension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import onnx
from onnx import AttributeProto

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.view import View

# Attributes of windows: what the row, of length 1, takes in front of what the file says.
_PER_SIDE = {"kernel_shape": 1, "strides": 1, "dilations": 1, "output_padding": 0}
Convert = Callable[[Context, OnnxNode], View]


def of_sequences(convert: Convert) -> Convert:
    """Decorator of a converter of pictures: sequences are those of one row."""

    def either(ctx: Context, node: OnnxNode) -> View:
        view = ctx.view(node, 0)
        if len(view.axes) != 3:
            return convert(ctx, node)
        made = convert(ctx, _as_picture(ctx, node, view)).canonical()
        return replace(made, axes=(*made.axes[:2], *made.axes[3:]))

    either.__doc__ = convert.__doc__
    return either


def _as_picture(ctx: Context, node: OnnxNode, view: View) -> OnnxNode:
    """The node of the picture: a row in front of the sequence, and of a kernel's."""
    wide = onnx.NodeProto()
    wide.CopyFrom(node.proto)
    name = ctx.fresh(f"{node.input(0)}.row")
    ctx.views[name] = replace(view, axes=(*view.axes[:2], (), *view.axes[2:]))
    wide.input[0] = name
    if len(wide.input) > 1 and wide.input[1] in ctx.constants:
        kernel = ctx.constants[wide.input[1]]
        if kernel.ndim == 3:
            wide.input[1] = f"{name}.kernel"
            ctx.constants[wide.input[1]] = kernel[:, :, None]
    for attribute in wide.attribute:
        if attribute.type != AttributeProto.INTS:
            continue
        given = list(attribute.ints)
        if attribute.name in _PER_SIDE and len(given) == 1:
            attribute.ints[:] = [_PER_SIDE[attribute.name], *given]
        elif attribute.name == "pads" and len(given) == 2:
            attribute.ints[:] = [0, given[0], 0, given[1]]
        elif attribute.name == "output_shape" and given:
            attribute.ints[:] = [*given[:-1], 1, given[-1]]
    return OnnxNode(wide, node.name, node.opset)
