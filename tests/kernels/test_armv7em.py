"""Every Armv7E-M kernel equals its NumPy reference: its assembly on an emulated Cortex-M4, the C
beside the assembly on the host under UBSan. Rows in pieces, unaligned, between guard bytes."""

from __future__ import annotations

import ctypes
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcucc.backends.calls.build import kernel_sources
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.add import Add
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.mul import Mul
from tests.kernels import driver
from tests.kernels.cases import (
    ROUNDINGS,
    chosen,
    deep_cases,
    depthwise_cases,
    dilated_cases,
    divide_cases,
    everyday,
    forms_of,
    grouped_cases,
    long,
    packed,
    pointwise_cases,
    recording,
    stem_cases,
    window_cases,
)
from tests.kernels.sums import all_sums
from tests.ops import draw
from tests.ops.draw import SEEDS, Case

LONG = ("pointwise", "conv2d", "depthwise")  # of 9 bits
PACKED = ("pointwise", "conv2d", "stem", "depthwise", "fully_connected")
UNROLLED = (2, 3, 5)  # windows of max pools
CASES: dict[str, st.SearchStrategy[Case]] = {
    "pointwise": pointwise_cases(),
    "conv2d": window_cases(),
    "grouped": grouped_cases(),
    "stem": stem_cases(),
    "depthwise": depthwise_cases(),
    "dilated": dilated_cases(),
    "fully_connected": draw.fully_connected_cases(),
    "add": draw.binary_cases(Add),
    "conv_transpose2d": draw.conv_transpose_cases(),
    "attention": draw.attention_cases(),
    "layer_norm": draw.layer_norm_cases(),
    "mat_mul": draw.mat_mul_cases(),
    "mul": draw.binary_cases(Mul),
    "average_pool": st.one_of(
        draw.average_pool_cases(), draw.average_pool_cases(of=draw.squares(dilated=False))
    ),
    "average_pool_divide": divide_cases(),
    "global_average_pool": draw.global_average_pool_cases(),
    "max_pool": draw.max_pool_cases(),
    **{f"max_pool {n}x{n}": draw.max_pool_cases(draw.squares(n)) for n in UNROLLED},
}
CASES |= {f"packed {name}": packed(CASES[name]) for name in PACKED}
CASES |= {f"long {name}": long(CASES[name]) for name in LONG}
CASES["long deep"] = long(deep_cases())
EXAMPLES = {
    "pointwise": 150,
    "conv2d": 120,
    "grouped": 100,
    "stem": 60,
    "depthwise": 120,
    "dilated": 80,
    "fully_connected": 80,
    "add": 60,
    "attention": 40,
    "conv_transpose2d": 100,
    "layer_norm": 80,
    "mat_mul": 80,
    "max_pool": 60,
    **{f"max_pool {n}x{n}": 40 for n in UNROLLED},
    "average_pool": 120,
    "average_pool_divide": 60,
    "global_average_pool": 60,
    "mul": 120,
}
EXAMPLES |= {f"packed {name}": 80 for name in PACKED}
EXAMPLES |= {f"long {name}": 50 for name in LONG} | {"long deep": 12}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> object:
    pytest.importorskip("unicorn", reason="the emulator of the extra `emulate`")
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")
    from mcucc.backends.calls.unicorn import Machine, build

    folder = tmp_path_factory.mktemp("armv7em")
    return Machine(build((InstructionSet.ARMV7EM,), "cortex-m4", folder), "cortex-m4")


