"""DepthwiseConv2d on Helium: gathers of words that hold four rows (depthwise_mve.h)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.mve.finish import COUNT, VECTOR, entries, matrix_finish
from mcucc.kernels.packing import pack_words, storage_words
from mcucc.kernels.requantize import Finish
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel

SET_ROWS, SET_BYTES = 4, 64
PIXELS = 4  # computed together
# Gathers of four words an output, step of the planes in bytes: what depthwise_mve.h has.
CORES = ((1, 64), (1, 128), (3, 128), (3, 256), (4, 128), (4, 256))
# Spans of so many outputs, by gathers, are faster pixel by pixel: for the flash of the weights in a
# second order, which large kernels do not get unless speed is all.
NARROW = {"speed": {1: 2, 3: 2, 4: 1}, "balanced": {1: 2}, "size": {}}
BLOCK = 16
POINTER = 8  # bytes, on the largest machine that runs the C beside the assembly
# Planes of a tile: scratch against columns rearranged twice, 3 % of a network's instructions.
SCRATCH_BYTES = {"speed": 4096, "balanced": 1536, "size": 1024}


@variant(DepthwiseConv2dKernel, InstructionSet.MVE, packed=True)
@variant(DepthwiseConv2dKernel, InstructionSet.MVE)
def depthwise(kernel: DepthwiseConv2dKernel, context: NodeContext) -> Variant | None:
    """One output per channel: kernels of 3, 5 and 7 and what has as few words, not dilated."""
    window = kernel.window
    kernel_h, kernel_w, c_out = kernel.weights.shape
    sets, stride = -(-kernel_h // SET_ROWS), window.stride[1]
    step = sets * SET_BYTES * stride
    needed = -(-sets * kernel_w // 4)
    gathers = min((g for g, s in CORES if s == step and g >= needed), default=0)
    dense = window.dilation[1] == 1 and stride <= kernel_w  # every column is read
    if kernel.input_channels != c_out or gathers == 0 or sets > 2 or not dense:
        return None
    finish = matrix_finish(kernel.weights.reshape(-1, c_out).T, kernel.sums, context)
    if finish is None:
        return None
    tile = tile_columns(sets, kernel_w, stride, context)
    offsets = gather_offsets(sets, kernel_w, gathers) - step
    bits = context.stored_bits
    narrow = NARROW[context.optimize].get(gathers, 0) if bits == 8 else 0
    pairs = (kernel_h * kernel_w + 1) // 2
    unpacked = unpacked_bytes(finish, gathers, kernel_h * kernel_w, bits)
    copy, isa = (gathers, step), InstructionSet.MVE
    call = KernelCall(
        KernelId("depthwise_conv2d", isa, "gathers", copy, finish.form, bits),
        (
            ("kernel_h", kernel_h),
            ("kernel_w", kernel_w),
            ("stride_w", stride),
            ("pad_left", window.pads.left),
            ("input_width", kernel.input_width),
            ("channels", c_out),
            ("tile", tile),
            ("narrow", narrow),
            ("pairs", pairs),
            ("blocks", second_table(kernel.weights, gathers, narrow, bits)),
            ("gathers", ConstArray("gathers", offsets.astype(np.uint32))),
            ("stream", depthwise_stream(kernel, finish, gathers, bits)),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=max(
            scratch_bytes(sets, kernel_w, stride, tile) + unpacked,
            2 * pairs * POINTER + 4 + c_out,
        ),
    )
    instructions = tile_instructions(kernel.weights.shape, stride, gathers, tile, context)
    name = f"mve gather{storage_words(bits)}, {finish.form.value}"
    return Variant(call, name, instructions)


def tile_instructions(
    shape: tuple[int, ...], stride: int, gathers: int, tile: int, context: NodeContext
) -> float:
    """Modelled instructions of a whole output: columns rearranged, fours of outputs, overheads."""
    kernel_h, kernel_w, channels = shape
    sets, blocks = -(-kernel_h // SET_ROWS), -(-channels // BLOCK)
    tiles = -(-context.width // tile)
    columns = context.width * stride + tiles * (kernel_w - stride)
    fours = -(-context.width // PIXELS)
    rearranged = blocks * (tiles * 50 * sets + columns * (2 * kernel_h + 7 * sets))
    if context.stored_bits < 8:
        rearranged += tiles * blocks * (190 + 3 * kernel_h * kernel_w + 32 * gathers)
    computed = channels * (15 * tiles + fours * (11 + 8 * gathers + (gathers > 1) * gathers))
    return context.height * (80 + tiles * (70 + 40 * blocks) + rearranged + computed)


def tile_columns(sets: int, kernel_w: int, stride: int, context: NodeContext) -> int:
    """Output columns at a time: the width in even parts of as many fours as scratch holds."""
    fitting = (SCRATCH_BYTES[context.optimize] // (sets * SET_BYTES) - kernel_w) // stride + 1
    fours = max(1, fitting // PIXELS)
    parts = -(-context.width // (PIXELS * fours))
    return PIXELS * -(-context.width // (PIXELS * parts))


def scratch_bytes(sets: int, kernel_w: int, stride: int, tile: int) -> int:
    """Of the planes of a tile."""
    return sets * SET_BYTES * ((tile - 1) * stride + kernel_w)


def gather_offsets(sets: int, kernel_w: int, gathers: int) -> npt.NDArray[np.int64]:
    """Where the words of a window lie, set by set, column by column; the rest read the first."""
    column_bytes = sets * SET_BYTES
    words = [s * SET_BYTES + c * column_bytes for s in range(sets) for c in range(kernel_w)]
    return np.array(words + [0] * (4 * gathers - len(words)), np.int64)


def unpacked_bytes(finish: Finish, gathers: int, taps: int, bits: int) -> int:
    """Of the stream of a block and its weights, where these are packed."""
    entry_words, unit = 3 if finish.form in COUNT else 2, VECTOR * 8 // bits
    weights = -(-BLOCK * (taps + 1) // unit) * unit
    return 0 if bits == 8 else BLOCK * 4 * (4 * gathers + entry_words) + weights


def second_table(
    weights: npt.NDArray[np.int8], gathers: int, narrow: int, bits: int
) -> ConstArray | None:
    """Weights for spans that go pixel by pixel; of packed ones what makes the stream."""
    if bits < 8:
        kernel_h, kernel_w, _ = weights.shape
        return ConstArray("blocks", places(kernel_h, kernel_w, gathers))
    return ConstArray("blocks", pixel_blocks(weights)) if narrow else None


def places(kernel_h: int, kernel_w: int, gathers: int) -> npt.NDArray[np.int8]:
    """Which tap each byte of the gathers is, row by row; where none is, the 0 behind the taps."""
    taps = kernel_h * kernel_w
    words, rows = np.divmod(np.arange(16 * gathers), SET_ROWS)
    sets, columns = np.divmod(words, kernel_w)
    row = SET_ROWS * sets + rows
    found = np.where(row < kernel_h, row * kernel_w + columns, taps)
    return found.astype(np.int8)


def depthwise_stream(
    kernel: DepthwiseConv2dKernel, finish: Finish, gathers: int, bits: int
) -> ConstArray:
    """Per channel the weights in the order of the words, then the entry; or packed blocks."""
    if bits < 8:
        return ConstArray("stream", packed_blocks(kernel, finish, bits), bits=bits)
    kernel_h, kernel_w, channels = kernel.weights.shape
    sets = -(-kernel_h // SET_ROWS)
    rows = np.zeros((sets * SET_ROWS, kernel_w, channels), np.int8)
    rows[:kernel_h] = kernel.weights
    # (sets, rows, columns, channels) as (channels, sets, columns, rows)
    words = rows.reshape(sets, SET_ROWS, kernel_w, channels).transpose(3, 0, 2, 1)
    weights = np.zeros((channels, 16 * gathers), np.int8)
    weights[:, : sets * kernel_w * SET_ROWS] = words.reshape(channels, -1)
    short = max(0, BLOCK - channels)  # entries are read 16 at a time
    weights = np.pad(weights, ((0, short), (0, 0)))
    table = np.pad(entries(kernel.sums, finish), ((0, short), (0, 0)))
    both = [weights.view(np.dtype("<u4")), table.view(np.uint32)]
    return ConstArray("stream", np.concatenate(both, axis=1).reshape(-1))


def packed_blocks(
    kernel: DepthwiseConv2dKernel, finish: Finish, bits: int
) -> npt.NDArray[np.uint32]:
    """Block by block entries and weights as mcucc/depthwise_unpack_mve.h describes them."""
    channels, unit = kernel.weights.shape[2], VECTOR * 8 // bits
    blocks, missing = -(-channels // BLOCK), -channels % BLOCK
    taps = np.pad(kernel.weights.reshape(-1, channels), ((0, 1), (0, missing)))
    table = np.pad(entries(kernel.sums, finish), ((0, missing), (0, 0)))
    flat = taps.T.reshape(blocks, -1)  # channel by channel
    flat = np.pad(flat, ((0, 0), (0, -flat.shape[1] % unit)))
    ordered = flat.reshape(blocks, -1, 8 // bits, VECTOR).transpose(0, 1, 3, 2)
    both = [
        table.reshape(blocks, BLOCK, -1).transpose(0, 2, 1).reshape(blocks, -1).view(np.uint32),
        pack_words(ordered.reshape(blocks, -1), bits),
    ]
    stream: npt.NDArray[np.uint32] = np.concatenate(both, axis=1).reshape(-1)
    return stream


def pixel_blocks(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Weights (kh, kw, channels) as [block of 16 channels][tap][16], the taps made even.

    The last block ends at the last channel: it has some of the one before again.
    """
    channels = weights.shape[2]
    taps = weights.reshape(-1, channels)
    taps = np.pad(taps, ((0, len(taps) % 2), (0, max(0, BLOCK - channels))))
    last = taps.shape[1] - BLOCK
    starts = [min(start, last) for start in range(0, channels, BLOCK)]
    return np.concatenate([taps[:, start : start + BLOCK].reshape(-1) for start in starts])
