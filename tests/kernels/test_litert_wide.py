"""Kernels of LiteRT's 16x8 mode equal their reference, in C under the sanitizers and on cores.

That the reference is LiteRT's is told by tests/numerics and tests/frontends/test_tflite_int16.py.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from mcucc.backends.calls.qemu import GUESTS, QemuMachine, build_calls
from mcucc.ir import Quant, Tensor
from mcucc.ir.kernel_id import InstructionSet
from mcucc.ir.op import Op
from mcucc.kernels.select import isas_of
from mcucc.numerics.fixed_point import INT16, NO_CLAMP, RELU
from mcucc.numerics.litert_tables import OUTPUT_SCALE
from mcucc.ops.add import Add
from mcucc.ops.clip import Clip
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softmax import Softmax
from mcucc.ops.sub import Sub
from mcucc.ops.tanh import Tanh
from tests.kernels import driver
from tests.kernels.drawn import Drawn, check, draw_cases
from tests.ops import draw
from tests.ops.draw import SEEDS, Case

CORES = {"cortex-m0": InstructionSet.PORTABLE, "cortex-m4": InstructionSet.ARMV7EM}
CLAMPS = st.sampled_from([NO_CLAMP, RELU])
# What only these files have, and what their narrow sums share with our own int16.
EXPECTED = {
    "add_shift/portable/s16s16s16",
    "conv2d_long/portable/s16s16",
    "conv2d/portable/s16s16/single",
    "depthwise_conv2d/portable/s16s16/single",
    "fully_connected_product/portable/s16s16",
    "rescale/portable/s16s16/double",
    "softmax/portable/s16s16",
    "table_function/portable/s16s16",
}


def values(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Any int16, or the extremes alone."""
    if rng.integers(0, 4) == 0:
        return rng.choice(np.array([-32768, 32767], np.int16), shape)
    return rng.integers(-32768, 32768, shape).astype(np.int16)


def layer(op: Op, x: tuple[int, ...], weights: tuple[int, ...], axis: int, seed: int) -> Case:
    """A layer with 64-bit biases; every other one has sums beyond int32."""
    rng = np.random.default_rng(seed)
    channels = weights[axis]
    filters = rng.integers(-127, 128, weights).astype(np.int8)
    bits = 38 if rng.integers(0, 2) else 16
    bias = rng.integers(-(1 << bits), 1 << bits, channels)
    scales = tuple(float(np.float32(s)) for s in np.exp(rng.uniform(-7, -3, channels)))
    reach = (32768 * 60 * np.sqrt(filters.size / channels) + (1 << bits)) * max(scales)
    step = float(np.float32(reach * 1e-3 / 32768 * np.exp(rng.uniform(-1, 2))))
    inputs = (
        Tensor("x", x, INT16, Quant((1e-3,))),
        Tensor.const("w", filters, Quant(scales, 0, axis)),
        Tensor.const("b", bias, Quant(tuple(1e-3 * s for s in scales), 0, 0)),
    )
    shape = op.infer([tensor.type for tensor in inputs]).shape
    return Case(op, inputs, Tensor("y", shape, INT16, Quant((step,))), (values(rng, x),))


@st.composite
def conv_cases(draw_: st.DrawFn) -> Case:
    window = draw_(draw.windows())
    height, width = draw_(draw.sizes(window))
    inputs, outputs = draw_(st.sampled_from([1, 3, 8, 300])), draw_(st.integers(1, 6))
    shape = (outputs, *window.kernel, inputs)
    return layer(
        Conv2d(window, 1, draw_(CLAMPS)), (1, height, width, inputs), shape, 0, draw_(SEEDS)
    )


@st.composite
def depthwise_cases(draw_: st.DrawFn) -> Case:
    window = draw_(draw.windows())
    height, width = draw_(draw.sizes(window))
    channels, multiplier = draw_(st.integers(1, 6)), draw_(st.integers(1, 2))
    shape = (*window.kernel, channels * multiplier)
    op = DepthwiseConv2d(window, draw_(CLAMPS))
    return layer(op, (1, height, width, channels), shape, 2, draw_(SEEDS))


@st.composite
def dense_cases(draw_: st.DrawFn) -> Case:
    inputs, outputs = draw_(st.sampled_from([1, 7, 256, 257, 600])), draw_(st.integers(1, 9))
    return layer(FullyConnected(draw_(CLAMPS)), (1, inputs), (outputs, inputs), 0, draw_(SEEDS))


@st.composite
def function_cases(draw_: st.DrawFn) -> Case:
    return function(draw_, draw_(st.sampled_from([Sigmoid(), Tanh(), Softmax(), Softmax(0.5)])))


@st.composite
def clip_cases(draw_: st.DrawFn) -> Case:
    return function(draw_, Clip(RELU))


def function(draw_: st.DrawFn, op: Op) -> Case:
    """One function of a tensor."""
    shape = (1, draw_(st.integers(1, 3)), draw_(st.integers(1, 5)), draw_(st.integers(1, 20)))
    rng = np.random.default_rng(draw_(SEEDS))
    scale = draw_(st.sampled_from([2.0**-12, 1e-3, 1e-4, 3e-5]))
    x = Tensor("x", shape, INT16, Quant((float(np.float32(scale)),)))
    made = 2.5e-4 if isinstance(op, Clip) else OUTPUT_SCALE
    return Case(op, (x,), Tensor("y", shape, INT16, Quant((made,))), (values(rng, shape),))


@st.composite
def shift_cases(draw_: st.DrawFn) -> Case:
    op = draw_(st.sampled_from([Add, Sub]))(draw_(CLAMPS), shifts=True)
    shape = (1, draw_(st.integers(1, 3)), draw_(st.integers(1, 5)), draw_(st.integers(1, 9)))
    rng = np.random.default_rng(draw_(SEEDS))
    finer = draw_(st.permutations([0, draw_(st.integers(0, 9))]))
    a, b = (
        Tensor(n, shape, INT16, Quant((2.0 ** (-10 - f),)))
        for n, f in zip("ab", finer, strict=True)
    )
    y = Tensor("y", shape, INT16, Quant((2.0**-10,)))
    return Case(op, (a, b), y, (values(rng, shape), values(rng, shape)))


CASES = (
    *(conv_cases(), depthwise_cases(), dense_cases(), function_cases(), clip_cases()),
    shift_cases(),
)


def drawn_all(isa: InstructionSet, examples: int) -> list[Drawn]:
    """So many of every family."""
    return [each for cases in CASES for each in draw_cases(cases, examples, isa)]


@pytest.mark.host
def test_c_computes_the_reference_under_the_sanitizers(replayer: Path, tmp_path: Path) -> None:
    cases = drawn_all(InstructionSet.PORTABLE, 40)
    outputs = driver.replay_in_process(replayer, [each.calls for each in cases], tmp_path)
    for each, output in zip(cases, outputs, strict=True):
        assert output.dtype == np.int16
        np.testing.assert_array_equal(output, each.expected, err_msg=each.words)
    seen = Counter(call.id.text for each in cases for call in each.choice.call.calls)
    assert set(seen) == EXPECTED


@pytest.mark.emulated
@pytest.mark.parametrize("core", CORES)
def test_kernels_compute_the_reference_on_the_core(core: str, tmp_path: Path) -> None:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    guest = GUESTS[core]
    machine = QemuMachine(build_calls(isas_of(CORES[core]), guest, tmp_path), guest)
    check(machine, drawn_all(CORES[core], 10))
