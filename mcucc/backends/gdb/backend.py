"""Firmware behind any GDB server, as an emulator like the others."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from mcucc.backends.gdb.client import Client, connected
from mcucc.backends.gdb.description import ARM_DEFAULT, RISCV_DEFAULT
from mcucc.backends.gdb.mailbox import Mailbox
from mcucc.backends.gdb.server import Endpoint, Server
from mcucc.backends.gdb.session import Session, check_core, load, start
from mcucc.backends.interface import RunResult, input_file, model_index
from mcucc.backends.records import Records, check_exit, parse_records, result_of, unwrap_totals
from mcucc.boards.board import Architecture, Board
from mcucc.toolchain.firmware import Firmware, Transport, retarget
from mcucc.toolchain.machines import Machine

_COUNTER_BITS = 32


class Gdb:
    """A core behind a GDB server. `flash` allows to overwrite flash where the image has some."""

    def __init__(self, server: Server, *, flash: bool = False) -> None:
        self._server, self._flash = server, flash

    @property
    def name(self) -> str:
        """The server's."""
        return self._server.name

    def unavailable(self, board: Board) -> str | None:
        """Why the server cannot be used for this board."""
        return self._server.unavailable(board)

    def run(
        self,
        firmware: Firmware,
        images: Sequence[bytes],
        *,
        count: bool = False,
        timeout_s: float = 600.0,
        model: str | None = None,
    ) -> RunResult:
        """See Emulator.run. The firmware is linked again for the server's machine."""
        index = model_index(firmware, model)
        source = input_file(images, count)
        with (
            tempfile.TemporaryDirectory(prefix="mcucc-gdb-") as scratch,
            self._server.started(firmware, Path(scratch)) as endpoint,
            connected(endpoint, self.name) as client,
        ):
            riscv = firmware.board.core.architecture is Architecture.RISCV
            client.begin(RISCV_DEFAULT if riscv else ARM_DEFAULT)
            machine = self._server.machine(firmware, client.qemu_machine())
            placed = _placed(firmware, machine)
            self._load(client, endpoint, placed)
            # Outputs lie in the arena.
            most = len(images) * placed.sizes.arena
            request = f"{'count' if count else 'run'} {index}".encode("ascii")
            mailbox = Mailbox(request, source, most, client.read, client.write)
            session = Session(client, placed, mailbox, self.name)
            session.run(timeout_s)
            console = client.console
        records = parse_records(session.text)
        check_exit(records, placed, self.name, console)
        if count:
            values = unwrap_totals(records.values, len(images), _COUNTER_BITS)
            records = Records(values, records.exit)
        ticks = placed.machine.instructions
        return result_of(records, bytes(mailbox.output), len(images), count, ticks)

    def _load(self, client: Client, endpoint: Endpoint, firmware: Firmware) -> None:
        """The core stands before the first instruction of the image."""
        _reset(client, endpoint)
        check_core(client, firmware.board, firmware.machine, self.name)
        if load(client, firmware, self._flash, self.name):
            _reset(client, endpoint)
        start(client, firmware)


def _reset(client: Client, endpoint: Endpoint) -> None:
    for words in endpoint.reset:
        client.monitor(words)


def _placed(firmware: Firmware, machine: Machine) -> Firmware:
    """The firmware linked for a machine, with a mailbox."""
    if firmware.machine == machine and firmware.options.transport is Transport.MAILBOX:
        return firmware
    return retarget(firmware, machine, Transport.MAILBOX)
