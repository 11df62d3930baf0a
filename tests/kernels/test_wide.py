"""Kernels that read or write int16 equal their reference: on the host under the sanitizers, on
Cortex-M0 and M4 in QEMU, rows in pieces and 2-aligned only, and their sums stay inside int32."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from mcucc.backends.calls.qemu import GUESTS, QemuMachine, build_calls
from mcucc.ir import Tensor
from mcucc.ir.kernel_id import InstructionSet
from mcucc.ir.tensor import Quant
from mcucc.kernels.catalogue import kernels_of
from mcucc.kernels.select import isas_of
from mcucc.numerics.fixed_point import INT8, INT16, Int8Array
from mcucc.ops.add import Add
from mcucc.ops.mul import Mul
from mcucc.ops.requantize import Requantize
from mcucc.ops.sub import Sub
from tests.kernels import driver
from tests.kernels.cases import SHORT, pointwise_cases, window_cases
from tests.kernels.drawn import Drawn, check, draw_cases
from tests.ops import draw, draw_choices
from tests.ops.draw import SEEDS, Case

OWN = 2047  # the limit of our own int16 tensors
CORES = {"cortex-m0": InstructionSet.PORTABLE, "cortex-m4": InstructionSet.ARMV7EM}
# What comes with LiteRT's files alone: tests/kernels/test_litert_wide.py.
OF_FILES = {
    "average_pool/portable/divide/s16s16",
    "add_shift/portable/s16s16s16",
    "conv2d_long/portable/s16s16",
    "fully_connected_product/portable/s16s16",
    "softmax/portable/s16s16",
    "table_function/portable/s16s16",
}
WIDE_KEYS = {key.text for key in kernels_of(InstructionSet.PORTABLE) if key.types}


def wide_quant(quant: Quant, limit: int | None) -> Quant:
    """Of an int16 tensor about as large as an int8 one: steps of 1/16 of it, or 1/256."""
    finer = 16.0 if limit else 256.0
    return Quant((float(np.float32(quant.per_tensor_scale / finer)),), 0, limit=limit)


def wide_values(rng: np.random.Generator, shape: tuple[int, ...], limit: int | None) -> Int8Array:
    """Uniform, or the extremes alone."""
    lo, hi = (-limit, limit) if limit else (-32768, 32767)
    if rng.integers(0, 4) == 0:
        return rng.choice(np.array([lo, hi], np.int16), shape)
    return rng.integers(lo, hi + 1, shape).astype(np.int16)


def widened(case: Case, wide: tuple[bool, ...], limit: int | None, seed: int) -> Case:
    """The case with int16 where `wide` says so: its activations, and the output last."""
    rng = np.random.default_rng(seed)
    inputs: list[Tensor] = []
    values, left = [], list(case.values)
    flags = list(wide)
    for tensor in case.inputs:
        if tensor.data is not None:
            inputs.append(rescaled(tensor, case.inputs[0], inputs[0]))
            continue
        value = left.pop(0)
        if flags.pop(0):
            quant = wide_quant(tensor.quantization, limit)
            tensor = dataclasses.replace(tensor, dtype=INT16, quant=quant)
            value = wide_values(rng, value.shape, limit)
        inputs.append(tensor)
        values.append(value)
    output = case.output
    if flags.pop(0):
        quant = inputs[0].quantization
        if not case.op.SHARES_QUANT:
            quant = wide_quant(output.quantization, limit)
        output = dataclasses.replace(output, dtype=INT16, quant=quant)
    return Case(case.op, tuple(inputs), output, tuple(values))


def rescaled(constant: Tensor, before: Tensor, x: Tensor) -> Tensor:
    """A bias in the units of the input's new scale; weights as they are."""
    if constant.dtype != np.int32:
        return constant
    factor = before.quantization.per_tensor_scale / x.quantization.per_tensor_scale
    scale = tuple(s / factor for s in constant.quantization.scale)
    data = np.rint(constant.constant * factor).astype(np.int32)
    quant = dataclasses.replace(constant.quantization, scale=scale)
    return dataclasses.replace(constant, quant=quant, data=data)


def wide_cases(cases: st.SearchStrategy[Case], least: int | None = OWN) -> st.SearchStrategy[Case]:
    """Cases with some of their activations in int16, all of them where the op moves values.

    The choices take turns, so that few cases see all of them.
    """
    turns = itertools.count()

    @st.composite
    def drawn_case(draw_: st.DrawFn) -> Case:
        case = draw_(cases)
        choices = list(itertools.product((False, True), repeat=len(case.values) + 1))[1:]
        wide = choices[-1] if case.op.SHARES_QUANT else choices[next(turns) % len(choices)]
        return widened(case, wide, draw_(st.sampled_from([OWN, least])), draw_(SEEDS))

    return drawn_case()


