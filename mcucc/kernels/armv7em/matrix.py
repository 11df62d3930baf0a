"""A layer's constants as the matrix kernels of Armv7E-M read them (mcucc/matrix_armv7em.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.ir.kernel_id import Form, KernelId
from mcucc.kernels.armv7em.finish import addends
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.packing import pack_words
from mcucc.kernels.requantize import Finish
from mcucc.kernels.select import NodeContext
from mcucc.ops.common.matrix import Accumulation

# Output pixels from which int16 weights pay their flash.
WIDE_PIXELS = {"speed": 1, "balanced": 128, "size": 1 << 30}


def stored_bits(context: NodeContext) -> int:
    """Bits of a weight: 4 or 2 where the context says so, else 8 or 16.

    A byte more each saves 3 instructions in 16 a pixel.
    """
    if context.stored_bits < 8:
        return context.stored_bits
    return 16 if context.height * context.width >= WIDE_PIXELS[context.optimize] else 8


def pack_runs(weights: npt.NDArray[Any], bits: int) -> tuple[npt.NDArray[Any], int]:
    """Weights (C_out, runs, run) in the order of conv2d_armv7em.h, and the chunks of a channel.

    First the full chunks of 4 of every run, then what is left over of all runs, padded with zeros
    to a chunk, of 2 bits to two.
    """
    c_out, _, run = weights.shape
    full = run // 4 * 4
    parts = [weights[:, :, :full].reshape(c_out, -1), weights[:, :, full:].reshape(c_out, -1)]
    flat = np.concatenate(parts, axis=1)
    chunks = (flat.shape[1] + 3) // 4
    chunks += chunks % 2 if bits == 2 else 0
    padded = np.zeros((c_out, 4 * chunks), dtype=weights.dtype)
    padded[:, : flat.shape[1]] = flat
    return padded, chunks


def matrix_stream(
    weights: npt.NDArray[Any], sums: Accumulation, finish: Finish, bits: int
) -> ConstArray:
    """The constants of a layer as matrix_armv7em.h reads them; weights (C_out, 4 * chunks)."""
    pairs = (weights.shape[0] + 1) // 2
    columns: list[npt.NDArray[np.uint32]] = [
        _in_pairs(sums.bias, pairs),
        weights_in_pairs(weights, pairs, bits),
    ]
    if finish.form in (Form.HIGH, Form.COMMON):
        columns.append(_in_pairs(finish.multiplier, pairs))
        if finish.form is Form.COMMON:
            columns.append(np.full((pairs, 1), finish.shift[0], dtype=np.uint32))
    else:
        both = np.stack([finish.multiplier, addends(sums, finish)], axis=1)
        shift = _in_pairs(finish.shift, pairs)
        columns += [
            _in_pairs(both, pairs).reshape(pairs, 2, 2).transpose(0, 2, 1).reshape(pairs, 4),
            (shift[:, :1] | shift[:, 1:] << 8).astype(np.uint32),
        ]
    stream = np.concatenate(columns, axis=1).reshape(-1)
    return ConstArray("stream", stream, bits=min(bits, 8))


def weights_in_pairs(weights: npt.NDArray[Any], pairs: int, bits: int) -> npt.NDArray[np.uint32]:
    """Chunk by chunk, the two channels' words taking turns: int8, or pairs (0, 2) (1, 3).

    Of 4 and 2 bits one word for both (mcucc/matrix_packed_armv7em.h).
    """
    if bits == 8:
        return _in_pairs(np.ascontiguousarray(weights).view(np.dtype("<u4")), pairs)
    padded = np.zeros((2 * pairs, weights.shape[1]), dtype=weights.dtype)
    padded[: weights.shape[0]] = weights
    if bits == 16:
        chunks = padded.reshape(2 * pairs, -1, 4)[:, :, [0, 2, 1, 3]].astype(np.int16)
        words = np.ascontiguousarray(chunks).view(np.dtype("<u4"))  # (channels, chunks, 2)
        turns = words.reshape(pairs, 2, -1, 2).transpose(0, 2, 1, 3)
        return turns.reshape(pairs, -1)
    # (pairs, channels, words, chunks of a word, halves, fields of a half)
    fields = padded.reshape(pairs, 2, -1, 4 // bits, 2, 2).transpose(0, 2, 4, 3, 1, 5)
    unsigned = fields.reshape(pairs, -1) ^ np.int8(-128)
    return pack_words(unsigned, bits)


def _in_pairs(table: npt.NDArray[Any], pairs: int) -> npt.NDArray[np.uint32]:
    """(channels, n) or (channels,) as (pairs, 2 * n): the two channels' words take turns."""
    flat = table.reshape(table.shape[0], -1)
    words = flat.astype(np.int64).astype(np.uint32)  # two's complement
    padded = np.zeros((2 * pairs, flat.shape[1]), dtype=np.uint32)
    padded[: flat.shape[0]] = words
    return padded.reshape(pairs, 2, -1).transpose(0, 2, 1).reshape(pairs, -1)


def matrix_instructions(key: KernelId, context: NodeContext, channels: int, chunks: int) -> float:
    """Modelled instructions of a whole output: products, outputs, inputs widened once a pixel."""
    bits = stored_bits(context)
    cost = variant_cost(key)
    mac = cost.wide_mac if bits == 16 else cost.mac
    per_output = 4 * chunks * mac + cost.output + 4 * chunks * cost.input / channels
    return context.height * context.width * channels * per_output
