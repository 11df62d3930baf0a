"""The hand-written network of tiny.c for every core, and what it must compute."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from mcucc.backends import Qemu
from mcucc.boards.board import Architecture, Board, load_board
from mcucc.errors import ToolError
from mcucc.toolchain import (
    BuildOptions,
    Firmware,
    ModelUnit,
    Transport,
    build_firmware,
    cross_compiler,
)

TINY = Path(__file__).with_name("tiny.c")
ARENA_BYTES = 128
BIAS = np.array([1, -2, 3, -4, 5, -6, 7, -8])
BOARDS = (
    "rpi-pico",
    "bluepill",
    "nucleo-l4r5zi",
    "stm32f746g-disco",
    "rpi-pico2",
    "corstone-300",
    "esp32-c3",
)
# unicorn has no M55; mcucc does not use its RISC-V.
QEMU_ONLY = ("corstone-300", "alif-e3", "esp32-c3")


def require_tools(board: Board) -> None:
    """Skips, saying why, where the optional RISC-V packages are not installed."""
    if board.core.architecture is not Architecture.RISCV:
        return
    try:
        cross_compiler(board)
    except ToolError as error:
        pytest.skip(error.what)
    reason = Qemu().unavailable(board)
    if reason is not None:
        pytest.skip(reason)


@cache
def scratch() -> Path:
    """One folder for all builds of a test process; removed when it ends."""
    folder = TemporaryDirectory(prefix="mcucc-tests-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@cache
def build_tiny(board: str, *defines: str, transport: Transport = Transport.SEMIHOSTING) -> Firmware:
    """tiny.c for a board, built once for all tests that ask for the same."""
    require_tools(load_board(board))
    folder = scratch() / "-".join((board, transport.value, *defines))
    flags = tuple(f"-D{define}" for define in defines)
    return build_firmware(
        [ModelUnit("tiny", ARENA_BYTES, (TINY,))],
        [],
        load_board(board),
        folder,
        options=BuildOptions(flags=flags, transport=transport),
    )


@cache
def build_rows(board: str, width: int) -> Firmware:
    """rows.c, whose image is 4 rows of so many pixels."""
    require_tools(load_board(board))
    return build_firmware(
        [ModelUnit("rows", (width + 7) // 8 * 8 + 8, (TINY.with_name("rows.c"),))],
        [],
        load_board(board),
        scratch() / f"{board}-rows-{width}",
        options=BuildOptions(flags=(f"-DWIDTH={width}",)),
    )


def row_sums(image: bytes) -> bytes:
    """rows.c in Python."""
    width = len(image) // 4
    return bytes(sum(image[row * width : (row + 1) * width]) & 0xFF for row in range(3))


def poke(kind: str, address: int) -> bytes:
    """An image that makes tiny.c write (w) or read a word (r) at an address, or hang (h)."""
    return (
        b"POKE" + kind.encode("ascii").ljust(4, b"\0") + address.to_bytes(4, "little") + bytes(36)
    )


def pictures(count: int, seed: int = 7, size: int = 48) -> list[bytes]:
    """Images of 8 x 6 x 1 camera bytes, or of another size."""
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, size, dtype=np.uint8).tobytes() for _ in range(count)]


def expected(image: bytes, factor: int = 3) -> bytes:
    """tiny.c in NumPy."""
    data = np.frombuffer(image, np.uint8).astype(np.int64)
    mirrored = data[::-1] ^ np.arange(48)
    total = int(np.where(data & 1, data * factor, data).sum()) + 5
    scores = (int(np.float32(total) / np.float32(48)) + BIAS + mirrored[:8]) & 0xFF
    return scores.astype(np.uint8).tobytes() + mirrored[:4].astype(np.uint8).tobytes()
