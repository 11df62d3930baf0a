"""Boards: core, clock, memories and what lives in which, read from boards/*.toml."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from mcucc.errors import BoardError
from mcucc.resources import resource_dir


class Core(Enum):
    """A processor core, by the name gcc's -mcpu knows."""

    M0PLUS = "cortex-m0plus"
    M3 = "cortex-m3"
    M4 = "cortex-m4"
    M7 = "cortex-m7"
    M33 = "cortex-m33"
    M55 = "cortex-m55"


class Isa(Enum):
    """An optional part of a core's instruction set."""

    DSP = "dsp"  # SMLAD and its family
    FPU = "fpu"  # single precision floating point
    MVE = "mve"  # Helium, integer and float


class MemoryKind(Enum):
    """Whether a memory keeps the program (flash) or changes while it runs (ram)."""

    FLASH = "flash"
    RAM = "ram"


# What each core can have; a board names what its chip does have.
_POSSIBLE_ISA = {
    Core.M0PLUS: frozenset[Isa](),
    Core.M3: frozenset[Isa](),
    Core.M4: frozenset({Isa.DSP, Isa.FPU}),
    Core.M7: frozenset({Isa.DSP, Isa.FPU}),
    Core.M33: frozenset({Isa.DSP, Isa.FPU}),
    Core.M55: frozenset({Isa.DSP, Isa.FPU, Isa.MVE}),
}


@dataclass(frozen=True)
class Memory:
    """One memory: its first address and its size in bytes."""

    name: str
    kind: MemoryKind
    origin: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind the memory."""
        return self.origin + self.size


@dataclass(frozen=True)
class Source:
    """The document that the figures of a board come from."""

    title: str
    revision: str
    section: str


@dataclass(frozen=True)
class Board:
    """A board: what mcucc has to know to fit a network into it and to emulate it.

    `code`, `weights`, `data` (static data and stack) and `arena` say which memory holds what;
    several of them may be the same memory and then share its size.
    """

    name: str
    title: str
    core: Core
    isa: frozenset[Isa]
    clock_hz: int
    memories: tuple[Memory, ...]
    code: Memory
    weights: Memory
    data: Memory
    arena: Memory
    machine: str
    source: Source

    @property
    def flash_bytes(self) -> int:
        """Bytes of the memories that hold code and weights."""
        return sum(memory.size for memory in dict.fromkeys((self.code, self.weights)))

    @property
    def ram_bytes(self) -> int:
        """Bytes of the memories that hold static data, stack and arena."""
        return sum(memory.size for memory in dict.fromkeys((self.data, self.arena)))


def board_names() -> tuple[str, ...]:
    """The names of the boards that mcucc brings along, sorted."""
    return tuple(sorted(path.stem for path in resource_dir("boards").glob("*.toml")))


def load_board(name_or_path: str | Path) -> Board:
    """Reads a board by its name, or from a TOML file (anything that ends in .toml).

    Raises BoardError for an unknown name (with the nearest one) and for an invalid file (with
    the key that is wrong).
    """
    text = str(name_or_path)
    if text.endswith(".toml"):
        path = Path(text)
        if not path.is_file():
            raise BoardError("no such board file", where=text)
        return _read(path)
    names = board_names()
    if text.lower() not in names:
        near = difflib.get_close_matches(text.lower(), names, n=1, cutoff=0.4)
        guess = f"did you mean {near[0]}? " if near else ""
        raise BoardError(f"unknown board {text!r}", hint=f"{guess}boards: {', '.join(names)}")
    return _read(resource_dir("boards") / f"{text.lower()}.toml")


def _read(path: Path) -> Board:
    """Reads and validates one TOML file."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BoardError(f"not a readable TOML file: {error}", where=str(path)) from error
    reader = _Reader(str(path), "", table)
    memories = _memories(reader)
    placement = reader.table("placement")
    emulator, source = reader.table("emulator"), reader.table("source")
    core = reader.choice("core", Core)
    board = Board(
        name=path.stem,
        title=reader.text("title"),
        core=core,
        isa=_isa(reader, core),
        clock_hz=reader.positive("clock_hz"),
        memories=memories,
        code=_place(placement, "code", memories, MemoryKind.FLASH),
        weights=_place(placement, "weights", memories, MemoryKind.FLASH),
        data=_place(placement, "data", memories, MemoryKind.RAM),
        arena=_place(placement, "arena", memories, MemoryKind.RAM),
        machine=emulator.text("machine"),
        source=Source(source.text("title"), source.text("revision"), source.text("section")),
    )
    for each in (reader, placement, emulator, source):
        each.finish()
    return board


