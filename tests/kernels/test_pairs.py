"""Chunks of taps whose sums fit into a lane, whatever the inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.kernels.portable.conv2d_pairs import LARGEST_SUM, cut_chunks, shared, unit_of
from mcucc.kernels.portable.pairs import pack_pairs
from tests.ops.draw import SEEDS

UNIT = unit_of(8)

EVERYDAY = settings(derandomize=True, deadline=None, max_examples=60)
INTERVALS = st.sampled_from([(-128, 127), (-128, 0), (0, 127), (-3, 5)])


def sums_of_chunks(
    packed: np.ndarray, counts: np.ndarray, lengths: np.ndarray, lo: int, hi: int
) -> np.ndarray:
    """The largest and the smallest sum of every chunk and channel."""
    found, at = [], 0
    for pair, count in zip(packed.astype(np.int64), counts, strict=True):
        tap = 0
        for length in lengths[at : at + count]:
            taps = int(length) // 2  # two channels, a byte each
            chunk = pair[tap : tap + taps]
            found.append(np.maximum(chunk * lo, chunk * hi).sum(axis=0))
            found.append(np.minimum(chunk * lo, chunk * hi).sum(axis=0))
            tap += taps
        assert tap == packed.shape[1], "the chunks are not all taps"
        at += count
    assert at == len(lengths)
    return np.array(found)


@EVERYDAY
@given(
    seed=SEEDS,
    taps=st.integers(1, 300),
    channels=st.integers(1, 7),
    loudest=st.sampled_from([1, 20, 127]),
    interval=INTERVALS,
)
def test_no_chunk_leaves_its_lane(
    seed: int, taps: int, channels: int, loudest: int, interval: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-loudest, loudest + 1, (channels, taps)).astype(np.int8)
    packed = pack_pairs(weights, 2)
    counts, lengths = cut_chunks(packed, *interval, UNIT)
    sums = sums_of_chunks(packed, counts, lengths, *interval)
    assert np.abs(sums).max() <= LARGEST_SUM
    assert (lengths % (2 * UNIT) == 0).all() and (lengths > 0).all()


def test_pairs_that_share_chunks_are_cut_together() -> None:
    weights = np.random.default_rng(5).integers(-127, 128, (10, 60)).astype(np.int8)
    packed = pack_pairs(weights, 2)
    counts, lengths = cut_chunks(shared(packed, 4), -128, 127, UNIT)
    assert len(counts) == 2, "five pairs, four of them together"
    first, last = lengths[: counts[0]], lengths[counts[0] :]
    for pairs, cut in ((packed[:4], first), (packed[4:], last)):
        repeated = np.tile(cut, len(pairs))
        sums = sums_of_chunks(pairs, np.full(len(pairs), len(cut)), repeated, -128, 127)
        assert np.abs(sums).max() <= LARGEST_SUM


def test_chunks_are_as_long_as_can_be() -> None:
    """One unit more, and some sum of every chunk but the last would leave the lane."""
    weights = np.random.default_rng(3).integers(-127, 128, (2, 200)).astype(np.int8)
    packed = pack_pairs(weights, 2)
    _, lengths = cut_chunks(packed, -128, 127, UNIT)
    longer = packed[0].astype(np.int64)
    tap = 0
    for length in lengths[:-1]:
        chunk = np.abs(longer[tap : tap + int(length) // 2 + UNIT])
        assert (128 * chunk.sum(axis=0)).max() > LARGEST_SUM - 128 * len(chunk)
        tap += int(length) // 2


@pytest.mark.parametrize("group", [2, 4])
def test_packed_weights_hold_every_weight_once(group: int) -> None:
    weights = np.random.default_rng(4).integers(-127, 128, (5, 7)).astype(np.int8)
    packed = pack_pairs(weights, group)
    flat = packed.transpose(0, 2, 1).reshape(-1, packed.shape[1])
    np.testing.assert_array_equal(flat[:5, :7], weights)
    assert not flat[5:].any() and not flat[:, 7:].any()
