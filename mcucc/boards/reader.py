"""Typed values out of one table of a board's TOML; every complaint names the key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from mcucc.base.typed import shown
from mcucc.errors import BoardError

LONGEST_TEXT = 500  # characters
LARGEST_NUMBER = 2**40  # bytes, addresses, hertz

Choice = TypeVar("Choice", bound=Enum)


def values_of(kind: type[Enum]) -> str:
    """The values of an Enum, for messages."""
    return ", ".join(str(each.value) for each in kind)


class Reader:
    """Takes typed values out of one TOML table and names the key in every complaint."""

    def __init__(self, path: str, prefix: str, values: Mapping[str, Any]) -> None:
        self._path, self._prefix, self._values = path, prefix, values
        self._seen: set[str] = set()

    def fail(self, key: str, what: str, hint: str = "") -> BoardError:
        """The error that something is wrong with a key, for the caller to raise."""
        return BoardError(f"{self._prefix}{key}: {what}", where=self._path, hint=hint)

    def value(self, key: str, kind: type, expected: str) -> Any:
        """The value of a key, which must be there and be of a type; the caller checks the rest."""
        self._seen.add(key)
        if key not in self._values:
            raise self.fail(key, f"missing; expected {expected}")
        value = self._values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fail(key, f"expected {expected}, got {shown(value)}")
        return value

    def text(self, key: str, expected: str = "a text") -> str:
        """A text that is not blank, of at most LONGEST_TEXT characters."""
        value: str = self.value(key, str, expected)
        if not value.strip() or len(value) > LONGEST_TEXT:
            raise self.fail(key, f"expected {expected}, got {shown(value)}")
        return value

    def integer(self, key: str, least: int) -> int:
        """A whole number from `least` to LARGEST_NUMBER."""
        expected = f"a whole number of at least {least}"
        value: int = self.value(key, int, expected)
        if not least <= value <= LARGEST_NUMBER:
            raise self.fail(key, f"expected {expected}, got {shown(value)}")
        return value

    def has(self, key: str) -> bool:
        """Whether the table has the key."""
        return key in self._values

    def flag(self, key: str, usual: bool) -> bool:
        """true or false, or the usual one where the key is not there."""
        self._seen.add(key)
        value = self._values.get(key, usual)
        if not isinstance(value, bool):
            raise self.fail(key, f"expected true or false, got {shown(value)}")
        return value

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        """The member of an Enum whose value the key names."""
        return self.member(key, self.text(key, f"one of {values_of(kind)}"), kind)

    def member(self, key: str, value: object, kind: type[Choice]) -> Choice:
        """The member of an Enum with that value; `key` is where it stands."""
        try:
            return kind(value)
        except ValueError:
            raise self.fail(
                key, f"unknown value {shown(value)}", f"one of {values_of(kind)}"
            ) from None

    def sequence(self, key: str, expected: str) -> list[Any]:
        """An array; the caller checks what is in it."""
        values: list[Any] = self.value(key, list, expected)
        return values

    def table(self, key: str) -> Reader:
        """A table below this one, which must be there."""
        value = self.value(key, dict, f"a table [{self._prefix}{key}]")
        return Reader(self._path, f"{self._prefix}{key}.", value)

    def optional_table(self, key: str) -> Reader | None:
        """A table below this one, None where there is none."""
        return self.table(key) if key in self._values else None

    def tables(self, key: str) -> list[Reader]:
        """An array of at least one table."""
        expected = f"at least one table [[{key}]]"
        items = self.sequence(key, expected)
        if not items or not all(isinstance(item, dict) for item in items):
            raise self.fail(key, f"expected {expected}")
        return [
            Reader(self._path, f"{self._prefix}{key}[{index}].", item)
            for index, item in enumerate(items)
        ]

    def finish(self) -> None:
        """Complains about a key nobody asked for: most likely a misspelt one."""
        for key in self._values:
            if key not in self._seen:
                near = difflib.get_close_matches(key, sorted(self._seen), n=1)
                raise self.fail(key, "unknown key", f"did you mean {near[0]}?" if near else "")
