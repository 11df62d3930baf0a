"""`labels.csv`: a line a picture, its file, its class, and what else is known of it.

The first column is the file, the second an integer label (negative: none). Where the first line
names the columns, further ones put the picture into groups: distance, light, age.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path

from mcucc.errors import DataError

NAME = "labels.csv"
MOST_COLUMNS = 64  # read; there may be more
LONGEST_NAME = 40  # characters of a column's
HINT = "each line names a file of this folder and an integer label: cat.jpg,3"

Row = tuple[str, int | None, Path, dict[str, str]]  # name, label, file, value by column


def read_labels_csv(folder: Path, suffixes: Collection[str]) -> tuple[Row, ...]:
    """Every line of a folder's labels.csv; DataError for what it must not say."""
    table = folder / NAME
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = [row for row in csv.reader(stream) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read it: {error}", where=str(table)) from error
    # A first row whose second cell is no number is the header.
    header: Sequence[str] = ()
    if rows and not _is_integer(rows[0]) and not _names_file(rows[0], suffixes):
        header, rows = rows[0], rows[1:]
    if not rows:
        raise DataError("there is no picture in it", where=str(table), hint=HINT)
    root, columns = folder.resolve(), _columns(header)
    return tuple(_row(root, table, row, columns) for row in rows)


def _columns(header: Sequence[str]) -> dict[str, int]:
    """The further columns that have a name of their own, and their places."""
    found: dict[str, int] = {}
    for place, cell in enumerate(header[:MOST_COLUMNS]):
        name = cell.strip()
        if place >= 2 and name.isprintable() and 0 < len(name) <= LONGEST_NAME:
            found.setdefault(name, place)
    return found


def _row(root: Path, table: Path, row: Sequence[str], columns: dict[str, int]) -> Row:
    name = row[0].strip()
    if len(row) < 2:
        raise DataError(f"{name} has no label", where=str(table), hint=HINT)
    if not _is_integer(row):
        what = f"the label {row[1]!r} of {name} is no integer"
        raise DataError(what, where=str(table), hint=HINT)
    try:
        file = (root / name).resolve()
        inside, exists = file.is_relative_to(root), file.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{name!r} is no file name: {error}", where=str(table)) from error
    if not inside:
        raise DataError(f"{name} lies outside the folder", where=str(table), hint=HINT)
    if not exists:
        raise DataError(f"{name} does not exist", where=str(table), hint=HINT)
    label = int(row[1])
    groups = {
        column: row[place].strip() if place < len(row) else "" for column, place in columns.items()
    }
    return name, label if label >= 0 else None, file, groups


def _is_integer(row: Sequence[str]) -> bool:
    try:
        int(row[1])
    except (IndexError, ValueError):
        return False
    return True


def _names_file(row: Sequence[str], suffixes: Collection[str]) -> bool:
    return Path(row[0].strip()).suffix.lower() in suffixes and len(row[0]) < 4096
