"""Fixtures of every room: where the zoo of real models and the pictures are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.compiler_cache import use_compiler_cache

# A worker is one thread of work: BLAS with a thread a core beside it took a sixth more CPU time.
# Before NumPy is imported, for workers and the commands that tests run as well.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure() -> None:
    use_compiler_cache()


@pytest.fixture(scope="session")
def zoo_dir() -> Path:
    """The folder of trained models: MCUCC_ZOO, or ../shared/zoo beside the project."""
    path = Path(os.environ.get("MCUCC_ZOO", SHARED / "zoo"))
    if not path.is_dir():
        pytest.skip("no zoo of trained models: set MCUCC_ZOO, or have ../shared/zoo")
    return path


@pytest.fixture(scope="session")
def data_dir(zoo_dir: Path) -> Path:
    """The folder of labelled pictures: MCUCC_DATA, or `data` beside the zoo."""
    path = Path(os.environ.get("MCUCC_DATA", zoo_dir.parent / "data"))
    if not path.is_dir():
        pytest.skip("no pictures: set MCUCC_DATA, or have ../shared/data")
    return path
