"""C identifiers from the names of a model, which are untrusted text."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 40
# fmt: off
KEYWORDS = frozenset((
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
    "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
    "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
    "union", "unsigned", "void", "volatile", "while", "main", "asm", "mcucc"
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
    names: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        base = candidate = identifier(text)
        number = 2
        while candidate in taken:
            candidate = f"{base}_{number}"
            number += 1
        taken.add(candidate)
        names[text] = candidate
    return names


def comment(text: str) -> str:
    """`text` made safe inside a C comment: printable ASCII, and no end of comment."""
    printable = "".join(c if " " <= c <= "~" else "?" for c in text)
    harmless = printable.replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", harmless)  # no trigraphs


def string(text: str) -> str:
    """`text` as the inside of a C string literal: printable ASCII, quotes escaped."""
    return comment(text).replace("\\", "\\\\").replace('"', '\\"')
