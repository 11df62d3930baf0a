"""Every Helium kernel equals its NumPy reference: its assembly on a Cortex-M55 in QEMU, the C
beside the assembly on the host under ASan and UBSan. Rows in pieces, unaligned, between guard
bytes; in QEMU one row of each call ends where memory ends: reading one byte more is a fault."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from mcucc.backends.calls.build import kernel_sources
from mcucc.backends.calls.qemu import QemuMachine, build_m55
from mcucc.ir.kernel_id import InstructionSet
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.add import Add
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.mul import Mul
from tests.kernels import driver
from tests.kernels.cases import (
    border_cases,
    depthwise_cases,
    forms_of,
    packed,
    pointwise_cases,
    stem_cases,
    window_cases,
    with_bits,
)
from tests.kernels.drawn import Drawn, check, draw_cases
from tests.kernels.drawn import drawn as drawn_on
from tests.ops import draw
from tests.ops.draw import Case, Scales

PACKED = ("pointwise", "conv2d", "stem", "border", "depthwise", "fully_connected")
CASES: dict[str, st.SearchStrategy[Case]] = {
    "pointwise": pointwise_cases(),
    "conv2d": window_cases(),
    "stem": stem_cases(),
    "border": border_cases(),
    "depthwise": depthwise_cases(),
    "any_depthwise": draw.depthwise_cases(),
    "add": draw.binary_cases(Add),
    "mul": draw.binary_cases(Mul),
    "lookup": draw.lookup_cases(),
    "max_pool": draw.max_pool_cases(),
    "global_average_pool": draw.global_average_pool_cases(),
    "fully_connected": draw.fully_connected_cases(),
}
CASES |= {f"packed {name}": packed(CASES[name]) for name in PACKED}
EXAMPLES = {"pointwise": 200, "conv2d": 300, "depthwise": 200, "any_depthwise": 200}
# Factors as networks have them: no channel's is near 1.
PLAIN = Scales(lambda _: 0.02, draw.free_output_scale)
# Factors of 0.1 to 2: most outputs saturate.
LARGE = Scales(lambda rng: float(rng.uniform(0.01, 0.02)), lambda natural, _: natural / 150)
WITH_FORMS = ("pointwise", "conv2d", "depthwise")
LEAST_EXAMPLES = 80


def drawn(case: Case, rounding: Rounding, seed: int) -> Drawn:
    return drawn_on(case, rounding, seed, InstructionSet.MVE)


def draw_all(name: str) -> list[Drawn]:
    """All cases of one kind that a Helium variant computes."""
    found = draw_cases(CASES[name], EXAMPLES.get(name, LEAST_EXAMPLES), InstructionSet.MVE)
    # Zone by zone is what a step calls (codegen); the rest is one call a row.
    whole = [each for each in found if each.choice.call.border is None]
    helium = [each for each in whole if each.choice.call.id.isa == InstructionSet.MVE]
    assert len(helium) > LEAST_EXAMPLES // 5, "the variants are hardly drawn"
    return helium


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> QemuMachine:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    return QemuMachine(build_m55((InstructionSet.MVE,), tmp_path_factory.mktemp("mve")))


@pytest.fixture(scope="module")
def replayer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C beside the assembly, in the executable that replays under the sanitizers."""
    sources = [driver.HERE / "replay.c", *kernel_sources([InstructionSet.MVE])]
    flags = ("-O0", "-rdynamic", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    return driver.compile_c(tmp_path_factory.mktemp("mve") / "replay", sources, *flags, "-ldl")


@pytest.mark.emulated
@pytest.mark.parametrize("name", CASES)
def test_assembly_computes_the_reference_on_a_cortex_m55(name: str, machine: QemuMachine) -> None:
    cases = draw_all(name)
    check(machine, cases)
    if name in WITH_FORMS:
        seen = Counter(each.choice.name for each in cases)
        assert forms_of(seen) >= {"doubling", "shift", "double"}
    if name.startswith("packed"):
        assert {each.choice.call.id.bits for each in cases} >= {4, 2}


@pytest.mark.host
@pytest.mark.parametrize("name", CASES)
def test_the_c_beside_the_assembly_computes_the_reference(
    name: str, replayer: Path, tmp_path: Path
) -> None:
    cases = draw_all(name)[: LEAST_EXAMPLES // 2]
    outputs = driver.replay_in_process(replayer, [each.calls for each in cases], tmp_path)
    for each, output in zip(cases, outputs, strict=True):
        np.testing.assert_array_equal(output, each.expected)


@pytest.mark.emulated
def test_every_number_of_channels_and_pixels_up_to_257_taps(machine: QemuMachine) -> None:
    """Every tail of taps, channels and pixels, each way through the matrix kernel."""
    rng, op, cases = np.random.default_rng(7), Conv2d(Window2d((1, 1))), []
    for number in range(1, 258):
        few, width = int(rng.integers(1, 23)), 1 + number % 9
        for inputs, outputs in ((number, few), (few, number)):
            shapes = (1, 1, width, inputs), (outputs, 1, 1, inputs)
            case = draw.weighted(op, *shapes, (3, -5), PLAIN, number)
            for each in (case, with_bits(case, (4, 2)[number % 2])):
                cases.append(drawn(each, Rounding.SINGLE, number))
    assert {each.choice.call.id.isa for each in cases} == {InstructionSet.MVE}
    check(machine, cases)


@pytest.mark.emulated
@pytest.mark.parametrize("size", [3, 5, 7])
def test_every_number_of_channels_and_columns_of_a_depthwise(
    size: int, machine: QemuMachine
) -> None:
    """Every tail of blocks and of outputs, tiles of one output to several of many."""
    cases = []
    for channels in range(1, 258, 1 if size == 3 else 8):
        stride, width = 1 + channels % 2, 1 + channels * 7 % 45
        window = Window2d((size, size), (1, stride), pads=Pads(1, size - 1, 1, size - 1))
        shapes = (1, size, width, channels), (size, size, channels)
        case = draw.weighted(DepthwiseConv2d(window), *shapes, (3, -5), PLAIN, channels)
        cases.append(drawn(case, Rounding.SINGLE, channels))
    assert {each.choice.call.id.isa for each in cases} == {InstructionSet.MVE}
    check(machine, cases)


@pytest.mark.emulated
def test_large_factors_have_a_form_of_their_own(machine: QemuMachine) -> None:
    """Four pixels and one pixel of a matrix, and depthwise kernels of each size."""
    cases = []
    for seed, size in itertools.product(range(20), (3, 5, 7)):
        one, square = Window2d((1, 1)), Window2d((size, size))
        for op, x, weights in (
            (Conv2d(one), (1, 1, 4 + seed, size), (7, 1, 1, size)),
            (DepthwiseConv2d(square), (1, size, 13, 9), (size, size, 9)),
        ):
            case = draw.weighted(op, x, weights, (3, -5), LARGE, seed)
            cases.append(drawn(case, Rounding.SINGLE, seed))
    assert {each.choice.call.id.isa for each in cases} == {InstructionSet.MVE}
    assert "wide" in forms_of(Counter(each.choice.name for each in cases[::2]))
    assert "wide" in forms_of(Counter(each.choice.name for each in cases[1::2]))
    check(machine, cases)


@pytest.mark.emulated
@pytest.mark.parametrize("zero_point", [-128, -127, -1, 0, 1, 126, 127])
def test_saturating_values_at_every_kind_of_zero_point(
    zero_point: int, machine: QemuMachine
) -> None:
    """All inputs and weights at their extremes, so that sums reach their bounds."""
    shape, cases = (1, 6, 7, 40), []
    for op, weights in (
        (Conv2d(Window2d((5, 3), (2, 1), pads=Pads(2, 1, 0, 2))), (3, 5, 3, 40)),
        (DepthwiseConv2d(Window2d((5, 5), (2, 1), pads=Pads(2, 1, 0, 2))), (5, 5, 40)),
    ):
        case = draw.weighted(op, shape, weights, (zero_point, -zero_point - 1), PLAIN, 0)
        for weight, value in itertools.product((-127, 127), (-128, 127)):
            loud = np.full(weights, weight, np.int8)
            tensor = draw.Tensor.const("w", loud, case.inputs[1].quant)
            inputs = (case.inputs[0], tensor, case.inputs[2])
            extreme = Case(op, inputs, case.output, (np.full(shape, value, np.int8),))
            cases += [drawn(extreme, rounding, 0) for rounding in Rounding]
    assert {each.choice.call.id.isa for each in cases} == {InstructionSet.MVE}
    check(machine, cases)


@pytest.mark.emulated
def test_reading_one_byte_too_many_is_a_fault(machine: QemuMachine) -> None:
    """The fence itself: a row one byte shorter than what the kernel reads."""
    case = draw.weighted(Conv2d(Window2d((1, 1))), (1, 1, 5, 7), (4, 1, 1, 7), (0, 0), PLAIN, 1)
    job = drawn(case, Rounding.SINGLE, 0).job
    (row,) = job.steps[0].rows
    assert row is not None
    step = replace(job.steps[0], rows=(row[:-1],))
    with pytest.raises(AssertionError, match="faulted"):
        machine.run_all([replace(job, steps=(step,))], fence=True)
