"""The kernels as a UBSan shared object and inside an ASan executable, built once a run."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from mcucc.ir.kernel_id import InstructionSet
from tests.kernels import driver

REPLAYED = (InstructionSet.PORTABLE, InstructionSet.ARMV7M)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All portable kernels; undefined behaviour ends the process."""
    return driver.library(tmp_path_factory.mktemp("kernels"), driver.units())


@pytest.fixture(scope="session")
def replayer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executable that replays recordings of cores without DSP under the sanitizers."""
    return driver.replayer(tmp_path_factory.mktemp("replay"), REPLAYED)
