"""All nodes that cannot be compiled, in one error."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.errors import ModelError, Problem


def raise_problems(problems: Sequence[Problem], graph: str) -> None:
    """Raise one ModelError that names every node in `problems`; nothing for an empty list."""
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        many = "s" if len(problems) != 1 else ""
        raise ModelError(
            f"{len(problems)} node{many} cannot become integers:\n{lines}", where=f"graph {graph}"
        )
