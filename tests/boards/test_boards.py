"""Boards: all that ship are valid, and errors name the board or the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.base.package_data import resource_dir
from mcucc.boards.board import Core, Isa, board_names, load_board
from mcucc.errors import BoardError, ToolError
from mcucc.toolchain.layout import Sizes, exact_layout
from mcucc.toolchain.machines import machine_of

# Core, bytes of SRAM and flash, MHz: the figures of the vendors' data sheets.
KIB = 1 << 10
DATA_SHEETS = {
    "alif-e3": (Core.M55, 5120 * KIB, 5632 * KIB, 400),
    "bluepill": (Core.M3, 20 * KIB, 64 * KIB, 72),
    "corstone-300": (Core.M55, 4608 * KIB, 2560 * KIB, 32),
    "esp32-c3": (Core.RV32IMC, 384 * KIB, 4096 * KIB, 160),
    "esp32-s3": (Core.LX7, 480 * KIB, 8192 * KIB, 240),
    "microbit-v2": (Core.M4, 128 * KIB, 512 * KIB, 64),
    "nano33ble": (Core.M4, 256 * KIB, 960 * KIB, 64),
    "nrf52840-dk": (Core.M4, 256 * KIB, 1024 * KIB, 64),
    "nucleo-h7a3zi": (Core.M7, (128 + 1024) * KIB, 2048 * KIB, 280),
    "nucleo-l4r5zi": (Core.M4, 640 * KIB, 2048 * KIB, 120),
    "nucleo-u575zi": (Core.M33, 768 * KIB, 2048 * KIB, 160),
    "rpi-pico": (Core.M0PLUS, 264 * KIB, 2048 * KIB, 133),
    "rpi-pico2": (Core.M33, 520 * KIB, 4096 * KIB, 150),
    "stm32f405": (Core.M4, (128 + 64) * KIB, 1024 * KIB, 168),
    "stm32f407": (Core.M4, (128 + 64) * KIB, 1024 * KIB, 168),
    "stm32f412": (Core.M4, 256 * KIB, 1024 * KIB, 100),
    "stm32f746g-disco": (Core.M7, 320 * KIB, 1024 * KIB, 216),
    "stm32h743": (Core.M7, (128 + 512) * KIB, 2048 * KIB, 480),
}


def test_all_boards_are_there() -> None:
    assert set(board_names()) == set(DATA_SHEETS)


@pytest.mark.parametrize("name", DATA_SHEETS)
def test_a_board_has_its_data_sheets_figures_and_a_machine_that_holds_it(name: str) -> None:
    board = load_board(name)
    found = (board.core, board.ram_bytes, board.flash_bytes, board.clock_hz / 1e6)
    assert (board.name, found) == (name, DATA_SHEETS[name])
    assert board.source.title and board.source.section
    if name == "esp32-s3":
        assert board.machine is None
        return
    machine = machine_of(board)
    sizes = Sizes(100_000 // 4, 25_000, 8, 4_096, 0, 0)
    layout = exact_layout(board, machine, sizes, 8)
    assert (layout.data.size, layout.arena.size) == (board.data.size, board.arena.size)


def test_instruction_sets() -> None:
    assert Isa.MVE in load_board("corstone-300").isa
    assert load_board("bluepill").isa == frozenset()


def test_a_board_without_an_emulator_has_no_machine(tmp_path: Path) -> None:
    text = (resource_dir("boards") / "bluepill.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('[emulator]\nmachine = "mps2-an385"\n', ""), encoding="utf-8")
    board = load_board(path)
    assert board.machine is None
    with pytest.raises(ToolError, match="mine: no firmware: nothing emulates cortex-m3"):
        machine_of(board)


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("stm32f746-disco", "stm32f746g-disco"),
        ("pico", "rpi-pico or rpi-pico2"),
        ("stm32f40", "stm32f405, stm32f407 or "),
        ("nrf52840", "nrf52840-dk"),
        ("blupill", "bluepill"),
        ("qqq", r"one of alif-e3, .*stm32h743, or a .toml"),
        ("", r"one of alif-e3"),
    ],
)
def test_a_wrong_name_gets_the_nearest_ones(given: str, near: str) -> None:
    with pytest.raises(BoardError, match=f"unknown board '{given}'\n.*{near}"):
        load_board(given)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(BoardError, match=r"nowhere/mine\.toml: no such board file"):
        load_board("nowhere/mine.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('core = "cortex-m3"', 'core = "cortex-m9"', r"core: unknown value 'cortex-m9'"),
        ("isa = []", 'isa = ["dsp"]', r"isa: cortex-m3 cannot have dsp"),
        ("isa = []", 'isa = "dsp"', r"isa: expected a list"),
        ("clock_hz = 72_000_000", "", r"clock_hz: missing; expected a whole number"),
        ("clock_hz = 72_000_000", "clock_hz = -1", r"clock_hz: expected a whole number"),
        ("size = 20_480", "size = 20_481", r"memory\[1\]\.size: origin and size must be multiples"),
        ("size = 20_480", "size = 0", r"memory\[1\]\.size: expected .* of at least 32"),
        ("origin = 0x20000000", "origin = 0x08000000", r"memory\[1\]\.origin: sram overlaps flash"),
        ('arena = "sram"', 'arena = "ccm"', r"placement\.arena: no memory is called 'ccm'"),
        ('arena = "sram"', 'arena = "flash"', r"placement\.arena: flash is not ram"),
        ('arena = "sram"', 'arena = "sram"\nheap = "sram"', r"placement\.heap: unknown key"),
        ('title = "STM32', 'titel = "x"\ntitle = "STM32', r"titel: unknown key\n.*mean title"),
        ("isa = []", "isa = [", r"not a readable TOML file"),
        ('core = "cortex-m3"', "", r"core: missing; expected one of cortex-m0plus, "),
        ("isa = []", "", r"isa: missing; expected a list of dsp, fpu, mve, or \[\]"),
        ("isa = []", 'isa = ["neon"]', r"isa: unknown value 'neon'\n.*one of dsp, fpu, mve"),
        ('kind = "ram"', "", r"memory\[1\]\.kind: missing; expected one of flash, ram"),
        ('arena = "sram"', "", r"arena: missing; expected the name of a memory \(flash, sram\)"),
        ("[placement]", "[placment]", r"placement: missing; expected a table \[placement\]"),
        ('machine = "mps2-an385"', "", r"emulator\.machine: missing; expected a text"),
    ],
)
def test_a_bad_value_names_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (resource_dir("boards") / "bluepill.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BoardError, match=message):
        load_board(path)
