"""Counts executed instructions in unicorn from the blocks that it runs."""

from __future__ import annotations

import importlib
from typing import Any

# A halfword from here on begins a 32-bit instruction (Armv7-M Architecture Reference, A5.1).
_WIDE = 0xE800


class BlockCounter:
    """Adds the instructions of every block when it begins.

    A block runs to its end: only branches, calls of the host and faults end one. Instructions that
    an IT block skips count as executed, as in QEMU. Reading the timer happens in the middle of a
    block, always of the same one, so that differences of readings are exact.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._sizes: dict[tuple[int, int], int] = {}
        self.count = 0

    def start(self) -> None:
        """Counts from now on."""
        kind = importlib.import_module("unicorn").UC_HOOK_BLOCK
        self._engine.hook_add(kind, self._block)

    def read_timer(self, _engine: object, _offset: int, _size: int, _data: object) -> int:
        """The timer's low 32 bits."""
        return self.count & 0xFFFFFFFF

    def _block(self, engine: Any, address: int, size: int, _data: object) -> None:
        try:
            self.count += self._sizes[address, size]
        except KeyError:
            known = count_instructions(bytes(engine.mem_read(address, size)))
            self._sizes[address, size] = known
            self.count += known


def count_instructions(code: bytes) -> int:
    """Thumb instructions in straight code: two or four bytes each."""
    count = at = 0
    while at < len(code):
        at += 4 if int.from_bytes(code[at : at + 2], "little") >= _WIDE else 2
        count += 1
    return count
