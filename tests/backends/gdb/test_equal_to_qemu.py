"""Through a GDB server a run is what it is without: here QEMU's own server, at QEMU's addresses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from mcucc.backends import EmulationFault, HangError, Qemu
from mcucc.backends.gdb.backend import Gdb
from mcucc.backends.interface import RunResult
from mcucc.errors import ToolError
from mcucc.toolchain import Firmware, Transport, refence, retarget
from tests.backends.firmware_fixtures import (
    BOARDS,
    build_rows,
    build_tiny,
    pictures,
    poke,
    row_sums,
)
from tests.backends.qemu_server import KeptQemu, QemuServer, running

pytestmark = pytest.mark.emulated
GDB = Gdb(QemuServer())


LINKED: dict[Path, Firmware] = {}


def mailbox(firmware: Firmware) -> Firmware:
    """Linked once for all runs of a firmware, not for each."""
    if firmware.elf not in LINKED:
        LINKED[firmware.elf] = retarget(firmware, firmware.machine, Transport.MAILBOX)
    return LINKED[firmware.elf]


def told(result: RunResult) -> RunResult:
    """Without the readings of the timer, which depend on its phase by one tick."""
    kept = {
        key: value
        for key, value in result.records.items()
        if ".step." not in key and ".ticks" not in key and key not in ("overhead", "known", "read")
    }
    return replace(result, records=kept, place=None)


def both_fault(firmware: Firmware, image: bytes) -> EmulationFault:
    """The fault, which is the same with and without the server."""
    faults = []
    for emulator, linked in ((Qemu(), firmware), (GDB, mailbox(firmware))):
        with pytest.raises(EmulationFault) as caught:
            emulator.run(linked, [image], count=True, timeout_s=60)
        faults.append(caught.value)
    assert faults[0].fault == faults[1].fault
    return faults[1]


@pytest.mark.parametrize("board", BOARDS)
def test_outputs_counts_steps_stack_and_marks(board: str) -> None:
    firmware, images = build_tiny(board), pictures(2)
    for count in (True, False):
        run = GDB.run(mailbox(firmware), images, count=count, timeout_s=60)
        assert told(run) == told(Qemu().run(firmware, images, count=count, timeout_s=60))
        assert run.records["fence"] == 1


@pytest.mark.parametrize("board", BOARDS)
def test_an_image_in_rows(board: str) -> None:
    firmware, images = build_rows(board, 40), pictures(2, size=160)
    run, reference = GDB.run(firmware, images, count=True), Qemu().run(firmware, images, count=True)
    assert run.outputs == tuple(row_sums(image) for image in images)
    assert run.step_instructions == reference.step_instructions
    assert run.image_instructions == reference.image_instructions


@pytest.mark.parametrize("board", BOARDS)
def test_a_byte_behind_ram_and_a_stack_that_runs_over(board: str) -> None:
    firmware = build_tiny(board)
    error = both_fault(firmware, poke("w", firmware.layout.data.end))
    assert error.fault.address == firmware.layout.data.end
    # tiny.c alone has a frame of 64 bytes
    small = refence(firmware, firmware.sram_bytes(32))
    assert both_fault(small, pictures(1)[0]).fault.stack_overflow


@pytest.mark.parametrize("board", BOARDS)
def test_a_hang_says_where(board: str) -> None:
    images = [*pictures(1), poke("h", 0)]
    for limit in (0.4, 2.0, 10.0):  # on a busy machine image 1 begins later
        with pytest.raises(HangError) as caught:
            GDB.run(mailbox(build_tiny(board)), images, timeout_s=limit)
        if "in image 1" in caught.value.what:
            break
    assert f"within {limit:g} s in image 1, last in tiny_misbehave" in caught.value.what


@pytest.mark.parametrize("board", ["rpi-pico", "rpi-pico2", "esp32-c3"])
def test_a_server_that_stays_takes_one_firmware_after_another(board: str, tmp_path: Path) -> None:
    """What the one before left (a fence, locked on RISC-V, a core in its fault handler) is gone."""
    first, second = mailbox(build_tiny(board)), build_rows(board, 40)
    with running(first, tmp_path) as server:
        with pytest.raises(EmulationFault):
            Gdb(server).run(first, [poke("w", first.layout.data.end)], timeout_s=60)
        image = pictures(1, size=160)[0]
        assert Gdb(server).run(second, [image], timeout_s=60).outputs == (row_sums(image),)


def test_another_core_behind_the_server(tmp_path: Path) -> None:
    pill, pico2 = mailbox(build_tiny("bluepill")), build_tiny("rpi-pico2")
    with (
        running(pico2, tmp_path) as server,
        patch.object(KeptQemu, "machine", lambda _self, firmware, _: firmware.machine),
        pytest.raises(ToolError, match="core there is cortex-m33, bluepill has cortex-m3"),
    ):
        Gdb(server).run(pill, pictures(1))
