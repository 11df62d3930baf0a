"""The kernels of Cortex-M0+, M3 and M4 equal their NumPy reference on the real core in QEMU: rows
in pieces, unaligned, between guard bytes, one row of each call at the end of memory. On the host
the C beside the assembly of those without DSP runs under the sanitizers."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from mcucc.backends.calls.build import kernel_sources
from mcucc.backends.calls.qemu import GUESTS, QemuMachine, build_calls
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.kernels.select import isas_of
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.add import Add
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from tests.kernels import driver
from tests.kernels.cases import (
    depthwise_cases,
    dilated_cases,
    forms_of,
    grouped_cases,
    packed,
    pointwise_cases,
    stem_cases,
    window_cases,
)
from tests.kernels.drawn import Drawn, check, draw_cases, drawn
from tests.kernels.sums import all_sums
from tests.ops import draw, draw_camera, draw_detect
from tests.ops.draw import Case, Scales

# The core in QEMU and the instruction set whose kernels it runs.
CORES = {
    "cortex-m0": InstructionSet.PORTABLE,
    "cortex-m3": InstructionSet.ARMV7M,
    "cortex-m4": InstructionSet.ARMV7EM,
}
CASES: dict[str, st.SearchStrategy[Case]] = {
    "pointwise": pointwise_cases(),
    "conv2d": window_cases(),
    "grouped": grouped_cases(),
    "stem": stem_cases(),
    "depthwise": depthwise_cases(),
    "dilated": dilated_cases(),
    "fully_connected": draw.fully_connected_cases(),
    "add": draw.binary_cases(Add),
    "camera_picture": draw_camera.camera_picture_cases(),
    "conv_transpose2d": draw.conv_transpose_cases(),
    "layer_norm": draw.layer_norm_cases(),
    "mat_mul": draw.mat_mul_cases(),
    "detect_head": draw_detect.detect_head_cases(),
    "suppress": draw_detect.suppress_cases(),
}
PACKED = ("pointwise", "conv2d", "depthwise")
CASES |= {f"packed {name}": packed(CASES[name]) for name in PACKED}
EXAMPLES = {"pointwise": 150, "conv2d": 150, "depthwise": 150, "suppress": 30}
# Families with a kernel that beats the portable one.
FAST = ("pointwise", "conv2d", "stem", "depthwise", *(f"packed {name}" for name in PACKED))
PLAIN = Scales(lambda _: 0.02, draw.free_output_scale)


def draw_all(name: str, isa: InstructionSet) -> list[Drawn]:
    return draw_cases(CASES[name], EXAMPLES.get(name, 60), isa)


def is_fast(each: Drawn) -> bool:
    """Not one of the kernels that take anything."""
    return any(word in each.choice.name for word in ("pairs", "columns", "smlad"))


@pytest.fixture(scope="module", params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def machine(core: str, tmp_path_factory: pytest.TempPathFactory) -> QemuMachine:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    guest = GUESTS[core]
    return QemuMachine(
        build_calls(isas_of(CORES[core]), guest, tmp_path_factory.mktemp(core)), guest
    )


@pytest.fixture(scope="module")
def host_replayer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C of both instruction sets in the executable that replays under the sanitizers."""
    kernels = kernel_sources([InstructionSet.PORTABLE, InstructionSet.ARMV7M])
    sources = [driver.HERE / "replay.c", *kernels]
    flags = ("-O0", "-rdynamic", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    return driver.compile_c(tmp_path_factory.mktemp("plain") / "replay", sources, *flags, "-ldl")


@pytest.mark.emulated
@pytest.mark.parametrize("name", CASES)
def test_kernels_compute_the_reference_on_the_core(
    name: str, core: str, machine: QemuMachine
) -> None:
    cases = draw_all(name, CORES[core])
    check(machine, cases)
    if name in FAST:
        fast = [each for each in cases if is_fast(each)]
        assert len(fast) > len(cases) // 3, "the fast kernels are hardly drawn"
        forms = forms_of(Counter(each.choice.name for each in fast))
        assert "double" in forms and len(forms) > 1, "one rounding profile is not drawn"
    if name.startswith("packed"):
        assert {each.choice.call.id.bits for each in cases} >= {4, 2}


@pytest.mark.host
@pytest.mark.parametrize("isa", [InstructionSet.PORTABLE, InstructionSet.ARMV7M])
@pytest.mark.parametrize("name", FAST)
def test_the_c_computes_the_reference_under_the_sanitizers(
    name: str, isa: InstructionSet, host_replayer: Path, tmp_path: Path
) -> None:
    cases = draw_all(name, isa)[:60]
    outputs = driver.replay_in_process(host_replayer, [each.calls for each in cases], tmp_path)
    for each, output in zip(cases, outputs, strict=True):
        np.testing.assert_array_equal(output, each.expected, err_msg=each.words)


@pytest.mark.emulated
def test_sums_of_a_channel_split_on_the_core(core: str, machine: QemuMachine) -> None:
    cases = all_sums(CORES[core])
    check(machine, cases)
    assert {each.choice.form for each in cases} > {None, Form.SHIFT, Form.DOUBLE}


@pytest.mark.host
@pytest.mark.parametrize("isa", [InstructionSet.PORTABLE, InstructionSet.ARMV7M])
def test_sums_of_a_channel_split_under_the_sanitizers(
    isa: InstructionSet, host_replayer: Path, tmp_path: Path
) -> None:
    # The replay fills outputs with what is not 0: a group that adds cannot be compared.
    cases = [each for each in all_sums(isa) if dict(each.choice.call.fields).get("first", 1)]
    assert len(cases) > 70
    outputs = driver.replay_in_process(host_replayer, [each.calls for each in cases], tmp_path)
    for each, output in zip(cases, outputs, strict=True):
        np.testing.assert_array_equal(output, each.expected, err_msg=each.words)


@pytest.mark.emulated
def test_every_number_of_channels_up_to_257(core: str, machine: QemuMachine) -> None:
    """Every tail of taps, channels and pixels through the fast kernels."""
    rng, op, cases = np.random.default_rng(7), Conv2d(Window2d((1, 1))), []
    for number in range(1, 258):
        few, width = int(rng.integers(1, 23)), 1 + number % 9
        for inputs, outputs in ((number, few), (few, number)):
            shapes = (1, 1, width, inputs), (outputs, 1, 1, inputs)
            case = draw.weighted(op, *shapes, (3, -5), PLAIN, number)
            cases.append(drawn(case, Rounding.SINGLE, number, CORES[core]))
        window = Window2d((3, 3), (1, 1 + number % 2), (1, 1), Pads(1, 1, 1, 1))
        x, kernel = (1, 2, width, number), (3, 3, number)
        case = draw.weighted(DepthwiseConv2d(window), x, kernel, (-128, 7), PLAIN, number)
        cases.append(drawn(case, Rounding.SINGLE, number, CORES[core]))
    few_channels = 3  # fewer than the depthwise kernel of Armv7E-M takes at a time
    assert sum(not is_fast(each) for each in cases) <= few_channels
    check(machine, cases)


@pytest.mark.emulated
@pytest.mark.parametrize("zero_point", [-128, -127, -1, 0, 1, 126, 127])
def test_saturating_values_at_every_kind_of_zero_point(
    zero_point: int, core: str, machine: QemuMachine
) -> None:
    """All inputs and weights at their extremes, so that sums and chunks reach their bounds."""
    window, cases = Window2d((5, 5), (2, 1), (1, 1), Pads(2, 1, 0, 2)), []
    shape = (1, 6, 7, 40)
    for op, weights in ((Conv2d(window), (3, 5, 5, 40)), (DepthwiseConv2d(window), (5, 5, 40))):
        case = draw.weighted(op, shape, weights, (zero_point, -zero_point - 1), PLAIN, 0)
        for weight in (-127, 127):
            loud = draw.Tensor.const("w", np.full(weights, weight, np.int8), case.inputs[1].quant)
            for value in (-128, 127):
                full = np.full(shape, value, np.int8)
                extreme = Case(op, (case.inputs[0], loud, case.inputs[2]), case.output, (full,))
                for rounding in Rounding:
                    cases.append(drawn(extreme, rounding, 0, CORES[core]))
    assert all(is_fast(each) for each in cases)
    check(machine, cases)


@pytest.mark.emulated
def test_inputs_that_drive_every_chunk_to_its_bound(core: str, machine: QemuMachine) -> None:
    """Every input has the sign of a channel's weight, or the other one: the largest sums."""
    rng, op, cases = np.random.default_rng(11), Conv2d(Window2d((1, 1))), []
    for number in range(40):
        shapes = (1, 1, 4, 64), (6, 1, 1, 64)
        case = draw.weighted(op, *shapes, (0, 0), PLAIN, number)
        weights = case.inputs[1].constant.reshape(6, 64)
        signs = weights[rng.integers(0, 6, 4)] * rng.choice([-1, 1], (4, 1)) > 0
        loud = np.where(signs, 127, -128).astype(np.int8).reshape(shapes[0])
        extreme = Case(op, case.inputs, case.output, (loud,))
        cases.append(drawn(extreme, Rounding.SINGLE, number, CORES[core]))
    check(machine, cases)
