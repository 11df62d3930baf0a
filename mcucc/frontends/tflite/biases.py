"""Biases beside int16 activations: what LiteRT takes in its 16x8 mode, and what it makes of it."""

from __future__ import annotations

import numpy as np
import tflite

from mcucc.frontends.tflite.context import INT16, Context
from mcucc.frontends.tflite.file import FileOperator, FileTensor
from mcucc.frontends.tflite.options import WindowOptions
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Quant, Tensor

INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)


def check_bias_type(operator: FileOperator, bias: FileTensor, x: Tensor) -> None:
    """UnsupportedNode for a bias of another type than LiteRT reads beside `x`.

    Beside int16 it takes 64 bits; 32 in FULLY_CONNECTED, and in CONV_2D where the options say so:
    without that it reads the bytes of 32-bit biases as 64-bit ones.
    """
    if x.dtype != INT16:
        if bias.dtype != INT32:
            raise UnsupportedNode(f"the bias is {bias.type_name}, not INT32")
        return
    if bias.dtype not in (INT32, INT64):
        raise UnsupportedNode(f"the bias is {bias.type_name}, not INT64")
    options = operator.options
    said = isinstance(options, WindowOptions) and options.bias_type == tflite.TensorType.INT32
    if bias.dtype == INT32 and operator.kind != "FULLY_CONNECTED" and not said:
        raise UnsupportedNode("the bias is INT32, not INT64", "convert the model again")


def takes_long_bias(operator: FileOperator, bias: FileTensor, x: Tensor) -> bool:
    """Whether the layer's arithmetic is that of 64-bit sums."""
    return x.dtype == INT16 and (bias.dtype == INT64 or operator.kind == "FULLY_CONNECTED")


def long_zeros(ctx: Context, operator: FileOperator, x: Tensor, channels: int) -> list[str]:
    """The 64-bit zeros of an int16 layer without biases; none beside int8."""
    if x.dtype != INT16:
        return []
    if operator.kind == "CONV_2D":
        raise UnsupportedNode("CONV_2D of int16 without a bias", "LiteRT refuses it, too")
    name = ctx.unique(f"{x.name}_zeros")
    zeros = np.zeros(channels, np.int64)
    ctx.tensors[name] = Tensor.const(name, zeros, Quant((x.quantization.scale[0],)))
    return [name]
