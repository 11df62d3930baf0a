"""Boards at their own addresses, everything in RAM: what runs there is what runs emulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from mcucc.backends import EmulationFault, Emulator, Qemu
from mcucc.backends.choose import choose_emulator
from mcucc.backends.gdb.backend import Gdb
from mcucc.backends.gdb.counters import cycles_of, start_counter
from mcucc.backends.interface import Cycles
from mcucc.boards.board import Counter, load_board
from mcucc.errors import FitError, ToolError
from mcucc.toolchain import BuildOptions, Firmware, ModelUnit, build_firmware
from mcucc.toolchain.machines import Machine, machine_of
from mcucc.toolchain.real_machine import real_machine
from tests.backends.firmware_fixtures import (
    ARENA_BYTES,
    TINY,
    pictures,
    poke,
    require_tools,
    scratch,
)
from tests.backends.gdb.boards import STAND_INS, board_file
from tests.backends.gdb.listening_qemu import listening_qemu
from tests.backends.qemu_server import QemuServer

pytestmark = pytest.mark.emulated
# -icount's shift, and what one instruction then is of the machine's counter: 2^shift ns at 120,
# 12.5 and 16 MHz; mcycle counts instructions themselves.
COUNTED = {
    "netduino2": (4, 1.92),
    "lm3s6965evb": (7, 1.6),
    "microbit": (6, 1.024),
    "sifive_e": (0, 1.0),
}
FENCED = ("netduinoplus2", "netduino2", "lm3s6965evb", "sifive_e")


@cache
def tiny(name: str, *defines: str) -> Firmware:
    """tiny.c for a stand-in, linked as `compile` does: for QEMU's machine of the core."""
    board = load_board(board_file(name, scratch()))
    require_tools(board)
    folder = scratch() / "-".join((name, *defines))
    options = BuildOptions(flags=tuple(f"-D{each}" for each in defines))
    unit = ModelUnit("tiny", ARENA_BYTES, (TINY,))
    return build_firmware([unit], [], board, folder, options=options)


@pytest.fixture(scope="module", params=[*FENCED, "microbit"])
def desk(request: pytest.FixtureRequest) -> Iterator[tuple[Firmware, Emulator]]:
    """A board on the desk: its firmware, and what --on makes of the server in front of it."""
    name = request.param
    firmware = tiny(name)
    with listening_qemu(name, icount=COUNTED.get(name, (0, 1.0))[0]) as on:
        board = choose_emulator(on, firmware.board)
        assert board is not None
        yield firmware, board


def test_outputs_stack_and_marks_are_those_of_emulation(desk: tuple[Firmware, Emulator]) -> None:
    firmware, board = desk
    images = pictures(3)
    expected = Qemu().run(firmware, images, count=True)
    for count in (True, False):
        found = board.run(firmware, images, count=count, timeout_s=30)
        assert found.outputs == expected.outputs and found.instructions is None
        assert found.stack_bytes == expected.stack_bytes
        assert found.arena_high_water == expected.arena_high_water
        assert found.place is not None
        name = found.place.machine
        assert (found.place.memory, found.place.emulated) == ("RAM", True)
        assert found.records["fence"] == (name in FENCED)
        assert ("fenced off" in found.place.guards) and (
            found.place.guards.startswith("every byte") is (name in FENCED)
        )
        if count and name in COUNTED:
            assert found.cycles is not None and found.cycles.counter == STAND_INS[name][4]
            ratio = COUNTED[name][1]
            pairs = zip(found.cycles.steps, expected.step_instructions or (), strict=True)
            for cycles, instructions in pairs:
                assert cycles == pytest.approx(instructions * ratio, abs=4.0)
            assert found.cycles.total == pytest.approx(
                (expected.instructions or 0) * ratio, abs=4.0
            )
        else:
            assert found.cycles is None
            assert bool(found.place.uncounted) is count  # QEMU has no DWT


def test_a_write_behind_the_arena_and_a_deep_stack(desk: tuple[Firmware, Emulator]) -> None:
    firmware, board = desk
    if firmware.board.name not in FENCED:
        # nRF51 has no memory protection: the write is not seen, and the run says so.
        end = real_machine(firmware, flash=False).harness_ram.origin - 1
        place = board.run(firmware, [poke("w", end)], timeout_s=30).place
        assert place is not None and place.guards == "nothing is fenced off"
        return
    machine = real_machine(firmware, flash=False)
    for address in (machine.ram[-1].end, machine.ram[0].origin - 1, machine.harness_code.origin):
        with pytest.raises(EmulationFault) as caught:
            board.run(firmware, [poke("w", address)], timeout_s=30)
        assert caught.value.fault.address == address
        assert caught.value.fault.function == "tiny_misbehave"
    deep = tiny(firmware.board.name, f"FRAME_BYTES={firmware.board.data.size}")
    with pytest.raises(EmulationFault) as caught:
        board.run(deep, pictures(1), timeout_s=30)
    assert caught.value.fault.stack_overflow


