"""Flags of other people's firmware: assembly functions hold nothing but their assembly, and old
compilers, without attributes for that and without the DSP intrinsics, compute the same bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from mcucc.backends.calls.qemu import GUESTS, QemuMachine, build_calls
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.select import isas_of
from tests.kernels import driver
from tests.kernels.cases import depthwise_cases, pointwise_cases, stem_cases, window_cases
from tests.kernels.drawn import check, draw_cases

GCC = "arm-none-eabi-gcc"
RUNTIME = driver.RUNTIME
OLD = "-DMCUCC_OLD_COMPILER"  # what gcc 7 would see
CORES = {"cortex-m0plus": "portable", "cortex-m3": "armv7m", "cortex-m4": "armv7em"}
CORES["cortex-m55"] = "mve"
# Each writes code into every function that does not forbid it. What is written does not depend on
# the optimisation, what it costs to compile does: five times as much with the first line's.
ADDING = (
    "-O0 -fstack-protector-all -finstrument-functions --coverage -fsanitize=undefined "
    "-fsanitize-coverage=trace-pc -fpatchable-function-entry=2 -fzero-call-used-regs=all",
    "-O1 -fprofile-generate -fsanitize=address",
    "-O3 -pg -fstack-protector-strong -g",
)
# And `mov r0, r3`: behind the end of assembly that returns a value, where nothing gets to, -O0
# writes what C would do to return it.
PADDING = (b"\x00\xbf", b"\xc0\x46", b"\x00\x00", b"\x18\x46")

needs_gcc = pytest.mark.skipif(shutil.which(GCC) is None, reason=f"no {GCC}")


def units_of(core: str) -> list[Path]:
    """The sources with assembly functions."""
    every = sorted((RUNTIME / "kernels" / CORES[core]).glob("*.c"))
    return [path for path in every if "MCUCC_ASSEMBLY" in path.read_text()]


def compiled(core: str, unit: Path, folder: Path, *flags: str) -> dict[str, bytes]:
    """The code of every function, without what pads it."""
    target = [f"-mcpu={core}", "-mthumb"]
    target += ["-mfloat-abi=hard"] if core == "cortex-m55" else []
    made = folder / "unit.o"
    words = ["-std=c99", "-O2", "-ffunction-sections", *flags, "-I", str(RUNTIME / "include")]
    subprocess.run([GCC, *target, *words, "-c", str(unit), "-o", str(made)], check=True)
    code = {}
    with made.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            if section.name.startswith(".text."):
                data = section.data()
                while data[-2:] in PADDING:
                    data = data[:-2]
                code[section.name.removeprefix(".text.")] = data
    return code


def assembly_in(core: str, unit: Path) -> set[str]:
    """The names of the assembly functions, as the preprocessor makes them."""
    target = [f"-mcpu={core}", "-mthumb"]
    target += ["-mfloat-abi=hard"] if core == "cortex-m55" else []
    words = [GCC, *target, "-E", "-P", OLD, "-I", str(RUNTIME / "include"), str(unit)]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r'"\.thumb_func\\n"\s*"\.type " "(\w+)"', text))


def slow_but(quick: str, cores: Iterable[str]) -> list[Any]:
    """The cores as new and old compilers see them, all but one new one left to the slow ring."""
    cases = [(core, old) for core in cores for old in ("new", "old")]
    kept = (quick, "new")
    return [c if c == kept else pytest.param(*c, marks=pytest.mark.slow) for c in cases]


@needs_gcc
@pytest.mark.parametrize(("core", "sees"), slow_but("cortex-m55", CORES))
def test_flags_add_nothing_to_assembly(core: str, sees: str, tmp_path: Path) -> None:
    old = (OLD,) if sees == "old" else ()
    units = units_of(core)
    assert units
    for unit in units:
        names = assembly_in(core, unit)
        plain = compiled(core, unit, tmp_path, *old)
        assert names and names <= set(plain)
        for flags in ADDING:
            changed = compiled(core, unit, tmp_path, *flags.split(), *old)
            assert [n for n in sorted(names) if changed[n] != plain[n]] == [], flags


def test_every_assembly_function_is_made_by_the_macro() -> None:
    for path in sorted(RUNTIME.rglob("*.[ch]")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        if path.name != "compiler.h":
            assert not re.search(r"\bnaked\b", text), f"{path}: MCUCC_ASSEMBLY or MCUCC_NAKED"
            assert "arm_acle.h" not in text, f"{path}: gcc before 10 has no SIMD32 there"
            assert "GCC unroll" not in text, f"{path}: MCUCC_UNROLL"


def each_core_once(cores: Iterable[str]) -> list[Any]:
    """The cores as new and old compilers see them, by day each as one of the two."""
    cases = []
    for number, core in enumerate(cores):
        today, tonight = ("new", "old") if number % 2 else ("old", "new")
        cases += [(core, today), pytest.param(core, tonight, marks=pytest.mark.nightly)]
    return cases


STUBS = """
#include <stdint.h>
uintptr_t __stack_chk_guard = 0x12345678u;
void __stack_chk_fail(void) { for (;;) { } }
#define PLAIN __attribute__((no_instrument_function))
PLAIN void __cyg_profile_func_enter(void *f, void *c) { (void)f; (void)c; }
PLAIN void __cyg_profile_func_exit(void *f, void *c) { (void)f; (void)c; }
void __sanitizer_cov_trace_pc(void) { }
"""
FIRMWARE = ["-fstack-protector-all", "-finstrument-functions", "-fsanitize-coverage=trace-pc"]
GUEST_CORES = {
    "cortex-m0": InstructionSet.PORTABLE,
    "cortex-m3": InstructionSet.ARMV7M,
    "cortex-m4": InstructionSet.ARMV7EM,
    "cortex-m55": InstructionSet.MVE,
}


def machine(core: str, folder: Path, *flags: str) -> QemuMachine:
    """The kernels built with these flags beside what the flags call."""
    guest = GUESTS[core]
    (folder / "stubs.c").write_text(STUBS)
    made = folder / "stubs.o"
    target = ["-mthumb", *guest.flags, "-O2", "-c", str(folder / "stubs.c"), "-o", str(made)]
    subprocess.run([GCC, *target], check=True)
    (folder / "arm_acle.h").write_text("/* of an old compiler: empty */\n")
    words = (f"-I{folder}", *flags)
    isas = isas_of(GUEST_CORES[core])
    image = build_calls(isas, guest, folder, ("-O1",), of_kernels=words, objects=[made])
    return QemuMachine(image, guest)


@needs_gcc
@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize(("core", "sees"), each_core_once(GUEST_CORES))
def test_kernels_compute_the_reference_among_such_flags(
    core: str, sees: str, tmp_path: Path
) -> None:
    old = (OLD, "-std=c99") if sees == "old" else ()
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("no qemu-system-arm")
    running = machine(core, tmp_path, *FIRMWARE, *old)
    for cases in (pointwise_cases(), window_cases(), stem_cases(), depthwise_cases()):
        check(running, draw_cases(cases, 10, GUEST_CORES[core]))


# The C library's own read words from any address: an application that traps these brings others.
BYTEWISE = """
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t n) {
    unsigned char *a = to; const unsigned char *b = from; while (n--) *a++ = *b++; return to; }
