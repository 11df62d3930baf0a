"""The GDB servers that --on names: those that mcucc starts and ends, and gdb:HOST:PORT.

A server is a row of PROGRAMS: nothing else asks which one it is.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mcucc.backends.gdb.server import Endpoint
from mcucc.backends.process import started
from mcucc.boards.board import Board
from mcucc.errors import McuccError, ToolError
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.machines import Machine
from mcucc.toolchain.real_machine import machine_behind

LOCAL = "127.0.0.1"
START_LIMIT_S = 30.0
CONNECT_LIMIT_S = 5.0
GRACE_S = 2.0
_POLL_S = 0.05
LAST_WORDS = 1500  # characters
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SAFE = re.compile(r"[\w./\\:@+(), -]{1,300}")


@dataclass(frozen=True)
class Program:
    """A server that mcucc starts: what to call, how, and what it can do.

    `arguments` may hold {argument}, {port} (where GDB's protocol is expected), {other}, {third}
    (ports that are opened too) and {here} (the folder that the user is in). `each` is an option
    that is given once for each part of an argument with commas, files of the user's found here.
    `takes` is what stands behind the colon of --on. `reset` are the words that reset the core and
    halt it. `flash` says whether flash is written by the protocol's own packets. `port` is where
    it listens when a user starts it by `by_hand`. With `tells_version` it answers --version and
    ends; others would take that for a start.
    """

    name: str
    programs: tuple[str, ...]
    arguments: tuple[str, ...]
    takes: str
    reset: tuple[str, ...]
    flash: bool
    port: int
    by_hand: str
    install: str
    each: str = ""
    tells_version: bool = True

    @property
    def usage(self) -> str:
        """As --on takes it."""
        return f"{self.name}:{self.takes}" if self.takes else self.name

    @property
    def variable(self) -> str:
        """The environment variable that names the program where it is not on PATH."""
        return f"MCUCC_{self.name.upper().replace('-', '_')}"

    def found(self) -> str | None:
        """The program's path, None where it is not installed."""
        asked = os.environ.get(self.variable)
        names = (asked,) if asked else self.programs
        return next(filter(None, map(shutil.which, names)), None)

    def command(self, program: str, argument: str, ports: Sequence[int]) -> list[str]:
        """The command line; no shell ever reads it."""
        names = dict(zip(("port", "other", "third"), map(str, ports), strict=True))
        here = Path.cwd()
        words = [each.format(argument=argument, here=here, **names) for each in self.arguments]
        for part in map(str.strip, argument.split(",") if self.each else ()):
            words += [self.each, str(here / part) if (here / part).is_file() else part]
        return [program, *words]


PROGRAMS = (
    Program(
        name="openocd",
        programs=("openocd",),
        arguments=(
            *("-s", "{here}", "-c", "gdb_port {port}"),
            *("-c", "tcl_port disabled", "-c", "telnet_port disabled"),
        ),
        each="-f",
        takes="CONFIG",
        reset=("reset halt",),
        flash=True,
        port=3333,
        by_hand="openocd -f board/YOURS.cfg",
        install="Debian: openocd; or openocd.org",
    ),
    Program(
        name="pyocd",
        programs=("pyocd",),
        arguments=(
            *("gdbserver", "--no-wait", "--target", "{argument}", "--core", "0"),
            *("--dir", "{here}"),
            *("--port", "{port}", "--telnet-port", "{other}"),
        ),
        takes="TARGET",
        reset=("reset halt",),
        flash=True,
        port=3333,
        by_hand="pyocd gdbserver --target TARGET",
        install="python -m pip install pyocd",
    ),
    Program(
        name="jlink",
        programs=("JLinkGDBServerCLExe", "JLinkGDBServerCL"),
        arguments=(
            *("-device", "{argument}", "-if", "SWD", "-speed", "4000", "-port", "{port}"),
            *("-swoport", "{other}", "-telnetport", "{third}", "-localhostonly", "1"),
            *("-singlerun", "-nogui", "-strict", "-noir"),
        ),
        takes="DEVICE",
        reset=("reset",),
        flash=True,
        port=2331,
        by_hand="JLinkGDBServerCLExe -device DEVICE -if SWD",
        install="SEGGER's J-Link software, segger.com/downloads/jlink",
        tells_version=False,
    ),
    Program(
        name="probe-rs",
        programs=("probe-rs",),
        arguments=("gdb", "--chip", "{argument}", "--gdb-connection-string", f"{LOCAL}:{{port}}"),
        takes="CHIP",
        reset=("reset halt",),
        # Its vFlash packets came in 2025 and were wrong for flash that is not at 0 until July 2026.
        flash=False,
        port=1337,
        by_hand="probe-rs gdb --chip CHIP",
        install="probe.rs",
    ),
    Program(
        name="st-util",
        programs=("st-util",),
        arguments=("-p", "{port}"),
        takes="",
        reset=("reset", "halt"),
        flash=True,
        port=4242,
        by_hand="st-util",
        install="Debian: stlink-tools; or github.com/stlink-org/stlink",
    ),
)


@dataclass(frozen=True)
class Started:
    """A program of the table, with its argument; `flash`: it may write the board's flash."""

    program: Program
    argument: str
    flash: bool = False
    limit_s: float = START_LIMIT_S

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"{self.program.name}:{self.argument}" if self.argument else self.program.name

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot be used: it is not installed."""
        del board
        if self.program.found() is None:
            return f"{self.program.programs[0]} is not installed ({self.program.install})"
        return None

    def machine(self, firmware: Firmware, emulated: str) -> Machine:
        """The board's own addresses."""
        return machine_behind(firmware, emulated, self.flash)

    @contextmanager
    def started(self, firmware: Firmware, folder: Path) -> Iterator[Endpoint]:
        """Starts the program on a free port, waits until it takes a connection, ends it after."""
        del firmware
        found = self.program.found()
        if found is None:
            name = self.program.programs[0]
            hint = f"install it ({self.program.install}), or set {self.program.variable} to it"
            raise ToolError(f"{name} not found", where=self.name, hint=hint)
        ports = free_ports(3)
        said = folder / "server.txt"
        command = self.program.command(found, self.argument, ports)
        with (
            said.open("wb") as stream,
            started(
                command,
                folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                grace_s=GRACE_S,
            ) as process,
        ):
            connection = self._connected(process, ports[0], said)
            with connection:
                try:
                    yield Endpoint(connection, self.program.reset)
                except ToolError as error:
                    raise with_last_words(error, process, said) from error

    def _connected(self, process: subprocess.Popen[bytes], port: int, said: Path) -> socket.socket:
        """The first connection that is taken; ToolError with the server's words where none is."""

        def alive() -> None:
            status = process.poll()
            if status is not None:
                what = f"{self.program.programs[0]} ended at once, with exit code {status}"
                raise ToolError(f"{what}{quoted(said)}", where=self.name, hint=_CONNECTED)

        connection = first_connection(port, self.limit_s, alive)
        if connection is None:
            what = f"{self.program.programs[0]} did not listen within {self.limit_s:g} s"
            raise ToolError(f"{what}{quoted(said)}", where=self.name, hint=_CONNECTED)
        return connection


@dataclass(frozen=True)
class Listening:
    """gdb:HOST:PORT, a server that the user has started."""

    host: str
    port: int
    flash: bool = False

    @property
    def name(self) -> str:
        """As on the command line."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"gdb:{host}:{self.port}"

    def unavailable(self, board: Board) -> str | None:
        """It can be used as soon as somebody listens."""
        del board
        return None

    def machine(self, firmware: Firmware, emulated: str) -> Machine:
        """The board's own addresses, or those of the QEMU machine that answered."""
        return machine_behind(firmware, emulated, self.flash)

    @contextmanager
    def started(self, firmware: Firmware, folder: Path) -> Iterator[Endpoint]:
        """Connects; nothing is started or ended."""
        del firmware, folder
        try:
            connection = open_connection(self.host, self.port)
        except OSError as error:
            reason = "" if isinstance(error, ConnectionRefusedError) else f" ({error})"
            what = f"nobody listens at {self.name.removeprefix('gdb:')}{reason}"
            raise ToolError(what, where=self.name, hint=self._how_to_start()) from error
        with connection:
            # OpenOCD's word, which pyOCD and probe-rs know too.
            yield Endpoint(connection, ("reset halt",))

    def _how_to_start(self) -> str:
        """The servers whose own port this is, or all of them."""
        fitting = [each for each in PROGRAMS if each.port == self.port] or PROGRAMS
        commands = ", ".join(f"`{each.by_hand}`" for each in fitting)
        shorter = " or ".join(f"--on {each.usage}" for each in fitting[:2])
        return f"start the server first ({commands}), or let mcucc do it: {shorter}"


_CONNECTED = "is the board connected and powered, and no other program at its probe?"
_GDB_USAGE = "write gdb:HOST:PORT, as gdb:localhost:3333 or gdb:[::1]:3333"


def usages() -> tuple[str, ...]:
    """What --on takes of this module."""
    return ("gdb:HOST:PORT", *(program.usage for program in PROGRAMS))


def parse_server(text: str, flash: bool = False) -> Started | Listening | None:
    """The server that a value of --on names, None where its first word is no server's.

    Raises McuccError, naming what is wrong with the words behind the colon.
    """
    name, colon, argument = text.partition(":")
    if name == "gdb":
        return replace(_listening(argument), flash=flash)
    program = next((each for each in PROGRAMS if each.name == name), None)
    if program is None:
        return None
    argument = argument.strip()
    if not program.takes and argument:
        raise McuccError(f"{name} takes nothing behind it", where="--on", hint=f"write {name}")
    if program.takes:
        _check_argument(program, argument, bool(colon))
    if flash and not program.flash:
        raise McuccError(
            f"{name} does not write flash safely", where="--on", hint="openocd, pyocd and jlink do"
        )
    return Started(program, argument, flash)


def _check_argument(program: Program, argument: str, colon: bool) -> None:
    hint = f"write {program.usage}, as in `{program.by_hand}`"
    if not argument:
        what = f"{program.name}{':' if colon else ''} lacks its {program.takes}"
        raise McuccError(what, where="--on", hint=hint)
    parts = argument.split(",") if program.each else [argument]
    for part in map(str.strip, parts):
        if not part:
            what = f"an empty {program.takes} in {argument!r}"
            raise McuccError(what, where="--on", hint=hint)
        if part.startswith("-") or not _SAFE.fullmatch(part):
            what = f"{part!r} is no {program.takes}"
            more = "; start it yourself for more options, and use gdb:HOST:PORT"
            raise McuccError(what, where="--on", hint=hint + more)


def _listening(argument: str) -> Listening:
    """HOST:PORT, [IPV6]:PORT or :PORT (this machine)."""
    host, colon, port = argument.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        what = f"{argument!r}: an IPv6 address stands in brackets"
        raise McuccError(what, where="--on", hint=_GDB_USAGE)
    if not colon:
        what = f"{argument!r} lacks a port" if argument else "gdb lacks its HOST:PORT"
        raise McuccError(what, where="--on", hint=_GDB_USAGE)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        what = f"{port!r} is no port, which is 1 to 65535"
        raise McuccError(what, where="--on", hint=_GDB_USAGE)
    if not re.fullmatch(r"[\w.:%-]{0,253}", host):
        raise McuccError(f"{host!r} is no host", where="--on", hint=_GDB_USAGE)
    return Listening(host or "localhost", int(port))


def open_connection(host: str, port: int) -> socket.socket:
    """A connection without delay for small packets; OSError when nobody takes it."""
    connection = socket.create_connection((host, port), CONNECT_LIMIT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now; all are held at once, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind((LOCAL, 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def first_connection(port: int, limit_s: float, look: Callable[[], None]) -> socket.socket | None:
    """The first connection that a program which starts takes, None where it takes none in time.

    It is the one to use: many servers take only one. `look` raises where waiting is in vain.
    """
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        look()
        try:
            return open_connection(LOCAL, port)
        except OSError:
            time.sleep(_POLL_S)
    return None


def words_of(said: Path) -> str:
    """What a server printed, without colours."""
    return _COLOUR.sub("", said.read_text("utf-8", "replace"))


def quoted(said: Path) -> str:
    """The end of what a server printed, on lines of its own; "" where it said nothing."""
    words = words_of(said).strip()[-LAST_WORDS:]
    return f":\n{words}" if words else ""


def with_last_words(error: ToolError, process: subprocess.Popen[bytes], said: Path) -> ToolError:
    """An error of the session: with the server's words where the server is gone."""
    if process.poll() is None:
        return error
    return ToolError(f"{error.what}{quoted(said)}", where=error.where, hint=error.hint)
