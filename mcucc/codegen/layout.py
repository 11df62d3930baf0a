"""How generated C is laid out: as clang-format would, in at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = 100
INDENT = 4


FEW = 4  # values of an array that are not set in columns


@dataclass(frozen=True)
class Cells:
    """The values of an array in C."""

    texts: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many."""
        return len(self.texts)

    @property
    def few(self) -> bool:
        """Whether they stand on one line."""
        return self.count <= FEW

    @property
    def line(self) -> str:
        """All on one line."""
        return ", ".join(self.texts)

    @property
    def lines(self) -> tuple[str, ...]:
        """Below each other, in no more columns than the number of lines needs."""
        fitting = [count for count in range(1, self.count + 1) if self._width(count) <= COLUMNS]
        most = max(fitting, default=1)
        needed = -(-self.count // most)
        count = next(n for n in range(1, most + 1) if -(-self.count // n) == needed)
        widths = self._widths(count)
        found = []
        for at in range(0, self.count, count):
            row = zip(self.texts[at : at + count], widths, strict=False)
            found.append("".join(f"{text},".ljust(width + 2) for text, width in row).rstrip())
        return tuple(found)

    def _widths(self, count: int) -> list[int]:
        return [max(map(len, self.texts[at::count])) for at in range(count)]

    def _width(self, count: int) -> int:
        return INDENT + sum(width + 2 for width in self._widths(count)) - 1


def folded(text: str) -> str:
    """C whose lines that are too long are broken: calls between arguments, comments at spaces."""
    return "\n".join(part for line in text.split("\n") for part in _folded(line))


def _folded(line: str) -> list[str]:
    if len(line) <= COLUMNS:
        return [line]
    stripped = line.lstrip()
    indent = line[: len(line) - len(stripped)]
    if stripped.startswith(("* ", "/* ")):
        mark = f"{indent}* " if stripped.startswith("* ") else f"{indent} * "
        return textwrap.wrap(
            line, COLUMNS, subsequent_indent=mark, drop_whitespace=True, break_on_hyphens=False
        )
    opened = line.find("(") + 1
    if not opened or '"' in line:  # a parenthesis of a name, within a string
        return [line]
    arguments = _arguments(line[opened:])
    aligned = _filled(line[:opened], arguments, " " * opened)
    further = indent + " " * INDENT
    below = [line[:opened], *_filled(further, arguments, further)]
    fits = max(map(len, aligned)) <= COLUMNS
    return aligned if fits and len(aligned) <= len(below) else below


def _arguments(text: str) -> list[str]:
    """The arguments of a call, of which `text` is what comes behind the parenthesis."""
    depth, found = 0, [""]
    for part in text.split(", "):
        found[-1] += part if not found[-1] else f", {part}"
        depth += part.count("(") - part.count(")")
        if depth == 0:
            found.append("")
    return [part for part in found if part]


def _filled(start: str, arguments: Sequence[str], indent: str) -> list[str]:
    """Lines filled with arguments: the first behind `start`, the others behind `indent`."""
    found = [start + arguments[0]]
    for number, argument in enumerate(arguments[1:], 2):
        comma = number < len(arguments)
        if len(found[-1]) + len(", ") + len(argument) + comma <= COLUMNS:
            found[-1] += f", {argument}"
        else:
            found[-1] += ","
            found.append(indent + argument)
    return found
