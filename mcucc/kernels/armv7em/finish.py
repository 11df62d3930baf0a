"""The end of every accumulating kernel on Armv7E-M: the proved form and its C fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel_id import Form
from mcucc.kernels.requantize import Finish, high_form, reach_of, shift_form
from mcucc.kernels.select import NodeContext
from mcucc.ops.common.matrix import Accumulation, FieldList


def matrix_finish(
    weights: npt.NDArray[Any], sums: Accumulation, context: NodeContext
) -> Finish | None:
    """The cheapest proved form for weights (channels, taps), or None."""
    bounds = reach_of(weights, sums, *context.input_intervals[0])
    high = high_form(sums, bounds, patient=context.form is Form.HIGH)
    return context.wanted(high) or context.wanted(shift_form(sums, bounds))


def addends(sums: Accumulation, finish: Finish) -> npt.NDArray[np.int32]:
    """(2 * zero point + 1) << shift per channel: zero point and rounding of SHIFT and DOUBLE."""
    return ((2 * sums.output_zero_point + 1) << finish.shift).astype(np.int32)


def matrix_stream(
    weights: npt.NDArray[np.int8], sums: Accumulation, finish: Finish, wide: bool
) -> npt.NDArray[np.uint32]:
    """The constants of a layer as matrix_armv7em.h reads them; weights (C_out, 4 * chunks)."""
    pairs = (weights.shape[0] + 1) // 2
    columns: list[npt.NDArray[np.uint32]] = [
        _in_pairs(sums.bias, pairs),
        weights_in_pairs(weights, pairs, wide),
    ]
    if finish.form is Form.HIGH:
        columns.append(_in_pairs(finish.multiplier, pairs))
    else:
        both = np.stack([finish.multiplier, addends(sums, finish)], axis=1)
        shift = _in_pairs(finish.shift, pairs)
        columns += [
            _in_pairs(both, pairs).reshape(pairs, 2, 2).transpose(0, 2, 1).reshape(pairs, 4),
            (shift[:, :1] | shift[:, 1:] << 8).astype(np.uint32),
        ]
    stream: npt.NDArray[np.uint32] = np.concatenate(columns, axis=1).reshape(-1)
    return stream


def weights_in_pairs(
    weights: npt.NDArray[np.int8], pairs: int, wide: bool
) -> npt.NDArray[np.uint32]:
    """Chunk by chunk, the two channels' words taking turns: int8, or pairs (0, 2) (1, 3)."""
    if not wide:
        return _in_pairs(np.ascontiguousarray(weights).view(np.dtype("<u4")), pairs)
    chunks = weights.reshape(weights.shape[0], -1, 4)[:, :, [0, 2, 1, 3]].astype(np.int16)
    words = np.ascontiguousarray(chunks).view(np.dtype("<u4"))  # (channels, chunks, 2)
    padded = np.zeros((2 * pairs, *words.shape[1:]), dtype=np.uint32)
    padded[: words.shape[0]] = words
    turns = padded.reshape(pairs, 2, -1, 2).transpose(0, 2, 1, 3)
    return turns.reshape(pairs, -1)


def _in_pairs(table: npt.NDArray[Any], pairs: int) -> npt.NDArray[np.uint32]:
    """(channels, n) or (channels,) as (pairs, 2 * n): the two channels' words take turns."""
    flat = table.reshape(table.shape[0], -1)
    words = flat.astype(np.int64).astype(np.uint32)  # two's complement
    padded = np.zeros((2 * pairs, flat.shape[1]), dtype=np.uint32)
    padded[: flat.shape[0]] = words
    return padded.reshape(pairs, 2, -1).transpose(0, 2, 1).reshape(pairs, -1)


def output_fields(sums: Accumulation) -> FieldList:
    """Zero points and clamp, as every parameter struct ends."""
    return (
        ("input_zero_point", sums.input_zero_point),
        ("output_zero_point", sums.output_zero_point),
        ("lo", sums.lo),
        ("hi", sums.hi),
    )
