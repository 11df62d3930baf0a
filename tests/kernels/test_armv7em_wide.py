"""Armv7E-M kernels that read or write int16 equal their NumPy reference: the assembly on an
emulated Cortex-M4, the C beside it on the host under UBSan. Rows in pieces, between guard bytes."""

from __future__ import annotations

import ctypes
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from mcucc.backends.calls.build import kernel_sources
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.catalogue import kernels_of
from mcucc.ops.add import Add
from mcucc.ops.sub import Sub
from tests.kernels import driver
from tests.kernels.cases import pointwise_cases, stem_cases, window_cases
from tests.kernels.drawn import Drawn, draw_cases
from tests.kernels.test_wide import OWN, wide_cases
from tests.ops import draw
from tests.ops.draw import Case

CASES: dict[str, st.SearchStrategy[Case]] = {
    "pointwise": wide_cases(pointwise_cases()),
    "pointwise of all of int16": wide_cases(pointwise_cases(), None),
    "conv2d": wide_cases(window_cases()),
    "stem": wide_cases(stem_cases(), None),
    "fully_connected": wide_cases(draw.fully_connected_cases(), OWN),
    "add": wide_cases(draw.binary_cases(Add), OWN),
    "sub": wide_cases(draw.binary_cases(Sub), OWN),
}
EXAMPLES = {
    "pointwise": 80,
    "pointwise of all of int16": 40,
    "conv2d": 80,
    "stem": 40,
    "fully_connected": 60,
    "add": 40,
    "sub": 20,
}
WIDE_KEYS = {key.text for key in kernels_of(InstructionSet.ARMV7EM) if key.types}


def drawn_all() -> list[Drawn]:
    """Every case that a kernel of Armv7E-M computes."""
    cases = [
        each
        for name, strategy in CASES.items()
        for each in draw_cases(strategy, EXAMPLES[name], InstructionSet.ARMV7EM)
    ]
    return [each for each in cases if each.choice.call.id.isa is InstructionSet.ARMV7EM]


@pytest.mark.emulated
def test_assembly_computes_the_reference_on_a_cortex_m4(tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="the emulator of the extra `emulate`")
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")
    from mcucc.backends.calls.unicorn import Machine, build

    machine = Machine(build((InstructionSet.ARMV7EM,), "cortex-m4", tmp_path), "cortex-m4")
    seen: Counter[str] = Counter()
    for each in drawn_all():
        calls = each.calls
        parts = machine.run(calls.call, calls.granularity, calls.steps, calls.size)
        np.testing.assert_array_equal(calls.assemble(parts), each.expected, err_msg=each.words)
        seen[calls.call.id.text] += 1
    assert set(seen) == WIDE_KEYS


@pytest.mark.host
def test_the_c_beside_the_assembly_computes_the_reference(tmp_path: Path) -> None:
    units = kernel_sources([InstructionSet.ARMV7EM])
    flags = ("-O1", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    library = ctypes.CDLL(str(driver.compile_c(tmp_path / "kernels.so", units, *flags)))
    for each in drawn_all():
        found = driver.replay(library, each.calls)
        np.testing.assert_array_equal(found, each.expected, err_msg=each.words)
