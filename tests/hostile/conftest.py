"""A fresh project to spoil, and one that was compiled, to spoil copies of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.project import Project, make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh project, not compiled."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A compiled project, its C alone: `out` holds the result. For reading only."""
    made = make_project(tmp_path_factory.mktemp("compiled"))
    result = made.compile("--c-only")
    assert result.code == 0, result.err
    return made
