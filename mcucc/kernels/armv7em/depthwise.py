"""DepthwiseConv2d on Armv7E-M: SMLAD over channel planes of row pairs (depthwise_armv7em.c)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import Form, InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import addends, matrix_finish, output_fields
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.requantize import Finish
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel

SQUARES = (3, 5, 7)
STRIDES = (1, 2)
BLOCK = 4  # channels rearranged together
# Output columns at a time: scratch against columns rearranged twice.
SCRATCH_BYTES = 1536


@variant(DepthwiseConv2dKernel, InstructionSet.ARMV7EM)
def depthwise(kernel: DepthwiseConv2dKernel, context: NodeContext) -> Variant | None:
    """Square kernels of 3, 5 and 7 with one output per channel."""
    window = kernel.window
    size, _, c_out = kernel.weights.shape
    stride = window.stride[1]
    fits = (
        window.kernel in [(k, k) for k in SQUARES]
        and stride in STRIDES
        and window.dilation[1] == 1
        and kernel.input_channels == c_out >= BLOCK
    )
    if not fits:
        return None
    finish = matrix_finish(kernel.weights.reshape(-1, c_out).T, kernel.sums, context)
    if finish is None:
        return None
    constants = ConstArray("stream", depthwise_stream(kernel, finish))
    copy = (size, stride)
    key = KernelId("depthwise_conv2d", InstructionSet.ARMV7EM, "planes", copy, finish.form)

    def call(columns: int) -> KernelCall:
        tile = tile_columns(size, stride, columns)
        return KernelCall(
            key,
            (
                ("pad_left", window.pads.left),
                ("input_width", kernel.input_width),
                ("channels", c_out),
                ("tile", tile),
                ("stream", constants),
                *output_fields(kernel.sums),
            ),
            scratch_bytes=scratch_bytes(size, stride, tile),
            narrow=call,
        )

    outputs = context.height * context.width * c_out
    instructions = outputs * variant_cost(key).output
    return Variant(call(context.width), f"armv7em smlad, {finish.form.value}", instructions)


def scratch_bytes(size: int, stride: int, tile: int) -> int:
    """The planes of a tile of output columns."""
    return 2 * BLOCK * size * ((tile - 1) * stride + size + 1)


def tile_columns(size: int, stride: int, width: int) -> int:
    """Output columns of a tile, a multiple of 4: equal tiles within SCRATCH_BYTES."""
    largest = 4
    while scratch_bytes(size, stride, largest + 4) <= SCRATCH_BYTES:
        largest += 4
    tiles = -(-width // largest)
    return (-(-width // tiles) + 3) // 4 * 4


def depthwise_stream(kernel: DepthwiseConv2dKernel, finish: Finish) -> npt.NDArray[np.uint32]:
    """The constants of every channel as depthwise_armv7em.h describes them."""
    addend = addends(kernel.sums, finish)
    if finish.form is Form.HIGH:
        addend = np.full_like(addend, kernel.sums.output_zero_point)
    columns: list[npt.NDArray[Any]] = [kernel.sums.bias, finish.multiplier, addend, finish.shift]
    weights = kernel.weights.astype(np.int64)
    size = weights.shape[0]
    for row in range(0, size - 1, 2):
        columns += [_pair(weights[row, tap], weights[row + 1, tap]) for tap in range(size)]
    last = weights[size - 1]
    columns += [_pair(last[tap], last[tap + 1]) for tap in range(0, size - 1, 2)]
    columns += [_pair(last[tap], last[tap + 1]) for tap in range(1, size, 2)]
    words = [np.asarray(column).astype(np.int64).astype(np.uint32) for column in columns]
    stream: npt.NDArray[np.uint32] = np.stack(words, axis=1).reshape(-1)
    return stream


def _pair(bottom: npt.NDArray[np.int64], top: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Two int8 as the halfwords of a word."""
    return (bottom & 0xFFFF) | (top & 0xFFFF) << 16
