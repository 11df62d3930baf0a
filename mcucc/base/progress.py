"""How long steps say how far they are."""

from __future__ import annotations

from collections.abc import Callable

# progress(what, done, total); total 0: not known.
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """No progress is shown."""