@pytest.fixture(scope="module")
def host_library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    output = tmp_path_factory.mktemp("armv7em_host") / "kernels.so"
    units = kernel_sources([InstructionSet.ARMV7EM])
    flags = ("-O1", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    return ctypes.CDLL(str(driver.compile_c(Path(output), units, *flags)))


@pytest.mark.emulated
@pytest.mark.parametrize("name", CASES)
def test_assembly_computes_the_reference_on_a_cortex_m4(name: str, machine: object) -> None:
    seen: Counter[str] = Counter()
    variants: Counter[str] = Counter()
    copies: Counter[tuple[int, ...]] = Counter()
    endings: set[Rounding | Form | None] = set()
    bits: set[int] = set()
    ops: set[str] = set()

    @everyday(EXAMPLES[name])
    @given(case=CASES[name], rounding=ROUNDINGS, seed=SEEDS)
    def check(case: Case, rounding: Rounding, seed: int) -> None:
        choice, shape = chosen(case, rounding, seed, InstructionSet.ARMV7EM)
        if choice.call.id.isa != InstructionSet.ARMV7EM:
            return
        seen[choice.name] += 1
        variants[choice.call.id.variant] += 1
        ops.add(choice.call.id.op)
        copies[choice.call.id.copy] += 1
        endings.add(choice.call.id.requantization)
        bits.add(choice.call.id.bits)
        calls = recording(case, rounding, choice, seed)
        size = int(np.prod(shape))
        sums = case.kernel(rounding).scratch_bytes  # a SINK kernel's
        parts = machine.run(choice.call, calls.granularity, calls.steps, size, sums)  # type: ignore[attr-defined]
        expected = case.kernel(rounding).run(case.images)[0]
        np.testing.assert_array_equal(calls.assemble(parts), expected)

    check()
    if name in ("pointwise", "conv2d", "grouped"):
        assert forms_of(seen) == {"high", "common", "shift", "double"}
    if name == "depthwise":
        assert forms_of(seen) == {"high", "common", "shift", "double"}
        assert set(variants) == {"planes", "bytes"}
    if name == "average_pool":
        assert endings == {Form.HIGH, Rounding.DOUBLE}
    if name == "mul":
        assert forms_of(seen) == {"high", "double"}
    if name.startswith("max_pool "):
        assert set(copies) == {(int(name[-1]), int(name[-1]))}
    if name == "max_pool":
        assert copies[()] > 10
    if name in ("long pointwise", "long conv2d"):
        assert ops == {"conv2d", "conv2d_offset"}
    if name.startswith("packed"):
        assert bits >= {4, 2}
    assert seen.total() > EXAMPLES[name] // 3, "the variants are hardly drawn"


@pytest.mark.host
@pytest.mark.parametrize("name", CASES)
def test_the_c_beside_the_assembly_computes_the_reference(
    name: str, host_library: ctypes.CDLL
) -> None:
    @everyday(EXAMPLES[name] // 2)
    @given(case=CASES[name], rounding=ROUNDINGS, seed=SEEDS)
    def check(case: Case, rounding: Rounding, seed: int) -> None:
        choice, _ = chosen(case, rounding, seed, InstructionSet.ARMV7EM)
        if choice.call.id.isa != InstructionSet.ARMV7EM:
            return
        calls = recording(case, rounding, choice, seed)
        expected = case.kernel(rounding).run(case.images)[0]
        np.testing.assert_array_equal(driver.replay(host_library, calls), expected)

    check()


@pytest.mark.emulated
@pytest.mark.parametrize("value", [-128, 127])
def test_means_of_long_rows_of_extremes(value: int, machine: object) -> None:
    """Sums in 16 bits are emptied before they are full."""
    shape = (1, 2, 513, 5)
    x = draw.activation("x", shape, 0.1, 3)
    y = draw.activation("y", (1, 1, 1, 5), 0.1, 3)
    case = Case(GlobalAveragePool(), (x,), y, (np.full(shape, value, np.int8),))
    choice, _ = chosen(case, Rounding.SINGLE, 0, InstructionSet.ARMV7EM)
    assert choice.call.id.isa == InstructionSet.ARMV7EM
    calls = recording(case, Rounding.SINGLE, choice, 0)
    parts = machine.run(choice.call, calls.granularity, calls.steps, 5, 20)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(calls.assemble(parts), case.run()[0])


@pytest.mark.host
def test_the_c_beside_the_assembly_adds_the_sums_of_a_split(host_library: ctypes.CDLL) -> None:
    cases = [
        each
        for each in all_sums(InstructionSet.ARMV7EM)
        if each.choice.call.id.isa == InstructionSet.ARMV7EM
    ]
    assert len(cases) == 118
    assert {each.choice.call.id.bits for each in cases} == {8, 4, 2}
    for each in cases:
        found = driver.replay(host_library, each.calls)
        np.testing.assert_array_equal(found, each.expected, err_msg=each.words)
