"""Boards: all that ship are valid, and errors name the board or the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.boards import Core, Isa, board_names, load_board
from mcucc.errors import BoardError
from mcucc.resources import resource_dir
from mcucc.toolchain.machines import find_machine


def test_every_board_that_ships_is_valid() -> None:
    names = board_names()
    assert {"bluepill", "corstone-300", "nucleo-l4r5zi", "rpi-pico"} <= set(names)
    assert {"stm32f746g-disco", "stm32h743"} <= set(names)
    for name in names:
        board = load_board(name)
        assert board.name == name
        assert board.source.title and board.clock_hz >= 1_000_000
        machine = find_machine(board.machine, board.core)
        assert board.ram_bytes <= sum(window.size for window in machine.ram)


def test_figures_are_the_data_sheets() -> None:
    disco, pill = load_board("stm32f746g-disco"), load_board("bluepill")
    assert (disco.core, disco.ram_bytes, disco.flash_bytes) == (Core.M7, 320 << 10, 1 << 20)
    assert (pill.core, pill.ram_bytes, pill.flash_bytes) == (Core.M3, 20 << 10, 64 << 10)
    assert load_board("rpi-pico").ram_bytes == 264 << 10
    assert load_board("nucleo-l4r5zi").ram_bytes == 640 << 10
    assert load_board("stm32h743").ram_bytes == (128 + 512) << 10
    assert Isa.MVE in load_board("corstone-300").isa


def test_a_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(BoardError, match="did you mean stm32f746g-disco"):
        load_board("stm32f746-disco")
    with pytest.raises(BoardError, match="no such board file"):
        load_board("nowhere/mine.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('core = "cortex-m3"', 'core = "cortex-m9"', r"core: unknown value 'cortex-m9'"),
        ("isa = []", 'isa = ["dsp"]', r"isa: cortex-m3 cannot have dsp"),
        ("isa = []", 'isa = "dsp"', r"isa: expected a list"),
        ("clock_hz = 72_000_000", "", r"clock_hz: missing"),
        ("clock_hz = 72_000_000", "clock_hz = -1", r"clock_hz: expected a whole number"),
        ("size = 20_480", "size = 20_481", r"memory\[1\]\.size: origin and size must be multiples"),
        ("size = 20_480", "size = 0", r"memory\[1\]\.size: must not be 0"),
        ("origin = 0x20000000", "origin = 0x08000000", r"memory\[1\]\.origin: sram overlaps flash"),
        ('arena = "sram"', 'arena = "ccm"', r"placement\.arena: no memory is called 'ccm'"),
        ('arena = "sram"', 'arena = "flash"', r"placement\.arena: flash is not ram"),
        ('arena = "sram"', 'arena = "sram"\nheap = "sram"', r"placement\.heap: unknown key"),
        ('title = "STM32', 'titel = "x"\ntitle = "STM32', r"titel: unknown key\n.*mean title"),
        ("isa = []", "isa = [", r"not a readable TOML file"),
    ],
)
def test_a_bad_value_names_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (resource_dir("boards") / "bluepill.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BoardError, match=message):
        load_board(path)
