"""Fits the costs of kernels on single layers, which no network has to have.

    python -m benchmarks.fit_layers [--core cortex-m4 ...] [--only KEY ...] [--dry] [MODEL...]

A row of every layer runs in QEMU, with all the kernels that a core may compute it by: each of its
instruction sets and every form of requantization. Channels, windows and widths of a call are those
that networks have, from one end to the other, so that no constant is known from three layers alone.
The constants go into mcucc/kernels/costs.json beside those of benchmarks.fit_costs; what the
generated C needs for a call is added (`AROUND`). Stages of networks are equations beside those of
layers. benchmarks.fit_packed is run again afterwards.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.firmware import roomy
from benchmarks.fit_costs import (
    Features,
    Row,
    constants,
    fit_kernels,
    read_table,
    stages,
    stand_ins,
    write_table,
)
from benchmarks.fit_splits import GUEST
from benchmarks.kernels import Made, activation, hwc3, matrix_layer, square, whole_rows
from mcucc.backends.calls.job import Job
from mcucc.backends.calls.qemu import LIST_BYTES, QemuMachine, build_calls
from mcucc.ir import Tensor
from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import Form, InstructionSet, KernelId
from mcucc.ir.op import Op
from mcucc.kernels.costs import ANY, KernelCost
from mcucc.kernels.select import NodeContext, choose, isa_of, isas_of
from mcucc.numerics.fixed_point import INT8, Rounding
from mcucc.ops.add import Add
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.extremum import Extremum
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.gather_channels import GatherChannels
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.l2_norm import L2Norm
from mcucc.ops.log_softmax import LogSoftmax
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.pad import Pad
from mcucc.ops.resize_bilinear import Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.sample_nearest import SampleNearest
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.slice import Slice
from mcucc.ops.softmax import Softmax
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.squared_difference import SquaredDifference
from mcucc.ops.sub import Sub

AROUND = 45  # instructions of generated C for a call: its loop, its pointers to rows
WIDTHS = (1, 2, 4, 7, 12, 24, 48)  # pixels of a call
TILE = 7  # those of up to so many lie in the middle of a row
POINTS = ((8, 16), (16, 8), (8, 48), (24, 96), (96, 24), (40, 160), (160, 40), (64, 64), (128, 128))
WINDOWS = (
    (1, 2),
    (2, 4),
    (1, 8),
    (3, 8),
    (3, 16),
    (3, 32),
    (16, 16),
    (16, 32),
    (32, 16),
    (32, 32),
    (64, 64),
)
DENSE = ((16, 2), (64, 10), (160, 2), (160, 10), (256, 64), (784, 32), (320, 300))
CHANNELS = (8, 16, 48, 96, 160)
COUNTED_ON = {  # where stages of networks are counted, for all cores of an instruction set
    InstructionSet.PORTABLE: "cortex-m0plus",
    InstructionSet.ARMV7M: "cortex-m3",
    InstructionSet.ARMV7EM: "cortex-m4",
    InstructionSet.MVE: "cortex-m55",
}
ENOUGH = 6  # layers that a kernel is fitted on, at least
MOST_OUTPUTS = 4000  # of a call: larger ones say nothing new


@dataclass(frozen=True, eq=False)
class Layer:
    """A kernel, the rows of its input, and the shape of what it makes."""

    kernel: Kernel
    inputs: tuple[np.ndarray, ...]
    shape: tuple[int, int, int]

    @property
    def features(self) -> Features:
        """Of the call of one row, as the cost model counts: MACs, outputs, calls, channels."""
        sink = self.kernel.granularity is Granularity.SINK
        _, width, channels = self.inputs[0].shape if sink else self.shape
        rows, pixels = self.calls, self.calls * width
        macs = pixels * self.kernel.macs_per_pixel
        return macs, pixels * channels, rows, rows * channels, pixels

    @property
    def calls(self) -> int:
        """Rows that are made, or taken by a sink."""
        if self.kernel.granularity is Granularity.ROW:
            return 1
        sink = self.kernel.granularity is Granularity.SINK
        return self.inputs[0].shape[0] if sink else self.shape[0]

    def job(self, call: KernelCall) -> Job:
        """A row in the middle, whose windows lie within the input; all rows of a sink's input."""
        types = self.kernel.types
        value_bytes = types[-1].itemsize if types else 1
        steps = whole_rows(self.kernel, self.inputs, self.shape, value_bytes)
        size = int(np.prod(self.shape)) * value_bytes
        if self.kernel.granularity is Granularity.ROW:
            steps = steps[len(steps) // 2 :][:1]
        sums = max(call.scratch_bytes, self.kernel.scratch_bytes)
        return Job(call, self.kernel.granularity, steps, size, sums)


def layers() -> Iterator[Layer]:
    """All of them: convolutions with long and short factors and both roundings, then the others."""
    for short, rounding in (
        (True, Rounding.SINGLE),
        (False, Rounding.SINGLE),
        (False, Rounding.DOUBLE),
    ):
        for made in weighted(short, rounding):
            yield of(made)
        yield from map(of, plain(rounding))


def of(made: Made) -> Layer:
    """With random inputs."""
    kernel, shapes, shape = made
    rng = np.random.default_rng(2)
    return Layer(
        kernel, tuple(rng.integers(-128, 128, each).astype(INT8) for each in shapes), shape
    )


def weighted(short: bool, rounding: Rounding) -> Iterator[Made]:
    """Layers with weights."""
    convolutions = [
        *((1, 1, pair) for pair in POINTS),
        *((3, stride, pair) for pair in WINDOWS for stride in (1, 2)),
        *((5, 2, pair) for pair in WINDOWS[:7]),
    ]
    for (size, stride, (inputs, outputs)), width in itertools.product(convolutions, WIDTHS):
        if width * outputs <= MOST_OUTPUTS:
            window, x_shape = piece(size, stride, width, inputs)
            taps = (outputs, size, size, inputs)
            yield matrix_layer(Conv2d(window), x_shape, taps, 0, short, (8, 8), rounding)
    for size, stride, channels, width in itertools.product((3, 5, 7), (1, 2), CHANNELS, WIDTHS):
        if width * channels <= MOST_OUTPUTS:
            window, x_shape = piece(size, stride, width, channels)
            weights, op = (size, size, channels), DepthwiseConv2d(window)
            yield matrix_layer(op, x_shape, weights, 2, short, (8, 8), rounding)
    for inputs, outputs in DENSE:
        shapes = (1, inputs), (outputs, inputs)
        yield matrix_layer(FullyConnected(), *shapes, 0, short, (8, 8), rounding)


def piece(
    size: int, stride: int, width: int, channels: int
) -> tuple[Window2d, tuple[int, int, int, int]]:
    """A window and an input whose output has rows within it and so many columns.

    Few columns are a tile in the middle of a map, many a whole row with both its borders.
    """
    pad = (size - 1) // 2 if width > TILE else 0
    columns = (width - 1) * stride + size - 2 * pad
    window = Window2d((size, size), (stride, stride), pads=Pads(pad, pad, pad, pad))
    return window, (1, 2 * size + stride, columns, channels)


def plain(rounding: Rounding) -> Iterator[Made]:
    """Layers without weights, those first that a map of many pixels has."""
    for channels, width in itertools.product((1, 3, *CHANNELS), (1, 3, 10, 24)):
        one: tuple[int, ...] = (1, 3, width, channels)
        yield from (simple(op, [one, one], rounding) for op in (Add(), Sub(), Mul(), Extremum()))
        yield simple(SquaredDifference(), [one, one], rounding)
        yield simple(Mul(), [one, (1, 1, 1, channels)], rounding)
        yield simple(Concat(3), [one, (1, 3, width, 2 * channels)], rounding)
        yield simple(Pad(square(3, 1).pads), [one], rounding)
        yield simple(Slice((0, 0, 0), (3, width, max(1, channels // 2))), [one], rounding)
        yield from (
            simple(op, [one], rounding) for op in (Sigmoid(), Softmax(), LogSoftmax(), L2Norm())
        )
        yield simple(GatherChannels(tuple(range(channels))[::-2]), [one], rounding)
        yield simple(GatherChannels(tuple(range(channels // 2, channels)) * 2), [one], rounding)
        yield simple(ArgMax(channels), [one], rounding)
        yield simple(ResizeNearest(2), [one], rounding)
        yield simple(
            SampleNearest(Sampling(2, 3, 3), Sampling(width, 5, 3)),
            [(1, 9, 3 * width, channels)],
            rounding,
        )
        yield simple(DepthToSpace(2), [(1, 3, width, 4 * channels)], rounding)
        yield simple(SpaceToDepth(2), [(1, 6, 2 * width, channels)], rounding)
        yield simple(GlobalAveragePool(), [one], rounding)
        for size in (2, 3, 7):
            yield simple(MaxPool(square(size, 1)), [(1, 9, width + 1, channels)], rounding)
            yield simple(AveragePool(square(size, 1)), [(1, 9, width + 1, channels)], rounding)


def simple(op: Op, shapes: Sequence[tuple[int, ...]], rounding: Rounding) -> Made:
    """A layer of tensors of equal scales, its output the same where the op leaves that open."""
    inputs = [activation(f"x{i}", shape, 8, 0.05, 3) for i, shape in enumerate(shapes)]
    quant = op.fixed_quant() or inputs[0].quant
    kind = op.infer([x.type for x in inputs])
    y = Tensor("y", kind.shape, INT8, quant)
    return op.lower(inputs, y, rounding), tuple(map(hwc3, shapes)), hwc3(kind.shape)


def rows_of(isa: InstructionSet) -> list[Row]:
    """An equation for every layer and kernel that a core of `isa` may compute it by."""
    found: dict[tuple[object, ...], tuple[KernelId, Layer, Job]] = {}
    for layer in layers():
        for each, form in itertools.product(isas_of(isa), (None, *Form)):
            context = NodeContext(((-128, 127),) * len(layer.inputs), *layer.shape[:2], form=form)
            call = choose(layer.kernel, context, each).call
            mark = call.id.text, layer.inputs[0].shape, layer.shape, layer.features
            if mark not in found:
                found[mark] = call.id, layer, layer.job(call)
    with tempfile.TemporaryDirectory() as folder:
        machine = QemuMachine(build_calls(isas_of(isa), GUEST[isa], Path(folder)), GUEST[isa])
        rows = []
        for some in batches(list(found.values())):
            done = machine.run_all([job for _, _, job in some])
            for (key, layer, _), made in zip(some, done, strict=True):
                counted = made.instructions + AROUND * layer.calls
                rows.append(Row(key, layer.features, round(counted)))
    return rows


def batches(
    jobs: Sequence[tuple[KernelId, Layer, Job]],
) -> Iterator[list[tuple[KernelId, Layer, Job]]]:
    """Jobs that fit into a list of QEMU's."""
    some: list[tuple[KernelId, Layer, Job]] = []
    size = 0
    for each in jobs:
        job = each[2]
        weights = sum(v.data.nbytes for _, v in job.call.fields if isinstance(v, ConstArray))
        rows = sum(len(row or b"") + 64 for step in job.steps for row in step.rows)
        own = weights + rows + job.total_bytes + job.call.scratch_bytes + 1000
        if size + own > LIST_BYTES // 2:
            yield some
            some, size = [], 0
        some.append(each)
        size += own
    yield some


def kernel_costs(rows: Sequence[Row]) -> dict[str, KernelCost]:
    """The constants by the text of the key, of kernels that enough layers call; errors printed."""
    mine = defaultdict(list)
    for row in rows:
        mine[row.key.text].append(row)
    wanted = {key: each for key, each in mine.items() if len(each) >= ENOUGH}
    found = fit_kernels([row for each in wanted.values() for row in each])
    del found[ANY]
    for key, each in sorted(wanted.items()):
        made = np.array([row.features for row in each]) @ constants(found[key])
        away = np.abs(made / np.array([row.instructions for row in each]) - 1)
        words = f"{len(each)} layers, off by {np.mean(away):.0%}, at worst {np.max(away):.0%}"
        print(f"{key} {constants(found[key])}: {words}", flush=True)
    return found


def main() -> None:
    """Fit, print, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    table = read_table()
    cores = table["cores"]
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--core", action="append", choices=sorted(cores))
    parser.add_argument(
        "--only", action="append", default=[], metavar="KEY", help="fit these alone"
    )
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    fitted: dict[InstructionSet, dict[str, KernelCost]] = {}
    for core in options.core or sorted(cores):
        isa = isa_of(core, sorted(option.value for option in roomy(core).isa))
        if isa not in fitted:
            print(core)
            rows = rows_of(isa) + stages(COUNTED_ON[isa], options.models)
            only = tuple(options.only) or ("",)  # how their keys begin
            fitted[isa] = kernel_costs([row for row in rows if row.key.text.startswith(only)])
        kernels = cores[core]["kernels"]
        kernels |= {key: constants(cost) for key, cost in fitted[isa].items()}
        cores[core]["kernels"] = dict(sorted(kernels.items()))
        cores[core]["like"] = stand_ins(core, kernels)
    if not options.dry:
        write_table(table)


if __name__ == "__main__":
    main()
