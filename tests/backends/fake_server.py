"""A GDB server that plays a core and its firmware, and misbehaves as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mcucc.backends.gdb.server import Endpoint
from mcucc.boards.board import Board
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.machines import Machine

SP, PC, XPSR = 13, 15, 16
NAMES = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "xpsr")
TARGET = '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>'
TARGET += "<architecture>arm</architecture><feature>"
TARGET += "".join(f'<reg name="{name}" bitsize="32"/>' for name in NAMES) + "</feature></target>"
OPEN, READ, WRITE, PRINT, EXIT = range(1, 6)
Change = Callable[["FakeServer", bytes, bytes], bytes | None]  # (packet, reply) to a reply or None


def packet(payload: bytes) -> bytes:
    return b"$%s#%02x" % (payload, sum(payload) % 256)


@dataclass
class FakeServer:
    """`asks` is what the firmware wants, one (operation, bytes it hands over) a stop.

    `change` may give another reply; None: it has sent what it wanted itself. `documents` are what
    qXfer reads. Packets that begin with a word of `lacks` get an empty reply.
    """

    asks: Sequence[tuple[int, bytes | int]] = ()
    lacks: tuple[bytes, ...] = ()
    change: Change = lambda _self, _packet, reply: reply
    documents: dict[str, str] = field(default_factory=lambda: {"features:target.xml": TARGET})
    features: bytes = b"PacketSize=200;qXfer:features:read+"
    reset: tuple[str, ...] = ()
    name: str = "fake"
    seen: list[bytes] = field(default_factory=list)
    memory: dict[int, int] = field(default_factory=dict)
    registers: list[int] = field(default_factory=lambda: [0] * len(NAMES))
    reached: int = 0
    acknowledges: bool = True

    def unavailable(self, board: Board) -> str | None:
        return None

    def machine(self, firmware: Firmware, emulated: str) -> Machine:
        return firmware.machine

    @contextmanager
    def started(self, firmware: Firmware, folder: Path) -> Iterator[Endpoint]:
        self.firmware = firmware
        self.store(0xE000ED00, (0x412FC231).to_bytes(4, "little"))
        ours, self.theirs = socket.socketpair()
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        with ours, self.theirs:
            yield Endpoint(ours, self.reset)
            ours.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            assert not thread.is_alive()

    def send(self, data: bytes) -> None:
        self.theirs.sendall(data)

    def store(self, address: int, data: bytes) -> None:
        self.memory.update(enumerate(data, address))

    def _serve(self) -> None:
        with suppress(OSError, ValueError), self.theirs.makefile("rb") as stream:
            while lead := stream.read(1):
                if lead == b"$":
                    self._answer(b"".join(iter(lambda: stream.read(1), b"#")), stream.read(2))
                elif lead == b"\x03":
                    self.send(packet(b"T02"))

    def _answer(self, body: bytes, check: bytes) -> None:
        assert int(check, 16) == sum(body) % 256
        self.seen.append(body)
        if self.acknowledges:
            self.send(b"+")
        lacking = body.startswith(self.lacks)
        reply = self.change(self, body, b"" if lacking else self._reply(body))
        if reply is not None:
            self.send(packet(reply))
        self.acknowledges &= body != b"QStartNoAckMode" or reply != b"OK"

    def _reply(self, body: bytes) -> bytes:
        kind, rest = body[:1], body[1:]
        if body.startswith(b"qSupported"):
            return self.features
        if body.startswith(b"qXfer:"):
            _, what, _, name, place = body.decode().split(":")
            begin, size = (int(each, 16) for each in place.split(","))
            text = self.documents[f"{what}:{name}"]
            return (b"m" if text[begin + size :] else b"l") + text[begin : begin + size].encode()
        if kind == b"?":
            return b"T05thread:1;"
        if kind in b"mMX":
            where, _, data = rest.partition(b":")
            address, size = (int(each, 16) for each in where.split(b","))
            if kind == b"m":
                return bytes(self.memory.get(address + at, 0) for at in range(size)).hex().encode()
            data = bytes.fromhex(data.decode()) if kind == b"M" else unescape(data)
            assert len(data) == size
            # Bits of the fault registers are cleared by writing them.
            self.store(address, bytes(4) if address in (0xE000ED28, 0xE000ED2C) else data)
        elif kind in b"gGpP":
            return self._register(kind, rest)
        elif kind == b"c" or body == b"vCont;c":
            return self._run()
        elif body.startswith((b"qqemu", b"Hg")):
            return b""
        elif body.startswith(b"vFlashWrite:"):
            where, data = rest.removeprefix(b"FlashWrite:").split(b":", 1)
            self.store(int(where, 16), unescape(data))
        return b"OK"

    def _register(self, kind: bytes, rest: bytes) -> bytes:
        if kind == b"p":
            return self.registers[int(rest, 16)].to_bytes(4, "little").hex().encode()
        if kind == b"g":
            return b"".join(each.to_bytes(4, "little") for each in self.registers).hex().encode()
        if kind == b"P":
            index, _, value = rest.decode().partition("=")
            self.registers[int(index, 16)] = int.from_bytes(bytes.fromhex(value), "little")
        else:
            data = bytes.fromhex(rest.decode())
            self.registers = [
                int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)
            ]
        return b"OK"

    def _run(self) -> bytes:
        """The firmware's next wish is in the mailbox."""
        operation, data = self.asks[self.reached]
        self.reached += 1
        symbols = self.firmware.image.symbols
        buffer = self.firmware.layout.arena_address + 64 * operation
        count = data if isinstance(data, int) else len(data)
        if not isinstance(data, int):
            self.store(buffer, data)
        words = (operation, buffer, count, 0)
        self.store(symbols["mcucc_mailbox"], b"".join(each.to_bytes(4, "little") for each in words))
        self.registers[PC] = symbols["mcucc_mailbox_stop"] & ~1
        return b"T05thread:1;"


def unescape(data: bytes) -> bytes:
    found = bytearray()
    stream = iter(data)
    for byte in stream:
        found.append(next(stream) ^ 0x20 if byte == 0x7D else byte)
    return bytes(found)
