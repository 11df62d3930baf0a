"""DepthwiseConv2d on Armv7E-M: SMLAD over channel planes of row pairs (depthwise_armv7em.c)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import Form, InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import addends, layer_addend, matrix_finish
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.packing import pack_words, storage_words
from mcucc.kernels.requantize import Finish, reach_of, short_biases
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import INT16, IntArray, IntegerArray
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel

SQUARES = (3, 5, 7)
STRIDES = (1, 2)
BLOCK = 4  # channels rearranged together
# Output columns at a time: scratch against columns rearranged twice.
SCRATCH_BYTES = 1536


# Forms whose addend and shift are those of a layer.
LAYER_FORMS = (Form.HIGH, Form.COMMON)
BIAS_BITS = 24  # beside weights stored as bytes


@variant(DepthwiseConv2dKernel, InstructionSet.ARMV7EM, packed=True)
@variant(DepthwiseConv2dKernel, InstructionSet.ARMV7EM, long=True)
@variant(DepthwiseConv2dKernel, InstructionSet.ARMV7EM)
def depthwise(kernel: DepthwiseConv2dKernel, context: NodeContext) -> Variant | None:
    """Square kernels of 3, 5 and 7 with one output per channel; dilated ones of stride 1."""
    window = kernel.window
    size, _, c_out = kernel.weights.shape
    stride, dilation = window.stride[1], window.dilation[1]
    fits = (
        window.kernel in [(k, k) for k in SQUARES]
        and stride in STRIDES
        and 1 in (stride, dilation)
        and kernel.input_channels == c_out >= BLOCK
    )
    if not fits:
        return None
    by_channel = kernel.weights.reshape(-1, c_out).T
    finish = matrix_finish(by_channel, kernel.sums, context)
    if finish is None:
        return None
    of_layer = finish.form in LAYER_FORMS
    bits = context.stored_bits
    long = kernel.weights.dtype == INT16
    bounds = reach_of(by_channel, kernel.sums, *context.input_intervals[0])
    biases = short_biases(kernel.sums, finish, bounds, BIAS_BITS) if of_layer else None
    if bits < 8 and biases is None:
        return None
    as_bytes = biases is not None and not long and (bits < 8 or context.optimize == "size")
    if biases is not None and as_bytes:
        stream = byte_stream(kernel, finish, biases, bits)
    else:
        stream = depthwise_stream(kernel, finish)
    constants = ConstArray("stream", stream, bits=bits)
    copy, name = (size, stride), "bytes" if as_bytes else "planes"
    key = KernelId("depthwise_conv2d", InstructionSet.ARMV7EM, name, copy, finish.form, bits)

    def call(columns: int) -> KernelCall:
        tile = tile_columns(size, stride, -(-columns // dilation))
        return KernelCall(
            key,
            (
                ("dilation", dilation),
                ("pad_left", window.pads.left),
                ("input_width", kernel.input_width),
                ("channels", c_out),
                ("tile", tile),
                ("stream", constants),
                ("addend", layer_addend(kernel.sums, finish) if of_layer else 0),
                ("shift", int(finish.shift[0]) if of_layer else 0),
                ("input_zero_point", kernel.sums.input_zero_point),
                ("lo", kernel.sums.lo),
                ("hi", kernel.sums.hi),
            ),
            scratch_bytes=scratch_bytes(size, stride, tile),
            narrow=call,
        )

    outputs = context.height * context.width * c_out
    instructions = outputs * variant_cost(key).output
    name = f"armv7em smlad{storage_words(bits)}, {finish.form.value}"
    return Variant(call(context.width), name, instructions)


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
    columns: list[npt.NDArray[Any]] = [kernel.sums.bias, finish.multiplier]
    if finish.form not in LAYER_FORMS:
        columns += [addends(kernel.sums, finish), finish.shift]
    pairs = weight_pairs(kernel.weights)
    last = kernel.weights[-1].astype(np.int64)
    columns += [_pair(bottom, top) for bottom, top in pairs]
    columns += [_pair(last[tap], last[tap + 1]) for tap in range(1, len(last), 2)]
    words = [np.asarray(column).astype(np.int64).astype(np.uint32) for column in columns]
    stream: npt.NDArray[np.uint32] = np.stack(words, axis=1).reshape(-1)
    return stream


def weight_pairs(weights: IntegerArray) -> npt.NDArray[np.int64]:
    """All weights (kernel, kernel, channels) but the last in pairs: (pairs, 2, channels).

    Tap by tap of rows 0 and 1, 2 and 3, ..; then neighbours of the last row.
    """
    size, wide = weights.shape[0], weights.astype(np.int64)
    pairs = [wide[row : row + 2, tap] for row in range(0, size - 1, 2) for tap in range(size)]
    pairs += [wide[-1, tap : tap + 2] for tap in range(0, size - 1, 2)]
    return np.stack(pairs)


def byte_stream(
    kernel: DepthwiseConv2dKernel, finish: Finish, biases: IntArray, bits: int
) -> npt.NDArray[np.uint32]:
    """The same as bytes or the high bits of them: (channels, words) of two pairs or more each."""
    pairs = weight_pairs(kernel.weights)
    channels = pairs.shape[2]
    # Of two pairs both bottoms, then both tops; so many words in one, one field of each byte.
    words, fields = pairs.reshape(-1, 2, 2, channels).transpose(3, 0, 2, 1), 8 // bits
    words = np.pad(words, ((0, 0), (0, -words.shape[1] % fields), (0, 0), (0, 0)))
    ordered = words.reshape(channels, -1, fields, 4).transpose(0, 1, 3, 2)
    last = biases << 8 | (kernel.weights[-1, -1].astype(np.int64) & 0xFF)
    parts = [
        finish.multiplier.astype(np.uint32)[:, None],
        pack_words(ordered.reshape(channels, -1).astype(np.int8), bits),
        last.astype(np.uint32)[:, None],
    ]
    stream: npt.NDArray[np.uint32] = np.concatenate(parts, axis=1).reshape(-1)
    return stream


def _pair(bottom: npt.NDArray[np.int64], top: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Two int8 as the halfwords of a word."""
    return (bottom & 0xFFFF) | (top & 0xFFFF) << 16
