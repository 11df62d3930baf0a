"""Sections of docs/benchmarks.md that scripts write, each between two comments of its own."""

from __future__ import annotations

from pathlib import Path

TITLE = "# Benchmarks\n\nEvery section is written by the script it names.\n"


def write_section(path: Path, name: str, text: str) -> None:
    """Put `text` between the comments of section `name`; a new section goes to the end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = path.read_text(encoding="utf-8") if path.is_file() else TITLE
    section = f"{begin}\n{text.strip()}\n{end}"
    if begin in old and end in old:
        before, rest = old.split(begin, 1)
        new = before + section + rest.split(end, 1)[1]
    else:
        new = f"{old.rstrip()}\n\n{section}\n"
    path.write_text(new, encoding="utf-8")
