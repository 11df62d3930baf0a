"""The fence: the board's RAM to the byte, code read only, a stack that cannot run over unseen."""

from __future__ import annotations

import pytest

from mcucc.backends import EmulationFault, Emulator, Qemu, Unicorn
from mcucc.errors import FitError
from mcucc.toolchain import Firmware, refence
from tests.backends.firmware_fixtures import BOARDS, QEMU_ONLY, build_tiny, expected, pictures, poke

pytestmark = pytest.mark.emulated

# Both emulators where the core allows.
RUNS = [
    pytest.param(board, emulator, id=f"{board}-{emulator.name}")
    for board in BOARDS
    for emulator in (Qemu(), Unicorn())
    if emulator.name == "qemu" or board not in QEMU_ONLY
]


def reaches(emulator: Emulator, firmware: Firmware, address: int) -> bool:
    """Whether the network can write that byte; a fault must be at just this address."""
    try:
        emulator.run(firmware, [poke("w", address)], timeout_s=60)
        return True
    except EmulationFault as error:
        assert error.fault.address == address
        assert error.fault.function == "tiny_misbehave"
        assert not error.fault.stack_overflow
        return False


@pytest.mark.parametrize(("board", "emulator"), RUNS)
def test_ram_is_the_boards_to_the_byte(board: str, emulator: Emulator) -> None:
    firmware = build_tiny(board)
    for span in {firmware.layout.data, firmware.layout.arena}:
        assert reaches(emulator, firmware, span.end - 1)
        assert not reaches(emulator, firmware, span.end)
        assert reaches(emulator, firmware, span.origin)
        assert not reaches(emulator, firmware, span.origin - 1)


def test_the_arena_ends_where_ram_ends() -> None:
    firmware = build_tiny("bluepill")
    end = firmware.layout.arena_address + firmware.sizes.arena
    assert end == firmware.layout.data.end
    with pytest.raises(EmulationFault, match="1 bytes behind sram"):
        Qemu().run(firmware, [poke("w", end)])


@pytest.mark.parametrize(("board", "emulator"), RUNS)
def test_code_and_constants_cannot_be_written(board: str, emulator: Emulator) -> None:
    firmware = build_tiny(board)
    for address in (firmware.image.symbols["tiny_model"], firmware.layout.code.origin):
        with pytest.raises(EmulationFault, match="in tiny_misbehave"):
            emulator.run(firmware, [poke("w", address)])


@pytest.mark.parametrize(("board", "emulator"), RUNS)
def test_a_claimed_size_is_proved(board: str, emulator: Emulator) -> None:
    firmware, images = build_tiny(board), pictures(2)
    stack = emulator.run(firmware, images).stack_bytes
    assert stack is not None
    claimed = firmware.sram_bytes(stack)
    proved = refence(firmware, claimed)
    assert 0 <= proved.layout.stack_bytes - stack < 64  # the granule of each RAM
    result = emulator.run(proved, images)
    assert result.outputs == tuple(expected(image) for image in images)
    assert result.stack_bytes == stack
    with pytest.raises(EmulationFault, match="stack overflow") as caught:
        emulator.run(refence(firmware, claimed - 64), images)
    assert caught.value.fault.stack_overflow


@pytest.mark.parametrize("ram_bytes", [15_872, 15_904, 12_320, 10_080])
def test_odd_sizes_are_exact(ram_bytes: int) -> None:
    for board in ("bluepill", "rpi-pico2"):
        firmware = refence(build_tiny(board), ram_bytes)
        assert firmware.layout.data.size == ram_bytes
        for emulator in (Qemu(), Unicorn()):
            assert reaches(emulator, firmware, firmware.layout.data.end - 1)
            assert not reaches(emulator, firmware, firmware.layout.data.end)


def test_a_step_that_overflows_the_stack_is_named() -> None:
    firmware = refence(build_tiny("nucleo-l4r5zi", "FRAME_BYTES=1064"), 1_024)
    with pytest.raises(EmulationFault, match=r"stack overflow.* in step 0 of image 0"):
        Qemu().run(firmware, pictures(1), count=True)
    with pytest.raises(EmulationFault, match=r"stack overflow.* in (mirror|run_step) at"):
        Unicorn().run(firmware, pictures(1))


def test_an_unaligned_access_traps_on_the_m0plus_only() -> None:
    pico, pill = build_tiny("rpi-pico"), build_tiny("bluepill")
    with pytest.raises(EmulationFault, match="unaligned access in tiny_misbehave"):
        Qemu().run(pico, [poke("r", pico.layout.data.origin + 1)])
    image = poke("r", pill.layout.data.origin + 1)
    assert Qemu().run(pill, [image]).outputs[0] == expected(image)


def test_too_little_ram_is_refused_with_the_missing_bytes() -> None:
    with pytest.raises(FitError, match=r"136 bytes needed, 128 there, 8 missing"):
        refence(build_tiny("bluepill"), 128)
