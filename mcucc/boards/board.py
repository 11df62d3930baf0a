"""Boards: core, clock, memories and what lives in which, read from boards/*.toml."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mcucc.base.package_data import resource_dir
from mcucc.base.typed import text_of
from mcucc.boards.reader import Reader, values_of
from mcucc.errors import BoardError

LARGEST_FILE = 2**20  # bytes


class Architecture(Enum):
    """A family of cores that share compiler, start-up code and emulator."""

    ARM = "arm"  # Armv6-M to Armv8.1-M
    RISCV = "riscv"
    XTENSA = "xtensa"


class Core(Enum):
    """A processor core, by the name that gcc's -mcpu or -march knows."""

    M0PLUS = "cortex-m0plus"
    M3 = "cortex-m3"
    M4 = "cortex-m4"
    M7 = "cortex-m7"
    M33 = "cortex-m33"
    M55 = "cortex-m55"
    RV32IMC = "rv32imc"
    LX7 = "xtensa-lx7"

    @property
    def architecture(self) -> Architecture:
        """The family."""
        return _FAMILY.get(self, Architecture.ARM)

    @property
    def cache_line(self) -> int:
        """Bytes of a line of the data cache, 0 where the core can have none."""
        return 32 if self in (Core.M7, Core.M55) else 0


_FAMILY = {Core.RV32IMC: Architecture.RISCV, Core.LX7: Architecture.XTENSA}


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
    Core.RV32IMC: frozenset[Isa](),
    Core.LX7: frozenset({Isa.FPU}),
}


@dataclass(frozen=True)
class Memory:
    """One memory: its first address and its size in bytes.

    `code_origin` is where the core fetches code from it, None where it cannot. `loadable`: a
    debugger writes it like RAM, as all RAM is, and the "flash" of an FPGA board.
    """

    name: str
    kind: MemoryKind
    origin: int
    size: int
    code_origin: int | None
    loadable: bool

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


class Counter(Enum):
    """What counts clock cycles in a core."""

    DWT = "DWT CYCCNT"  # Armv7-M and later
    SYSTICK = "SysTick"  # every Cortex-M: 24 bits
    MCYCLE = "mcycle"  # RISC-V
    MPCCR = "mpccr"  # Espressif's RISC-V, which has no mcycle


@dataclass(frozen=True)
class Probe:
    """What a run on the board itself must know: regions of its memory protection, its counter."""

    mpu_regions: int
    counter: Counter


@dataclass(frozen=True)
class Board:
    """A board: what mcucc has to know to fit a network into it and to emulate it.

    `code`, `weights`, `data` (static data and stack) and `arena` say which memory holds what;
    several of them may be the same memory and then share its size. `machine` is the emulated
    machine, None for a board that mcucc writes C for and no firmware.
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
    machine: str | None
    probe: Probe
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

    Raises BoardError for an unknown name (with the nearest ones) and for an invalid file (with
    the key that is wrong).
    """
    return _read(board_file(name_or_path))


def board_file(name_or_path: str | Path) -> Path:
    """The TOML file of a board that is given by name or by path; BoardError as load_board."""
    text = str(name_or_path)
    if text.endswith(".toml"):
        if not Path(text).is_file():
            raise BoardError("no such board file", where=text)
        return Path(text)
    names = board_names()
    if text.lower() not in names:
        raise BoardError(f"unknown board {text!r}", hint=_guess(text.lower(), names))
    return resource_dir("boards") / f"{text.lower()}.toml"


def _guess(text: str, names: Sequence[str]) -> str:
    """Names that hold the text come first, then those that are spelt much like it."""
    near = [name for name in names if text and text in name][:3]
    near += difflib.get_close_matches(text, [name for name in names if name not in near])
    if near:
        *others, last = near[:3]
        listed = f"{', '.join(others)} or {last}" if others else last
        return f"did you mean {listed}? mcucc boards lists all; your own is given as a .toml file"
    return f"one of {', '.join(names)}, or a .toml file of your own"


