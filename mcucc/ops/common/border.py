"""Padding that is not the zero of its input: a convolution whose border has biases of its own.

Where a scale and an offset are folded into a convolution (y = w * (a x + b) becomes (w a) x + w b),
w b counts for every tap, also for those in the padding, which is 0 behind the offset and not before
it. What a tap adds where it is padding, -w b, is a constant per output channel: the border. Outputs
whose windows leave the input at the same taps have the same sum of it, an addend of their bias.
Those are the zones of the output: runs of rows times runs of columns, few and narrow, one inside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import BorderCall, ConstArray, Kernel, KernelCall
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntArray, IntegerArray, check_int32
from mcucc.ops.common.convolution import ConvolutionKernel
from mcucc.ops.common.matrix import Biases
from mcucc.ops.common.spatial import NO_PADS, Window2d, valid_taps

Mask = npt.NDArray[np.bool_]


def check_border(inputs: Sequence[TensorType], shape: tuple[int, int, int]) -> None:
    """ValueError unless the border of (x, weights, bias, border), if any, is (kh, kw, C_out)."""
    if len(inputs) > 3 and inputs[3].shape != shape:
        raise ValueError(f"the border is {inputs[3].shape}, not {shape}")


def added_by_padding(
    per_tap: npt.NDArray[Any], window: Window2d, height: int, width: int
) -> npt.NDArray[Any]:
    """The sum of `per_tap` (kh, kw, C) over each window's taps in the padding: (Ho, Wo, C)."""
    return _outside(per_tap, *valid_taps(window, height, width))


def _outside(per_tap: npt.NDArray[Any], rows: Mask, columns: Mask) -> npt.NDArray[Any]:
    """The same for rows and columns whose taps inside the input are given."""
    inside: npt.NDArray[Any] = np.einsum(
        "rt,cu,tuo->rco", rows.astype(per_tap.dtype), columns.astype(per_tap.dtype), per_tap
    )
    summed: npt.NDArray[Any] = per_tap.sum(axis=(0, 1)) - inside
    # Sums of floats in another order are not exactly the same: nothing outside is nothing added.
    summed[np.ix_(rows.all(axis=1), columns.all(axis=1))] = 0
    return summed


def bias_pullbacks(
    inputs: Sequence[npt.NDArray[Any]], window: Window2d, gradient: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], ...]:
    """The gradients of bias and border, where (x, weights, bias, border) has them.

    Of the border, (kh, kw, C), each tap has the sum over those outputs for which it is padding.
    """
    found = gradient.sum(axis=(0, 1, 2))
    if len(inputs) < 4:
        return (found,)[: len(inputs) - 2]
    rows, columns = valid_taps(window, *inputs[0].shape[1:3])
    inside: npt.NDArray[Any] = np.einsum(
        "rt,cu,nrco->tuo", rows.astype(gradient.dtype), columns.astype(gradient.dtype), gradient
    )
    return found, found - inside


