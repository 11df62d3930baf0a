"""values.json of a compiled folder: what tensors are of the float network, a line a tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mcucc.base.typed import Reader, plain, text_of, wrong
from mcucc.errors import DataError, OutputError
from mcucc.evaluate.file_values import FileValues

LARGEST = 2**26  # bytes of the file


def write_values(values: Mapping[str, FileValues], path: Path) -> None:
    """Write the file, the same bytes for the same values."""
    lines = [f"{json.dumps(name)}: {json.dumps(plain(own))}" for name, own in values.items()]
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def read_values(path: Path) -> Mapping[str, FileValues]:
    """The file's values; none where there is no file. OutputError for anything else in it."""
    if not path.exists():
        return {}
    try:
        data = json.loads(text_of(path, LARGEST))
        values: Mapping[str, FileValues] = Reader().read(Mapping[str, FileValues], data)
        for name, own in values.items():
            _check(name, own)
    except (OSError, ValueError, RecursionError, DataError) as error:
        why = error.what if isinstance(error, DataError) else error
        raise OutputError(
            f"{path.name} is damaged ({why})", where=str(path.parent), hint="compile again"
        ) from error
    return values


def _check(name: str, own: FileValues) -> None:
    counts = {len(part) for part in (own.channels, own.scale, own.offset) if part}
    alike = len(counts) < 2 and len(own.scale) == len(own.offset)
    if not alike or any(s <= 0 for s in own.scale) or any(c < 0 for c in own.channels):
        raise wrong(name, "channels, and a factor above 0 and an offset for each", own)