def _read(path: Path) -> Board:
    """Reads and validates one TOML file."""
    try:
        table = tomllib.loads(text_of(path, LARGEST_FILE))
    except (ValueError, RecursionError, OSError) as error:
        raise BoardError(f"not a readable TOML file: {error}", where=str(path)) from error
    reader = Reader(str(path), "", table)
    memories = _memories(reader)
    placement = reader.table("placement")
    emulator, source = reader.optional_table("emulator"), reader.table("source")
    probe = reader.optional_table("probe")
    core = reader.choice("core", Core)
    board = Board(
        name=path.stem,
        title=reader.text("title"),
        core=core,
        isa=_isa(reader, core),
        clock_hz=reader.integer("clock_hz", 1),
        memories=memories,
        code=_place(placement, "code", memories, MemoryKind.FLASH),
        weights=_place(placement, "weights", memories, MemoryKind.FLASH),
        data=_place(placement, "data", memories, MemoryKind.RAM),
        arena=_place(placement, "arena", memories, MemoryKind.RAM),
        machine=emulator.text("machine") if emulator else None,
        probe=_probe(probe, core),
        source=Source(source.text("title"), source.text("revision"), source.text("section")),
    )
    for each in (reader, placement, emulator, probe, source):
        if each is not None:
            each.finish()
    return board


# What most chips with the core have. Where it is less, the firmware finds out and says so.
_USUAL_REGIONS = {Architecture.ARM: 8, Architecture.RISCV: 16, Architecture.XTENSA: 0}
_MOST_REGIONS = 64
_RISCV_COUNTERS = (Counter.MCYCLE, Counter.MPCCR)


def _probe(reader: Reader | None, core: Core) -> Probe:
    """The table [probe], whose keys may be left out."""
    counter = Counter.DWT
    if core is Core.M0PLUS:
        counter = Counter.SYSTICK
    elif core.architecture is not Architecture.ARM:
        counter = Counter.MCYCLE
    regions = _USUAL_REGIONS[core.architecture]
    if reader is not None and reader.has("counter"):
        counter = reader.choice("counter", Counter)
        if (counter in _RISCV_COUNTERS) is not (core.architecture is Architecture.RISCV):
            raise reader.fail("counter", f"{core.value} has no {counter.value}")
    if reader is not None and reader.has("mpu_regions"):
        regions = reader.integer("mpu_regions", 0)
        if regions > _MOST_REGIONS:
            raise reader.fail("mpu_regions", f"expected {_MOST_REGIONS} at most, got {regions}")
    return Probe(regions, counter)


def _memories(reader: Reader) -> tuple[Memory, ...]:
    """The memories, which must have different names and must not overlap."""
    memories: list[Memory] = []
    for table in reader.tables("memory"):
        kind = table.choice("kind", MemoryKind)
        memory = Memory(
            table.text("name"),
            kind,
            table.integer("origin", 0),
            table.integer("size", 32),
            code_origin=_code_origin(table),
            loadable=table.flag("loadable", kind is MemoryKind.RAM),
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


def _code_origin(table: Reader) -> int | None:
    """The memory's own address, another one, or none: `executes = false`."""
    if not table.flag("executes", True):
        return None
    return table.integer("code_origin" if table.has("code_origin") else "origin", 0)


def _isa(reader: Reader, core: Core) -> frozenset[Isa]:
    """The instruction set options, which the core must be able to have."""
    expected = f"a list of {values_of(Isa)}, or []"
    isa = frozenset(reader.member("isa", value, Isa) for value in reader.sequence("isa", expected))
    impossible = sorted(each.value for each in isa - _POSSIBLE_ISA[core])
    if impossible:
        raise reader.fail("isa", f"{core.value} cannot have {', '.join(impossible)}")
    if Isa.MVE in isa and Isa.FPU not in isa:
        raise reader.fail("isa", "mve needs fpu")
    return isa


def _place(placement: Reader, role: str, memories: tuple[Memory, ...], kind: MemoryKind) -> Memory:
    """The memory that a role of `placement` names."""
    names = ", ".join(memory.name for memory in memories)
    name = placement.text(role, f"the name of a memory ({names})")
    for memory in memories:
        if memory.name == name:
            if memory.kind is not kind:
                raise placement.fail(role, f"{name} is not {kind.value}")
            return memory
    raise placement.fail(role, f"no memory is called {name!r}", f"memories: {names}")
