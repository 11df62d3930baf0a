"""One project compiled once a worker, which tests only read; and fresh ones."""

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
    """A compiled project: `out` holds the result. For reading only."""
    made = make_project(tmp_path_factory.mktemp("compiled"))
    result = made.compile()
    assert result.code == 0, result.err
    assert "written to" in result.out
    return made
