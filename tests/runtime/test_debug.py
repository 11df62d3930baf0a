"""MCUCC_DEBUG: functions of a network's header stop where they are called wrongly."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.schedule.plan.plan import ImagePolicy
from tests.codegen.test_golden import residual
from tests.whole.library import library

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc"),
]
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net.h"
void refused(const char *what) { puts(what); exit(7); }
NET_STATIC_ARENA(arena);
static uint8_t picture[NET_IMAGE_HEIGHT * NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS];
static int32_t row(void *context, int32_t input, int32_t number, uint8_t *pixels)
{
    (void)context, (void)input, (void)number;
    memset(pixels, 1, NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS);
    return 0;
}
int main(int count, char **words)
{
    const mcucc_camera camera = {row, NULL}, none = {NULL, NULL};
    uint8_t *const at = (uint8_t *)arena;
    (void)count;
    switch (words[1][0]) {
    case 'a': (void)net_run(arena, &camera); break;
    case 'b': (void)net_run(NULL, &camera); break;
    case 'c': (void)net_run(at + 2, &camera); break;
    case 'd': (void)net_run(arena, NULL); break;
    case 'e': (void)net_run(arena, &none); break;
    case 'f': (void)net_run_step(arena, NET_STEPS, &camera); break;
    case 'g': (void)net_run_step(arena, -1, &camera); break;
    case 'h': (void)net_run_slice(arena, NET_SLICES, &camera); break;
    case 'i': net_run_mapped(arena, NULL); break;
    default: net_run_mapped(arena, picture); break;
    }
    return 0;
}
"""
OWN = """
extern void refused(const char *what);
#define MCUCC_ASSERT(condition) ((condition) ? (void)0 : refused(#condition))
"""


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    net = library(residual(), load_board("rpi-pico"), tmp_path, "net", image=ImagePolicy.MAPPED)
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "own.h").write_text(OWN)
    words = ["gcc", "-O0", "-Wall", "-Wextra", "-Werror", "-I.", "-Iruntime/include", "main.c"]
    words += [*map(str, net.unit.sources), *map(str, net.kernels), "-DMCUCC_DEBUG"]
    config = '-DMCUCC_CONFIG_H="own.h"'
    subprocess.run([*words, "-o", "trap"], check=True, cwd=tmp_path)
    subprocess.run([*words, config, "-o", "own"], check=True, cwd=tmp_path)
    said = {}
    for case in "abcdefghij":
        trapped = subprocess.run([tmp_path / "trap", case], check=False)
        own = subprocess.run([tmp_path / "own", case], capture_output=True, text=True, check=False)
        assert (trapped.returncode < 0) == (own.returncode == 7) == (case not in "aj"), case
        said[case] = own.stdout
    assert "arena" in said["b"] and "ALIGNMENT" in said["c"] and "read_row" in said["e"]
    assert "step" in said["f"] and "slice" in said["h"] and "image" in said["i"]
