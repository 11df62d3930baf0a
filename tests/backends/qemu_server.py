"""QEMU as a GDB server: stopped at reset, nothing loaded, on a local socket."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mcucc.backends import Qemu
from mcucc.backends.gdb.server import Endpoint
from mcucc.backends.process import started
from mcucc.boards.board import Board
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.machines import Machine, find_machine
from mcucc.toolchain.targets import find_target


class QemuServer:
    """Counts as Qemu does: virtual time follows the instructions."""

    name = "qemu-gdb"

    def unavailable(self, board: Board) -> str | None:
        return Qemu().unavailable(board)

    def machine(self, firmware: Firmware, emulated: str) -> Machine:
        return find_machine(emulated, firmware.board.core)

    @contextmanager
    def started(self, firmware: Firmware, folder: Path) -> Iterator[Endpoint]:
        with running(firmware, folder) as kept, kept.started(firmware, folder) as endpoint:
            yield endpoint


@dataclass(frozen=True)
class KeptQemu(QemuServer):
    """A QEMU that goes on running when the client leaves, as a server of the user's does."""

    path: Path
    process: subprocess.Popen[bytes]

    @contextmanager
    def started(self, firmware: Firmware, folder: Path) -> Iterator[Endpoint]:
        with _connection(self.path, self.process) as connection:
            yield Endpoint(connection, ("reset halt",))


@contextmanager
def running(firmware: Firmware, folder: Path) -> Iterator[KeptQemu]:
    """QEMU's machine for a firmware, until the block ends."""
    machine, path = firmware.machine, folder / "gdb"
    command = [find_target(firmware.board).emulator, "-M", machine.name, *machine.qemu_options]
    command += ["-S", "-display", "none", "-monitor", "none", "-serial", "none"]
    command += ["-icount", f"shift={machine.icount_shift},sleep=off"]
    command += ["-chardev", f"socket,path={path},server=on,wait=off,id=gdb"]
    command += ["-gdb", "chardev:gdb"]
    quiet = subprocess.DEVNULL
    with (
        (folder / "errors.txt").open("wb") as errors,
        started(command, folder, stdin=quiet, stdout=quiet, stderr=errors) as process,
    ):
        yield KeptQemu(path, process)


def _connection(path: Path, process: subprocess.Popen[bytes]) -> socket.socket:
    """QEMU makes the socket first and listens a moment later."""
    connection = socket.socket(socket.AF_UNIX)
    while process.poll() is None:
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.002)
        else:
            return connection
    connection.close()
    raise AssertionError(f"QEMU ended with {process.returncode}")
