"""The projects of the command line's tests, to spoil: a fresh one, and a compiled one's copies."""

from __future__ import annotations

from tests.cli.conftest import compiled, project

__all__ = ["compiled", "project"]
