"""Finds compilers and runs them; a compiler's complaint becomes one ToolError."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mcucc.errors import ToolError

WARNINGS = ("-Wall", "-Wextra", "-Werror")
_ERROR_LINES = 25


class Kind(Enum):
    """Whose flags a compiler takes."""

    GCC = "gcc"  # on the host clang as well
    ZIG = "zig"  # zig cc


@dataclass(frozen=True)
class Compiler:
    """A C compiler: the words that start it and what it says it is."""

    command: tuple[str, ...]
    version: str
    kind: Kind = Kind.GCC


def host_compiler(path: str | None = None) -> Compiler:
    """The host's C compiler: `path`, else MCUCC_CC, else gcc, cc or clang on PATH, else zig."""
    return find_compiler(path, "MCUCC_CC", ("gcc", "cc", "clang"), "gcc (Debian: gcc libc6-dev)")


def run_tool(command: Sequence[str | Path], *, what: str, cwd: Path | None = None) -> str:
    """Runs a tool and returns what it printed; ToolError with its last lines when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=cwd, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise ToolError(f"cannot start {words[0]}: {error.strerror}", where=what) from error
    if done.returncode != 0:
        lines = (done.stderr + done.stdout).strip().splitlines()
        raise ToolError("\n".join([f"{words[0]} failed:", *lines[-_ERROR_LINES:]]), where=what)
    return done.stdout


def compile_objects(
    compiler: Compiler, sources: Sequence[Path], flags: Sequence[str], folder: Path, cwd: Path
) -> tuple[Path, ...]:
    """Compiles every source into `folder` (below `cwd`), several at a time.

    Returns the objects relative to `cwd`. Two sources of one name get different objects.
    """
    cwd = cwd.resolve()
    (cwd / folder).mkdir(parents=True, exist_ok=True)
    names: dict[str, int] = {}
    objects: list[Path] = []
    for source in sources:
        seen = names.get(source.stem, 0)
        names[source.stem] = seen + 1
        objects.append(folder / f"{source.stem}{f'.{seen}' if seen else ''}.o")

    def build(pair: tuple[Path, Path]) -> None:
        source, target = pair[0].resolve(), cwd / pair[1]
        command = [*compiler.command, *flags, "-c", str(source), "-o", str(target)]
        # Where the source lies: to a compiler cache, paths from there do not tell folders apart.
        run_tool(command, what=source.name, cwd=source.parent)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for _ in pool.map(build, zip(sources, objects, strict=True)):
            pass
    return tuple(objects)


def find_compiler(path: str | None, variable: str, names: Sequence[str], install: str) -> Compiler:
    """The compiler `path`, else the one that the variable names, else the first on PATH, else zig.

    Raises ToolError, which says where it was looked for, what to install (`install`) and which
    variable chooses another.
    """
    asked = path or os.environ.get(variable)
    candidates = (asked,) if asked else tuple(names)
    for name in candidates:
        found = shutil.which(name)
        if found is not None:
            return _zig((found,)) if Path(name).stem == "zig" else _gcc(found)
    zig = None if asked else find_zig()
    if zig is not None:
        return zig
    where = f"{variable}={asked}" if asked and not path else ""
    place = "is not there" if asked else "not found on PATH"
    raise ToolError(
        f"no C compiler: {' or '.join(candidates)} {place}",
        where=where,
        hint=f"install {install}, or without root pip install 'mcucc[zig]', "
        f"or set {variable} to one",
    )


def find_zig() -> Compiler | None:
    """zig cc, which compiles for every core: MCUCC_ZIG ("none": not wanted), on PATH, from pip."""
    asked = os.environ.get("MCUCC_ZIG")
    if asked == "none":
        return None
    program = shutil.which(asked or "zig")
    if program is not None:
        return _zig((program,))
    if importlib.util.find_spec("ziglang") is not None:
        return _zig((sys.executable, "-m", "ziglang"))
    return None


def _gcc(program: str) -> Compiler:
    first = run_tool([program, "--version"], what=program).splitlines()
    return Compiler((program,), first[0] if first else "unknown")


def _zig(words: tuple[str, ...]) -> Compiler:
    version = run_tool([*words, "version"], what=words[0]).strip()
    return Compiler((*words, "cc"), f"zig cc {version}", Kind.ZIG)
