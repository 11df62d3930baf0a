"""Whole networks: NumPy, C on the host, QEMU and unicorn give the same bytes on every core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.backends import EmulationFault, Qemu, Unicorn
from mcucc.backends.host import run_host, run_program
from mcucc.boards.board import load_board
from mcucc.errors import FitError
from mcucc.numerics.fixed_point import Rounding
from mcucc.toolchain import BuildOptions, build_firmware, build_program, build_shared, refence
from tests.backends.firmware_fixtures import BOARDS, QEMU_ONLY, require_tools
from tests.whole.batch import SANITIZED, sanitizing
from tests.whole.library import Library, library
from tests.whole.networks import NETWORKS

# Every core once or twice, with and without DSP instructions; Helium runs them all.
ON_BOARDS = {
    "mobile": ("corstone-300", "rpi-pico", "nucleo-l4r5zi"),
    "squeeze": ("corstone-300", "bluepill", "stm32f746g-disco"),
    "windows": ("corstone-300", "rpi-pico", "rpi-pico2"),
    "branches": ("corstone-300", "esp32-c3"),
    "pools": ("corstone-300", "nucleo-l4r5zi", "esp32-c3"),
    "outputs": ("corstone-300", "stm32f746g-disco"),
    "splits": ("corstone-300", "nucleo-l4r5zi"),
    "decoder": ("corstone-300", "rpi-pico", "esp32-c3"),
    "borders": ("corstone-300", "nucleo-l4r5zi", "bluepill", "rpi-pico"),
    "encoder": ("nucleo-l4r5zi", "esp32-c3"),
    "wide_mobile": ("nucleo-l4r5zi", "rpi-pico"),
    "wide_branches": ("corstone-300",),
    "wide_pools": ("rpi-pico",),
    "wide_squeeze": ("nucleo-l4r5zi",),
    "wide_outputs": ("esp32-c3",),
    "wide_borders": ("bluepill",),
    "int4_mobile": ("corstone-300", "nucleo-l4r5zi", "rpi-pico"),
    "int2_branches": ("corstone-300", "nucleo-l4r5zi", "bluepill"),
    "int4_borders": ("corstone-300", "nucleo-l4r5zi"),
}
CASES = [(name, board) for name, boards in ON_BOARDS.items() for board in boards]


def make(name: str, board: str, folder: Path, rounding: Rounding = Rounding.SINGLE) -> Library:
    return library(NETWORKS[name](), load_board(board), folder / "c", name, rounding)


def test_every_network_and_every_core_is_run() -> None:
    assert set(ON_BOARDS) == set(NETWORKS)
    assert {board for _, board in CASES} == set(BOARDS)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_depend_on_the_picture(name: str, tmp_path: Path) -> None:
    made = make(name, "rpi-pico", tmp_path)
    found = made.expected(made.pictures(4))
    assert len(set(found)) > 1
    assert len(np.unique(np.frombuffer(found[3], np.int8))) > 1


@pytest.mark.host
@pytest.mark.parametrize("name", NETWORKS)
def test_host_c_equals_numpy_under_sanitizers(name: str, tmp_path: Path) -> None:
    made = make(name, ON_BOARDS[name][-1], tmp_path)
    pictures = made.pictures(4)
    program = build_program(
        made.unit, made.kernels, tmp_path / "asan", flags=SANITIZED, compiler=sanitizing()
    )
    assert run_program(program, pictures) == b"".join(made.expected(pictures))


@pytest.mark.host
def test_host_library_with_double_rounding_equals_numpy(tmp_path: Path) -> None:
    made = make("mobile", "nucleo-l4r5zi", tmp_path, Rounding.DOUBLE)
    pictures = made.pictures(5)
    shared = build_shared([made.unit], made.kernels, tmp_path / "so")
    assert run_host(shared, "mobile", pictures) == made.expected(pictures)


@pytest.mark.emulated
@pytest.mark.parametrize(("name", "board"), CASES)
def test_emulated_c_equals_numpy(name: str, board: str, tmp_path: Path) -> None:
    require_tools(load_board(board))
    made = make(name, board, tmp_path)
    firmware = made.firmware(tmp_path / "firmware")
    pictures = made.pictures(4)
    assert Qemu().run(firmware, pictures, timeout_s=60).outputs == made.expected(pictures)
    counted = Qemu().run(firmware, pictures[-1:], count=True, timeout_s=60)
    assert counted.arena_high_water is not None
    assert counted.arena_high_water <= made.program.arena_bytes
    if board in QEMU_ONLY:
        return
    on_unicorn = Unicorn().run(firmware, pictures[-1:], count=True, timeout_s=60)
    assert on_unicorn.outputs == counted.outputs == made.expected(pictures[-1:])
    assert on_unicorn.instructions == counted.instructions
    assert on_unicorn.step_instructions == counted.step_instructions
    assert on_unicorn.stack_bytes == counted.stack_bytes
    assert Unicorn().run(firmware, pictures, timeout_s=60).outputs == made.expected(pictures)


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["bluepill", "rpi-pico2", "esp32-c3"])
def test_claimed_sram_is_enough_and_a_granule_less_is_not(board: str, tmp_path: Path) -> None:
    require_tools(load_board(board))
    made = make("mobile", board, tmp_path)
    firmware = made.firmware(tmp_path / "firmware")
    pictures = made.pictures(2)
    measured = Qemu().run(firmware, pictures, timeout_s=60)
    assert measured.stack_bytes is not None
    claimed = firmware.sram_bytes(measured.stack_bytes)
    assert claimed == firmware.sizes.arena + firmware.sizes.static + measured.stack_bytes
    assert 0 <= firmware.sizes.arena - made.program.arena_bytes < 8
    for emulator in (Qemu(),) if board in QEMU_ONLY else (Qemu(), Unicorn()):
        proved = emulator.run(refence(firmware, claimed), pictures, timeout_s=60)
        assert proved.outputs == made.expected(pictures)
        with pytest.raises((EmulationFault, FitError)):
            emulator.run(refence(firmware, claimed - 32), pictures, timeout_s=60)


@pytest.mark.emulated
def test_two_models_in_one_firmware(tmp_path: Path) -> None:
    board = load_board("nucleo-l4r5zi")
    first = library(NETWORKS["mobile"](), board, tmp_path / "first", "first")
    second = library(NETWORKS["branches"](), board, tmp_path / "second", "second")
    kernels = {path.relative_to(first.folder): path for path in first.kernels}
    kernels |= {path.relative_to(second.folder): path for path in second.kernels}
    firmware = build_firmware(
        [first.unit, second.unit],
        [kernels[name] for name in sorted(kernels)],
        board,
        tmp_path / "firmware",
        options=BuildOptions("-O2"),
    )
    for made in (first, second):
        pictures = made.pictures(3)
        for emulator in (Qemu(), Unicorn()):
            found = emulator.run(firmware, pictures, model=made.unit.name, timeout_s=60)
            assert found.outputs == made.expected(pictures)
