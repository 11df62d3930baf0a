"""Kernels ask for what they use: elsewhere they are C, and a network warns once that it is slow."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from tests.codegen.test_golden import residual
from tests.whole.library import Library, library

GCC = "arm-none-eabi-gcc"
pytestmark = pytest.mark.skipif(shutil.which(GCC) is None, reason=f"no {GCC}")
BOARDS = {"m0": "rpi-pico", "m3": "bluepill", "m4": "nucleo-l4r5zi", "m55": "corstone-300"}
HARD = "-mcpu=cortex-m55 -mfloat-abi=hard"
QUIET = [
    ("m4", "-mcpu=cortex-m4"),
    ("m4", "-mcpu=cortex-m7"),
    ("m4", "-mcpu=cortex-m33"),
    ("m4", "-mcpu=cortex-m4 -std=c99 -pedantic -Werror"),
    ("m4", "-mcpu=cortex-m3 -DMCUCC_ALLOW_SLOW -Werror"),
    ("m4", "-mcpu=cortex-a7 -marm"),  # a machine to test on: no Cortex-M
    ("m55", HARD),
    ("m55", "-mcpu=cortex-m55 -mfloat-abi=softfp"),
    ("m0", "-mcpu=cortex-m4"),
    ("m3", "-mcpu=cortex-m4"),
]
LOUD = [
    ("m4", "-mcpu=cortex-m3", "DSP"),
    ("m4", "-mcpu=cortex-m0plus", "DSP"),
    ("m4", "-mcpu=cortex-m33+nodsp", "DSP"),
    ("m4", "-mcpu=cortex-m3 -std=c99", "DSP"),
    ("m4", "-mcpu=cortex-m4 -mno-unaligned-access", "unaligned"),
    ("m55", "-mcpu=cortex-m55 -mfloat-abi=soft", "soft"),
    ("m55", "-mcpu=cortex-m55+nomve -mfloat-abi=hard", "Helium"),
    ("m55", "-mcpu=cortex-m4", "soft"),
    ("m3", "-mcpu=cortex-m0plus", "Cortex-M3"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Library]:
    folder = tmp_path_factory.mktemp("guards")
    return {
        key: library(residual(), load_board(board), folder / key, "net")
        for key, board in BOARDS.items()
    }


def said(net: Library, flags: str, compiler: str = GCC) -> str:
    """What a compiler says of all sources of a network, which it must take."""
    thumb = ["-mthumb"] if compiler == GCC and "-marm" not in flags else []
    include = ["-I", net.folder, "-I", net.folder / "runtime" / "include"]
    words = [compiler, *thumb, *flags.split(), "-Wall", "-Wextra", *include, "-fsyntax-only"]
    done = subprocess.run(
        [str(word) for word in (*words, *net.unit.sources, *net.kernels)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
    return done.stderr


@pytest.mark.parametrize(("network", "flags"), QUIET)
def test_nothing_is_said_of_a_core_that_has_it_all(
    made: dict[str, Library], network: str, flags: str
) -> None:
    assert said(made[network], flags) == ""


@pytest.mark.host
@pytest.mark.parametrize("network", BOARDS)
def test_nothing_is_said_of_the_host(made: dict[str, Library], network: str) -> None:
    assert said(made[network], "-std=c99", "gcc") == ""


@pytest.mark.parametrize(("network", "flags", "word"), LOUD)
def test_a_network_says_once_that_it_is_slow(
    made: dict[str, Library], network: str, flags: str, word: str
) -> None:
    warnings = re.findall(r"warning: (.*)", said(made[network], flags))
    assert len(warnings) == 1 and "slower" in warnings[0] and word in warnings[0]
    assert said(made[network], f"{flags} -DMCUCC_ALLOW_SLOW") == ""


@pytest.mark.parametrize("network", BOARDS)
def test_big_endian_is_refused(made: dict[str, Library], network: str) -> None:
    net = made[network]
    include = ["-I", net.folder, "-I", net.folder / "runtime" / "include"]
    for source in (*net.unit.sources, *net.kernels):
        words = [GCC, "-mcpu=cortex-m4", "-mthumb", "-mbig-endian", *include, "-fsyntax-only"]
        done = subprocess.run([*words, source], capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "little-endian" in done.stderr, source


def test_a_compiler_without_the_dialect_of_gnu_is_told(tmp_path: Path) -> None:
    """As armcc and others see the header."""
    include = Path(__file__).parents[2] / "runtime_c" / "include"
    source = tmp_path / "x.c"
    source.write_text('#define MCUCC_WANTS_DSP\n#include "mcucc/slow.h"\n')
    for maker, form in (("-D__ICCARM__", r"warning: .*GNU"), ("-D_MSC_VER", "note: .*slower")):
        words = ["-mcpu=cortex-m4", "-mthumb", "-U__GNUC__", maker, "-fsyntax-only"]
        done = subprocess.run(
            [GCC, *words, "-I", include, source], capture_output=True, text=True, check=True
        )
        assert len(re.findall(form, done.stderr)) == 1, done.stderr
