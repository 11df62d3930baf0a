"""A QEMU that a user has started: it listens for GDB on a port of this machine, nothing loaded."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mcucc.backends.gdb.servers import LOCAL, free_ports
from mcucc.backends.process import started

QUIET = subprocess.DEVNULL


@contextmanager
def listening_qemu(machine: str, *options: str, icount: int | None = None) -> Iterator[str]:
    """As --on takes it, until the block ends. `icount` is the shift of QEMU's option."""
    program = "qemu-system-riscv32" if machine in ("virt", "sifive_e") else "qemu-system-arm"
    (port,) = free_ports(1)
    command = [program, "-M", machine, *options, "-S", "-display", "none", "-monitor", "none"]
    command += ["-serial", "none", "-gdb", f"tcp:{LOCAL}:{port},server=on,wait=off"]
    command += [] if icount is None else ["-icount", f"shift={icount},sleep=off"]
    with (
        TemporaryDirectory(prefix="mcucc-tests-") as folder,
        (Path(folder) / "errors.txt").open("wb") as errors,
        started(command, Path(folder), stdin=QUIET, stdout=QUIET, stderr=errors) as process,
    ):
        while process.poll() is None:
            try:
                socket.create_connection((LOCAL, port), 1.0).close()
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                break
        assert process.poll() is None, (Path(folder) / "errors.txt").read_text()
        yield f"gdb:{LOCAL}:{port}"
