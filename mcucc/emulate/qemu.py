"""QEMU: the reference run. Files and records by semihosting in a scratch directory, or by UART."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mcucc.boards import Board
from mcucc.emulate.interface import RunResult, hang_error, input_file, model_index
from mcucc.emulate.records import (
    Records,
    check_exit,
    parse_records,
    result_of,
    unwrap_totals,
)
from mcucc.emulate.uart import exchange, uart_input, uart_output
from mcucc.errors import ToolError
from mcucc.toolchain.firmware import Firmware, Transport

# Virtual nanoseconds an instruction takes are 2^this: 2.56 ticks of a 20 MHz timer, 3.2 of a
# 25 MHz one. A difference of two readings is off by less than one tick, so rounding is exact, and
# the 32-bit counter lasts 1.3 G instructions.
_ICOUNT_SHIFT = 7
_COUNTER_BITS = 32


class Qemu:
    """qemu-system-arm, found on PATH, by option or by MCUCC_QEMU."""

    name = "qemu"

    def __init__(self, path: str | None = None) -> None:
        self._asked = path or os.environ.get("MCUCC_QEMU") or "qemu-system-arm"

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot run: it is not installed."""
        if shutil.which(self._asked) is None:
            return f"{self._asked} is not installed (Debian: qemu-system-arm)"
        return None

    def version(self) -> str:
        """What `--version` says first; ToolError when QEMU is missing."""
        done = subprocess.run(
            [self._program(), "--version"], capture_output=True, text=True, check=False
        )
        return done.stdout.splitlines()[0] if done.stdout else "unknown"

    def run(
        self,
        firmware: Firmware,
        images: Sequence[bytes],
        *,
        count: bool = False,
        timeout_s: float = 600.0,
        model: str | None = None,
    ) -> RunResult:
        """See Emulator.run. Counting makes virtual time follow the instructions (-icount)."""
        index = model_index(firmware, model)
        uart = firmware.options.transport is Transport.UART
        with tempfile.TemporaryDirectory(prefix="mcucc-qemu-") as scratch:
            talk = self._over_uart if uart else self._over_files
            records, output, errors = talk(firmware, images, count, index, timeout_s, Path(scratch))
        check_exit(records, firmware, self.name, errors)
        if count:
            values = unwrap_totals(records.values, len(images), _COUNTER_BITS)
            records = Records(values, records.exit)
        ticks = partial(_instructions, firmware.machine.timer_hz)
        return result_of(records, output, len(images), count, ticks)

    def _program(self) -> str:
        found = shutil.which(self._asked)
        if found is None:
            raise ToolError(
                f"{self._asked} not found",
                where=self.name,
                hint="install it (Debian: qemu-system-arm), or set MCUCC_QEMU to it",
            )
        return found

    def _command(self, firmware: Firmware, count: bool) -> list[str]:
        command = [self._program(), "-M", firmware.machine.name, *firmware.machine.qemu_options]
        command += ["-kernel", str(firmware.elf.resolve()), "-display", "none", "-monitor", "none"]
        if count:
            command += ["-icount", f"shift={_ICOUNT_SHIFT},sleep=off"]
        return command

    def _over_files(
        self,
        firmware: Firmware,
        images: Sequence[bytes],
        count: bool,
        index: int,
        timeout_s: float,
        scratch: Path,
    ) -> tuple[Records, bytes, str]:
        """One start for all images: records and outputs are files of the scratch directory."""
        (scratch / "input.bin").write_bytes(input_file(images, count))
        (scratch / "output.bin").touch()
        mode = "count" if count else "run"
        semihosting = f"enable=on,target=native,chardev=records,arg={mode},arg={index}"
        command = [*self._command(firmware, count), "-serial", "none"]
        command += ["-chardev", "file,id=records,path=records.txt"]
        command += ["-semihosting-config", semihosting]
        text = scratch / "records.txt"
        try:
            done = subprocess.run(
                command,
                cwd=scratch,
                capture_output=True,
                timeout=timeout_s,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            begun = parse_records(_read_text(text))
            raise hang_error(self.name, timeout_s, begun.values) from error
        errors = done.stderr.decode("utf-8", "replace")[-2000:]
        return parse_records(_read_text(text)), (scratch / "output.bin").read_bytes(), errors

    def _over_uart(
        self,
        firmware: Firmware,
        images: Sequence[bytes],
        count: bool,
        index: int,
        timeout_s: float,
        scratch: Path,
    ) -> tuple[Records, bytes, str]:
        """The serial port is QEMU's standard input and output."""
        command = [*self._command(firmware, count), "-serial", "stdio"]
        stream = uart_input(firmware, images, count, index)
        text, errors = exchange(command, stream, timeout_s, scratch)
        records = parse_records(text)
        if records.exit is None and not errors:
            raise hang_error(self.name, timeout_s, records.values)
        return records, uart_output(text), errors


def _read_text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def _instructions(timer_hz: int, ticks: int) -> int:
    """Instructions that `ticks` of the timer are: virtual time over the time of one."""
    return round(ticks * 1_000_000_000 / (timer_hz << _ICOUNT_SHIFT))
