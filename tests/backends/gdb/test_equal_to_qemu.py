"""Through a GDB server a run is what it is without: here QEMU's own server, at QEMU's addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcucc.backends import EmulationFault, HangError, Qemu
from mcucc.backends.gdb.backend import Gdb
from mcucc.backends.interface import RunResult
from mcucc.toolchain import Firmware, refence
from tests.backends.firmware_fixtures import (
    BOARDS,
    build_rows,
    build_tiny,
    pictures,
    poke,
    row_sums,
)
from tests.backends.qemu_server import QemuServer

pytestmark = pytest.mark.emulated
GDB = Gdb(QemuServer())


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
    for emulator in (Qemu(), GDB):
        with pytest.raises(EmulationFault) as caught:
            emulator.run(firmware, [image], count=True, timeout_s=60)
        faults.append(caught.value)
    assert faults[0].fault == faults[1].fault
    return faults[1]


@pytest.mark.parametrize("board", BOARDS)
def test_outputs_counts_steps_stack_and_marks(board: str) -> None:
    firmware, images = build_tiny(board), pictures(2)
    for count in (True, False):
        run = GDB.run(firmware, images, count=count, timeout_s=60)
        assert told(run) == told(Qemu().run(firmware, images, count=count, timeout_s=60))
        assert run.records["fence"] == 1


@pytest.mark.parametrize("board", BOARDS)
def test_the_fence_and_the_stack(board: str) -> None:
    firmware = build_tiny(board)
    error = both_fault(firmware, poke("w", firmware.layout.data.end))
    assert error.fault.address == firmware.layout.data.end
    stack = GDB.run(firmware, pictures(1)).stack_bytes
    assert stack is not None
    small = refence(firmware, firmware.sram_bytes(stack) - 64)
    assert both_fault(small, pictures(1)[0]).fault.stack_overflow


@pytest.mark.parametrize("board", BOARDS)
def test_a_hang_says_where(board: str) -> None:
    images = [*pictures(1), poke("h", 0)]
    with pytest.raises(HangError, match=r"within 0.4 s in image 1, last in tiny_misbehave"):
        GDB.run(build_tiny(board), images, timeout_s=0.4)


@pytest.mark.parametrize("board", BOARDS)
def test_an_image_in_rows(board: str) -> None:
    firmware, images = build_rows(board, 40), pictures(2, size=160)
    run, reference = GDB.run(firmware, images, count=True), Qemu().run(firmware, images, count=True)
    assert run.outputs == tuple(row_sums(image) for image in images)
    assert run.step_instructions == reference.step_instructions
    assert run.image_instructions == reference.image_instructions
