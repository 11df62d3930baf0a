"""Renode, when it is on PATH: a platform made from the layout, the firmware over its UART.

Renode's semihosting has no files, so the UART carries everything; a peripheral in Renode's own
Python plays the CMSDK UART between two files of a scratch directory. Instructions are not counted
here: QEMU and unicorn do that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mcucc.backends.interface import RunResult, hang_error, input_file, model_index
from mcucc.backends.process import started
from mcucc.backends.records import check_exit, parse_records, result_of
from mcucc.backends.uart import uart_input, uart_output
from mcucc.base.names import comment
from mcucc.base.templates import code_templates
from mcucc.boards.board import Architecture, Board, Core
from mcucc.errors import ToolError
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.firmware import Firmware, Transport, retarget

_PAGE = 4096
_POLL_S = 0.05
_FILES = ("platform.repl", "run.resc", "uart.py")


class Renode:
    """Renode, found on PATH, by option or by MCUCC_RENODE."""

    name = "renode"

    def __init__(self, path: str | None = None) -> None:
        self._asked = path or os.environ.get("MCUCC_RENODE") or "renode"

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot run: another core than Arm's, or not installed."""
        if board.core.architecture is not Architecture.ARM:
            return f"mcucc has no Renode platform for {board.core.value}; use qemu"
        if shutil.which(self._asked) is None:
            return f"{self._asked} is not on PATH (https://renode.io)"
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
        """See Emulator.run. Links a UART image beside one for semihosting; never counts."""
        program = shutil.which(self._asked)
        if program is None:
            raise ToolError(self.unavailable(firmware.board) or "", where=self.name)
        if count:
            raise ToolError("Renode is not used for counting", where=self.name, hint="use qemu")
        input_file(images, count)
        if firmware.options.transport is not Transport.UART:
            firmware = retarget(firmware, firmware.machine, Transport.UART)
        stream = uart_input(firmware, images, count, model_index(firmware, model))
        with tempfile.TemporaryDirectory(prefix="mcucc-renode-") as scratch:
            text, errors = _run(program, firmware, stream, timeout_s, Path(scratch))
        records = parse_records(text)
        if records.exit is None and not errors:
            raise hang_error(self.name, timeout_s, records.values)
        check_exit(records, firmware, self.name, errors)
        return result_of(records, uart_output(text), len(images), count, lambda ticks: ticks)


def write_scripts(firmware: Firmware, folder: Path) -> None:
    """Writes platform.repl, run.resc and uart.py for an image; Renode is started in the folder."""
    layout, machine, core = firmware.layout, firmware.machine, firmware.board.core
    spans = dict.fromkeys((machine.harness_code, machine.harness_ram, *layout.spans))
    values = {
        "board": comment(firmware.board.title),
        "cpu": "cortex-m0+" if core is Core.M0PLUS else core.value,
        "memories": [Span(each.origin, -(-each.size // _PAGE) * _PAGE) for each in spans],
        "timer": machine.timer & -_PAGE,
        "uart": machine.uart,
        "elf": firmware.elf.resolve().as_posix(),
        "vectors": machine.harness_code.origin,
        "folder": folder.resolve().as_posix(),
    }
    for name in _FILES:
        text = code_templates().get_template(f"firmware/{name}.j2").render(**values)
        (folder / name).write_text(text, encoding="utf-8")


def _run(
    program: str, firmware: Firmware, stream: bytes, timeout_s: float, folder: Path
) -> tuple[str, str]:
    """Starts Renode and waits for `##exit` in the output file; it does not end by itself."""
    write_scripts(firmware, folder)
    (folder / "uart_input.txt").write_bytes(stream)
    output, errors = folder / "uart_output.txt", folder / "errors.txt"
    command = [program, "--disable-xwt", "--console", "--plain", "-e", "include @run.resc"]
    deadline = time.monotonic() + timeout_s
    with (
        errors.open("wb") as complaints,
        started(
            command, folder, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints
        ) as process,
    ):
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            text = output.read_text("ascii", "replace") if output.is_file() else ""
            if "\n##exit" in text and text.endswith("\n"):
                return text, ""
            if ended:
                return text, errors.read_text("utf-8", "replace")[-2000:] or "Renode ended"
            time.sleep(_POLL_S)
    return text, ""
