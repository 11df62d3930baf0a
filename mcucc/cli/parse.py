"""Option values that need more than a type."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence

from mcucc.errors import McuccError


def choice(option: str, value: str, allowed: Collection[str]) -> str:
    """`value`, or an error that lists what is allowed."""
    if value not in allowed:
        raise McuccError(
            f"{value!r} is not allowed", where=option, hint=f"one of {', '.join(allowed)}"
        )
    return value


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """NAME=1,3,80,80 for each input."""
    shapes = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            shape = tuple(int(size) for size in sizes.split(","))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            raise McuccError(
                f"{text!r} is no shape", where="--input-shape", hint="write NAME=1,3,80,80"
            )
        shapes[name] = shape
    return shapes


def stage_printer(
    wanted: str | None, *, json_output: bool = False
) -> Callable[[str, str], None] | None:
    """Prints the stages asked for; beside JSON they go to stderr."""
    from mcucc.driver.load import STAGES
    from mcucc.report.format import printable

    if wanted is None:
        return None
    choice("--print-after", wanted, ("all", *STAGES))

    stream = sys.stderr if json_output else sys.stdout

    def show(stage: str, text: str) -> None:
        if wanted in ("all", stage):
            print(printable(f"# after {stage}\n{text}"), file=stream)

    return show
