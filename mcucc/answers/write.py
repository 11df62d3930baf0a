"""An OutputSpec as the TOML that says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from mcucc.answers.spec import OutputSpec


def output_text(spec: OutputSpec) -> str:
    """`[output]` of a model's TOML: what is not the decoder's own, reads back as `spec`."""
    lines: list[str] = []
    for task in fields(spec):
        tables = getattr(spec, task.name)
        for table in tables:
            name = f"output.{task.name}"
            lines += ["", f"[[{name}]]" if len(tables) > 1 else f"[{name}]", *_keys(table)]
            for head in getattr(table, "heads", ()):
                lines += [f"[[{name}.heads]]", *_keys(head)]
    return "\n".join(lines[1:]) + "\n"


def _keys(table: Any) -> Iterator[str]:
    for field in fields(table):
        value = getattr(table, field.name)
        if field.name != "heads" and value != field.default:
            yield f"{field.name} = {_value(value)}"


def _value(value: Any) -> str:
    """A TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)


def _text(value: str) -> str:
    """A text in quotes; names are the file's, and what a terminal does not show is escaped."""
    letters = []
    for letter in str(value):
        if letter in '"\\':
            letters.append("\\" + letter)
        else:
            letters.append(letter if letter.isprintable() else f"\\U{ord(letter):08X}")
    return f'"{"".join(letters)}"'
