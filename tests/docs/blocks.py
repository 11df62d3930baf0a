"""The fenced blocks of Markdown files, and how they are marked.

A comment in the line before a block says why it is not run (`<!-- not run: ... -->`) or which
Python package it needs (`<!-- needs: torch -->`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP = tuple(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY"))
PAGES = (*TOP, *sorted(ROOT.glob("docs/**/*.md")))
_FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, text, and the mark before it."""

    language: str
    text: str
    mark: str

    @property
    def runs(self) -> bool:
        """Whether a test runs it."""
        return not self.mark.startswith("not run: ")

    @property
    def needs(self) -> str:
        """The Python package that it needs, or nothing."""
        return self.mark.removeprefix("needs: ") if self.mark.startswith("needs: ") else ""


def blocks(page: Path, language: str = "") -> list[Block]:
    """The blocks of a page, of one language where one is given."""
    found = [
        Block(match["language"], match["text"], match["mark"] or "")
        for match in _FENCE.finditer(page.read_text(encoding="utf-8"))
    ]
    return [block for block in found if language in ("", block.language)]
