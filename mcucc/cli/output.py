"""Where verbs print: results on stdout, progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.segment import Segment

from mcucc.base.progress import Progress
from mcucc.errors import McuccError
from mcucc.report.format import printable


class PlainConsole(Console):
    """A console on which text is only text: no markup, no control characters but its own."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Segments as rich makes them, their texts printable."""
        for segment in super().render(renderable, options):
            control = segment.control is not None
            yield segment if control else segment._replace(text=printable(segment.text))


console = PlainConsole()
messages = PlainConsole(stderr=True)

_json = False


def use_json(on: bool) -> None:
    """With --json, stdout carries one JSON document and errors are JSON too."""
    global _json
    _json = on
    warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    messages.print(
        f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True
    )


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, indent=1))


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on stderr that shows the current step; silent where stderr is no terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    hidden = not _interactive()
    with ProgressBar(*columns, console=messages, transient=True, disable=hidden) as bar:
        task = bar.add_task("starting", total=None)

        def update(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield update


def _interactive() -> bool:
    return messages.is_terminal and not _json


def report_error(error: Exception, *, verbose: bool) -> int:
    """Print a user error as one message; returns the exit code. Other errors are defects."""
    if verbose:
        messages.print_exception()
    known = _as_user_error(error)
    if known is not None:
        if _json:
            document = {"error": known.what, "where": known.where, "hint": known.hint}
            print(json.dumps(document, indent=1), file=sys.stderr)
        else:
            messages.print("error: ", style="bold red", end="")
            messages.print(str(known), markup=False, highlight=False, soft_wrap=True)
        return 2
    if not verbose:
        messages.print_exception(max_frames=4)
    messages.print("this is a defect of mcucc: please report it with the lines above", style="red")
    return 70


def _as_user_error(error: Exception) -> McuccError | None:
    """Our own errors; wrong options, which typer finds; the system's: disk full, no permission."""
    if isinstance(error, McuccError):
        return error
    if isinstance(error, OSError):
        return McuccError(error.strerror or str(error), where=str(error.filename or ""))
    if isinstance(error, MemoryError):
        return McuccError("the machine's memory is used up")
    # A usage error; its class is click's, which some versions of typer bring along.
    context = getattr(error, "ctx", None)
    if hasattr(error, "format_message"):
        command = "mcucc" if context is None else context.command_path
        return McuccError(error.format_message(), hint=f"{command} --help lists the options")
    return None
