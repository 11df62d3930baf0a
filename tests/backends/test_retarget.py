"""The same objects linked for other addresses and another transport."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcucc.backends import Qemu
from mcucc.toolchain import Transport, refence, retarget
from mcucc.toolchain.address_range import Span
from tests.backends.firmware_fixtures import BOARDS, build_tiny, expected, pictures

pytestmark = pytest.mark.emulated


@pytest.mark.parametrize("board", BOARDS)
def test_a_mailbox_takes_nothing_from_the_library(board: str) -> None:
    files = build_tiny(board)
    mailbox = retarget(files, files.machine, Transport.MAILBOX)
    assert mailbox.elf.name == "firmware-mailbox.elf" and files.elf.is_file()
    assert mailbox.sizes == replace(
        files.sizes,
        harness_code=mailbox.sizes.harness_code,
        harness_ram=mailbox.sizes.harness_ram,
    )
    symbols = mailbox.image.symbols
    assert symbols["mcucc_mailbox_go"] - (symbols["mcucc_mailbox_stop"] & ~1) == 2
    ram = files.machine.harness_ram
    assert ram.origin <= symbols["mcucc_mailbox"] < ram.end


def test_a_library_moves_to_another_machine_with_its_ram_size() -> None:
    files = refence(build_tiny("bluepill"), 4096)
    machine = files.machine
    other = replace(machine, name='Moved "2"*/', ram=(Span(0x20001000, 1 << 20),))
    moved = retarget(files, other, Transport.SEMIHOSTING)
    assert moved.elf.name == "firmware-4096-moved_2.elf"
    assert moved.machine == other and moved.ram_bytes == 4096
    assert moved.layout.data == Span(0x20001000, 4096)
    image = pictures(1)[0]
    running = replace(moved, machine=replace(other, name=machine.name))  # QEMU's name for it
    assert Qemu().run(running, [image]).outputs == (expected(image),)
    back = retarget(moved, machine, Transport.SEMIHOSTING)
    assert back.elf == files.elf and back.layout == files.layout
