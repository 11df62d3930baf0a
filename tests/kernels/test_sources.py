"""The portable kernels as source: no warning anywhere, one body specialised for each profile."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mcucc.toolchain.compilers import compile_objects, host_compiler
from tests.kernels import driver

pytestmark = pytest.mark.host

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m55")
PROFILED = ("conv2d", "depthwise_conv2d", "fully_connected", "mul")
COMPILERS = {
    "gcc": ("gcc",),
    "clang": ("clang",),
    **{core: ("arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb") for core in CORES},
}


@pytest.mark.parametrize("target", COMPILERS)
def test_compiles_without_a_warning(target: str) -> None:
    compiler, *flags = COMPILERS[target]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    if target == "cortex-m55":
        flags.append("-mfloat-abi=hard")
    command = [compiler, *driver.WARNINGS, *flags, "-fsyntax-only"]
    units = [*driver.units(), *sorted((driver.RUNTIME / "kernels" / "armv7m").glob("*.c"))]
    if target == "cortex-m0plus":
        units = driver.units()
    command += ["-I", str(driver.RUNTIME / "include"), *map(str, units)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-4000:]


@pytest.mark.parametrize("unit", PROFILED)
def test_each_profile_is_specialised(unit: str, tmp_path: Path) -> None:
    """The rounding is a constant to each function: neither holds the other's path."""
    source = driver.RUNTIME / "kernels" / "portable" / f"{unit}.c"
    include = f"-I{driver.RUNTIME / 'include'}"
    options = [*driver.WARNINGS, "-O2", include]
    (built,) = compile_objects(host_compiler(), [source], options, Path("objects"), tmp_path)
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", str(tmp_path / built)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    bodies = dict(re.findall(r"<(\w+)>:\n(.*?)(?:\n\n|\Z)", listing, re.DOTALL))
    single, double = bodies[f"mcucc_{unit}"], bodies[f"mcucc_{unit}_double"]
    assert "<mcucc_requantize_large>" in single
    assert "<mcucc_requantize_double_large>" not in single
    assert "<mcucc_requantize_double_large>" in double
    assert "<mcucc_requantize_large>" not in double
