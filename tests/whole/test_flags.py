"""Flags that firmware is built with: a network under them computes the same bytes on every core.

Flags go together in sets that do not undo each other; -Wall -Wextra -Werror is on in all of them.
tests/kernels/test_flags.py has what flags add to assembly functions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mcucc.backends import Qemu
from mcucc.boards.board import Architecture, load_board
from mcucc.errors import ToolError
from mcucc.ir import Graph
from mcucc.toolchain import BuildOptions, build_firmware
from tests.backends.firmware_fixtures import require_tools
from tests.graphs import Builder
from tests.whole.library import library

pytestmark = pytest.mark.emulated

TRACED = (
    "-Og -fstack-protector-all -finstrument-functions -fno-omit-frame-pointer -fno-inline -ftrapv"
)
EVERY = (
    "-O0 -fpatchable-function-entry=4 -ftrivial-auto-var-init=pattern",
    "-O1 -fharden-compares -fharden-conditional-branches -fno-toplevel-reorder -fipa-pta",
    "-O2 -flto",
    "-O2 -fPIC",
    "-O3 -fstack-protector-strong -fno-jump-tables -falign-functions=32 -funroll-all-loops",
    "-Os -fPIE -fno-common -fno-builtin -fno-section-anchors",
    "-Oz -fsanitize=undefined -fsanitize-undefined-trap-on-error -fno-strict-aliasing "
    "-fexec-charset=IBM1047 -fzero-call-used-regs=used",
    "-Ofast -fno-short-enums -funsigned-char -fsingle-precision-constant -fwrapv -fstack-check",
)
ARM = (
    "-O2 -fshort-enums -mlong-calls -mword-relocations -ffixed-r9",
    "-O2 -mno-unaligned-access -DMCUCC_ALLOW_SLOW",
)
BOARDS = {
    "rpi-pico": ("-O2 -mpure-code",),
    "bluepill": ("-O2 -mslow-flash-data", "-O2 -mpure-code"),
    "nucleo-l4r5zi": ("-O2 -mslow-flash-data", "-O2 -mpure-code"),
    "stm32f746g-disco": (),
    "rpi-pico2": ("-O2 -mcmse", "-O2 -mpure-code"),
    "corstone-300": ("-O2 -mcmse", "-O2 -mpure-code"),
    "esp32-c3": (),
}
BY_DAY = ("rpi-pico", "nucleo-l4r5zi", "corstone-300", "esp32-c3")
# What the flags call, of a user's own firmware.
CALLED = """
#include <stdint.h>
#define PLAIN __attribute__((no_instrument_function))
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x12345678u;
PLAIN void __stack_chk_fail(void);
PLAIN void __stack_chk_fail(void) { for (;;) { } }
PLAIN void __cyg_profile_func_enter(void *function, void *caller);
PLAIN void __cyg_profile_func_enter(void *function, void *caller) { (void)function; (void)caller; }
PLAIN void __cyg_profile_func_exit(void *function, void *caller);
PLAIN void __cyg_profile_func_exit(void *function, void *caller) { (void)function; (void)caller; }
"""


def cases() -> list[Any]:
    """By day each instruction set with what adds most code, in CI every seventh of all that
    `make nightly` tries: every core with every set."""
    found = []
    for board, own in BOARDS.items():
        arm = load_board(board).core.architecture is Architecture.ARM
        for flags in (TRACED, *EVERY, *(ARM if arm else ()), *own):
            day = board in BY_DAY and flags == TRACED
            found.append(pytest.param(board, flags, marks=() if day else pytest.mark.nightly))
    every = "MCUCC_BATCHES" in os.environ
    return [each for i, each in enumerate(found) if every or not each.marks or i % 7 == 3]


def small() -> Graph:
    """A stem, a depthwise and a 1x1 convolution with channels left over, a classifier."""
    b = Builder(7, 9, 3, seed=5)
    x = b.conv(b.depthwise(b.conv("image", 8, 3, 2), 3), 17)
    return b.graph(b.classifier(x, 5), name="small")


@pytest.mark.parametrize(("board", "flags"), cases())
def test_a_network_computes_the_same_bytes(board: str, flags: str, tmp_path: Path) -> None:
    require_tools(load_board(board))
    made = library(small(), load_board(board), tmp_path / "c", "small")
    called = tmp_path / "called.c"
    called.write_text(CALLED)
    optimize, *others = flags.split()
    options = BuildOptions(optimize, tuple(others))
    sources = [*made.kernels, called]
    firmware = build_firmware([made.unit], sources, made.board, tmp_path / "f", options=options)
    pictures = made.pictures(2)
    assert Qemu().run(firmware, pictures, timeout_s=60).outputs == made.expected(pictures)


def test_packed_structs_do_not_compile(tmp_path: Path) -> None:
    made = library(small(), load_board("bluepill"), tmp_path / "c", "small")
    options = BuildOptions("-O2", ("-fpack-struct",))
    with pytest.raises(ToolError, match="mcucc_requires_structs_not_packed"):
        build_firmware([made.unit], made.kernels, made.board, tmp_path / "f", options=options)
