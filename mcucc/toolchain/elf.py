"""What a linked image tells: sizes by section, symbols, the bytes to load."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from mcucc.errors import ToolError


@dataclass(frozen=True)
class Segment:
    """Bytes that are loaded at a physical address."""

    address: int
    data: bytes


@dataclass(frozen=True)
class Section:
    """An allocated section: address, size and alignment in bytes."""

    address: int
    size: int
    align: int


@dataclass(frozen=True)
class Symbol:
    """A function or object; `file` is the C source of those that are static."""

    name: str
    address: int
    size: int
    file: str = ""


@dataclass(frozen=True)
class Image:
    """A linked ELF file."""

    sections: dict[str, Section]
    segments: tuple[Segment, ...]
    functions: tuple[Symbol, ...]  # by address
    objects: tuple[Symbol, ...]  # tables and variables, by address
    symbols: dict[str, int]

    def size_of(self, section: str) -> int:
        """Bytes of a section, 0 when the image has none of that name."""
        found = self.sections.get(section)
        return found.size if found else 0

    def word(self, address: int) -> int:
        """The little-endian 32-bit word that is loaded at an address."""
        for segment in self.segments:
            offset = address - segment.address
            if 0 <= offset <= len(segment.data) - 4:
                return int.from_bytes(segment.data[offset : offset + 4], "little")
        raise ToolError(f"the image has nothing at 0x{address:08x}")

    def function_at(self, address: int) -> str | None:
        """The function that an address (the Thumb bit does not matter) lies in, or None."""
        address &= ~1
        index = bisect.bisect_right([each.address for each in self.functions], address) - 1
        if index < 0:
            return None
        function = self.functions[index]
        return function.name if address < function.address + max(function.size, 2) else None


def read_image(path: Path) -> Image:
    """Reads an ELF file; ToolError when it is none."""
    try:
        with path.open("rb") as stream:
            return _read(ELFFile(stream))
    except (OSError, ELFError) as error:
        raise ToolError(f"not a readable ELF file: {error}", where=str(path)) from error


def _read(elf: ELFFile) -> Image:
    sections = {
        section.name: Section(section["sh_addr"], section["sh_size"], section["sh_addralign"])
        for section in elf.iter_sections()
        if section["sh_flags"] & 2  # SHF_ALLOC
    }
    segments = tuple(
        Segment(segment["p_paddr"], segment.data())
        for segment in elf.iter_segments()
        if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
    )
    table: Any = elf.get_section_by_name(".symtab")
    entries = list(table.iter_symbols()) if table is not None else []
    symbols = {entry.name: entry["st_value"] for entry in entries if entry.name}
    functions, objects = _symbols(entries, "STT_FUNC"), _symbols(entries, "STT_OBJECT")
    return Image(sections, segments, functions, objects, symbols)


def _symbols(entries: Sequence[Any], kind: str) -> tuple[Symbol, ...]:
    """Symbols of a kind by address (without the Thumb bit), one an address."""
    found: dict[int, Symbol] = {}
    file = ""
    for entry in entries:  # static ones follow the entry of their source
        if entry["st_info"]["type"] == "STT_FILE":
            file = entry.name
        elif entry["st_info"]["type"] == kind:
            local = file if entry["st_info"]["bind"] == "STB_LOCAL" else ""
            address = entry["st_value"] & ~1 if kind == "STT_FUNC" else entry["st_value"]
            found[address] = Symbol(entry.name, address, entry["st_size"], local)
    return tuple(found[address] for address in sorted(found))
