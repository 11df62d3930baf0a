"""Arena placement: no overlap in time and space, and the least size where it can be proved."""

import hypothesis.strategies as st
from hypothesis import given, settings

from mcucc.schedule.arena import Block, place

BLOCKS = st.lists(
    st.builds(
        lambda size, first, length: Block(size, first, first + length),
        st.integers(1, 1000),
        st.integers(0, 20),
        st.integers(0, 6),
    ),
    max_size=25,
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(BLOCKS, st.sampled_from([1, 4, 8]))
def test_blocks_alive_together_never_overlap(blocks: list[Block], alignment: int) -> None:
    placement = place(blocks, alignment)
    for i, (block, offset) in enumerate(zip(blocks, placement.offsets, strict=True)):
        assert offset % alignment == 0
        assert offset + block.size <= placement.size
        for other, start in list(zip(blocks, placement.offsets, strict=True))[:i]:
            disjoint = offset + block.size <= start or start + other.size <= offset
            assert disjoint or not block.overlaps(other)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(BLOCKS)
def test_lower_bound_is_the_largest_load(blocks: list[Block]) -> None:
    placement = place(blocks)
    loads = [sum(b.size for b in blocks if b.first <= t <= b.last) for t in range(30)]
    assert placement.lower_bound == max(loads, default=0)
    assert placement.size >= placement.lower_bound


def test_chain_needs_exactly_its_largest_pair() -> None:
    sizes = [100, 300, 200, 250, 50]
    blocks = [Block(size, i, i + 1) for i, size in enumerate(sizes)]
    placement = place(blocks)
    assert placement.size == placement.lower_bound == 500


def test_same_blocks_same_offsets() -> None:
    blocks = [Block(7 * i % 97 + 1, i % 5, i % 5 + i % 3) for i in range(40)]
    assert place(blocks) == place(blocks)
