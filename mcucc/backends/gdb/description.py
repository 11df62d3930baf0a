"""What a server tells of its target in XML: registers by name, and which memory is flash.

GDB manual, Target Descriptions and Memory Map Format. The documents are untrusted: they may declare
no entities, and names that are asked for again are plain words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from mcucc.errors import ToolError
from mcucc.toolchain.address_range import Span

_MOST_DOCUMENTS = 32
_MOST_REGISTERS = 8192
_DOCUMENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

Attributes = Mapping[str, str]


@dataclass(frozen=True)
class Register:
    """A register's number in p and P, its offset in g and G, and its size in bytes."""

    number: int
    offset: int
    size: int


@dataclass(frozen=True)
class Flash:
    """A flash memory and the bytes that are erased together."""

    span: Span
    block: int


# What GDB takes for granted where a server describes nothing. An Arm core has FPA registers in it
# (8 of 12 bytes and a status word) between pc and xpsr.
_ARM_NAMES = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc")
ARM_DEFAULT = {name: Register(number, 4 * number, 4) for number, name in enumerate(_ARM_NAMES)}
ARM_DEFAULT["xpsr"] = Register(25, 4 * 16 + 8 * 12 + 4, 4)
RISCV_DEFAULT = {"sp": Register(2, 8, 4), "pc": Register(32, 4 * 32, 4)}
_ALIASES = {"r13": "sp", "r14": "lr", "r15": "pc", "x2": "sp", "cpsr": "xpsr"}


def read_registers(fetch: Callable[[str], str], where: str) -> dict[str, Register]:
    """All registers of target.xml and what it includes; `fetch` gives a document by its name."""
    found: list[tuple[str, int, int]] = []
    left = _MOST_DOCUMENTS

    def read(name: str) -> None:
        nonlocal left
        left -= 1
        if left < 0 or not _DOCUMENT_NAME.fullmatch(name):
            raise ToolError("the server's description of the core is broken", where=where)

        def element(tag: str, attributes: Attributes) -> None:
            if tag == "xi:include":
                read(attributes.get("href", ""))
            elif tag == "reg":
                following = found[-1][1] + 1 if found else 0
                number = _number(attributes.get("regnum", str(following)))
                found.append((attributes.get("name", ""), number, _number(attributes["bitsize"])))
                if len(found) > _MOST_REGISTERS:
                    raise ValueError("registers without end")

        parse_xml(fetch(name), element, where)

    read("target.xml")
    registers: dict[str, Register] = {}
    offset = 0
    for name, number, bits in sorted(found, key=lambda each: each[1]):
        size = -(-bits // 8)  # OpenOCD's primask has one bit
        word = name.lower()
        registers.setdefault(_ALIASES.get(word, word), Register(number, offset, size))
        offset += size
    return registers


def read_flash(text: str, where: str) -> tuple[Flash, ...]:
    """The flash memories of a memory map."""
    found: list[Flash] = []
    inside = False

    def element(tag: str, attributes: Attributes) -> None:
        nonlocal inside
        if tag == "memory":
            inside = attributes.get("type") == "flash"
            if inside:
                span = Span(_number(attributes["start"]), _number(attributes["length"]))
                found.append(Flash(span, 1))
        elif tag == "property" and inside and attributes.get("name") == "blocksize":
            pending.append(len(found) - 1)

    def text_of(data: str) -> None:
        if pending and data.strip():
            index = pending.pop()
            found[index] = Flash(found[index].span, max(_number(data.strip()), 1))

    pending: list[int] = []
    parse_xml(text, element, where, text_of)
    return tuple(found)


def parse_xml(
    text: str,
    element: Callable[[str, Attributes], None],
    where: str,
    characters: Callable[[str], None] | None = None,
) -> None:
    """Calls `element` for each start tag. Prefixes stay words: GDB's xi:include is not declared."""

    def entity(*_: object) -> None:
        raise ValueError("entities are not read")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = element
    parser.EntityDeclHandler = entity
    if characters is not None:
        parser.CharacterDataHandler = characters
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError, KeyError) as error:
        raise ToolError(
            f"the server's description of the core is broken: {error}", where=where
        ) from error


def _number(text: str) -> int:
    """A decimal or 0x number of at most 40 bits."""
    value = int(text, 0)
    if not 0 <= value < 1 << 40:
        raise ValueError(f"{text[:40]} is too large")
    return value
