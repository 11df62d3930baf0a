"""A client of the GDB remote serial protocol, for one core behind one server.

GDB manual, Packets. What a server lacks (an empty reply) is done another way where there is one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mcucc.backends.gdb.description import Flash, Register, read_flash, read_registers
from mcucc.backends.gdb.server import Endpoint
from mcucc.backends.gdb.wire import Wire, escaped, unescaped
from mcucc.errors import ToolError

_ANSWER_S = 10.0
_ERASE_S = 180.0
_MONITOR_S = 30.0
_LEAVE_S = 2.0
_LEAST_PACKET, _MOST_PACKET = 256, 1 << 14  # bytes of a packet; what servers admit by default: 400
_DEFAULT_PACKET = 400
_MOST_DOCUMENT = 1 << 20
_MOST_CONSOLE = 4096  # bytes of the server's own words that are kept
_STOP = re.compile(rb"[ST][0-9a-fA-F]{2}")
_GONE = re.compile(rb"[WX][0-9a-fA-F]{2}")
_CONSOLE = re.compile(rb"O(?:[0-9a-fA-F]{2})*")  # OpenOCD sends empty ones to be heard of
_FAILED = re.compile(rb"E(?:[0-9a-fA-F]{2}$|\.)")
_THREAD = re.compile(rb"thread:([0-9a-fA-Fp.]{1,32})(?:;|$)")


class Refused(ToolError):
    """The server answered that it does not do that."""


@dataclass(frozen=True)
class Breakpoint:
    """A breakpoint that is set: its kind (0 in memory, 1 of the core), address, bytes."""

    kind: int
    address: int
    size: int


class Client:
    """The commands. Every method raises ToolError: refused, silent, disconnected, nonsense."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire, self._name = wire, name
        self._packet = _DEFAULT_PACKET
        self._features: frozenset[bytes] = frozenset()
        self._registers: dict[str, Register] = {}
        self._lacking: set[bytes] = set()
        self._thread = b""
        self._points: list[Breakpoint] = []
        self._words = bytearray()
        self._emulated = False

    @property
    def console(self) -> str:
        """The last of what the server printed, for error messages: nothing that moves a cursor."""
        words = self._words.decode("utf-8", "replace").strip()
        return "".join(each if each.isprintable() or each == "\n" else " " for each in words)

    def begin(self, registers: dict[str, Register]) -> None:
        """Agrees on features, reads what registers there are (else these), halts the core."""
        reply = self._ask(b"qSupported:swbreak+;hwbreak+")
        self._features = frozenset(reply.split(b";"))
        for feature in self._features:
            if match := re.fullmatch(rb"PacketSize=([0-9a-fA-F]{1,8})", feature):
                self._packet = min(max(int(match[1], 16), _LEAST_PACKET), _MOST_PACKET)
        if b"QStartNoAckMode+" in self._features and self._ask(b"QStartNoAckMode") == b"OK":
            self._wire.acknowledged = False
        self._registers = registers
        if b"qXfer:features:read+" in self._features:
            described = read_registers(lambda name: self._document("features", name), self._name)
            self._registers = described or registers
        self._wire.send(b"?", self._soon())
        reply = self._reply(self._soon(), stop=True)
        if match := _STOP.match(reply):
            self._stopped(reply[match.end() :])
        elif _GONE.match(reply):
            raise ToolError("the server is attached to no core", where=self._name)
        else:
            self.interrupt()

    def flash(self) -> tuple[Flash, ...]:
        """The flash memories that the server knows."""
        if b"qXfer:memory-map:read+" not in self._features:
            return ()
        return read_flash(self._document("memory-map", ""), self._name)

    # Memory.

    def read(self, address: int, count: int) -> bytes:
        """Bytes of memory."""
        found = bytearray()
        while len(found) < count:
            part = min((self._packet - 8) // 2, count - len(found))
            reply = self._ask(b"m%x,%x" % (address + len(found), part))
            data = self._bytes(reply, f"read {part} bytes at 0x{address + len(found):08x}")
            if not 0 < len(data) <= part:
                raise self._refused(f"read 0x{address + len(found):08x}", reply)
            found += data
        return bytes(found)

    def write(self, address: int, data: bytes) -> None:
        """Writes memory: as bytes where the server takes them, else in hex."""
        at = 0
        while at < len(data):
            part = data[at : at + (self._packet - 32) // 2]
            place = b"%x,%x:" % (address + at, len(part))
            reply = b"" if b"X" in self._lacking else self._ask(b"X" + place + escaped(part))
            if reply == b"":
                self._lacking.add(b"X")
                reply = self._ask(b"M" + place + part.hex().encode("ascii"))
            if reply != b"OK":
                raise self._refused(f"write {len(part)} bytes at 0x{address + at:08x}", reply)
            at += len(part)

    def word(self, address: int) -> int:
        """A word of 32 bits."""
        return int.from_bytes(self.read(address, 4), "little")

    def erase_flash(self, address: int, count: int) -> None:
        """Erases whole blocks of flash."""
        self._do(b"vFlashErase:%x,%x" % (address, count), f"erase flash at 0x{address:08x}")

    def write_flash(self, address: int, data: bytes) -> None:
        """Writes erased flash; `finish_flash` must follow."""
        step = (self._packet - 32) // 2 & ~31  # whole words of any flash
        for at in range(0, len(data), step):
            place = b"vFlashWrite:%x:" % (address + at)
            self._do(place + escaped(data[at : at + step]), f"write flash at 0x{address + at:08x}")

    def finish_flash(self) -> None:
        """Ends writing flash."""
        self._do(b"vFlashDone", "finish writing flash")

    # Registers.

    def has_register(self, name: str) -> bool:
        """Whether the core has a register of that name (sp, lr, pc, xpsr, misa)."""
        return name in self._registers

    def register(self, name: str) -> int:
        """A register's value."""
        register = self._register(name)
        if b"p" not in self._lacking:
            reply = self._ask(b"p%x" % register.number)
            if reply:
                return int.from_bytes(self._bytes(reply, f"read {name}"), "little")
            self._lacking.add(b"p")
        data = self._all_registers(register)
        return int.from_bytes(data[register.offset : register.offset + register.size], "little")

    def set_register(self, name: str, value: int) -> None:
        """Changes a register."""
        register = self._register(name)
        data = value.to_bytes(register.size, "little")
        if b"P" not in self._lacking:
            reply = self._ask(b"P%x=%s" % (register.number, data.hex().encode("ascii")))
            if reply == b"OK":
                return
            if reply:
                raise self._refused(f"set {name}", reply)
            self._lacking.add(b"P")
        known = bytearray(self._all_registers(register))
        known[register.offset : register.offset + len(data)] = data
        self._do(b"G" + known.hex().encode("ascii"), f"set {name}")

    # Running.

    def set_breakpoint(self, address: int, size: int) -> None:
        """A breakpoint of the core, or one in memory where it has none to give; detaching clears
        it."""
        reply = b""
        for kind in (1, 0):
            reply = self._ask(b"Z%d,%x,%x" % (kind, address, size))
            if reply == b"OK":
                self._points.append(Breakpoint(kind, address, size))
                return
        raise self._refused(f"set a breakpoint at 0x{address:08x}", reply)

    def resume(self) -> None:
        """Lets the core run; `wait` tells when it stops."""
        self._wire.send(b"vCont;c" if b"c" in self._lacking else b"c", self._soon())

    def wait(self, deadline: float) -> None:
        """Waits until the core stops; Silence at the deadline."""
        while True:
            reply = self._reply(deadline, stop=True)
            if match := _STOP.match(reply):
                return self._stopped(reply[match.end() :])
            if reply == b"" and b"c" not in self._lacking:
                self._lacking.add(b"c")
                self.resume()
            elif _GONE.match(reply):
                raise ToolError("the server says that the program has ended", where=self._name)
            elif reply != b"OK":
                raise self._refused("run the core", reply)

    def interrupt(self) -> None:
        """Halts a running core."""
        self._wire.raw(b"\x03", self._soon())
        self.wait(self._soon())

    def monitor(self, words: str) -> None:
        """A command of the server's own; what it prints is in `console`."""
        deadline = time.monotonic() + _MONITOR_S
        self._wire.send(b"qRcmd," + words.encode("utf-8").hex().encode("ascii"), deadline)
        reply = self._reply(deadline)
        if reply == b"" or _FAILED.match(reply):
            raise self._refused(f"do `monitor {words}`", reply)
        if reply != b"OK":
            self._print(reply)

    def qemu_machine(self) -> str:
        """The machine that QEMU plays ("mps2-an386"), "" where something else answers."""
        if not self._ask(b"qqemu.sstepbits"):
            return ""
        self._words.clear()
        with suppress(ToolError):
            self.monitor("qom-get /machine type")
        self._emulated = True
        return self.console.strip('"').removesuffix("-machine")

    def detach(self) -> None:
        """Leaves nothing behind and lets the core go, as far as the server still listens.

        Not QEMU's: with empty memory it would lock up, and QEMU ends then.
        """
        deadline = time.monotonic() + _LEAVE_S
        clear = [b"z%d,%x,%x" % (each.kind, each.address, each.size) for each in self._points]
        with suppress(ToolError):
            for command in (*clear, *([] if self._emulated else [b"D"])):
                self._wire.send(command, deadline)
                self._reply(deadline)

    def _stopped(self, about: bytes) -> None:
        """From now on registers are those of the core that stopped, where there are several."""
        thread = _THREAD.search(about)
        if thread and thread[1] != self._thread:
            self._thread = thread[1]
            self._ask(b"Hg" + self._thread)  # servers of one core need not know this

    def _document(self, kind: str, name: str) -> str:
        """A document of the server (qXfer), piece by piece."""
        found = bytearray()
        step = self._packet - 16
        while True:
            place = f"qXfer:{kind}:read:{name}:{len(found):x},{step:x}"
            reply = self._ask(place.encode("ascii"))
            if reply[:1] not in (b"m", b"l") or (reply == b"m" and not found):
                raise self._refused(f"read {kind} {name}", reply)
            found += unescaped(reply[1:])
            if reply[:1] == b"l" or reply == b"m":
                return found.decode("ascii", "replace")
            if len(found) > _MOST_DOCUMENT:
                raise self._refused(f"read {kind} {name}", b"without end")

    def _register(self, name: str) -> Register:
        if name not in self._registers:
            raise ToolError(f"the server's core has no register {name}", where=self._name)
        return self._registers[name]

    def _all_registers(self, wanted: Register) -> bytes:
        reply = self._ask(b"g")
        # What the server cannot read stands there as x.
        data = self._bytes(reply.replace(b"x", b"0"), "read the registers")
        if len(data) < wanted.offset + wanted.size:
            raise self._refused("read the registers", reply)
        return data

    def _do(self, command: bytes, what: str) -> None:
        deadline = time.monotonic() + (_ERASE_S if command.startswith(b"vFlash") else _ANSWER_S)
        self._wire.send(command, deadline)
        reply = self._reply(deadline)
        if reply != b"OK":
            raise self._refused(what, reply)

    def _ask(self, command: bytes) -> bytes:
        deadline = self._soon()
        self._wire.send(command, deadline)
        return self._reply(deadline)

    def _reply(self, deadline: float, *, stop: bool = False) -> bytes:
        """The reply. What a core did before is told late by some servers, what they print at any
        time: neither is a reply."""
        while True:
            reply = self._wire.receive(deadline)
            if _CONSOLE.fullmatch(reply):
                self._print(reply[1:])
            elif stop or not (_STOP.match(reply) or _GONE.match(reply)):
                return reply

    def _print(self, text: bytes) -> None:
        with suppress(ValueError):
            self._words += bytes.fromhex(text.decode("ascii", "replace"))
        del self._words[:-_MOST_CONSOLE]

    def _bytes(self, reply: bytes, what: str) -> bytes:
        try:
            return bytes.fromhex(reply.decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            raise self._refused(what, reply) from None

    def _refused(self, what: str, reply: bytes) -> Refused:
        said = ascii(reply[:60].decode("ascii", "replace")) if reply else "it cannot do that"
        more = f"\n{self.console}" if self.console else ""
        return Refused(f"the server did not {what}: {said}{more}", where=self._name)

    def _soon(self) -> float:
        return time.monotonic() + _ANSWER_S


@contextmanager
def connected(endpoint: Endpoint, name: str) -> Iterator[Client]:
    """A client of a server; the core is let go when the block ends."""
    client = Client(Wire(endpoint.connection, name), name)
    try:
        yield client
    finally:
        client.detach()
