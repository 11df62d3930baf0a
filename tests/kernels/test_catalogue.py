"""Every C kernel has a key, and every key a C kernel and a price on every core that can run it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from mcucc import kernels
from mcucc.boards.board import Core
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.catalogue import kernels_of
from mcucc.kernels.costs import core_costs, variant_cost
from mcucc.kernels.select import isa_of, isas_of
from mcucc.kernels.stack import LEVELS, TABLE, kernel_stack
from mcucc.schedule.search.costs import cost_model
from tests.kernels import driver

OPTIONS = {Core.M33: ("dsp",), Core.M4: ("dsp",), Core.M7: ("dsp",), Core.M55: ("dsp", "mve")}
ENDS = ("_begin", "_row", "_finish")  # of a SINK kernel's three functions
# Units of general kernels: their fields stand in the file of the op.
OF_OPS = {
    key.unit for key in kernels_of(InstructionSet.PORTABLE) if key.unit == key.op or not key.variant
}
# Python without a C unit: what several kernels share, mostly as a header of that name says.
BESIDE = {
    InstructionSet.PORTABLE: {"finish", "pairs", "short"},
    InstructionSet.ARMV7M: set(),
    InstructionSet.ARMV7EM: {"finish", "matrix", "matrix_wide"},
    InstructionSet.MVE: {"fields", "finish", "matrix"},
}
EVERY = [key for isa in InstructionSet for key in kernels_of(isa)]


def functions_of(isa: InstructionSet) -> set[tuple[str, str]]:
    """The kernels and their parameters that the headers of an instruction set declare."""
    found = set()
    for source in sorted((driver.RUNTIME / "kernels" / isa.value).glob("*.c")):
        header = driver.RUNTIME / "include" / "mcucc" / f"{source.stem}.h"
        command = ["gcc", "-E", "-P", "-I", str(driver.RUNTIME / "include"), str(header)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for name, params in re.findall(r"void (\w+)\(\s*const (\w+_params) \*params", text):
            if params == f"mcucc_{source.stem}_params":
                end = next((end for end in ENDS if name.endswith(end)), "")
                found.add((name.removesuffix(end), params))
    return found


@pytest.mark.host
@pytest.mark.parametrize("isa", InstructionSet)
def test_the_keys_are_the_kernels_that_the_headers_declare(isa: InstructionSet) -> None:
    keys = kernels_of(isa)
    assert {(key.function, key.params) for key in keys} == functions_of(isa)
    assert len({key.function for key in keys}) == len(keys)
    for key in keys:
        assert (driver.RUNTIME / key.source).is_file()


@pytest.mark.parametrize("isa", InstructionSet)
def test_the_python_of_a_kernel_stands_where_its_c_does(isa: InstructionSet) -> None:
    """kernels/<isa>/<unit>.py, without the suffix, beside runtime_c/kernels/<isa>/<unit>.c."""
    folder = Path(kernels.__path__[0]) / isa.value
    python = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    units = {key.unit.replace(f"_{isa.value}", "") for key in kernels_of(isa)}
    if isa is InstructionSet.PORTABLE:
        units -= OF_OPS
    assert not units - python
    assert python - units == BESIDE[isa]


def test_the_text_of_a_key_is_its_own() -> None:
    assert len({key.text for key in EVERY}) == len(EVERY)


@pytest.mark.parametrize("core", Core)
def test_a_core_has_constants_for_every_kernel_it_can_run(core: Core) -> None:
    costs = core_costs(core.value)
    isas = isas_of(isa_of(core.value, OPTIONS.get(core, ())))
    bytes_ = [key for isa in isas for key in kernels_of(isa) if key.bits == 8]
    missing = [key.text for key in bytes_ if key.text not in costs.kernels]
    assert not missing


@pytest.mark.parametrize("core", Core)
def test_a_core_has_a_stack_for_every_kernel_it_can_run(core: Core) -> None:
    """`python -m benchmarks.stack` writes what is missing."""
    isas = isas_of(isa_of(core.value, OPTIONS.get(core, ())))
    for kernel in (key for isa in isas for key in kernels_of(isa)):
        sizes = [kernel_stack(kernel, core.value, level) for level in LEVELS]
        assert all(0 <= size < 2048 for size in sizes), kernel.text
    rows = json.loads(TABLE.read_text()).get(core.value, {})
    assert rows or core is Core.LX7  # for which gcc is not at hand: it has what others have
    assert set(rows) <= {key.text for key in EVERY}


def test_every_price_is_one_of_a_kernel() -> None:
    """A renamed kernel leaves no price behind."""
    texts = {key.text for key in EVERY}
    for core in Core:
        assert set(core_costs(core.value).kernels) <= texts


def test_a_kernel_without_a_price_is_an_error() -> None:
    unknown = KernelId("conv2d", InstructionSet.ARMV7EM, "winograd")
    with pytest.raises(KeyError, match="conv2d/armv7em/winograd"):
        cost_model("cortex-m4").kernel(unknown)
    with pytest.raises(KeyError, match="conv2d/armv7em/winograd"):
        variant_cost(unknown)
