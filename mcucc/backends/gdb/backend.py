"""Firmware behind any GDB server, as an emulator like the others."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mcucc.backends.gdb.client import Client, Refused, connected
from mcucc.backends.gdb.counters import cycles_of, start_counter, without_counter
from mcucc.backends.gdb.description import ARM_DEFAULT, RISCV_DEFAULT
from mcucc.backends.gdb.mailbox import Mailbox
from mcucc.backends.gdb.server import Server
from mcucc.backends.gdb.session import Session, check_core, load, quieten, start
from mcucc.backends.interface import Place, RunResult, input_file, model_index
from mcucc.backends.records import (
    KNOWN_INSTRUCTIONS,
    Records,
    check_exit,
    check_inputs,
    known_of,
    parse_records,
    result_of,
    unwrap_totals,
)
from mcucc.boards.board import Architecture, Board
from mcucc.toolchain.firmware import Firmware, Transport, retarget
from mcucc.toolchain.machines import Guards, Machine

_COUNTER_BITS = 32
_QEMU_RESET = ("system_reset",)  # it stays stopped


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
            emulated = client.qemu_machine()
            words = _QEMU_RESET if emulated else endpoint.reset
            _reset(client, words)
            machine = self._server.machine(firmware, emulated)
            check_core(client, firmware.board, machine, self.name)
            why_not = start_counter(client, machine) if count else ""
            if why_not or (machine.counter is not None and not count):
                machine = without_counter(machine)
            placed = placed_for(firmware, machine)
            if load(client, placed, self._flash, self.name):
                _reset(client, words)
                quieten(client, placed.board)
            start(client, placed)
            start_counter(client, machine)  # what was reset since has stopped it
            # Outputs lie in the arena, but for those that leave by rows.
            rows = max(unit.row_output_bytes for unit in placed.models)
            most = len(images) * (placed.sizes.arena + rows)
            request = f"{'count' if count else 'run'} {index}".encode("ascii")
            mailbox = Mailbox(request, source, most, client.read, client.write, self.name)
            session = Session(client, placed, mailbox, self.name)
            session.run(timeout_s)
            console = client.console
        records = parse_records(session.text)
        check_exit(records, placed, self.name, console)
        check_inputs(records.values, images)
        if count:
            values = unwrap_totals(records.values, len(images), _COUNTER_BITS)
            records = Records(values, records.exit)
        place = Place(
            machine=emulated or machine.name,
            emulated=bool(emulated) or endpoint.emulated,
            memory="flash" if machine.in_flash or not machine.real else "RAM",
            guards=_guards(machine, records),
            uncounted=why_not,
        )
        return _result(records, bytes(mailbox.output), len(images), count, machine, place)


def _result(
    records: Records, output: bytes, images: int, count: bool, machine: Machine, place: Place
) -> RunResult:
    """With instructions, or cycles; without both where the counter is not to be believed."""
    counting = count and machine.counter is None and not place.uncounted
    if counting and known_of(records.values, machine.instructions) != KNOWN_INSTRUCTIONS:
        words = f"-icount shift={machine.icount_shift},sleep=off"
        why_not = f"the timer does not count instructions; QEMU does with {words}"
        place = replace(place, uncounted=why_not)
    instructions = count and machine.counter is None and not place.uncounted
    result = result_of(records, output, images, instructions, machine.instructions)
    if machine.counter is None or not count:
        return replace(result, place=place)
    cycles = cycles_of(records.values, machine.counter)
    if isinstance(cycles, str):
        return replace(result, place=replace(place, uncounted=cycles))
    return replace(result, place=place, cycles=cycles)


def _guards(machine: Machine, records: Records) -> str:
    """What the fence is worth: the firmware says whether the core had one at all."""
    return (machine.guards if records.values["fence"] else Guards.NOTHING).value


def _reset(client: Client, commands: Sequence[str]) -> None:
    """A server may have other words: then the core stays as it was halted, and is made quiet."""
    for words in commands:
        with suppress(Refused):
            client.monitor(words)


def placed_for(firmware: Firmware, machine: Machine) -> Firmware:
    """The firmware linked for a machine, with a mailbox; FitError when it has no place there."""
    if firmware.machine == machine and firmware.options.transport is Transport.MAILBOX:
        return firmware
    return retarget(firmware, machine, Transport.MAILBOX)
