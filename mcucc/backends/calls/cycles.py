"""What executed instructions are: loads, taken branches, and an estimate of their cycles.

Sources of the estimate, zero wait states: the instruction timing tables of the Cortex-M4, Cortex-M3
and Cortex-M0+ Technical Reference Manuals. Where they give a range, its middle stands here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"^\s*([0-9a-f]+):\t([a-z]\w*(?:\.\w+)*)\t?(.*)$")
NUMBER = re.compile(r"^(\w*?)(\d+)$")


@dataclass(frozen=True)
class Timing:
    """Cycles beyond 1: of instructions by the beginning of their name, and of taken branches.

    `load` is paid by a single load that does not follow another single load or store (those are
    pipelined; not on a Cortex-M0+: `pipelined` False), a block of n words pays n.
    """

    slow: dict[str, int]
    load: int
    store: int
    taken: int
    pipelined: bool


TIMINGS = {
    "cortex-m4": Timing({"sdiv": 6, "udiv": 6}, load=1, store=0, taken=2, pipelined=True),
    "cortex-m3": Timing(
        {"mla": 1, "mls": 1, "smull": 3, "umull": 3, "smlal": 4, "umlal": 4, "sdiv": 6, "udiv": 6},
        load=1,
        store=0,
        taken=2,
        pipelined=True,
    ),
    "cortex-m0plus": Timing({"bl": 1}, load=1, store=1, taken=1, pipelined=False),
}


@dataclass(frozen=True)
class Counts:
    """Executed instructions, and of those loads and taken branches; `cycles` is an estimate.

    None where the emulator counts instructions only.
    """

    instructions: int
    loads: int | None = None
    taken_branches: int | None = None
    cycles: int | None = None


@dataclass(frozen=True)
class Block:
    """A run of instructions; `cycles` without taken branches."""

    instructions: int
    loads: int
    cycles: int


class Listing:
    """The instructions of an image by address, and what they cost on a core."""

    def __init__(self, image: Path, core: str) -> None:
        self.timing = TIMINGS[core]
        tool = shutil.which("arm-none-eabi-objdump") or "arm-none-eabi-objdump"
        command = [tool, "-d", "--no-show-raw-insn", str(image)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.lines: dict[int, tuple[str, str]] = {}
        for line in text.splitlines():
            found = LINE.match(line)
            if found:
                self.lines[int(found[1], 16)] = (found[2], found[3])

    def block(self, address: int, size: int) -> Block:
        """The instructions in [address, address + size)."""
        lines = [self.lines[at] for at in range(address, address + size, 2) if at in self.lines]
        loads = cycles = 0
        single_before = False
        for name, operands in lines:
            plain = name.split(".")[0]
            words = transferred(plain, operands)
            cycles += 1 + self._extra(plain, words, single_before)
            loads += words if is_load(plain) else 0
            single_before = words == 1 and plain.startswith(("ldr", "str"))
        return Block(len(lines), loads, cycles)

    def _extra(self, name: str, words: int, single_before: bool) -> int:
        if words > 1 or name.startswith(("ldm", "stm", "push", "pop")):
            return words
        if words == 1:
            piped = single_before and self.timing.pipelined
            return 0 if piped else self.timing.load if is_load(name) else self.timing.store
        return next((more for key, more in self.timing.slow.items() if name == key), 0)


def is_load(name: str) -> bool:
    """Whether an instruction reads memory."""
    return name.startswith(("ldr", "ldm", "pop", "vldr", "vldm", "vpop"))


def transferred(name: str, operands: str) -> int:
    """Words that an instruction loads or stores."""
    if name.startswith(("ldrd", "strd")):
        return 2
    if name.startswith(("ldr", "str")) and not name.startswith("strex"):
        return 1
    if name.startswith(("ldm", "stm", "push", "pop")):
        return sum(map(_length, operands[operands.index("{") + 1 : operands.index("}")].split(",")))
    return 0


def _length(part: str) -> int:
    """Registers of one entry of a list: r3, or r4-r7."""
    first, _, last = part.strip().partition("-")
    if not last:
        return 1
    ends = [NUMBER.match(name) for name in (first, last)]
    return int(ends[1][2]) - int(ends[0][2]) + 1 if ends[0] and ends[1] else 1
