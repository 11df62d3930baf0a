"""Executed instructions of single layers on an emulated core, beside the peers' figures.

    python benchmarks/kernels.py [--core cortex-m4] [--types 16 16] [--json FILE]

Weights and inputs are random, every output is checked against the NumPy reference before it counts.
The peers' columns are those of benchmarks/peers.json, measured on a Cortex-M4.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcucc.backends.calls.choose import open_machine
from mcucc.backends.calls.cycles import Counts
from mcucc.backends.calls.job import Step
from mcucc.backends.calls.qemu import QemuMachine
from mcucc.backends.calls.unicorn import Machine
from mcucc.ir import Quant, Tensor
from mcucc.ir.kernel import Kernel
from mcucc.ir.kernel_id import InstructionSet
from mcucc.ir.op import Op
from mcucc.kernels.select import NodeContext, choose
from mcucc.numerics.fixed_point import INT8, INT16, IntegerArray, Rounding
from mcucc.ops.add import Add
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.layer_norm import LayerNorm
from mcucc.ops.mat_mul import MatMul
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.resize_bilinear import ResizeBilinear, Sampling
from mcucc.quantize.lines import as_lines

OWN = 2047  # the limit of our own int16 tensors
Types = tuple[int, int]  # bits of inputs and of the output
Shape = tuple[int, int, int]
Made = tuple[Kernel, tuple[Shape, ...], Shape]  # a kernel, the shapes of its inputs, its output's
PEERS = Path(__file__).resolve().parent / "peers.json"


@dataclass(frozen=True)
class Layer:
    """A row of the table: what to build."""

    name: str
    make: Callable[[bool, Types], Made]


@dataclass(frozen=True)
class Result:
    """What was counted."""

    name: str
    variant: str
    counts: Counts
    outputs: int
    macs: int
    scratch_bytes: int


def activation(name: str, shape: tuple[int, ...], bits: int, scale: float, zero: int) -> Tensor:
    """A tensor of int8, or of int16 in steps a 16th of these."""
    if bits == 16:
        return Tensor(name, shape, INT16, Quant((scale / 16,), 0, limit=OWN))
    return Tensor(name, shape, INT8, Quant((scale,), zero))


def matrix_layer(
    op: Op,
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    axis: int,
    short: bool,
    types: Types,
    rounding: Rounding = Rounding.SINGLE,
) -> Made:
    """A kernel with random weights; `short` factors are m * 2^-s with 15 bits."""
    rng = np.random.default_rng(1)
    channels = w_shape[axis]
    weights = rng.integers(-127, 128, w_shape).astype(np.int8)
    taps = weights.size // channels
    factors = rng.uniform(0.5, 1.0, channels) / (2.0 * 73 * np.sqrt(taps))
    if short:
        factors = np.rint(factors * 2.0**22) * 2.0**-22
    x = activation("x", x_shape, types[0], 1.0, -3)
    w = Tensor.const("w", weights, Quant(tuple(float(f) for f in factors), 0, axis))
    bias = rng.integers(-1000, 1000, channels).astype(np.int32)
    b = Tensor.const("b", bias, Quant(tuple(float(f) for f in factors), 0, 0))
    y_shape = op.infer([x.type, w.type]).shape
    y = activation("y", y_shape, types[1], 1.0, 5)
    kernel = as_lines(op.lower((x, w, b), y, rounding))
    return kernel, (hwc3(x_shape),), hwc3(y_shape)


def hwc3(shape: tuple[int, ...]) -> tuple[int, int, int]:
    padded = (1,) * (4 - len(shape)) + tuple(shape)
    return padded[1], padded[2], padded[3]


def conv(
    size: int, c_in: int, c_out: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> Callable:
    op = Conv2d(square(kernel, stride), groups)
    shape, weights = (1, size, size, c_in), (c_out, kernel, kernel, c_in // groups)
    return lambda short, types: matrix_layer(op, shape, weights, 0, short, types)


def depthwise(
    size: int, channels: int, kernel: int = 3, stride: int = 1, dilation: int = 1
) -> Callable:
    op = DepthwiseConv2d(square(kernel, stride, dilation))
    shape, weights = (1, size, size, channels), (kernel, kernel, channels)
    return lambda short, types: matrix_layer(op, shape, weights, 2, short, types)


def dense(inputs: int, outputs: int) -> Callable:
    shapes = (1, inputs), (outputs, inputs)
    return lambda short, types: matrix_layer(FullyConnected(), *shapes, 0, short, types)


def addition(size: int, channels: int) -> Callable:
    shape = (1, size, size, channels)

    def make(short: bool, types: Types) -> tuple:
        del short
        a = activation("a", shape, types[0], 0.05, 3)
        b = activation("b", shape, types[0], 0.03, -7)
        y = activation("y", shape, types[1], 0.07, 1)
        return Add().lower((a, b), y, Rounding.SINGLE), (shape[1:], shape[1:]), shape[1:]

    return make


def max_pool(size: int, channels: int, kernel: int, stride: int = 1) -> Callable:
    return plain_layer(MaxPool(square(kernel, stride)), [(1, size, size, channels)], 1.0)


def average(size: int, channels: int, kernel: int, stride: int = 1) -> Callable:
    return plain_layer(AveragePool(square(kernel, stride)), [(1, size, size, channels)], 1.0)


def mean(size: int, channels: int) -> Callable:
    return plain_layer(GlobalAveragePool(), [(1, size, size, channels)], 0.1)


def product_of_maps(size: int, channels: int, gate: bool) -> Callable:
    shape = (1, size, size, channels)
    return plain_layer(Mul(), [shape, (1, 1, 1, channels) if gate else shape], 73.0)


def layer_norm(size: int, channels: int) -> Callable:
    rng = np.random.default_rng(1)
    op = LayerNorm(tuple(rng.uniform(0.5, 2, channels)), tuple(rng.normal(0, 1, channels)))
    return plain_layer(op, [(1, size, size, channels)], 0.05)


def product(pixels: int, keys: int, depth: int, heads: int, transposed: bool) -> Callable:
    """Of `depth` values a head; transposed: by a row of them for each of the keys."""
    a = heads * (depth if transposed else keys)
    shapes = [(1, 1, pixels, a), (1, 1, keys, heads * depth)]
    return plain_layer(MatMul(heads, transposed), shapes, 60.0)


def bilinear(size: int, channels: int, factor: int) -> Callable:
    sampling = Sampling.of(size * factor, 2, 2 * factor, 1 - factor)
    return plain_layer(ResizeBilinear(sampling, sampling), [(1, size, size, channels)], 1.0)


def plain_layer(op: Op, shapes: Sequence[tuple[int, ...]], scale: float) -> Callable:
    """A layer without weights, its output in steps of `scale`."""

    def make(short: bool, types: Types) -> tuple:
        del short
        inputs = [activation("x", shape, types[0], 1.0, 0) for shape in shapes]
        y = activation("y", op.infer([x.type for x in inputs]).shape, types[1], scale, 0)
        kernel = op.lower(inputs, y, Rounding.SINGLE)
        return kernel, tuple(hwc3(shape) for shape in shapes), hwc3(y.shape)

    return make


def square(kernel: int, stride: int, dilation: int = 1) -> Window2d:
    pad = (kernel - 1) // 2 * dilation
    pads = Pads(pad, pad, pad, pad)
    return Window2d((kernel, kernel), (stride, stride), (dilation, dilation), pads)


LAYERS = (
    Layer("1x1 8->16 @48", conv(48, 8, 16)),
    Layer("1x1 16->32 @24", conv(24, 16, 32)),
    Layer("1x1 64->64 @12", conv(12, 64, 64)),
    Layer("1x1 128->128 @6", conv(6, 128, 128)),
    Layer("conv 3x3 s2 3->16 @96", conv(96, 3, 16, 3, 2)),
    Layer("conv 3x3 s2 1->8 @96", conv(96, 1, 8, 3, 2)),
    Layer("conv 3x3 16->16 @32", conv(32, 16, 16, 3)),
    Layer("dw 3x3 8 ch @48", depthwise(48, 8)),
    Layer("dw 3x3 64 ch @12", depthwise(12, 64)),
    Layer("dw 3x3 s2 48 ch @40", depthwise(40, 48, 3, 2)),
    Layer("dw 5x5 48 ch @20", depthwise(20, 48, 5)),
    Layer("dw 5x5 s2 48 ch @20", depthwise(20, 48, 5, 2)),
    Layer("dw 7x7 48 ch @20", depthwise(20, 48, 7)),
    Layer("dw 7x7 s2 48 ch @20", depthwise(20, 48, 7, 2)),
    Layer("fc 160->1000", dense(160, 1000)),
    Layer("add 20x20x32", addition(20, 32)),
    Layer("conv 3x3 32->32 @16, 4 groups", conv(16, 32, 32, 3, 1, 4)),
    Layer("dw 3x3 d4 64 ch @12", depthwise(12, 64, 3, 1, 4)),
    Layer("dw 1x1 64 ch @12", depthwise(12, 64, 1)),
    Layer("layer norm 8x8x48", layer_norm(8, 48)),
    Layer("layer norm 8x8x128", layer_norm(8, 128)),
    Layer("a b^T 64x64, 2 of 32", product(64, 64, 32, 2, transposed=True)),
    Layer("a b 64x64, 2 of 32", product(64, 64, 32, 2, transposed=False)),
    Layer("bilinear x2 32x32x16", bilinear(32, 16, 2)),
    Layer("bilinear x8 12x12x4", bilinear(12, 4, 8)),
    Layer("max 2x2 s2 16 ch @48", max_pool(48, 16, 2, 2)),
    Layer("max 3x3 s2 24 ch @40", max_pool(40, 24, 3, 2)),
    Layer("max 5x5 32 ch @10", max_pool(10, 32, 5)),
    Layer("max 7x7 32 ch @10", max_pool(10, 32, 7)),
    Layer("average 2x2 s2 16 ch @48", average(48, 16, 2, 2)),
    Layer("average 3x3 32 ch @20", average(20, 32, 3)),
    Layer("mean 64 ch @12", mean(12, 64)),
    Layer("mul 20x20x32", product_of_maps(20, 32, gate=False)),
    Layer("mul 20x20x32, per channel", product_of_maps(20, 32, gate=True)),
)


def whole_rows(
    kernel: Kernel, inputs: Sequence[IntegerArray], shape: tuple[int, int, int], value_bytes: int
) -> tuple:
    """The calls of a layer-by-layer plan; `value_bytes` are those of the output."""
    align = max(value_bytes, *(x.dtype.itemsize for x in inputs))
    size = value_bytes * int(np.prod(shape))
    if kernel.granularity.value == "tensor":
        return (Step(None, tuple(x.tobytes() for x in inputs), size, align),)
    if kernel.granularity.value == "sink":
        height, width = inputs[0].shape[:2]
        return tuple(
            Step((row, 0, width, 0), tuple(x[row].tobytes() for x in inputs), 0, align)
            for row in range(height)
        )
    steps = []
    for row in range(shape[0]):
        rows: list[bytes | None] = []
        for index, x in enumerate(inputs):
            vertical, _ = kernel.windows(index)
            for tap in vertical.taps(row):
                padding = kernel.padding()
                if 0 <= tap < x.shape[0]:
                    rows.append(x[tap].tobytes())
                elif padding is None:
                    rows.append(None)
                else:
                    rows.append(np.full(x.shape[1:], padding, x.dtype).tobytes())
        steps.append(Step((row, 0, shape[1], 0), tuple(rows), size // shape[0], align))
    return tuple(steps)


def measure(
    layer: Layer, machine: Machine | QemuMachine, isa: InstructionSet, short: bool, types: Types
) -> Result:
    """Count one layer; RuntimeError when its bytes are not the reference's."""
    kernel, x_shapes, y_shape = layer.make(short, types)
    rng = np.random.default_rng(2)
    lo, hi, dtype = (-OWN, OWN, INT16) if types[0] == 16 else (-128, 127, INT8)
    inputs = [rng.integers(lo, hi + 1, shape).astype(dtype) for shape in x_shapes]
    context = NodeContext(((lo, hi),) * len(inputs), y_shape[0], y_shape[1])
    choice = choose(kernel, context, isa)
    machine.reset()
    steps = whole_rows(kernel, inputs, y_shape, types[1] // 8)
    outputs = int(np.prod(y_shape))
    size = types[1] // 8 * outputs
    sums = kernel.scratch_bytes  # a SINK kernel's
    parts = machine.run(choice.call, kernel.granularity, steps, size, sums)
    expected = kernel.run([x[None] for x in inputs])
    if b"".join(parts) != expected.tobytes():
        raise RuntimeError(f"{layer.name}: {choice.name} differs from the reference")
    macs = kernel.macs_per_pixel * y_shape[0] * y_shape[1]
    scratch = choice.call.scratch_bytes
    return Result(layer.name, choice.name, machine.counts, outputs, macs, scratch)


def show(results: Sequence[Result], peers: Mapping[str, Mapping[str, Any]]) -> None:
    """A line a layer; loads, taken branches and estimated cycles are per output."""
    print(
        f"{'layer':30}{'/MAC':>8}{'/output':>9}{'loads':>8}{'taken':>7}{'cycles~':>9}{'scratch':>9}"
        f"  {'CMSIS-NN':>8}{'target':>8}          variant"
    )
    for r in results:
        per_mac = f"{r.counts.instructions / r.macs:.2f}" if r.macs else ""
        parts = (r.counts.loads, r.counts.taken_branches, r.counts.cycles)
        loads, taken, cycles = ("" if n is None else f"{n / r.outputs:.1f}" for n in parts)
        peer = peers.get(r.name, {})
        unit = f"/{peer['unit']}" if peer else ""
        print(
            f"{r.name:30}{per_mac:>8}{r.counts.instructions / r.outputs:>9.1f}{loads:>8}{taken:>7}"
            f"{cycles:>9}{r.scratch_bytes:>9}  {peer.get('cmsis_nn', ''):>8}"
            f"{peer.get('target', ''):>8} {unit:8} {r.variant}"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", default="cortex-m4")
    parser.add_argument("--flags", default="-O2")
    parser.add_argument("--long", action="store_true", help="31-bit factors, as in imported files")
    parser.add_argument("--portable", action="store_true", help="the portable kernels")
    parser.add_argument("--only", default="", help="layers whose name contains this")
    parser.add_argument("--types", type=int, nargs=2, default=(8, 8), help="bits in and out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        flags = options.flags.split()
        machine, isa = open_machine(options.core, options.portable, Path(folder), flags)
        layers = [layer for layer in LAYERS if options.only in layer.name]
        types = options.types[0], options.types[1]
        results = [measure(layer, machine, isa, not options.long, types) for layer in layers]
    show(results, json.loads(PEERS.read_text(encoding="utf-8"))["layers"])
    if options.json:
        rows = [asdict(r) for r in results]
        options.json.write_text(json.dumps({"core": options.core, "layers": rows}, indent=1))


if __name__ == "__main__":
    main()