Choice = TypeVar("Choice", bound=Enum)


class _Reader:
    """Takes typed values out of one TOML table and names the key in every complaint."""

    def __init__(self, path: str, prefix: str, values: Mapping[str, Any]) -> None:
        self._path, self._prefix, self._values = path, prefix, values
        self._seen: set[str] = set()

    def fail(self, key: str, what: str, hint: str = "") -> BoardError:
        return BoardError(f"{self._prefix}{key}: {what}", where=self._path, hint=hint)

    def value(self, key: str) -> Any:
        self._seen.add(key)
        if key not in self._values:
            raise self.fail(key, "missing")
        return self._values[key]

    def text(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(key, f"expected text, got {value!r}")
        return value

    def integer(self, key: str) -> int:
        value = self.value(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fail(key, f"expected a whole number of at least 0, got {value!r}")
        return value

    def positive(self, key: str) -> int:
        value = self.integer(key)
        if value == 0:
            raise self.fail(key, "must not be 0")
        return value

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        return self.member(key, self.text(key), kind)

    def member(self, key: str, value: object, kind: type[Choice]) -> Choice:
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(str(each.value) for each in kind)
            raise self.fail(key, f"unknown value {value!r}", f"one of {known}") from None

    def sequence(self, key: str) -> list[Any]:
        value = self.value(key)
        if not isinstance(value, list):
            raise self.fail(key, f"expected a list, got {value!r}")
        return value

    def table(self, key: str) -> _Reader:
        value = self.value(key)
        if not isinstance(value, dict):
            raise self.fail(key, "expected a table")
        return _Reader(self._path, f"{self._prefix}{key}.", value)

    def tables(self, key: str) -> list[_Reader]:
        items = self.sequence(key)
        if not items or not all(isinstance(item, dict) for item in items):
            raise self.fail(key, "expected at least one table")
        return [
            _Reader(self._path, f"{self._prefix}{key}[{index}].", item)
            for index, item in enumerate(items)
        ]

    def finish(self) -> None:
        """Complains about a key nobody asked for: most likely a misspelt one."""
        for key in self._values:
            if key not in self._seen:
                near = difflib.get_close_matches(key, sorted(self._seen), n=1)
                raise self.fail(key, "unknown key", f"did you mean {near[0]}?" if near else "")


def _memories(reader: _Reader) -> tuple[Memory, ...]:
    """The memories, which must have different names and must not overlap."""
    memories: list[Memory] = []
    for table in reader.tables("memory"):
        memory = Memory(
            table.text("name"),
            table.choice("kind", MemoryKind),
            table.integer("origin"),
            table.positive("size"),
        )
        table.finish()
        if memory.size % 32 or memory.origin % 32:
            raise table.fail("size", "origin and size must be multiples of 32 bytes")
        if memory.end > 1 << 32:
            raise table.fail("size", "the memory ends behind the 32-bit address space")
        for other in memories:
            if other.name == memory.name:
                raise table.fail("name", f"{memory.name!r} is there twice")
            if other.origin < memory.end and memory.origin < other.end:
                raise table.fail("origin", f"{memory.name} overlaps {other.name}")
        memories.append(memory)
    return tuple(memories)


def _isa(reader: _Reader, core: Core) -> frozenset[Isa]:
    """The instruction set options, which the core must be able to have."""
    isa = frozenset(reader.member("isa", value, Isa) for value in reader.sequence("isa"))
    impossible = sorted(each.value for each in isa - _POSSIBLE_ISA[core])
    if impossible:
        raise reader.fail("isa", f"{core.value} cannot have {', '.join(impossible)}")
    if Isa.MVE in isa and Isa.FPU not in isa:
        raise reader.fail("isa", "mve needs fpu")
    return isa


def _place(placement: _Reader, role: str, memories: tuple[Memory, ...], kind: MemoryKind) -> Memory:
    """The memory that a role of `placement` names."""
    name = placement.text(role)
    for memory in memories:
        if memory.name == name:
            if memory.kind is not kind:
                raise placement.fail(role, f"{name} is not {kind.value}")
            return memory
    names = ", ".join(memory.name for memory in memories)
    raise placement.fail(role, f"no memory is called {name!r}", f"memories: {names}")
