"""A kernel: an op after quantization, with every integer it needs.

It knows the int8 result (NumPy, the reference) and the C function that computes the same bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel_id import Form, KernelId
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntegerArray


class Granularity(Enum):
    """How much of a tensor one call of a kernel computes."""

    ROW = "row"  # one output row, or some columns of it, from the row pointers of its window
    BLOCK = "block"  # all rows of a step together: its inputs are read until the last is done
    SINK = "sink"  # begin, every part of every input row once in any order, finish: one output
    TENSOR = "tensor"  # the whole output from whole, contiguous inputs
    ALIAS = "alias"  # no code: the output is the input's bytes under another shape


@dataclass(frozen=True, eq=False)
class ConstArray:
    """A constant table of a kernel in C: `static const <type> <node>_<name>[]`.

    `bits`, where they are fewer than 8, are those of weights that lie several in a number: it is
    printed in hexadecimal, with a comment.
    """

    name: str
    data: npt.NDArray[Any]
    align: int = 4
    bits: int = 8


@dataclass(frozen=True, eq=False)
class KernelCall:
    """The C kernel to call and the initialiser of its parameter struct.

    `fields` are in the order of the struct; a ConstArray becomes a pointer to its table.
    `scratch_bytes` of the arena are handed over as `span->scratch` during the call. `narrow`, where
    there is one, gives the call that makes at most so many columns at a time, with less scratch.
    With a `block` its calls are made instead; the fields are their tables. With a `border` other
    calls make some zones of the output.
    """

    id: KernelId
    fields: tuple[tuple[str, int | ConstArray | None], ...]
    scratch_bytes: int = 0
    narrow: Callable[[int], KernelCall] | None = None
    block: BlockCall | None = None
    border: BorderCall | None = None

    @property
    def function(self) -> str:
        """The C function."""
        return self.id.function

    @property
    def params(self) -> str:
        """The C type of the parameters."""
        return self.id.params

    @property
    def calls(self) -> tuple[KernelCall, ...]:
        """The calls of C functions that this one is."""
        if self.block is not None:
            return tuple(call for group in self.block.groups for call in group)
        return (self, *(self.border.calls if self.border else ()))

    @property
    def arrays(self) -> tuple[ConstArray, ...]:
        """The constant tables, each once, in order."""
        calls = (self, *(self.border.calls if self.border else ()))
        found = (value for call in calls for _, value in call.fields)
        arrays = {array.name: array for array in found if isinstance(array, ConstArray)}
        return tuple(arrays.values())


@dataclass(frozen=True, eq=False)
class Variant:
    """The C that computes a kernel, chosen among several (mcucc/kernels).

    `name` is for readers; `instructions` is the modelled count for the whole output.
    """

    call: KernelCall
    name: str
    instructions: float

    @property
    def form(self) -> Form | None:
        """The proved form of requantization, if there is one."""
        return self.call.id.form

    def narrowed(self, columns: int) -> Variant:
        """The same for calls that make at most so many columns: it may need less scratch."""
        narrow = self.call.narrow
        return self if narrow is None else replace(self, call=narrow(columns))


@dataclass(frozen=True, eq=False)
class BlockCall:
    """The calls of a BLOCK, group of channels by group of channels, and its scratch.

    For each group the rows of the input that a step reads are expanded, then each row of the
    output is filtered from `taps` of them at a distance of `dilation`, and added to the output.
    Scratch holds what the calls themselves need, from `expanded` on `slots` rows of `pitch` bytes,
    and from `filtered` on one row. A row of `padding` stands for rows outside the input; None: a
    NULL pointer does.
    """

    STEPS: ClassVar[tuple[str, str, str]] = ("expand", "depthwise", "project")

    groups: tuple[tuple[KernelCall, KernelCall, KernelCall], ...]  # in the order of STEPS
    channels: int  # of the largest group
    taps: int
    dilation: int
    padding: int | None
    expanded: int
    slots: int
    pitch: int
    filtered: int


@dataclass(frozen=True, eq=False)
class BorderCall:
    """Zones of a layer's output with calls of their own: all of one function.

    `rows` and `columns` are where the zones begin and where the last ends; `zones` (row zones,
    column zones) says who makes each: 0 the layer's own call, n > 0 the call n - 1.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    zones: tuple[tuple[int, ...], ...]
    calls: tuple[KernelCall, ...]