@dataclass(frozen=True, eq=False)
class Zones:
    """The zones of an output: `rows` and `columns` are where they begin, and where the last ends.

    `added` (row zones, column zones, C) is what padding adds in each; `inside` is the number of
    taps in the input, of all `taps` of the window.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    added: npt.NDArray[Any]

    @property
    def pixels(self) -> IntArray:
        """How many outputs are in each zone, (row zones, column zones)."""
        tall, wide = np.diff(self.rows), np.diff(self.columns)
        counts: IntArray = tall[:, None] * wide
        return counts


def zones_of(per_tap: npt.NDArray[Any], window: Window2d, height: int, width: int) -> Zones:
    """The zones of a convolution over a picture of this size."""
    rows, columns = valid_taps(window, height, width)
    row_edges, column_edges = _edges(rows), _edges(columns)
    added = _outside(per_tap, rows[list(row_edges[:-1])], columns[list(column_edges[:-1])])
    return Zones(row_edges, column_edges, added)


def _edges(taps: Mask) -> tuple[int, ...]:
    """Where runs of equal rows of a mask begin, and their end."""
    changes = np.flatnonzero((taps[1:] != taps[:-1]).any(axis=1)) + 1
    return (0, *(int(at) for at in changes), len(taps))


def bordered(
    kernel: ConvolutionKernel, inputs: Sequence[Tensor], flat: npt.NDArray[np.int64]
) -> Kernel:
    """The kernel of (x, weights, bias[, border]); `flat` are its weights as (C_out, taps).

    Raises ValueError when an accumulator at the border may leave int32.
    """
    if len(inputs) < 4:
        return kernel
    _, height, width, _ = inputs[0].shape
    zones = zones_of(inputs[3].constant.astype(np.int64), kernel.window, height, width)
    biases = kernel.sums.bias + zones.added
    least, most = biases.min(axis=(0, 1)), biases.max(axis=(0, 1))
    above, below = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    least_input, most_input = inputs[0].interval
    lowest = int((least + least_input * above + most_input * below).min())
    highest = int((most + most_input * above + least_input * below).max())
    check_int32(inputs[3].name, lowest, highest)
    ends = least.astype(np.int32), most.astype(np.int32)
    sums = replace(kernel.sums, bounds=(lowest, highest), family=Biases(kernel.sums.bias, *ends))
    inside = replace(kernel, sums=sums)

    def part(added: IntArray) -> ConvolutionKernel:
        if not added.any():
            return inside
        own = replace(sums, bias=(sums.bias + added).astype(np.int32))
        return replace(kernel, sums=own)

    parts = tuple(tuple(part(added) for added in row) for row in zones.added)
    return BorderedKernel(inside, zones.rows, zones.columns, parts)


@dataclass(frozen=True, eq=False)
class BorderedKernel(Kernel):
    """A convolution with another bias in each zone of its output.

    `by_zone` are the kernels of the zones, (row zones, column zones): `layer` with other biases,
    `layer` itself where padding adds nothing.
    """

    layer: ConvolutionKernel
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    by_zone: tuple[tuple[ConvolutionKernel, ...], ...]

    def weight_bytes(self, bits: int) -> int:
        """All zones have the same weights."""
        return self.layer.weight_bytes(bits)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        """The int8 reference: every zone by its kernel, on the input with its padding around it."""
        window = self.layer.window
        p = window.pads
        around = ((0, 0), (p.top, p.bottom), (p.left, p.right), (0, 0))
        padded = np.pad(inputs[0], around, constant_values=self.layer.sums.input_zero_point)
        (stride_y, stride_x), (tall, wide) = window.stride, window.effective
        row_zones, column_zones = itertools.pairwise(self.rows), itertools.pairwise(self.columns)
        across = [(a * stride_x, (b - 1) * stride_x + wide) for a, b in column_zones]
        lines = []
        for (top, bottom), kernels in zip(row_zones, self.by_zone, strict=True):
            strip = padded[:, top * stride_y : (bottom - 1) * stride_y + tall]
            cells = [
                _without_padding(kernel).run([strip[:, :, left:right]])
                for (left, right), kernel in zip(across, kernels, strict=True)
            ]
            lines.append(np.concatenate(cells, axis=2))
        return np.concatenate(lines, axis=1)

    @cached_property
    def kernels(self) -> tuple[ConvolutionKernel, ...]:
        """The kernels there are, that of the inside first."""
        found = {id(kernel): kernel for row in self.by_zone for kernel in row}
        inside = found.pop(id(self.layer), None)
        return tuple(kernel for kernel in (inside, *found.values()) if kernel is not None)

    @property
    def numbers(self) -> tuple[tuple[int, ...], ...]:
        """Which of `kernels` each zone has, (row zones, column zones)."""
        index = {id(kernel): number for number, kernel in enumerate(self.kernels)}
        return tuple(tuple(index[id(kernel)] for kernel in row) for row in self.by_zone)

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return self.layer.types

    def windows(self, index: int) -> tuple[Window, Window]:
        return self.layer.windows(index)

    def padding(self) -> int | None:
        """The convolution's: what is in the padding does not matter, as long as it is known."""
        return self.layer.padding()

    @property
    def macs_per_pixel(self) -> int:
        return self.layer.macs_per_pixel

    def call(self) -> KernelCall:
        """The convolution's, zone by zone."""
        return self.compose([kernel.call() for kernel in self.kernels])

    def compose(self, calls: Sequence[KernelCall]) -> KernelCall:
        """One call of those of `kernels`; tables that are equal are there once."""
        main, *others = calls
        tables = {array.name: array for array in main.arrays}
        unique = []
        for number, call in enumerate(others):
            fields = tuple(
                (key, _shared(value, number, tables) if isinstance(value, ConstArray) else value)
                for key, value in call.fields
            )
            unique.append(replace(call, fields=fields))
        narrow: Callable[[int], KernelCall] | None = None
        if any(call.narrow is not None for call in calls):

            def narrow(columns: int) -> KernelCall:
                return self.compose([c.narrow(columns) if c.narrow else c for c in calls])

        return replace(
            main,
            scratch_bytes=max(call.scratch_bytes for call in calls),
            narrow=narrow,
            border=BorderCall(self.rows, self.columns, self.numbers, tuple(unique)),
        )

    def describe(self) -> str:
        """The convolution and the number of its biases."""
        return f"{self.layer.describe()}, {len(self.kernels)} biases"


def _without_padding(kernel: ConvolutionKernel) -> ConvolutionKernel:
    return replace(kernel, window=replace(kernel.window, pads=NO_PADS))


def _shared(array: ConstArray, number: int, tables: dict[str, ConstArray]) -> ConstArray:
    """The table with these values, or this one under a name of its own."""
    for known in tables.values():
        same = known.data.shape == array.data.shape and known.data.dtype == array.data.dtype
        if same and known.align >= array.align and np.array_equal(known.data, array.data):
            return known
    made = replace(array, name=f"border_{number}_{array.name}")
    tables[made.name] = made
    return made