@st.composite
def requantize_cases(draw_: st.DrawFn) -> Case:
    shape = (1, draw_(st.integers(1, 3)), draw_(st.integers(1, 5)), draw_(st.integers(1, 9)))
    rng = np.random.default_rng(draw_(SEEDS))
    x, y = (draw.activation(n, shape, draw.free_scale(rng), draw_(draw.ZERO_POINTS)) for n in "xy")
    return Case(Requantize(), (x,), y, (draw.int8_values(rng, shape),))


CASES: dict[str, st.SearchStrategy[Case]] = {
    "conv2d": wide_cases(draw.conv_cases()),
    "window": wide_cases(window_cases()),
    "pointwise": wide_cases(pointwise_cases()),
    "depthwise_conv2d": wide_cases(draw.depthwise_cases(), None),
    "fully_connected": wide_cases(draw.fully_connected_cases(), None),
    "conv2d, short": wide_cases(draw.conv_cases(SHORT)),
    "depthwise_conv2d, short": wide_cases(draw.depthwise_cases(SHORT)),
    "fully_connected, short": wide_cases(draw.fully_connected_cases(SHORT)),
    "by_pixel": wide_cases(draw.fully_connected_cases(by_pixel=True)),
    "add": wide_cases(draw.binary_cases(Add), None),
    "sub": wide_cases(draw.binary_cases(Sub), None),
    "mul": wide_cases(draw.binary_cases(Mul), None),
    "max_pool": wide_cases(draw.max_pool_cases(), None),
    "average_pool": wide_cases(draw.average_pool_cases(), None),
    "global_average_pool": wide_cases(draw.global_average_pool_cases(), None),
    "pad": wide_cases(draw.pad_cases(), None),
    "resize_nearest": wide_cases(draw.resize_cases(), None),
    "transpose": wide_cases(draw.transpose_cases(), None),
    "requantize": wide_cases(requantize_cases(), None),
    "arg_max": draw_choices.arg_max_cases(wide=True),
}


MANY = ("add", "mul", "fully_connected, short")


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def machine(core: str, tmp_path_factory: pytest.TempPathFactory) -> QemuMachine:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    guest = GUESTS[core]
    isas = isas_of(CORES[core])
    return QemuMachine(build_calls(isas, guest, tmp_path_factory.mktemp(core)), guest)


def drawn_all(isa: InstructionSet, examples: int) -> list[Drawn]:
    """So many of every family, more of those that have more kernels."""
    found = []
    for name, cases in CASES.items():
        more = 2 if name in MANY else 1
        found += draw_cases(cases, more * examples, isa)
    return found


@pytest.mark.host
def test_c_computes_the_reference_under_the_sanitizers(replayer: Path, tmp_path: Path) -> None:
    cases = drawn_all(InstructionSet.PORTABLE, 40)
    outputs = driver.replay_in_process(replayer, [each.calls for each in cases], tmp_path)
    for each, output in zip(cases, outputs, strict=True):
        assert output.dtype == each.expected.dtype
        np.testing.assert_array_equal(output, each.expected, err_msg=each.words)
    seen = Counter(call.id.text for each in cases for call in each.choice.call.calls)
    assert set(seen) >= WIDE_KEYS - OF_FILES


@pytest.mark.emulated
def test_kernels_compute_the_reference_on_the_core(core: str, machine: QemuMachine) -> None:
    check(machine, drawn_all(CORES[core], 12))


def test_sums_of_wide_values_that_may_leave_int32_are_an_error() -> None:
    x = Tensor("x", (1, 600), INT16, Quant((1e-4,)))
    w = Tensor.const("w", np.full((1, 600), 127, np.int8), Quant((0.1,), 0, 0))
    y = Tensor("y", (1, 1), INT8, Quant((0.1,)))
    op = draw.FullyConnected()
    with pytest.raises(ValueError, match=r"y: the accumulator may reach .* beyond int32"):
        op.lower((x, w), y, draw.Rounding.SINGLE)
    limited = dataclasses.replace(x, quant=Quant((1e-4,), limit=OWN))
    assert op.lower((limited, w), y, draw.Rounding.SINGLE).wide == (16, 8)


def test_values_of_wide_tensors_stay_within_their_limit() -> None:
    """What an add of large values writes: at most the limit that readers count on."""
    quant = Quant((0.01,), limit=OWN)
    a, b, y = (Tensor(name, (1, 1, 1, 3), INT16, quant) for name in "aby")
    kernel = Add().lower((a, b), y, draw.Rounding.SINGLE)
    values = np.array([OWN, -OWN, 5], np.int16).reshape(1, 1, 1, 3)
    found = kernel.run([values, values])
    assert found.dtype == np.int16
    assert found.reshape(-1).tolist() == [OWN, -OWN, 10]
