"""The portable kernels as a UBSan shared object and inside an ASan executable, built once a run."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from tests.kernels import driver

UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All kernels; undefined behaviour ends the process."""
    output = tmp_path_factory.mktemp("kernels") / "kernels.so"
    driver.compile_c(output, driver.units(), "-O1", "-shared", "-fPIC", *UNDEFINED)
    return ctypes.CDLL(str(output))


@pytest.fixture(scope="session")
def replayer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executable that replays recordings under AddressSanitizer and UBSan."""
    folder = tmp_path_factory.mktemp("replay")
    return driver.compile_c(
        folder / "replay",
        [driver.HERE / "replay.c", *driver.units()],
        "-O0",
        "-rdynamic",
        "-fsanitize=address",
        *UNDEFINED,
        "-ldl",
    )
