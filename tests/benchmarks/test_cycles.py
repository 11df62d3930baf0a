"""Loads, taken branches and estimated cycles of a function whose instructions are known."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mcucc.backends.calls.cycles import TIMINGS, Listing, transferred

pytestmark = pytest.mark.emulated
CODE = """
    .syntax unified
    .thumb
    .global work
    .type work, %function
work:
    movs r2, #3          @ 1
1:
    ldr r1, [r0]         @ 3 times: 2
    ldrb r3, [r0, #1]    @ piped behind another load: 1
    subs r2, #1
    bne 1b               @ taken twice
    ldrd r2, r3, [r0]    @ 3
    bx lr                @ taken
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")
    folder = tmp_path_factory.mktemp("cycles")
    source, image = folder / "work.s", folder / "work.elf"
    source.write_text(CODE)
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-nostdlib", "-Wl,-Ttext=0x1000"]
    subprocess.run([*command, "-Wl,-e,0", str(source), "-o", str(image)], check=True)
    return image


def test_a_block_is_read_from_the_listing(image: Path) -> None:
    listing = Listing(image, "cortex-m4")
    loop = listing.block(0x1002, 8)
    assert (loop.instructions, loop.loads, loop.cycles) == (4, 2, 5)
    end = listing.block(0x100A, 6)
    assert (end.instructions, end.loads, end.cycles) == (2, 2, 4)


def test_an_emulated_core_counts_them(image: Path) -> None:
    pytest.importorskip("unicorn", reason="the emulator of the extra `emulate`")
    from mcucc.backends.calls.unicorn import DATA, Machine

    machine = Machine(image, "cortex-m4", count=True)
    machine._call("work", DATA)
    counts = machine.counts
    assert counts.instructions == 1 + 3 * 4 + 2
    assert counts.loads == 3 * 2 + 2
    # The call itself, two turns of the loop; the return leaves the counted code.
    assert counts.taken_branches == 3
    assert counts.cycles == 1 + 3 * 5 + 4 + 3 * TIMINGS["cortex-m4"].taken
    machine.reset()
    assert machine.counts.instructions == 0


@pytest.mark.parametrize(
    ("name", "operands", "words"),
    [
        ("push", "{r4, r5, r6, r7, lr}", 5),
        ("ldmia", "r0!, {r4-r11}", 8),
        ("strd", "r0, r1, [r2]", 2),
        ("ldrsb", "r0, [r1, r2]", 1),
        ("smlal", "r0, r1, r2, r3", 0),
    ],
)
def test_words_moved(name: str, operands: str, words: int) -> None:
    assert transferred(name, operands) == words
