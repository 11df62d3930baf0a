"""C identifiers from the names of a model, which are untrusted text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

MAX_LENGTH = 48
READABLE = 28  # names up to this long are kept whole
# fmt: off
KEYWORDS = frozenset((
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
    "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
    "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
    "union", "unsigned", "void", "volatile", "while", "main", "asm", "mcucc",
    # C++, C23: the header is read by both
    "alignas", "alignof", "and", "and_eq", "bitand", "bitor", "bool", "catch", "class", "compl",
    "concept", "const_cast", "consteval", "constexpr", "constinit", "decltype", "delete",
    "dynamic_cast", "explicit", "export", "false", "friend", "mutable", "namespace", "new",
    "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected",
    "public", "reinterpret_cast", "requires", "static_assert", "static_cast", "template", "this",
    "thread_local", "throw", "true", "try", "typeid", "typename", "typeof", "using", "virtual",
    "wchar_t", "xor", "xor_eq",
    # macros of headers and compilers, parameters beside the inputs'
    "errno", "stdin", "stdout", "stderr", "linux", "unix", "i386", "arena", "camera"
))
# fmt: on


def identifier(text: str) -> str:
    """Letters, digits and underscores of `text`, lower case, starting with a letter.

    Keeps the end of long names: exporters put the telling part last.
    """
    cleaned = re.sub(r"[^0-9a-z]+", "_", text.encode("ascii", "replace").decode().lower())
    cleaned = cleaned.strip("_")[-MAX_LENGTH:].strip("_")
    if not cleaned or cleaned[0].isdigit() or cleaned in KEYWORDS:
        cleaned = f"n_{cleaned}" if cleaned else "n"
    return cleaned


def identifiers(texts: Iterable[str]) -> dict[str, str]:
    """A distinct identifier for every text, in order."""
    return distinct({text: text for text in texts})


def distinct(wanted: Mapping[Key, str]) -> dict[Key, str]:
    """A distinct identifier for every key, from the text it asks for."""
    names: dict[Key, str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for key, text in wanted.items():
        base = candidate = identifier(text)
        if base in taken:
            number = numbers.get(base, 2)
            while f"{base}_{number}" in taken:
                number += 1
            numbers[base], candidate = number, f"{base}_{number}"
        taken.add(candidate)
        names[key] = candidate
    return names


def short_identifiers(texts: Iterable[str]) -> dict[str, str]:
    """Distinct identifiers from `short_paths`."""
    return distinct(short_paths(texts))


def short_paths(texts: Iterable[str]) -> dict[str, str]:
    """Short different names: exporters' names are paths, and most of a path repeats.

    Names longer than READABLE lose the parts that stand in most names, of equals the last one of a
    path first, as long as all names stay different.
    """
    paths = {text: _parts(text) for text in texts}
    counts = Counter(part for path in paths.values() for part in path)
    depth = {part: at for path in paths.values() for at, part in enumerate(path)}
    holders: dict[str, list[str]] = {}
    for text, path in paths.items():
        for part in path:
            holders.setdefault(part, []).append(text)
    known = set(paths.values())
    if len(known) == len(paths):
        for part in sorted(counts, key=lambda part: (-counts[part], -depth[part], part)):
            long = [text for text in holders[part] if len("_".join(paths[text])) > READABLE]
            shorter = {text: tuple(p for p in paths[text] if p != part) for text in long}
            others = known - {paths[text] for text in long} if long else known
            different = len(set(shorter.values())) == len(shorter)
            if all(shorter.values()) and different and others.isdisjoint(shorter.values()):
                known = others.union(shorter.values())
                paths |= shorter
    return {text: "/".join(path) for text, path in paths.items()}


def _parts(text: str) -> tuple[str, ...]:
    """The different parts of a path; a number belongs to the part before it."""
    parts: list[str] = []
    for part in re.split(r"[/;:]+", text.strip("/;:")):
        if part.isdigit() and parts:
            parts[-1] += f".{part}"
        else:
            parts.append(part)
    return tuple(dict.fromkeys(parts))


def comment(text: str) -> str:
    """`text` made safe inside a comment of C or CMake: one line of printable ASCII, no quotes.

    It neither ends nor opens a comment, continues no line and is no trigraph.
    """
    return _one_line(text).replace('"', "'")


def string(text: str) -> str:
    """`text` as the inside of a C string literal: as a comment, but quotes escaped."""
    return _one_line(text).replace('"', '\\"')


def _one_line(text: str) -> str:
    printable = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
    harmless = printable.replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", harmless)
