"""The semihosting calls that the firmware makes, answered in Python from memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mcucc.errors import ToolError

_OPEN, _WRITE0, _WRITE, _READ, _FLEN = 0x01, 0x04, 0x05, 0x06, 0x0C
_GET_CMDLINE, _EXIT_EXTENDED = 0x15, 0x20
_INPUT_HANDLE, _OUTPUT_HANDLE = 1, 2
_FAILED = 0xFFFFFFFF


@dataclass
class SemihostingFiles:
    """The two files, the printed text and the memory of the firmware.

    `read` and `write` access the emulated memory: (address, count) and (address, data).
    """

    command_line: bytes
    source: bytes
    read: Callable[[int, int], bytes]
    write: Callable[[int, bytes], None]
    position: int = 0
    output: bytearray = field(default_factory=bytearray)
    text: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def call(self, operation: int, block: int) -> int:
        """Answers one call (Arm IHI 0028, semihosting); returns what goes into r0."""
        if operation == _OPEN:
            return self._open(block)
        if operation == _WRITE0:
            while (byte := self.read(block, 1)) != b"\0":
                self.text += byte
                block += 1
            return 0
        if operation == _WRITE:
            _, address, count = self._words(block, 3)
            self.output += self.read(address, count)
            return 0
        if operation == _READ:
            return self._read_source(block)
        if operation == _FLEN:
            return len(self.source)
        if operation == _GET_CMDLINE:
            return self._command_line(block)
        if operation == _EXIT_EXTENDED:
            self.ended = True
            return 0
        raise ToolError(f"the firmware made the unknown semihosting call {operation:#x}")

    def _words(self, address: int, count: int) -> tuple[int, ...]:
        data = self.read(address, 4 * count)
        return tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))

    def _open(self, block: int) -> int:
        address, _, length = self._words(block, 3)
        names = {b"input.bin": _INPUT_HANDLE, b"output.bin": _OUTPUT_HANDLE}
        return names.get(self.read(address, length), _FAILED)

    def _read_source(self, block: int) -> int:
        """Returns the number of bytes that were not read."""
        _, address, count = self._words(block, 3)
        data = self.source[self.position : self.position + count]
        self.position += len(data)
        self.write(address, data)
        return count - len(data)

    def _command_line(self, block: int) -> int:
        address, capacity = self._words(block, 2)
        if len(self.command_line) + 1 > capacity:
            return _FAILED
        self.write(address, self.command_line + b"\0")
        self.write(block + 4, len(self.command_line).to_bytes(4, "little"))
        return 0
