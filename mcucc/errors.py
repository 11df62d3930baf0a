"""Errors a user can act on: what went wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 16_000  # characters of a message: names and lists come from files
MOST_SHOWN = 20  # problems listed in one message


class McuccError(Exception):
    """Base of every error shown to the user as one message and exit code 2.

    `what` says what is wrong, `where` names the file, node or option, `hint` says what to do.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = bounded(what), bounded(where, 500), bounded(hint)
        super().__init__(self.render())

    def render(self) -> str:
        """The message as one text: where, what, and the hint on a line of its own."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  hint: {self.hint}" if self.hint else head


def bounded(text: str, most: int = LONGEST) -> str:
    """`text` without its middle where a file made it long."""
    half = most // 2 - 10
    return text if len(text) <= most else f"{text[:half]} [...] {text[-half:]}"


class ModelError(McuccError):
    """The model file cannot be read, or the graph in it is not one mcucc compiles."""


class DataError(McuccError):
    """Pictures, labels or preprocessing are missing, broken or do not fit the model."""


class BoardError(McuccError):
    """A board description is unknown or invalid."""


class FitError(McuccError):
    """The network does not fit the board; the message says by how much and where."""


class ToolError(McuccError):
    """A compiler or emulator is missing or failed."""


class OutputError(McuccError):
    """The output folder cannot be written, or does not hold what a verb needs."""


@dataclass(frozen=True)
class Problem:
    """One reason why one node cannot be compiled.

    `cause` names the problem that this one follows from: another node, or a property of the file
    that several nodes suffer from. It is empty for a problem that stands for itself.
    """

    node: str
    op: str
    why: str
    hint: str = ""
    cause: str = ""

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.node} [{self.op}]: {self.why}{tail}"


def causes(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """One problem a cause: those that stand for themselves, and the first of those whose cause is
    not among them.
    """
    own = {problem.node for problem in problems if not problem.cause}
    listed: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        if problem.cause not in own:
            key = ("", problem.cause) if problem.cause else (problem.node, problem.why)
            listed.setdefault(key, problem)
    return tuple(listed.values())


def _alike(problems: Sequence[Problem]) -> list[list[Problem]]:
    """Problems of one operator and reason together, whatever shapes it reads."""
    groups: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in problems:
        reason = problem.why.partition("; inputs ")[0]
        groups.setdefault((problem.op, reason, problem.hint), []).append(problem)
    return list(groups.values())


def _line(group: Sequence[Problem]) -> str:
    more = f", and {len(group) - 1} more {group[0].op}" if len(group) > 1 else ""
    return f"  - {bounded(str(group[0]), 700)}{more}"


class UnsupportedError(ModelError):
    """All nodes of a model that mcucc cannot compile, collected; what follows is left out.

    `ends` are tensors of the file before them, where `--outputs` can end the network.
    """

    def __init__(
        self, problems: Sequence[Problem], *, where: str = "", ends: Sequence[str] = ()
    ) -> None:
        self.problems, self.ends = causes(problems), tuple(ends)
        count, groups = len(self.problems), _alike(self.problems)
        lines = "\n".join(_line(group) for group in groups[:MOST_SHOWN])
        more = sum(len(group) for group in groups[MOST_SHOWN:])
        lines += f"\n  ... and {more} more" if more else ""
        hint = "docs/ops.md lists what mcucc compiles"
        if self.ends:
            hint += f"; --outputs {','.join(self.ends)} ends the network before, the rest is yours"
        super().__init__(
            f"{count} unsupported node{'s' if count != 1 else ''}:\n{lines}",
            where=where,
            hint=hint,
        )
