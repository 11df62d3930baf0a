"""What an emulated core is to do: calls of one C kernel over the rows of its input."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mcucc.ir.kernel import ConstArray, Granularity, KernelCall

# Before and behind every buffer; what is written there is found.
GUARD = b"\x5a" * 32


@dataclass(frozen=True, eq=False)
class Step:
    """One call and the bytes its row pointers point at (None: NULL).

    `span` is (row, begin, end, input_column), None for TENSOR kernels. Rows and output start at a
    multiple of `align` bytes, and of no more where that is 1 or 2.
    """

    span: tuple[int, int, int, int] | None
    rows: tuple[bytes | None, ...]
    out_bytes: int
    align: int = 1


@dataclass(frozen=True, eq=False)
class Job:
    """One kernel over one output of `total_bytes`; a SINK keeps `sums_bytes` between its calls."""

    call: KernelCall
    granularity: Granularity
    steps: tuple[Step, ...]
    total_bytes: int
    sums_bytes: int = 0


def aligned(address: int, align: int) -> int:
    """An address from this one on: odd with 1, no multiple of 4 with 2, else a multiple."""
    if align == 1:
        return address | 1
    return (address + 1) // 4 * 4 + 2 if align == 2 else -(-address // align) * align


def place_parameters(call: KernelCall, place: Callable[[bytes, int], int]) -> int:
    """The address of the parameter struct; `place` puts bytes at an aligned address."""
    words = []
    for _, value in call.fields:
        if isinstance(value, ConstArray):
            words.append(place(np.ascontiguousarray(value.data).tobytes(), 4))
        else:
            words.append((value or 0) & 0xFFFFFFFF)
    return place(struct.pack(f"<{len(words)}I", *words), 4)
