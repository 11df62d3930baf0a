"""What a run over the GDB remote protocol must know of the server in front of a core."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcucc.boards.board import Board
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.machines import Machine


@dataclass(frozen=True)
class Endpoint:
    """A server that listens: a TCP port of a host, or the path of a local socket.

    `reset` are the server's own words (sent as `monitor WORDS`) that reset the core and halt it,
    "" where it is halted at its reset vector anyway.
    """

    host: str = "localhost"
    port: int = 0
    path: Path | None = None
    reset: str = ""


class Server(Protocol):
    """A GDB server: a kind that mcucc starts and ends, or one that runs already."""

    @property
    def name(self) -> str:
        """As on the command line and in errors: "openocd", "gdb:localhost:3333"."""

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot be used for this board here, None when it can."""

    def machine(self, board: Board) -> Machine:
        """The addresses that firmware must be linked for: the board's own, or an emulator's."""

    def started(self, firmware: Firmware, folder: Path) -> AbstractContextManager[Endpoint]:
        """The server, listening until the block ends; `folder` is for its files.

        ToolError when it is missing, does not start, or complains: with its last words.
        """
