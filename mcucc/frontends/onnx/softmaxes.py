"""Converters of Softmax and LogSoftmax: over axes that are stored innermost for them."""

from __future__ import annotations

from dataclasses import replace

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.log_softmax import LogSoftmax
from mcucc.ops.softmax import Softmax


@converter("Softmax", "LogSoftmax")
def softmax(ctx: Context, node: OnnxNode) -> View:
    """Softmax over the axes stored innermost; before opset 13 over all axes from `axis` on."""
    view = ctx.view(node, 0)
    rank = len(view.axes)
    axis = node.integer("axis", -1 if node.opset >= 13 else 1)
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis < rank:
        raise UnsupportedNode(f"axis {axis} of a value of rank {rank}")
    view = view.canonical()
    reduced = view.axes[axis : axis + 1] if node.opset >= 13 else view.axes[axis:]
    inner = sorted(atom for axis_atoms in reduced for atom in axis_atoms)
    outer = [atom for atom in range(len(view.atoms)) if atom not in inner]
    pixels, classes = view.size_of(outer), view.size_of(inner)
    view = ctx.reordered(node, view, [*outer, *inner])
    if ctx.tensors[view.tensor].shape[-1] != classes:
        view = ctx.shaped(node, view, (1, classes) if pixels == 1 else (1, 1, pixels, classes))
    op = Softmax() if node.op == "Softmax" else LogSoftmax()
    return replace(view, tensor=ctx.compute(node, op, [view.tensor]))
