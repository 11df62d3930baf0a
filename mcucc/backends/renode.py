"""Renode as a GDB server: a platform made from the layout, or the user's own.

Without a platform the machine is the one of QEMU, and Renode's instructions are QEMU's; with one
(renode:FILE.repl) the firmware is linked for the board's real addresses. On Arm a peripheral in
Renode's own Python stands where the timer is and answers with the executed instructions; RISC-V has
minstret. What is known of Renode is from running 1.15.3 and 1.16.1.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from mcucc.backends.gdb.backend import placed_for
from mcucc.backends.gdb.server import Endpoint
from mcucc.backends.gdb.servers import (
    GRACE_S,
    LAST_WORDS,
    first_connection,
    free_ports,
    quoted,
    with_last_words,
    words_of,
)
from mcucc.backends.interface import EmulationFault, HangError
from mcucc.backends.process import started
from mcucc.base.names import comment
from mcucc.base.templates import code_templates
from mcucc.boards.board import Board, Core
from mcucc.errors import McuccError, ToolError
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.fence import Access, FenceRegion, Protection, fence_regions, is_spoken, spoken
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.machines import Guards, Machine, machine_of, renode_cpu
from mcucc.toolchain.real_machine import real_machine
from mcucc.toolchain.targets import no_firmware

NAME = "renode"
USAGE = "renode[:FILE.repl]"
START_LIMIT_S = 120.0  # Mono compiles Renode at its start: 11 s were seen on a busy machine
_REST_S = 0.5
_PAGE = 4096
_VERSION_S = 30.0
# Renode 1.15.3 reads MPU_CTRL's bit 0 as PRIVDEFENA on Armv8-M: nothing is denied.
_FENCES_V8 = (1, 16)
_DEFAULT_REGIONS = 8  # of Renode's Cortex-M where a platform does not say
# Where a user's platform gets its counter: vendor's space of Cortex-M, where no peripheral is.
_COUNTER = Span(0xE0200000, _PAGE)
_NANOSECONDS = 1_000_000_000
# What Renode's monitor takes as a path without quotes.
_PLAIN_PATH = re.compile(r"[\w./+-]+")
_CPU = re.compile(r"(?m)^cpu:")
_USING = re.compile(r'(?m)^using\s+"')
_REGIONS = re.compile(r"(?m)^\s+numberOfMPURegions:\s*(0x[0-9a-fA-F]+|\d+)\s*$")
# How its monitor says that it does not go on.
_FAILED = re.compile(
    r"There was an error executing command|No such command or device|Bad parameters for command"
    r"|does not provide a field|Could not tokenize|(?m:^)Error E\d+:"
)
_HELIUM = "Renode up to 1.16.1 lacks Helium's loops (WLSTP, LETP): --on qemu runs them"
_NO_M55 = "Renode 1.15 has no Cortex-M55; 1.16 has one: a newer Renode, or --on qemu"


@dataclass(frozen=True)
class Renode:
    """Renode on PATH, or what MCUCC_RENODE names. `platform` is the user's, None: mcucc's."""

    platform: Path | None = None
    program: str | None = None
    limit_s: float = START_LIMIT_S

    @property
    def name(self) -> str:
        """As on the command line."""
        return NAME if self.platform is None else f"{NAME}:{self.platform}"

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot run: no machine for the core, or not installed."""
        reason = no_firmware(board) if self.platform is None else None
        if reason is not None:
            return reason
        if self._found() is None:
            return f"{self._asked} is not on PATH (https://renode.io)"
        return None

    def machine(self, firmware: Firmware, emulated: str = "") -> Machine:
        """QEMU's machine with a timer that counts instructions, or the board's own addresses."""
        del emulated
        if self.platform is None:
            machine = machine_of(firmware.board)
            machine = replace(machine, timer_hz=_NANOSECONDS, icount_shift=0)
        else:
            regions = _regions_of(_text_of(self.platform))
            machine = _own_machine(real_machine(firmware, flash=True), regions)
        found = self._found()
        if machine.protection is Protection.PMSA8 and found and version_of(found) < _FENCES_V8:
            return replace(machine, guards=Guards.NOTHING)
        return machine

    @contextmanager
    def started(self, firmware: Firmware, folder: Path) -> Iterator[Endpoint]:
        """Starts Renode with the image, waits until it takes a connection, ends it after."""
        program = self._found()
        if program is None:
            hint = "get it from renode.io, or set MCUCC_RENODE to it"
            raise ToolError(f"{self._asked} is not on PATH", where=NAME, hint=hint)
        placed = placed_for(firmware, self.machine(firmware))
        if self.platform is None:
            self._check_fence(placed)
        (port,) = free_ports(1)
        write_scripts(placed, folder, port, self.platform)
        said = folder / "renode.txt"
        command = [program, "--disable-xwt", "--console", "--plain", "-e", "include @run.resc"]
        with (
            said.open("wb") as stream,
            started(
                command,
                folder,
                # Its console takes the end of its input for "quit".
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                grace_s=GRACE_S,
            ) as process,
            _closed(process),
            self._connected(process, port, said, firmware.board) as connection,
        ):
            try:
                yield Endpoint(connection, emulated=True)
            except ToolError as error:
                raise _explained(error, process, said, firmware.board) from error

    @property
    def _asked(self) -> str:
        return self.program or os.environ.get("MCUCC_RENODE") or NAME

    def _found(self) -> str | None:
        return shutil.which(self._asked)

    def _check_fence(self, firmware: Firmware) -> None:
        """ToolError where the fence has no room for the regions that Renode needs."""
        machine = firmware.machine
        unsaid = not is_spoken(firmware.layout.fence, machine.protection)
        if unsaid and machine.guards is not Guards.NOTHING:
            raise ToolError(
                f"a RAM of {firmware.ram_bytes or firmware.board.ram_bytes} bytes takes all of the "
                f"MPU's {machine.regions} regions, and Renode needs two more",
                where=NAME,
                hint="--on qemu, or a RAM size that is a multiple of a larger power of two",
            )

    def _connected(
        self, process: subprocess.Popen[bytes], port: int, said: Path, board: Board
    ) -> socket.socket:
        """The first connection that is taken; ToolError with Renode's words where none is."""

        def going_on() -> None:
            if process.poll() is not None:
                what = f"Renode ended at once, with exit code {process.returncode}"
                raise ToolError(f"{what}{quoted(said)}", where=self.name)
            if _FAILED.search(words_of(said)):
                raise self._script_error(process, said, board)

        connection = first_connection(port, self.limit_s, going_on)
        if connection is None:
            what = f"Renode did not open its GDB server within {self.limit_s:g} s"
            raise ToolError(f"{what}{quoted(said)}", where=self.name)
        return connection

    def _script_error(
        self, process: subprocess.Popen[bytes], said: Path, board: Board
    ) -> ToolError:
        """What Renode complains of: the lines behind its announcement."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(_REST_S)  # for the rest of its words
        words = words_of(said)
        failed = _FAILED.search(words)
        complaint = words[failed.start() if failed else 0 :].strip()[:LAST_WORDS]
        hint = ""
        if board.core is Core.M55 and "cpu type" in complaint.lower():
            hint = _NO_M55
        return ToolError(f"Renode refuses its script:\n{complaint}", where=self.name, hint=hint)


@cache
def version_of(program: str) -> tuple[int, int]:
    """The two numbers of a Renode, of a very new one where it does not tell."""
    command = [program, "--version"]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_VERSION_S, text=True
        ).stdout
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        told = ""
    found = re.search(r"v?(\d{1,4})\.(\d{1,4})\.\d", told)
    return (int(found[1]), int(found[2])) if found else (9999, 0)


def parse_renode(text: str, flash: bool = False) -> Renode | None:
    """The Renode that a value of --on names, None where it names something else.

    Raises McuccError for a platform that cannot be used: not there, or a path that Renode's monitor
    does not read.
    """
    name, colon, argument = text.partition(":")
    if name != NAME:
        return None
    if flash:
        hint = "it goes with --on openocd:CONFIG and such"
        raise McuccError("renode has no flash to write", where="--flash", hint=hint)
    if not colon:
        return Renode()
    hint = f"write {USAGE}, FILE.repl Renode's description of a platform with the board's memories"
    if not argument.endswith(".repl"):
        raise McuccError(f"{argument!r} is no FILE.repl", where="--on", hint=hint)
    path = Path(argument).resolve()
    if not path.is_file():
        raise McuccError(f"{argument}: no such file", where="--on", hint=hint)
    if not _PLAIN_PATH.fullmatch(path.as_posix()):
        what = f"{path}: Renode's monitor reads no path with such characters"
        raise McuccError(what, where="--on", hint="move it to a path of letters, digits and _ - .")
    described = _text_of(path)
    if not _CPU.search(described) and not _USING.search(described):
        what = f"{argument} has no entry `cpu`"
        more = "its processor must be called cpu: mcucc counts by sysbus.cpu"
        raise McuccError(what, where="--on", hint=more)
    return Renode(path)


def write_scripts(
    firmware: Firmware, folder: Path, port: int = 3333, platform: Path | None = None
) -> None:
    """Writes run.resc, timer.py, the image and platform.repl (counter.repl beside the user's).

    Renode is started in `folder`, and listens for GDB at `port`.
    """
    layout, machine, board = firmware.layout, firmware.machine, firmware.board
    spans = dict.fromkeys((machine.harness_code, machine.harness_ram, *layout.spans))
    arm = machine.protection is not Protection.PMP
    home = f"{folder.resolve().as_posix()}/"
    home = home if _PLAIN_PATH.fullmatch(home) else ""  # Renode is started there
    values = {
        "board": comment(board.title),
        "arm": arm,
        "cpu": renode_cpu(board.core),
        "regions": machine.regions if machine.regions > _DEFAULT_REGIONS else 0,
        "memories": [Span(each.origin, -(-each.size // _PAGE) * _PAGE) for each in spans],
        "timer": machine.timer & -_PAGE,
        "vectors": machine.harness_code.origin,
        "port": port,
        "folder": home,
        "platform": f"{home}platform.repl" if platform is None else platform.as_posix(),
        "counter": platform is not None and arm,
    }
    shutil.copyfile(firmware.elf, folder / "firmware.elf")
    names = {"run.resc", "timer.py", "counter.repl" if platform is not None else "platform.repl"}
    for name in sorted(names):
        text = code_templates().get_template(f"firmware/{name}.j2").render(**values)
        (folder / name).write_text(text, encoding="utf-8")


def _own_machine(real: Machine, regions: int) -> Machine:
    """The board's own addresses with an instruction counter, and a fence that Renode keeps."""
    counting = replace(real, timer_hz=_NANOSECONDS, icount_shift=0, counter=None, regions=regions)
    if real.protection is Protection.PMP:
        return counting
    counting = replace(counting, timer=_COUNTER.origin)
    fence: tuple[FenceRegion, ...] = ()
    if real.guards is Guards.ALL:
        counter = fence_regions(_COUNTER, Access.DEVICE, real.protection)
        fence = spoken((*real.fence, *counter), real.protection)
    if len(fence) > regions:
        fence = ()
    return replace(counting, fence=fence, guards=Guards.ALL if fence else Guards.NOTHING)


def _regions_of(described: str) -> int:
    """Regions of the MPU that a platform gives its processor."""
    found = _REGIONS.search(described)
    return int(found[1], 0) if found else _DEFAULT_REGIONS


def _text_of(platform: Path) -> str:
    try:
        return platform.read_text("utf-8", "replace")
    except OSError as error:
        raise ToolError(f"cannot be read: {error.strerror}", where=str(platform)) from error


@contextmanager
def _closed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Closes the program's input at the end, which it takes for "quit"."""
    try:
        yield
    finally:
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()


def _explained(
    error: ToolError, process: subprocess.Popen[bytes], said: Path, board: Board
) -> ToolError:
    """An error of the session: with Renode's words where it is gone, and what it cannot do."""
    if board.core is Core.M55 and isinstance(error, HangError | EmulationFault):
        error.hint = _HELIUM
        error.args = (error.render(),)
    if isinstance(error, HangError | EmulationFault):
        return error
    with suppress(subprocess.TimeoutExpired):
        process.wait(_REST_S)  # where the connection broke off because it ends
    return with_last_words(error, process, said)
