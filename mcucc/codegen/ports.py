"""What a network calls while it runs: the camera that its rows come from, the sink they go to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Port(Enum):
    """A struct with a callback that a caller hands over; the value names it in C."""

    CAMERA = "camera"
    SINK = "sink"

    @property
    def parameter(self) -> str:
        """Its declaration as a parameter."""
        return f"const mcucc_{self.value} *{self.value}"

    @property
    def call(self) -> str:
        """The callback in it."""
        return "read_row" if self is Port.CAMERA else "write_row"


Ports = tuple[Port, ...]


def ports_of(parts: Iterable[Ports]) -> Ports:
    """All that some parts call, in one order."""
    found = {port for part in parts for port in part}
    return tuple(port for port in Port if port in found)


def result_of(ports: Ports) -> str:
    """The C type of a result: with ports, 0 or what a callback ended the run with."""
    return "int32_t" if ports else "void"
