"""What this machine has of the tools mcucc calls, and the command that gets what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from mcucc.backends.gdb.servers import PROGRAMS
from mcucc.boards.board import load_board
from mcucc.errors import McuccError
from mcucc.toolchain.compilers import Compiler, Kind, host_compiler
from mcucc.toolchain.targets import Target, cross_compiler, find_target

ARM_BOARD, RISCV_BOARD = "nucleo-l4r5zi", "esp32-c3"
LIMIT_S = 20.0
PACKAGE = "Python package"
# How to get a tool, by package manager; the first manager found on PATH is named.
GET: Mapping[str, Mapping[str, str]] = {
    "apt-get": {
        "host": "sudo apt-get install gcc libc6-dev",
        "arm": "sudo apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
        "riscv": "sudo apt-get install gcc-riscv64-unknown-elf",
        "qemu-arm": "sudo apt-get install qemu-system-arm",
        "qemu-riscv": "sudo apt-get install qemu-system-misc",
        "server": "sudo apt-get install openocd",
    },
    "brew": {
        "host": "xcode-select --install",
        "arm": "brew install --cask gcc-arm-embedded",
        "riscv": "brew install riscv64-elf-gcc",
        "qemu-arm": "brew install qemu",
        "qemu-riscv": "brew install qemu",
        "server": "brew install openocd",
    },
}
ANYWHERE = {
    "host": "install a C compiler (gcc or clang), or set MCUCC_CC to one",
    "arm": "install arm-none-eabi-gcc with newlib, or set MCUCC_ARM_GCC to it",
    "riscv": "install riscv64-unknown-elf-gcc, or set MCUCC_RISCV_GCC to it",
    "qemu-arm": "install qemu-system-arm (qemu.org)",
    "qemu-riscv": "install qemu-system-riscv32 (qemu.org)",
    "renode": "get it from renode.io and put renode on PATH",
    "server": "python -m pip install pyocd, or what docs/probe.md lists",
}


@dataclass(frozen=True)
class Tool:
    """A tool: `version` is None where it is missing or broken, `get` is then a command.

    `use` says what it is for; without a `needed` one, nothing can be compiled.
    """

    name: str
    use: str
    needed: bool
    version: str | None
    place: str = ""
    get: str = ""


@dataclass(frozen=True)
class Health:
    """Everything looked at, and what can be done here in words."""

    python: str
    tools: tuple[Tool, ...]

    @property
    def missing(self) -> tuple[Tool, ...]:
        """Needed tools that are not here."""
        return tuple(tool for tool in self.tools if tool.needed and tool.version is None)

    def has(self, name: str) -> bool:
        """Whether a tool is here."""
        return any(tool.name == name and tool.version is not None for tool in self.tools)

    @property
    def verdict(self) -> str:
        """One sentence: what works here."""
        if self.missing:
            names = ", ".join(tool.name for tool in self.missing)
            return f"cannot compile: {names} {'is' if len(self.missing) == 1 else 'are'} missing"
        emulated = self.has("qemu-system-arm") or self.has("unicorn")
        rest = "emulate and validate" if emulated else "but not emulate: no QEMU and no unicorn"
        return f"ready: compile for Cortex-M, {rest}"


def examine() -> Health:
    """Look at compilers, emulators and Python packages."""
    arm, riscv = (find_target(load_board(name)) for name in (ARM_BOARD, RISCV_BOARD))
    return Health(
        python=sys.version.split()[0],
        tools=(
            _compiler("C for this host", "host", "validate on this host", host_compiler),
            _arm(),
            _qemu(arm, "qemu-arm", "emulate Arm boards (the reference)"),
            *_packages(),
            _compiler(
                "RISC-V gcc",
                "riscv",
                "compile for RISC-V boards",
                lambda: cross_compiler(load_board(RISCV_BOARD)),
            ),
            _qemu(riscv, "qemu-riscv", "emulate RISC-V boards"),
            _renode(),
            *_servers(),
        ),
    )


def _compiler(
    name: str,
    key: str,
    use: str,
    find: Callable[[], Compiler],
    *,
    needed: bool = False,
) -> Tool:
    try:
        found = find()
    except McuccError:
        return Tool(name, use, needed, None, get=_get(key))
    name = f"zig, as {name}" if found.kind is Kind.ZIG else name
    return Tool(name, use, needed, _number(found.version), found.command[0])


def _arm() -> Tool:
    """The Arm compiler, and whether it has a C library."""
    name, use = "arm-none-eabi-gcc", "compile for Arm boards"
    found = _compiler(name, "arm", use, lambda: cross_compiler(load_board(ARM_BOARD)), needed=True)
    if found.version is None or found.name != name:  # zig has a library of its own
        return found
    # gcc prints the bare name back where it has no such file.
    library = _output([found.place, "-print-file-name=libc.a"]).strip()
    if not Path(library).is_file():
        return Tool("newlib for arm-none-eabi-gcc", use, True, None, found.place, _get("arm"))
    return found


def _qemu(target: Target, key: str, use: str) -> Tool:
    asked = os.environ.get(target.emulator_variable) or target.emulator
    place = shutil.which(asked)
    version = None if place is None else _number(_output([place, "--version"]))
    return Tool(target.emulator, use, False, version, place or "", "" if version else _get(key))


def _renode() -> Tool:
    place = shutil.which(os.environ.get("MCUCC_RENODE") or "renode")
    use = "emulate boards: --on renode"
    if place is None:
        return Tool("renode", use, False, None, get=_get("renode"))
    return Tool("renode", use, False, _number(_output([place, "--version"])), place)


def _servers() -> list[Tool]:
    """GDB servers that are here; where there is none, one line that says so."""
    tools = []
    for program in PROGRAMS:
        place = program.found()
        if place is not None:
            told = _number(_output([place, "--version"])) if program.tells_version else None
            use = f"run on boards: --on {program.usage}"
            tools.append(Tool(program.programs[0], use, False, told or "found", place))
    use = "run on boards: --on openocd:CONFIG, pyocd:TARGET ..."
    return tools or [Tool("a GDB server", use, False, None, get=_get("server"))]


def _packages() -> list[Tool]:
    """The Python packages that mcucc needs, and the optional emulator."""
    try:
        wanted = importlib.metadata.requires("mcucc") or []
    except importlib.metadata.PackageNotFoundError:
        wanted = []
    tools = []
    uses = {
        "": PACKAGE,
        "emulate": "emulate without QEMU",
        "zig": "compile for every board without root",
    }
    for requirement in map(Requirement, wanted):
        group = next((extra for extra in uses if _asked_for(requirement, extra)), None)
        if group is not None:
            version = _package(requirement.name)
            install = f"mcucc[{group}]" if group else f"{requirement.name}{requirement.specifier}"
            get = "" if version else f"python -m pip install '{install}'"
            tools.append(Tool(requirement.name, uses[group], not group, version, get=get))
    return tools


def _asked_for(requirement: Requirement, extra: str) -> bool:
    """Whether mcucc with this extra ("" for none) needs it here."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _get(key: str) -> str:
    manager = next((name for name in GET if shutil.which(name)), "")
    return GET.get(manager, {}).get(key, ANYWHERE[key])


def _output(command: list[str]) -> str:
    """What a command prints; nothing where it fails or hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def _number(text: str) -> str | None:
    """The version in the first lines of a tool's greeting; None where there is none."""
    found = re.search(r"\d+\.\d+(\.\d+)*", re.sub(r"\([^)]*\)", "", text)) or re.search(
        r"\d+\.\d+(\.\d+)*", text
    )
    return found.group(0) if found else None
