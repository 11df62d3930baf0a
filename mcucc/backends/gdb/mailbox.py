"""The host's side of transport_mailbox.c: what firmware asks for, answered from memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from mcucc.errors import ToolError

MAILBOX_BYTES = 16  # operation, address, count, result
RESULT_OFFSET = 12
_MOST_TEXT = 1 << 26
_LONGEST_LINE = 256


class Operation(IntEnum):
    """As in transport_mailbox.c."""

    OPEN = 1
    READ = 2
    WRITE = 3
    PRINT = 4
    EXIT = 5


@dataclass
class Mailbox:
    """What firmware reads and has written.

    `request` is its command line, `source` all images; `most_output` bounds what it may write.
    `read` and `write` access the core's memory: (address, count) and (address, data). `name` is the
    server's, for errors.
    """

    request: bytes
    source: bytes
    most_output: int
    read: Callable[[int, int], bytes]
    write: Callable[[int, bytes], None]
    name: str
    position: int = 0
    output: bytearray = field(default_factory=bytearray)
    text: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def answer(self, words: bytes) -> int:
        """Does what the struct says; returns the result for the firmware."""
        operation, address, count = (
            int.from_bytes(words[at : at + 4], "little") for at in (0, 4, 8)
        )
        if operation == Operation.OPEN:
            self._bound(len(self.request) + 1, count)
            self.write(address, self.request + b"\0")
        elif operation == Operation.READ:
            return self._hand_over(address, count)
        elif operation == Operation.WRITE:
            self._bound(len(self.output) + count, self.most_output)
            self.output += self.read(address, count)
        elif operation == Operation.PRINT:
            self._bound(count, _LONGEST_LINE)
            self._bound(len(self.text) + count, _MOST_TEXT)
            self.text += self.read(address, count)
        elif operation == Operation.EXIT:
            self.ended = True
        else:
            raise self._damaged(f"operation {operation}")
        return 0

    def _hand_over(self, address: int, count: int) -> int:
        """1 when there were as many bytes (0 bytes ask whether there are more), 0 at the end."""
        data = self.source[self.position : self.position + count]
        if count == 0 or not data:
            return int(self.position < len(self.source))
        if len(data) < count:
            return -1
        self.write(address, data)
        self.position += count
        return 1

    def _bound(self, count: int, most: int) -> None:
        if count > most:
            raise self._damaged(f"{count} bytes, {most} at most")

    def _damaged(self, what: str) -> ToolError:
        return ToolError(f"the firmware's mailbox is damaged: {what}", where=self.name)
