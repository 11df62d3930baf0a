"""What a run over the GDB remote protocol must know of the server in front of a core."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcucc.boards.board import Board
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.machines import Machine


@dataclass(frozen=True)
class Endpoint:
    """A server that listens: the open connection to it.

    Opened by whoever waits for the server, since many serve one client and then end: a second
    connection would be refused. `reset` are the server's own words (each sent as `monitor WORDS`)
    that reset the core and halt it, () where it is halted at its reset vector anyway. `emulated`
    says that no board is behind it.
    """

    connection: socket.socket
    reset: tuple[str, ...] = ()
    emulated: bool = False


class Server(Protocol):
    """A GDB server: a kind that mcucc starts and ends, or one that runs already."""

    @property
    def name(self) -> str:
        """As on the command line and in errors: "openocd", "gdb:localhost:3333"."""

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot be used for this board here, None when it can."""

    def started(self, firmware: Firmware, folder: Path) -> AbstractContextManager[Endpoint]:
        """The server, connected to until the block ends; `folder` is for its files.

        ToolError when it is missing, does not start, or complains: with its last words.
        """

    def machine(self, firmware: Firmware, emulated: str) -> Machine:
        """What to link for, the board's own addresses or an emulator's; asked when connected.

        `emulated` is the machine of the QEMU that answered ("mps2-an386"), "" for anything else.
        FitError when the firmware has no place there.
        """
