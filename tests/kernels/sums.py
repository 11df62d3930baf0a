"""Cases of a channel split's own kernels: sums of a group, and their end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.ir.kernel import Kernel
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.packing import BITS, step_of
from mcucc.kernels.select import NodeContext, choose
from mcucc.numerics.fixed_point import Int8Array, Rounding
from mcucc.ops.common.partial_sums import SUM_BYTES, FinishSumsKernel, PartialSumsKernel, as_bytes
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2d, Conv2dKernel
from tests.kernels import driver
from tests.kernels.drawn import Drawn
from tests.ops import draw

SCALES = (draw.FREE, draw.Scales(draw.dyadic_scale, draw.power_of_two))


def partial_sums(number: int, isa: InstructionSet, bits: int = 8) -> Drawn:
    """A first group of `number` channels, or one that adds to sums of 0, weights of `bits`."""
    rng = np.random.default_rng(number)
    width, outputs = 1 + number % 7, int(rng.integers(1, 20))
    x = rng.integers(-128, 128, (1, 2, width, number)).astype(np.int8)
    weights = rng.integers(-127, 128, (outputs, number)).astype(np.int8) & np.int8(-step_of(bits))
    kernel = PartialSumsKernel(weights, first=bool(rng.integers(2)))
    return _drawn(kernel, x, number, isa, bits)


def finish_sums(number: int, isa: InstructionSet) -> Drawn:
    """Sums a convolution of `number` outputs can reach, its extremes among them."""
    rng = np.random.default_rng(number)
    width, inputs = 1 + number % 7, int(rng.integers(1, 60))
    scales, rounding = SCALES[number % 2], list(Rounding)[number // 2 % 2]
    shapes = (1, 1, width, inputs), (number, 1, 1, inputs)
    conv = draw.weighted(Conv2d(Window2d((1, 1))), *shapes, (3, -5), scales, number)
    layer = conv.kernel(rounding)
    assert isinstance(layer, Conv2dKernel)
    flat = layer.weights.reshape(number, inputs).astype(np.int64)
    sums = rng.integers(-128, 128, (2, width, inputs)) @ flat.T
    sums[0, 0] = np.where(flat > 0, 127 * flat, -128 * flat).sum(axis=1)
    sums[1, 0] = np.where(flat > 0, -128 * flat, 127 * flat).sum(axis=1)
    return _drawn(
        FinishSumsKernel(layer.weights[:, 0, 0], layer.sums), as_bytes(sums[None]), number, isa
    )


def _drawn(kernel: Kernel, x: Int8Array, seed: int, isa: InstructionSet, bits: int = 8) -> Drawn:
    expected = kernel.run([x])[0]
    height, width, _ = expected.shape
    optimize = ("speed", "size")[seed % 2]
    context = NodeContext(((-128, 127),), height, width, optimize, bits=bits)
    choice = choose(kernel, context, isa)
    rng = np.random.default_rng(seed)
    calls = driver.record(kernel, [x[0]], expected.shape, rng, call=choice.call)
    steps = tuple(replace(step, align=SUM_BYTES) for step in calls.steps)
    calls = replace(calls, steps=steps, scratch_bytes=choice.call.scratch_bytes)
    return Drawn(f"{kernel.describe()}, {expected.shape}", choice, calls, expected)


def all_sums(isa: InstructionSet) -> list[Drawn]:
    """Both kernels with every number of channels up to 70, some with packed weights."""
    every = [make(number, isa) for number in range(1, 71) for make in (partial_sums, finish_sums)]
    packed = [partial_sums(number, isa, bits) for bits in BITS for number in range(1, 71, 3)]
    return every + packed
