"""Plain data of a file (JSON, TOML) as dataclasses: every value is of its field's type, or refused.

Nothing is converted: true is no number, 1.0 no count, a number no text, NaN nothing. An Enum is a
closed set; a key that the dataclass does not have is an error, and so is one that is missing.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

MOST = 2**53  # of a number: what JSON's readers agree on
LONGEST = 2**12  # characters of a text
SHOWN = 60  # characters of a wrong value in a message

NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class Reader:
    """Reads values by their type hints; ValueError names the place, what it holds and is to hold.

    Keys in `optional` may be missing where their field has a default. Infinite numbers are read
    where `infinite`.
    """

    def __init__(self, optional: Collection[str] = (), infinite: bool = False) -> None:
        self.optional, self.infinite = optional, infinite

    def read(self, kind: Any, value: Any, at: str = "") -> Any:
        """`value` as a `kind`."""
        if kind is Any:
            return value
        origin = typing.get_origin(kind)
        if origin is None and isinstance(kind, type):
            if dataclasses.is_dataclass(kind):
                return self._record(kind, value, at)
            if issubclass(kind, Enum):
                return self._member(kind, value, at)
            return self._plain(kind, value, at)
        arguments = typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return self._either(arguments, value, at)
        if origin is tuple:
            return self._sequence(arguments, value, at)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            table = self._table(value, at)
            return {
                key: self.read(arguments[1], each, f"{at}.{key}") for key, each in table.items()
            }
        raise TypeError(f"no reader for {kind}")

    def _record(self, kind: type, value: Any, at: str) -> Any:
        table = self._table(value, at)
        hints = typing.get_type_hints(kind)
        fields = {field.name: field for field in dataclasses.fields(kind)}
        unknown = next((key for key in table if key not in fields), None)
        if unknown is not None:
            raise ValueError(f"{_place(at)}unknown key {shown(unknown)}")
        found = {}
        for name, field in fields.items():
            if name in table:
                found[name] = self.read(hints[name], table[name], f"{at}.{name}" if at else name)
            elif name not in self.optional or _is_required(field):
                raise ValueError(f"{_place(at)}the key {name!r} is missing")
        return kind(**found)

    @staticmethod
    def _table(value: Any, at: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise wrong(at, "a table", value)
        return value

    @staticmethod
    def _member(kind: type[Enum], value: Any, at: str) -> Enum:
        for member in kind:
            if type(member.value) is type(value) and member.value == value:
                return member
        raise wrong(at, f"one of {', '.join(str(member.value) for member in kind)}", value)

    def _plain(self, kind: type, value: Any, at: str) -> Any:
        if kind is float and type(value) is int:
            value = float(value) if abs(value) <= MOST else math.inf
        if type(value) is not kind:
            raise wrong(at, NAMES.get(kind, "nothing"), value)
        if isinstance(value, float) and not (math.isfinite(value) or self._infinity(value)):
            raise wrong(at, "a finite number", value)
        if isinstance(value, int) and abs(value) > MOST:
            raise wrong(at, "a whole number of a sensible size", value)
        if isinstance(value, str) and len(value) > LONGEST:
            raise wrong(at, f"a text of at most {LONGEST} characters", value)
        return value

    def _infinity(self, value: float) -> bool:
        return self.infinite and math.isinf(value)

    def _either(self, kinds: tuple[Any, ...], value: Any, at: str) -> Any:
        if value is None and type(None) in kinds:
            return None
        others = [kind for kind in kinds if kind is not type(None)]
        for kind in others[:-1]:
            try:
                return self.read(kind, value, at)
            except ValueError:
                continue
        return self.read(others[-1], value, at)

    def _sequence(self, kinds: tuple[Any, ...], value: Any, at: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise wrong(at, "a list", value)
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(kinds) != len(value):
            raise wrong(at, f"a list of {len(kinds)}", value)
        return tuple(
            self.read(kind, each, f"{at}[{number}]")
            for number, (kind, each) in enumerate(zip(kinds, value, strict=True))
        )


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def plain(value: Any) -> Any:
    """What `Reader` reads back: dataclasses and mappings as dicts, tuples as lists, Enums by value.

    Floats keep every bit through repr.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def text_of(path: Path, most: int) -> str:
    """The text of a file of at most so many bytes; ValueError, OSError."""
    with path.open("rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"more than {most:,} bytes")
    return content.decode("utf-8")


def wrong(at: str, expected: str, value: Any) -> ValueError:
    """The complaint about one value."""
    return ValueError(f"{_place(at)}expected {expected}, got {shown(value)}")


def shown(value: Any) -> str:
    """A value of a file inside a message: short, whatever it is."""
    if isinstance(value, list | tuple | dict):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and abs(value) > MOST:
        return "a huge number"
    text = repr(value[: SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN + 2 else f"{text[:SHOWN]}..."


def _place(at: str) -> str:
    return f"{at}: " if at else ""
