"""Packets of the GDB remote serial protocol over a socket: framing, checksums, acknowledgement.

GDB manual, Remote Protocol, Overview: `$payload#checksum`, a `+` or `-` for each until both sides
agree to go without. What the server sends is untrusted: every wait ends, every size has a limit.
"""

from __future__ import annotations

import socket
import time

from mcucc.errors import ToolError

MOST_BYTES = 1 << 18  # of one packet, as sent and without its run-length encoding
_CHUNK = 1 << 16
_MOST_RESENDS = 4
_ESCAPE, _REPEAT, _FLIP = 0x7D, 0x2A, 0x20
_ESCAPED = {byte: bytes((_ESCAPE, byte ^ _FLIP)) for byte in b"#$}*"}


class Disconnected(ToolError):
    """The server closed the connection."""


class Silence(ToolError):
    """The server did not answer in time."""


class Wire:
    """One connection. Deadlines are readings of time.monotonic().

    `acknowledged` is how every connection begins; the client ends it with QStartNoAckMode.
    """

    def __init__(self, stream: socket.socket, name: str) -> None:
        self._stream, self._name = stream, name
        self._pending, self._at = b"", 0
        self.acknowledged = True

    def send(self, payload: bytes, deadline: float) -> None:
        """Sends one packet (escaped by the caller) and waits for its acknowledgement."""
        packet = b"$%s#%02x" % (payload, sum(payload) % 256)
        for _ in range(_MOST_RESENDS + 1):
            self.raw(packet, deadline)
            if not self.acknowledged or self._taken(deadline):
                return
        raise ToolError("the server did not accept a packet", where=self._name)

    def receive(self, deadline: float) -> bytes:
        """The payload of the next packet, runs expanded; notifications are passed over."""
        damaged = 0
        while True:
            lead = self._lead(b"$%", deadline)
            body = self._until_hash(deadline)
            check = self._take(deadline), self._take(deadline)
            if lead == b"%"[0]:
                continue
            good = _hex_pair(*check) == sum(body) % 256
            if self.acknowledged:
                self.raw(b"+" if good else b"-", deadline)
            if good:
                return self._expanded(body)
            damaged += 1
            if not self.acknowledged or damaged > _MOST_RESENDS:
                raise ToolError("the server sends packets with wrong checksums", where=self._name)

    def raw(self, data: bytes, deadline: float) -> None:
        """Sends bytes as they are: a packet, an acknowledgement, the byte that interrupts."""
        try:
            self._stream.settimeout(self._left(deadline))
            self._stream.sendall(data)
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._gone() from error

    def _taken(self, deadline: float) -> bool:
        """Whether the last packet was acknowledged; False asks for it again.

        A packet on its way when ours was sent is answered and dropped, as GDB does.
        """
        while True:
            lead = self._lead(b"+-$%", deadline)
            if lead in b"+-":
                return lead == b"+"[0]
            self._until_hash(deadline)
            self._take(deadline), self._take(deadline)
            if lead == b"$"[0]:
                self.raw(b"+", deadline)

    def _lead(self, wanted: bytes, deadline: float) -> int:
        """The next of these bytes; what stands between packets means nothing."""
        while (byte := self._take(deadline)) not in wanted:
            pass
        return byte

    def _take(self, deadline: float) -> int:
        if self._at == len(self._pending):
            self._fill(deadline)
        self._at += 1
        return self._pending[self._at - 1]

    def _until_hash(self, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            end = self._pending.find(b"#", self._at)
            parts.append(self._pending[self._at : end if end >= 0 else None])
            size += len(parts[-1])
            if size > MOST_BYTES:
                raise self._too_long()
            if end >= 0:
                self._at = end + 1
                return b"".join(parts)
            self._fill(deadline)

    def _fill(self, deadline: float) -> None:
        try:
            self._stream.settimeout(self._left(deadline))
            data = self._stream.recv(_CHUNK)
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        self._pending, self._at = data, 0

    def _expanded(self, body: bytes) -> bytes:
        """Run-length encoding: `c*n` is c and (code of n) - 29 more of it."""
        if _REPEAT not in body:
            return body
        first, *runs = body.split(b"*")
        found = bytearray(first)
        for run in runs:
            count = run[0] - 29 if run else 0
            if count < 3 or not found:
                raise ToolError("the server sent a broken packet", where=self._name)
            found += found[-1:] * count + run[1:]
            if len(found) > MOST_BYTES:
                raise self._too_long()
        return bytes(found)

    def _left(self, deadline: float) -> float:
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._silent()
        return left

    def _silent(self) -> Silence:
        return Silence("the server does not answer", where=self._name)

    def _gone(self) -> Disconnected:
        return Disconnected("the server closed the connection", where=self._name)

    def _too_long(self) -> ToolError:
        return ToolError(f"the server sent more than {MOST_BYTES} bytes at once", where=self._name)


def escaped(data: bytes) -> bytes:
    """Binary data inside a packet: `}` and the byte with bit 5 flipped."""
    return b"".join(_ESCAPED.get(byte) or bytes((byte,)) for byte in data)


def unescaped(data: bytes) -> bytes:
    """The opposite of `escaped`."""
    first, *rest = data.split(bytes((_ESCAPE,)))
    return first + b"".join(bytes((part[0] ^ _FLIP,)) + part[1:] for part in rest if part)


def _hex_pair(high: int, low: int) -> int:
    try:
        return int(bytes((high, low)), 16)
    except ValueError:
        return -1
