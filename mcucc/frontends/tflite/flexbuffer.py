"""A FlexBuffer that holds one map of numbers, as options of custom operators are; nothing trusted.

Written from the end: the last byte is the width of the root, the one before it its packed type
(two bits of width, six of type). Offsets count backwards from where they lie. A map is a vector of
values with a byte of packed type each behind it; before it lie the offset of its vector of keys,
the width of that, and the count. Source: flatbuffers' docs, "FlexBuffers: binary format".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

MOST_BYTES = 1 << 16
MOST_KEYS = 64
LONGEST_KEY = 64
_WIDTHS = (1, 2, 4, 8)
_INT, _UINT, _FLOAT = 1, 2, 3
_INDIRECT = {6: _INT, 7: _UINT, 8: _FLOAT}
_MAP, _BOOL = 9, 26
_FORMATS = {
    _INT: {1: "<b", 2: "<h", 4: "<i", 8: "<q"},
    _UINT: {1: "<B", 2: "<H", 4: "<I", 8: "<Q"},
    _FLOAT: {4: "<f", 8: "<d"},
    _BOOL: {1: "<B", 2: "<H", 4: "<I", 8: "<Q"},
}


def numbers_of(data: bytes) -> dict[str, float]:
    """The numbers and truth values of the map at the root, by key; other values are left out.

    Raises ValueError for whatever is no such map.
    """
    if not 3 <= len(data) <= MOST_BYTES:
        raise ValueError(f"{len(data)} bytes of options")
    width, packed = data[-1], data[-2]
    if width not in _WIDTHS or packed >> 2 != _MAP:
        raise ValueError("its options are no map of names")
    at = _Bytes(data)
    start = at.back(len(data) - 2 - width, width)
    return _map(at, start, _WIDTHS[packed & 3])


def _map(at: _Bytes, start: int, width: int) -> dict[str, float]:
    count = at.unsigned(start - width, width)
    if count > MOST_KEYS:
        raise ValueError(f"{count} options (at most {MOST_KEYS})")
    key_width = at.unsigned(start - 2 * width, width)
    if key_width not in _WIDTHS:
        raise ValueError(f"names {key_width} bytes wide")
    keys = at.back(start - 3 * width, width)
    found: dict[str, float] = {}
    for number in range(count):
        key = at.text(at.back(keys + number * key_width, key_width))
        packed = at.unsigned(start + count * width + number, 1)
        place, kind, own = start + number * width, packed >> 2, width
        if kind in _INDIRECT:
            place, kind, own = at.back(place, width), _INDIRECT[kind], _WIDTHS[packed & 3]
        if kind in _FORMATS:
            found[key] = at.number(place, kind, own)
    return found


class _Bytes:
    """Reads within bounds; ValueError beyond them."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def _read(self, form: str, place: int) -> Any:
        if not 0 <= place <= len(self.data) - struct.calcsize(form):
            raise ValueError("an offset beyond its options")
        return struct.unpack_from(form, self.data, place)[0]

    def unsigned(self, place: int, width: int) -> int:
        return int(self._read(_FORMATS[_UINT][width], place))

    def back(self, place: int, width: int) -> int:
        """Where the offset at `place` points."""
        return place - self.unsigned(place, width)

    def number(self, place: int, kind: int, width: int) -> float:
        form = _FORMATS[kind].get(width)
        if form is None:
            raise ValueError(f"a number {width} bytes wide")
        read: Callable[[Any], float] = float if kind == _FLOAT else int
        return read(self._read(form, place))

    def text(self, place: int) -> str:
        if place < 0:
            raise ValueError("an offset beyond its options")
        end = self.data.find(b"\0", place, place + LONGEST_KEY + 1)
        if end < 0:
            raise ValueError("a name without an end")
        return self.data[place:end].decode("ascii", "replace")
