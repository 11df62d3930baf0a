"""Names of classes in a file's metadata, as Ultralytics writes them; nothing of it is executed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mcucc.answers.spec import MOST_CLASSES
from mcucc.frontends.load import ModelFile
from mcucc.frontends.tflite.file import TfliteFile

NAMES = "names"
MOST_TEXT = 1 << 16
LONGEST_NAME = 64
_ENTRY = re.compile(r"""\s*(\d{1,4})\s*:\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*(?:,|$)""")


def class_names(file: ModelFile) -> tuple[str, ...]:
    """The names, in the order of their numbers; () where the file has none that can be shown.

    Ultralytics' metadata has `names` as the text of a Python dictionary {0: 'person', ..} or as
    JSON; a list is taken too.
    """
    if isinstance(file.parsed, TfliteFile):
        return ()
    texts = [entry.value for entry in file.parsed.metadata_props if entry.key == NAMES]
    return _names(texts[0]) if len(texts) == 1 and len(texts[0]) <= MOST_TEXT else ()


def _names(text: str) -> tuple[str, ...]:
    value = _value(text)
    if isinstance(value, Mapping):
        try:
            numbered = {int(key): name for key, name in value.items()}
        except (TypeError, ValueError):
            return ()
        if len(numbered) != len(value) or sorted(numbered) != list(range(len(numbered))):
            return ()
        value = [numbered[number] for number in range(len(numbered))]
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MOST_CLASSES:
        return ()
    names = [name.strip() if isinstance(name, str) else "" for name in value]
    right = all(n.isprintable() and 0 < len(n) <= LONGEST_NAME for n in names)
    return tuple(names) if right and len(set(names)) == len(names) else ()


def _value(text: str) -> Any:
    """JSON, or a dictionary of Python's with numbers and texts; None for anything else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    inside = text.strip()
    if not (inside.startswith("{") and inside.endswith("}")):
        return None
    inside, found, place = inside[1:-1].strip().rstrip(","), {}, 0
    while place < len(inside):
        entry = _ENTRY.match(inside, place)
        if entry is None:
            return None
        found[entry[1]] = entry[2][1:-1].replace("\\'", "'").replace('\\"', '"')
        place = entry.end()
    return found
