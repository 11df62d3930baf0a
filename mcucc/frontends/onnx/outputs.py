"""Graph outputs: stored in an order a user can know, under the names of the model file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import onnx

from mcucc.errors import ModelError
from mcucc.frontends.imported import Source
from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.view import NHWC, View, storage_shape
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Tensor
from mcucc.ops.reshape import Reshape


def finish_outputs(ctx: Context, model: onnx.ModelProto, where: str) -> tuple[str, ...]:
    """The names of the graph's outputs, each a tensor of its own; those of the file that are
    constants are none.

    Pictures stay as they are stored (`sources` says how); anything else is put into the order of
    the model file. Raises ModelError where all are constants, and for those that cannot be ordered.
    """
    names: list[str] = []
    inputs = _inputs(ctx)
    computed = [v.name for v in model.graph.output if v.name not in ctx.constants]
    if not computed:
        raise ModelError("every output is a constant", where=where)
    for name in computed:
        if name not in ctx.views:
            raise ModelError(f"output {name} is never computed", where=where)
        proto = onnx.NodeProto(op_type="Output", name=name, output=[name])
        try:
            names.append(_finish(ctx, OnnxNode(proto, name, 0), ctx.views[name], names, inputs))
        except UnsupportedNode as refusal:
            raise ModelError(f"output {name}: {refusal.why}", where=where) from refusal
    if len(set(names)) != len(names):
        raise ModelError("two outputs share a name", where=where)
    return tuple(names)


def _finish(
    ctx: Context, node: OnnxNode, view: View, done: list[str], inputs: Collection[str]
) -> str:
    rank = len(view.axes)
    order = view.permutation(NHWC)
    if rank != 4 or order is None or order[0] != 0:
        order = tuple(range(rank))
        view = ctx.reordered(node, view.canonical(), view.canonical().flat)
    shape = storage_shape([view.shape[axis] for axis in order])
    name = node.output
    if name in inputs:
        raise UnsupportedNode("it is an input of the network")
    tensor = ctx.tensors[view.tensor]
    taken = view.tensor in done or view.tensor in inputs
    if tensor.shape == shape and not taken:
        _rename(ctx, view.tensor, name)
    else:
        _reshape(ctx, node, view.tensor, shape)
    ctx.sources[name] = Source(name, order)
    return name


def _reshape(ctx: Context, node: OnnxNode, tensor: str, shape: tuple[int, ...]) -> None:
    """`node.output` as a view of `tensor` under another shape."""
    if node.output in ctx.tensors:
        # The tensor that was named after this value moves aside.
        aside = ctx.fresh(f"{node.output}.value")
        _rename(ctx, node.output, aside)
        tensor = aside if tensor == node.output else tensor
    ctx.compute(node, Reshape(shape), [tensor])


def _rename(ctx: Context, old: str, new: str) -> None:
    if old == new:
        return
    if new in ctx.tensors:
        _rename(ctx, new, ctx.fresh(f"{new}.value"))
    tensor = ctx.tensors.pop(old)
    ctx.tensors[new] = Tensor(new, tensor.shape, tensor.dtype, tensor.quant, tensor.data)
    for i, made in enumerate(ctx.nodes):
        if old not in made.inputs and old not in made.outputs:
            continue
        inputs = tuple(new if name == old else name for name in made.inputs)
        outputs = tuple(new if name == old else name for name in made.outputs)
        ctx.nodes[i] = replace(made, inputs=inputs, outputs=outputs)
    for name, view in ctx.views.items():
        if view.tensor == old:
            ctx.views[name] = replace(view, tensor=new)
    source = ctx.sources.pop(old, None)
    if source is not None:
        ctx.sources[new] = source


def _inputs(ctx: Context) -> set[str]:
    made = {output for node in ctx.nodes for output in node.outputs}
    return {
        name for name, tensor in ctx.tensors.items() if tensor.data is None and name not in made
    }
