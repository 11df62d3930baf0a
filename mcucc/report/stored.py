"""The report of a compiled folder, read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcucc.base.typed import text_of
from mcucc.errors import OutputError
from mcucc.report.facts import OtherSchema, Report

LARGEST_FILE = 2**26  # bytes of report.json


def read_report(folder: Path) -> Report:
    """The report.json of a compiled folder; OutputError when there is none that can be read."""
    try:
        return Report.from_json(text_of(folder / "report.json", LARGEST_FILE))
    except OtherSchema as error:
        raise OutputError(str(error), where=str(folder), hint="compile again") from error
    except (OSError, ValueError) as error:
        raise OutputError(
            f"no readable report.json ({error})", where=str(folder), hint="run mcucc compile first"
        ) from error


@contextmanager
def shown_of(folder: Path) -> Iterator[None]:
    """OutputError where a view of a folder's report cannot be made: its parts do not fit together.

    `compile` makes all views of what it measured without this: a defect of ours shows there.
    """
    try:
        yield
    except (LookupError, ArithmeticError, ValueError, TypeError, StopIteration) as error:
        raise OutputError(
            f"report.json does not hold together ({type(error).__name__}: {error})",
            where=str(folder),
            hint="compile again",
        ) from error
