"""Records of boxes: what the C writes, and the float form of the same."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mcucc.answers.records import Box, Point, boxes_of
from mcucc.ops.common.record import record_bytes


def test_a_record_is_little_endian_sixteenths_and_the_list_ends_at_score_0() -> None:
    first = struct.pack("<4hH2B", 16, -8, 320, 160, 65535, 7, 0) + struct.pack("<2hH", 24, 8, 0)
    raw = np.frombuffer(first + bytes(record_bytes(1)) * 2, np.int8).reshape(1, 1, -1)
    assert boxes_of(raw, 1) == (Box(1, -0.5, 20, 10, 1, 7, (Point(1.5, 0.5, 0),)),)


def test_floats_stand_in_the_same_places() -> None:
    rows = np.zeros((2, record_bytes(1)))
    rows[0, :9] = [1.25, 2, 30, 40, 0.5, 3, 9, 10, 0.25]
    (box,) = boxes_of(rows.reshape(1, -1), 1)
    assert box == Box(1.25, 2, 30, 40, pytest.approx(0.5), 3, (Point(9, 10, 0.25),))
