"""Converters of matrix arithmetic: Conv, Gemm, MatMul, BatchNormalization."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.frontends.onnx.context import Constant, Context, Reals, pixels_of
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.products import product
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.sequences import of_sequences
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.onnx.windows import transposed_window, window_of
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.op import Op
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected


@converter("Conv")
@of_sequences
def conv(ctx: Context, node: OnnxNode) -> View:
    """Conv2d, or DepthwiseConv2d where every group has one input channel."""
    view = ctx.image(node, ctx.view(node, 0))
    weights = ctx.constant(node, 1, "kernel")
    bias = ctx.optional(node, 2, "bias")
    _, channels, height, width = view.shape
    if weights.ndim != 4 or 0 in weights.shape:
        raise UnsupportedNode(
            f"weights of shape {weights.shape} are not those of a 2-D convolution"
        )
    c_out, c_in, kernel_h, kernel_w = weights.shape
    groups = node.integer("group", 1)
    kernel = node.integers("kernel_shape") or (kernel_h, kernel_w)
    if kernel != (kernel_h, kernel_w):
        raise UnsupportedNode(
            f"kernel_shape {list(kernel)} and weights {list(weights.shape)} differ"
        )
    if groups < 1 or c_in * groups != channels or c_out % groups:
        raise UnsupportedNode(
            f"weights {list(weights.shape)} in {groups} groups do not fit {channels} channels"
        )
    if bias is not None and bias.shape != (c_out,):
        raise UnsupportedNode(f"a bias of shape {list(bias.shape)} for {c_out} channels")
    window = window_of(node, (height, width), (kernel_h, kernel_w))
    op: Op
    if groups > 1 and c_in == 1:
        op, order = DepthwiseConv2d(window), weights[:, 0].transpose(1, 2, 0)
    else:
        op, order = Conv2d(window, groups), weights.transpose(0, 2, 3, 1)
    operands = [view.tensor, *_constants(ctx, node, order, bias)]
    made = ctx.compute(node, op, operands)
    _, out_h, out_w, _ = ctx.tensors[made].shape
    return View.stored(made, (1, c_out, out_h, out_w), NHWC)


@converter("ConvTranspose")
@of_sequences
def conv_transpose(ctx: Context, node: OnnxNode) -> View:
    view = ctx.image(node, ctx.view(node, 0))
    weights, bias = ctx.constant(node, 1, "kernel"), ctx.optional(node, 2, "bias")
    _, channels, height, width = view.shape
    if weights.ndim != 4 or 0 in weights.shape or weights.shape[0] != channels:
        raise UnsupportedNode(f"weights of shape {list(weights.shape)} for {channels} channels")
    if node.integer("group", 1) != 1:
        raise UnsupportedNode("several groups", "resize and convolve instead")
    kernel = (int(weights.shape[2]), int(weights.shape[3]))
    cut, stride, size = transposed_window(node, (height, width), kernel)
    op = ConvTranspose2d(kernel, stride, cut, size)
    operands = [view.tensor, *_constants(ctx, node, weights.transpose(1, 2, 3, 0), bias)]
    made = ctx.compute(node, op, operands)
    return View.stored(made, (1, weights.shape[1], *size), NHWC)


@converter("Gemm")
def gemm(ctx: Context, node: OnnxNode) -> View:
    """alpha * A * B + beta * C with constant B and C."""
    view = ctx.view(node, 0)
    matrix = ctx.constant(node, 1, "matrix B").astype(np.float64)
    if len(view.axes) != 2 or matrix.ndim != 2:
        raise UnsupportedNode(f"matrices of shapes {list(view.shape)} and {list(matrix.shape)}")
    if node.integer("transA"):
        view = view.transposed((1, 0))
    if not node.integer("transB"):
        matrix = matrix.T
    bias = ctx.optional(node, 2, "C")
    added = None
    if bias is not None and node.real("beta", 1.0) != 0.0:
        added = bias.astype(np.float64) * node.real("beta", 1.0)
    return of_matrix(ctx, node, view, matrix * node.real("alpha", 1.0), added)


@converter("MatMul")
def matmul(ctx: Context, node: OnnxNode) -> View:
    """Two activations, or one and a constant matrix on either side."""
    constant = [node.input(i) in ctx.constants for i in range(2)]
    if not any(constant):
        return product(ctx, node, ctx.view(node, 0), ctx.view(node, 1))
    view = ctx.view(node, constant.index(False))
    matrix = ctx.constant(node, constant.index(True), "operand").astype(np.float64)
    while matrix.ndim > 2 and matrix.shape[0] == 1:
        matrix = matrix[0]
    if matrix.ndim != 2 or len(view.axes) < 1 + constant[0]:
        raise UnsupportedNode(f"a product of {list(view.shape)} and {list(matrix.shape)}")
    if not constant[0]:
        return of_matrix(ctx, node, view, matrix.T, None)
    # A x = (x^T A^T)^T
    order = (*range(len(view.axes) - 2), len(view.axes) - 1, len(view.axes) - 2)
    return of_matrix(ctx, node, view.transposed(order), matrix, None).transposed(order)


def of_matrix(ctx: Context, node: OnnxNode, view: View, weights: Reals, bias: Reals | None) -> View:
    """x * weights.T + bias over the last axis; weights are (outputs, inputs)."""
    view = view.canonical()
    outputs, inputs = weights.shape
    if view.shape[-1] != inputs or not weights.size:
        raise UnsupportedNode(f"a matrix of {inputs} rows for an activation {list(view.shape)}")
    if bias is not None:
        try:
            bias = np.broadcast_to(bias, (*view.shape[:-1], outputs))
        except ValueError as error:
            raise UnsupportedNode(f"C of shape {list(bias.shape)} does not fit") from error
        rows = bias.reshape(-1, outputs)
        if (rows != rows[0]).any():
            raise UnsupportedNode("C differs from row to row")
        bias = rows[0]
    rows_of = view.size_of([atom for axis in view.axes[:-1] for atom in axis])
    if rows_of == 1:
        ordered = np.asarray(view.to_storage(weights, len(view.axes) - 1), np.float64)
        operands = [view.tensor, *_constants(ctx, node, ordered, bias)]
        made = ctx.compute(node, FullyConnected(), operands)
        return View.stored(made, (*view.shape[:-1], outputs), range(len(view.axes)))
    # Several rows: a 1x1 convolution over rows as pixels.
    view = ctx.reordered(node, view, view.flat)
    view = ctx.shaped(node, view, (1, *pixels_of(ctx.tensors[view.tensor].shape, inputs)))
    kernel = weights.reshape(outputs, 1, 1, inputs)
    operands = [view.tensor, *_constants(ctx, node, kernel, bias)]
    made = ctx.compute(node, Conv2d(Window2d((1, 1))), operands)
    return View.stored(made, (*view.shape[:-1], outputs), range(len(view.axes)))


@converter("BatchNormalization")
def batch_normalization(ctx: Context, node: OnnxNode) -> View:
    """A scale and an offset per channel, for inference."""
    if node.integer("training_mode"):
        raise UnsupportedNode("training mode", "call model.eval() before the export")
    node.only_output()
    view = ctx.view(node, 0)
    names = ("scale", "bias", "mean", "variance")
    gamma, beta, mean, variance = (
        ctx.constant(node, i + 1, name).astype(np.float64) for i, name in enumerate(names)
    )
    if len(view.axes) < 2 or any(
        c.shape != (view.shape[1],) for c in (gamma, beta, mean, variance)
    ):
        raise UnsupportedNode(f"parameters of shape {list(gamma.shape)} for {list(view.shape)}")
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance + node.real("epsilon", 1e-5))
    offset = beta - mean * scale
    shape = (-1, *(1,) * (len(view.axes) - 2))
    return ctx.affine(node, view, scale.reshape(shape), offset.reshape(shape))


def _constants(
    ctx: Context, node: OnnxNode, weights: npt.NDArray[np.generic], bias: Constant | None
) -> list[str]:
    names = [ctx.weights(f"{node.output}.weights", weights)]
    if bias is not None:
        names.append(ctx.weights(f"{node.output}.bias", bias))
    return names
