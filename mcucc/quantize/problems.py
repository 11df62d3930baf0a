"""All nodes that cannot become integers, in one error."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.errors import ModelError, Problem, causes


class IntegerError(ModelError):
    """Every node of a network that cannot become integers, one problem a cause."""

    def __init__(self, problems: Sequence[Problem], *, where: str = "") -> None:
        self.problems = causes(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        many = "s" if len(self.problems) != 1 else ""
        super().__init__(
            f"{len(self.problems)} node{many} cannot become integers:\n{lines}", where=where
        )


def raise_problems(problems: Sequence[Problem], graph: str) -> None:
    """Raise one IntegerError that names every node in `problems`; nothing for an empty list."""
    if problems:
        raise IntegerError(problems, where=f"graph {graph}")
