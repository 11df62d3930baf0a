"""What compilers and checkers of C are asked, and what was decided not to hear, with the reason.

.clang-tidy has the same for clang-tidy.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2] / "runtime_c"
CONFIG = RUNTIME.parent / ".clang-tidy"

# Of clang's -Weverything. Reviewed once, issue 15: else nothing was said.
CLANG_UNHEARD = {
    "declaration-after-statement": "C99",
    "used-but-marked-unused": "functions of headers, of which a unit calls some",
    "padded": "pointers have 8 bytes on hosts",
    "overlength-strings": "assembly of a function is one string; gcc and clang take any length",
    "unsafe-buffer-usage": "C",
    "pre-c11-compat": "C99",
}
# -Wconversion and the like see the types, the others what flows through an optimised function.
GCC = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Warith-conversion"),
    *("-Wshadow", "-Wundef", "-Wcast-align=strict", "-Wcast-qual", "-Wstrict-prototypes"),
    *("-Wmissing-prototypes", "-Wold-style-definition", "-Wredundant-decls", "-Wnested-externs"),
    *("-Wdouble-promotion", "-Wfloat-equal", "-Wunsuffixed-float-constants", "-Wvla", "-Walloca"),
    *("-Wnull-dereference", "-Wduplicated-cond", "-Wduplicated-branches", "-Wlogical-op"),
    *("-Wjump-misses-init", "-Wwrite-strings", "-Wpointer-arith", "-Wbad-function-cast"),
    *("-Wswitch-default", "-Wswitch-enum", "-Wunused-macros", "-Wstrict-overflow=2", "-Wformat=2"),
)
CPPCHECK_UNHEARD = {
    "shiftTooManyBitsSigned": "x >> 31 is -1 or 0: mcucc.h requires it",
    "preprocessorErrorDirective:*conv2d_armv7m.h": "its preprocessor knows no empty argument",
    "zerodiv:*detect_head.c": "it does not see that the largest of several counts",
    "variableScope": "a generated stage declares at its head what its loops share",
    "missingIncludeSystem": "it brings no headers",
}


@dataclass(frozen=True)
class Target:
    """A kind of compiler, in clang's words, and the kernels that it is to read."""

    kernels: tuple[str, ...]
    flags: tuple[str, ...] = ()

    def units(self) -> list[Path]:
        found = [each for name in self.kernels for each in sorted(RUNTIME.glob(f"kernels/{name}"))]
        assert found
        return found


def _bare(triple: str, *flags: str) -> tuple[str, ...]:
    """A machine without a C library: clang's own headers, and the four functions of ours."""
    own = ("-ffreestanding", "-isystem", str(RUNTIME / "firmware" / "freestanding"))
    return (f"--target={triple}", *flags, *own)


SIXTEEN_BITS = _bare("avr", "-mmcu=atmega2560")
TARGETS = {
    "host": Target(("portable/*.c", "armv7m/*.c")),
    "int of 16 bits": Target(("portable/*.c",), SIXTEEN_BITS),
    "cortex-m0plus": Target(("portable/conv2d*.c",), _bare("arm-none-eabi", "-mcpu=cortex-m0plus")),
    "cortex-m4": Target(("armv7*/*.c",), _bare("arm-none-eabi", "-mcpu=cortex-m4")),
    "cortex-m55": Target(
        ("mve/*.c",), _bare("arm-none-eabi", "-mcpu=cortex-m55", "-mfloat-abi=hard")
    ),
}


def needed(program: str) -> str:
    """The path of a program that pip or Debian brings; the test is skipped without."""
    found = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def said(command: Sequence[str | Path]) -> str:
    """All that a checker prints; nothing, where it found nothing."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    return text if done.returncode or "warning:" in text else ""


def clang_says(units: Sequence[Path], flags: Sequence[str]) -> str:
    unheard = [f"-Wno-{name}" for name in CLANG_UNHEARD]
    words = ["-std=c99", "-fsyntax-only", "-Wno-unknown-warning-option", "-Weverything", *unheard]
    return said([needed("clang"), *words, *flags, *units])


def gcc_says(units: Sequence[Path], folder: Path, flags: Sequence[str]) -> str:
    """`folder` takes the objects: half of the warnings are made while code is."""
    command = [needed("gcc"), "-std=c99", "-O2", *GCC, *flags]
    done = [said([*command, "-c", unit, "-o", folder / "made.o"]) for unit in units]
    return "".join(done)


def tidy_says(units: Sequence[Path], flags: Sequence[str], checks: str) -> str:
    command = [needed("clang-tidy"), "--quiet", f"--config-file={CONFIG}", f"--checks={checks}"]
    words = [*command, *units, "--", "-std=c99", *flags]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    return done.stdout


def cppcheck_says(units: Sequence[Path], flags: Sequence[str]) -> str:
    unheard = [f"--suppress={name}" for name in CPPCHECK_UNHEARD]
    words = [
        "-q",
        "--std=c99",
        "--platform=unix32",
        "--enable=warning,style,performance,portability",
    ]
    command = [needed("cppcheck"), *words, "-D__GNUC__=12", "--error-exitcode=1", *unheard]
    return said([*command, *flags, *units])
