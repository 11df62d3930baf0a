"""Ranges of addresses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """A range of addresses."""

    origin: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind the range."""
        return self.origin + self.size
