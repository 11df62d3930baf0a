"""The ring of lines between a sensor and a run, and the number of lines that it must hold.

A simulated sensor sends lines at its own pace while the network computes as long as was measured:
with the lines that `line_buffers` says the bytes are those of NumPy, with one fewer the run ends
and says why. Nothing in between: no line is lost in silence.
"""

from __future__ import annotations

import ctypes
from fractions import Fraction

import numpy as np
import pytest

from mcucc.report.rows import TIMES
from mcucc.schedule.plan.line_buffers import line_buffers
from mcucc.toolchain.host import build_shared
from tests.whole.test_rows import written

OVERRUN = 1
# Bursts as a plan of tiles has them, and steady work; how long after the begin each row is wanted.
BURSTS = (0, 10, 20, 30, 4000, 4010, 4020, 4030, 8000, 8010)
STEADY = tuple(range(0, 10_000, 1_000))


@pytest.mark.parametrize(
    ("requests", "period", "buffers"),
    [
        (STEADY, 1_000_000, 2),  # far slower than the work: one is filled, one is read
        (STEADY, 1_000, 2),
        (STEADY, 500, 6),  # line 9 begins at 4,500, when rows 0 to 4 have been read
        (STEADY, 1, 9),  # all are there before the second is asked for, and the first was read
        ((0, 0, 0, 0, 9_000), 1_000, 2),
        ((0, 5_000, 5_000, 5_000, 5_000), 1_000, 4),  # lines 1 to 4, while the first is worked at
    ],
)
def test_buffers_by_hand(requests: tuple[int, ...], period: int, buffers: int) -> None:
    assert line_buffers(requests, Fraction(period)) == buffers


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[ctypes.CDLL, int, bytes, bytes, int]:
    """The network of chain.txt; its arena, a picture, its outputs and where they are."""
    made = written("chain", "rpi-pico", tmp_path_factory.mktemp("lines") / "c", "simulated")
    (picture,) = made.pictures(2)[1:]
    rng = np.random.default_rng(7)
    picture = rng.integers(0, 256, len(picture), np.uint8).tobytes()
    (expected,) = made.expected([picture])
    (output,) = made.integer.outputs
    library = build_shared([made.unit], made.kernels, made.folder.parent / "host")
    place = made.program.buffer_of(output).offset
    return ctypes.CDLL(str(library)), made.program.arena_bytes, picture, expected, place


@pytest.mark.host
@pytest.mark.parametrize("requests", [BURSTS, STEADY], ids=["bursts", "steady"])
@pytest.mark.parametrize("times", [*TIMES, 0.01])
def test_all_right_or_the_overruns_code(
    times: float,
    requests: tuple[int, ...],
    shared: tuple[ctypes.CDLL, int, bytes, bytes, int],
) -> None:
    library, arena_bytes, picture, expected, place = shared
    period = int(times * 1_000)
    needed = line_buffers(requests, Fraction(period))
    asked = (ctypes.c_int64 * len(requests))(*requests)
    for lines in range(1, len(requests) + 2):
        arena = (ctypes.c_uint64 * (arena_bytes // 8 + 1))()
        memory = (ctypes.c_uint8 * (lines * len(picture) // 10))()
        library.simulate.argtypes = [*[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_void_p]
        library.simulate.argtypes = [*library.simulate.argtypes, ctypes.c_int32]
        ended = library.simulate(arena, picture, asked, period, memory, lines)
        assert ended == (0 if lines >= needed else OVERRUN), (lines, needed)
        if ended == 0:
            assert bytes(arena)[place : place + len(expected)] == expected