void *memmove(void *to, const void *from, size_t n) {
    unsigned char *a = to; const unsigned char *b = from;
    if (a <= b) while (n--) *a++ = *b++; else while (n--) a[n] = b[n];
    return to; }
void *memset(void *to, int c, size_t n) {
    unsigned char *a = to; while (n--) *a++ = (unsigned char)c; return to; }
"""


@needs_gcc
@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m55"])
def test_nothing_reads_words_from_odd_addresses_where_these_fault(
    core: str, tmp_path: Path
) -> None:
    """CCR.UNALIGN_TRP is set, and every buffer lies at an odd address."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("no qemu-system-arm")
    guest, isa = GUESTS[core], GUEST_CORES[core]
    (tmp_path / "bytes.c").write_text(BYTEWISE)
    made = tmp_path / "bytes.o"
    words = ["-mthumb", *guest.flags, "-O1", "-fno-tree-loop-distribute-patterns", "-c"]
    subprocess.run([GCC, *words, str(tmp_path / "bytes.c"), "-o", str(made)], check=True)
    flags = ("-O1", "-mno-unaligned-access", "-DTRAP_UNALIGNED")
    image = build_calls(isas_of(isa), guest, tmp_path, flags, objects=[made])
    running = QemuMachine(image, guest)
    for cases in (pointwise_cases(), window_cases(), stem_cases(), depthwise_cases()):
        check(running, draw_cases(cases, 10, isa))
