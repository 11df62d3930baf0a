"""QEMU: the reference run. Files and records by semihosting in a scratch directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mcucc.backends.interface import RunResult, hang_error, input_file, model_index
from mcucc.backends.process import run_limited
from mcucc.backends.records import Records, check_exit, parse_records, result_of, unwrap_totals
from mcucc.boards.board import Board
from mcucc.errors import ToolError
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.targets import find_target

_COUNTER_BITS = 32


class Qemu:
    """QEMU's program for the core, found on PATH, by option or by the target's variable."""

    name = "qemu"

    def __init__(self, path: str | None = None) -> None:
        self._asked = path

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot run: it is not installed."""
        name = self._name(board)
        if shutil.which(name) is None:
            return f"{name} is not installed (Debian: {find_target(board).emulator_package})"
        return None

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
        with tempfile.TemporaryDirectory(prefix="mcucc-qemu-") as scratch:
            records, output, errors = self._over_files(
                firmware, images, count, index, timeout_s, Path(scratch)
            )
        check_exit(records, firmware, self.name, errors)
        if count:
            values = unwrap_totals(records.values, len(images), _COUNTER_BITS)
            records = Records(values, records.exit)
        ticks = firmware.machine.instructions
        return result_of(records, output, len(images), count, ticks)

    def _name(self, board: Board) -> str:
        target = find_target(board)
        return self._asked or os.environ.get(target.emulator_variable) or target.emulator

    def _program(self, board: Board) -> str:
        name, target = self._name(board), find_target(board)
        found = shutil.which(name)
        if found is None:
            raise ToolError(
                f"{name} not found",
                where=self.name,
                hint=f"install {target.emulator} (Debian: {target.emulator_package}), "
                f"or set {target.emulator_variable} to it",
            )
        return found

    def _command(self, firmware: Firmware, count: bool) -> list[str]:
        machine = firmware.machine
        command = [self._program(firmware.board), "-M", machine.name, *machine.qemu_options]
        command += ["-kernel", str(firmware.elf.resolve()), "-display", "none", "-monitor", "none"]
        if count:
            command += ["-icount", f"shift={machine.icount_shift},sleep=off"]
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
            errors = run_limited(command, scratch, timeout_s)[-2000:]
        except subprocess.TimeoutExpired as error:
            begun = parse_records(_read_text(text))
            raise hang_error(self.name, timeout_s, begun.values) from error
        return parse_records(_read_text(text)), (scratch / "output.bin").read_bytes(), errors


def _read_text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""