def test_systick_counts_more_than_its_24_bits() -> None:
    firmware = tiny("lm3s6965evb", "TURNS=3000000")
    expected = Qemu().run(firmware, pictures(1), count=True).instructions
    assert expected is not None and expected * 1.6 > 1 << 24
    with listening_qemu("lm3s6965evb", icount=7) as on:
        board = choose_emulator(on, firmware.board)
        assert board is not None
        cycles = board.run(firmware, pictures(1), count=True, timeout_s=60).cycles
    # Interrupts count as well: one for each period.
    assert cycles is not None and cycles.total == pytest.approx(expected * 1.6, abs=200.0)
    assert sum(cycles.steps) == pytest.approx(cycles.total, abs=200.0)


def test_a_board_too_small(desk: tuple[Firmware, Emulator]) -> None:
    firmware, board = desk
    if firmware.board.name != "netduino2":
        return
    size = firmware.board.data.size
    large = replace(firmware, sizes=replace(firmware.sizes, weights=size))
    with pytest.raises(FitError, match="--flash puts code and weights into flash"):
        board.run(large, pictures(1))


def test_another_core_on_the_desk() -> None:
    firmware = tiny("netduinoplus2")
    with listening_qemu("netduino2") as on:
        board = choose_emulator(on, firmware.board)
        assert board is not None
        with pytest.raises(ToolError) as caught:
            board.run(firmware, pictures(1))
    assert "the core there is cortex-m3, netduinoplus2 has cortex-m4" in str(caught.value)


class Registers:
    """A debugger in front of a core that has what `known` says; the rest cannot be read."""

    def __init__(self, known: dict[int, int], fixed: tuple[int, ...] = ()) -> None:
        self.known, self.fixed = known, fixed
        self.written: list[tuple[int, int]] = []

    def word(self, address: int) -> int:
        if address not in self.known:
            raise ToolError(f"the server did not read 0x{address:08x}: 'E01'")
        return self.known[address]

    def write(self, address: int, data: bytes) -> None:
        value = int.from_bytes(data, "little")
        self.written.append((address, value))
        if address not in self.fixed:
            self.known[address] = value


DEMCR, CTRL, CYCCNT, LAR = 0xE000EDFC, 0xE0001000, 0xE0001004, 0xE0001FB0


def counting(board: str) -> Machine:
    """A board's machine, with its counter."""
    loaded = load_board(board)
    return replace(machine_of(loaded), cores=(loaded.core,), counter=loaded.probe.counter)


def test_dwt_is_switched_on_and_nothing_else_is_changed() -> None:
    core = Registers({DEMCR: 0x00100001, CTRL: 0x40000000})
    assert start_counter(core, counting("nrf52840-dk")) == ""
    assert core.written == [(DEMCR, 0x01100001), (CYCCNT, 0), (CTRL, 0x40000001)]
    seven = Registers({DEMCR: 0, CTRL: 0x40000000})
    assert start_counter(seven, counting("stm32f746g-disco")) == ""
    assert (LAR, 0xC5ACCE55) in seven.written


def test_a_core_that_cannot_count_says_why() -> None:
    machine = counting("nrf52840-dk")
    without = Registers({DEMCR: 0, CTRL: 1 << 25})
    assert "NOCYCCNT" in start_counter(without, machine)
    stuck = Registers({DEMCR: 0, CTRL: 0}, fixed=(CTRL,))
    assert "cannot be switched on" in start_counter(stuck, machine)
    assert "no DWT" in start_counter(Registers({}), machine)
    assert start_counter(Registers({}), counting("rpi-pico")) == ""  # SysTick: the firmware does it


def test_cycles_are_readings_without_what_is_around_them() -> None:
    values = {"overhead": 31, "known": 785, "steps": 2, "image.0.ticks": 5_030}
    values |= {"image.0.step.0": 1_030, "image.0.step.1": 4_030}
    assert cycles_of(values, Counter.DWT) == Cycles(5_000, (1_000, 4_000), "DWT CYCCNT")
    for known in (0, 531, 1_531, 40_000):  # 502 to 1,500 cycles are plausible for 502 instructions
        assert isinstance(cycles_of({**values, "known": known}, Counter.DWT), str)
    assert isinstance(cycles_of({**values, "known": 532}, Counter.DWT), Cycles)


def test_a_qemu_that_does_not_count_still_computes() -> None:
    firmware = replace(tiny("netduino2"), board=load_board("bluepill"))
    with listening_qemu("mps2-an385") as on:
        board = choose_emulator(on, firmware.board)
        assert board is not None
        found = board.run(firmware, pictures(1), count=True)
    assert found.outputs == Qemu().run(firmware, pictures(1)).outputs
    assert found.instructions is None and found.place is not None
    assert "-icount shift=7,sleep=off" in found.place.uncounted


class McycleServer(QemuServer):
    """QEMU's virt, whose cycles are asked for: under -icount they are instructions."""

    def machine(self, firmware: Firmware, emulated: str) -> Machine:
        return replace(super().machine(firmware, emulated), counter=Counter.MCYCLE)


def test_mcycle_is_minstret_under_icount() -> None:
    firmware = tiny("sifive_e")
    found = Gdb(McycleServer()).run(firmware, pictures(1), count=True)
    expected = Qemu().run(firmware, pictures(1), count=True)
    assert found.cycles is not None and found.instructions is None
    assert found.cycles.steps == expected.step_instructions
    assert found.cycles.total == expected.instructions
