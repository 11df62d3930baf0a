"""Reads platform descriptions of Renode (.repl) as far as this project writes them.

The grammar is Renode's manual's, "Describing platforms": an entry `name: Type @ place address`, its
lines indented by four, `property: value` or `-> destination@number`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

_ENTRY = re.compile(r"(\w+): ([A-Z]\w*(?:\.\w+)+) @ (\w+)(?: (0x[0-9A-F]{8}))?")
_PROPERTY = re.compile(r'    (\w+): ("[^"]*"|0x[0-9A-F]+|\d+|true|false|empty|[a-z]\w*)')
_LINK = re.compile(r"    -> (\w+)@(\d+)")


@dataclass
class Entry:
    """One peripheral, its properties as they are written."""

    kind: str
    place: str
    address: int | None
    fields: dict[str, str] = field(default_factory=dict)


def read_platform(path: Path) -> dict[str, Entry]:
    """The entries of a .repl file; AssertionError for a line that is none of the above.

    References must be to entries of the file, and memories must not overlap.
    """
    entries: dict[str, Entry] = {}
    references: list[str] = []
    last: Entry | None = None
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        line = line.split("//")[0].rstrip() if '"' not in line else line
        if not line:
            continue
        if match := _ENTRY.fullmatch(line):
            assert match[1] not in entries, f"{path}:{number}: {match[1]} twice"
            last = entries[match[1]] = Entry(match[2], match[3], int(match[4] or "0", 16))
        elif (match := _PROPERTY.fullmatch(line)) and last is not None:
            last.fields[match[1]] = match[2]
            references += [match[2]] if match[2] not in ("true", "false", "empty") else []
        elif (match := _LINK.fullmatch(line)) and last is not None:
            references.append(match[1])
        else:
            raise AssertionError(f"{path}:{number}: {line!r}")
    named = {each for each in references if each[0].isalpha()}
    assert named <= set(entries), f"{path}: nothing is called {named - set(entries)}"
    check_memories(entries)
    return entries


def check_memories(entries: dict[str, Entry]) -> None:
    """No two memories share a byte, and each is of whole pages."""
    memories = [each for each in entries.values() if each.kind == "Memory.MappedMemory"]
    spans = sorted((each.address or 0, int(each.fields["size"], 0)) for each in memories)
    assert all(origin % 0x400 == 0 and size % 0x400 == 0 for origin, size in spans)
    for (origin, size), (after, _) in pairwise(spans):
        assert origin + size <= after, f"memories overlap at 0x{after:08X}"