@dataclass(frozen=True)
class Part:
    """Calls of one C kernel by a BLOCK: for each row of its output, or of its input, `calls`.

    `macs` and `channels` are those of a pixel, of all these calls together.
    """

    key: KernelId
    of_input: bool
    calls: int
    macs: int
    channels: int


class Kernel(ABC):
    """An op on int8 or int16 tensors, all integers fixed. Arrays are (N, H, W, C)."""

    @property
    def granularity(self) -> Granularity:
        """How much one call computes."""
        return Granularity.ROW

    @abstractmethod
    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        """The reference: the contract of docs/quantization.md, exactly."""

    @abstractmethod
    def call(self) -> KernelCall:
        """The portable C function that computes the same bytes."""

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        """Element types of the activations, in order, and of the output.

        None: all are int8, or the kernel moves bytes whatever they mean.
        """
        return ()

    @property
    def wide(self) -> tuple[int, ...]:
        """Their bits where any is int16: `KernelId.types`."""
        bits = tuple(8 * dtype.itemsize for dtype in self.types)
        return bits if 16 in bits else ()

    def windows(self, index: int) -> tuple[Window, Window]:
        """Row and column window of input `index` (ROW and SINK kernels)."""
        del index
        return Window(), Window()

    def padding(self) -> int | None:
        """The value of padded rows, in the type of input 0.

        None when the window never leaves the input, or the kernel leaves such rows out: their
        pointers are NULL then.
        """
        return None

    @property
    def macs_per_pixel(self) -> int:
        """Multiply-accumulates of one output pixel, all channels."""
        return 0

    def weight_bytes(self, bits: int) -> int:
        """Bytes of its weights alone, of so many bits each."""
        weights = getattr(self, "weights", None)
        return 0 if weights is None else -(-int(weights.size) * bits // 8)

    def macs(self, rows: Sequence[tuple[int, int]], columns: Sequence[tuple[int, int]]) -> int:
        """Multiply-accumulates of calls for every pair of row and column ranges of the output."""
        return self.macs_per_pixel * _total(rows) * _total(columns)

    @property
    def scratch_bytes(self) -> int:
        """Arena bytes used during the call only."""
        return 0

    def narrowed(self, columns: int, rows: int = 1) -> Kernel:
        """The kernel for calls that make at most so many columns, and rows where it is a BLOCK.

        It may need less scratch.
        """
        del columns, rows
        return self

    def in_place(self, index: int) -> bool:
        """Whether the output may overwrite input `index` byte for byte (same size, same order)."""
        del index
        return False

    def describe(self) -> str:
        """One line for comments and reports: the op and its attributes."""
        return type(self).__name__.removesuffix("Kernel")

    @property
    def variant_name(self) -> str:
        """Which C computes the kernel where no variant was chosen for it."""
        return "portable"

    # What a BLOCK says of itself beside: planner, checker and code generator ask no more of it ---

    @property
    def parts(self) -> tuple[Part, ...]:
        """What a BLOCK calls, by C kernel; none: the kernel's own call alone."""
        return ()

    @property
    def macs_per_input_pixel(self) -> int:
        """Multiply-accumulates a BLOCK's call spends on each pixel of input 0 that it reads."""
        return 0

    def least_scratch(self, pixels: int, columns: int) -> int:
        """Bytes a BLOCK's call writes that reads so many pixels and makes rows of so many columns.

        The checker asks, independently of what `scratch_bytes` reserves.
        """
        del pixels, columns
        return 0

    def flaw(self) -> str:
        """What makes a BLOCK compute something else than its layers; "" where nothing does."""
        return ""


def _total(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(end - begin for begin, end in ranges)
