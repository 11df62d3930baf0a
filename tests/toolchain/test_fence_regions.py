"""The MPU regions admit exactly the bytes they should, by the architecture's own rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.boards.board import load_board
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.fence import (
    Access,
    FenceRegion,
    Protection,
    fence_regions,
    is_spoken,
    spoken,
    whole_fence,
)
from mcucc.toolchain.layout import Sizes, exact_layout
from mcucc.toolchain.machines import machine_of


def admits_v7(regions: tuple[FenceRegion, ...], address: int) -> bool:
    """Whether a PMSAv7 region covers the address (Armv7-M Architecture Reference, B3.5)."""
    for region in regions:
        size = 1 << ((region.attributes >> 1 & 31) + 1)
        assert region.base % size == 0, "a region must be aligned to its size"
        offset = address - region.base
        if 0 <= offset < size:
            disabled = region.attributes >> 8 & 0xFF
            assert size >= 256 or disabled == 0, "small regions have no subregions"
            if not disabled >> (offset * 8 // size) & 1:
                return True
    return False


@given(blocks=st.integers(1, 1 << 16))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_pmsav7_covers_any_size_to_the_byte(blocks: int) -> None:
    span = Span(0x20000000, 32 * blocks)
    regions = fence_regions(span, Access.DATA, Protection.PMSA7)
    assert len(regions) <= 8
    inside = {span.origin, span.end - 1, span.origin + span.size // 3, span.end - 32}
    inside |= {region.base for region in regions}
    assert all(admits_v7(regions, address) for address in inside)
    outside = (span.origin - 1, span.end, span.end + 31, span.end + span.size)
    assert not any(admits_v7(regions, address) for address in outside)


@pytest.mark.parametrize("size", [65_536, 327_680, 655_360, 1 << 20])
def test_usual_sizes_take_one_region(size: int) -> None:
    assert len(fence_regions(Span(0x20000000, size), Access.DATA, Protection.PMSA7)) == 1


def test_pmsav8_is_base_and_last_granule() -> None:
    (code,) = fence_regions(Span(0x10010000, 0x10020), Access.CODE, Protection.PMSA8)
    assert (code.base, code.attributes) == (0x10010004, 0x10020001)
    (data,) = fence_regions(Span(0x38000000, 15_872), Access.DATA, Protection.PMSA8)
    assert (data.base, data.attributes) == (0x38000001, 0x38003DE1)


def allows_pmp(regions: tuple[FenceRegion, ...], address: int) -> int | None:
    """The rights that the first matching entry gives (Privileged Architecture, PMP), or None."""
    below = 0
    for region in regions:
        kind, word = region.attributes >> 3 & 3, address >> 2
        if kind == 3:
            free = (region.base ^ (region.base + 1)) | region.base & ~(region.base + 1)
            match = word | free == region.base | free
        else:
            match = kind == 1 and below <= word < region.base
        if match:
            assert region.attributes & 0x80, "only locked entries bind machine mode"
            return region.attributes & 7
        below = region.base
    return None


@given(start=st.integers(1, 1 << 20), blocks=st.integers(1, 1 << 16))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_pmp_covers_any_span_to_the_byte(start: int, blocks: int) -> None:
    code, data = Span(0x40000000, 1 << 20), Span(0x80000000 + 32 * start, 32 * blocks)
    regions = whole_fence([(code, Access.CODE), (data, Access.DATA)], Protection.PMP)
    assert all(allows_pmp(regions, at) == 5 for at in (code.origin, code.end - 1))
    assert all(allows_pmp(regions, at) == 3 for at in (data.origin, data.end - 1))
    outside = (0, code.origin - 1, code.end, data.origin - 1, data.end, 0xFFFFFFFF)
    assert all(allows_pmp(regions, at) == 0 for at in outside)


def test_an_empty_span_needs_no_region() -> None:
    assert fence_regions(Span(0x20000000, 0), Access.DATA, Protection.PMSA7) == ()


def permissions_v7(regions: tuple[FenceRegion, ...], address: int) -> int | None:
    """AP of the region that counts, the one with the highest number, or None without any."""
    hits = [region for region in regions if admits_v7((region,), address)]
    return hits[-1].attributes >> 24 & 7 if hits else None


def test_a_spoken_fence_denies_all_else_and_admits_the_system_control_space() -> None:
    code, data = Span(0x00200000, 1 << 16), Span(0x20000000, 20_448)
    wanted = [(code, Access.CODE), (data, Access.DATA)]
    regions = spoken(whole_fence(wanted, Protection.PMSA7), Protection.PMSA7)
    seen = {at: permissions_v7(regions, at) for at in (0, code.end, data.end, 0xFFFFFFFF)}
    assert set(seen.values()) == {0}
    assert permissions_v7(regions, code.origin) == 6
    assert permissions_v7(regions, data.end - 1) == 3
    assert permissions_v7(regions, 0xE000ED28) == 3
    assert is_spoken(regions, Protection.PMSA7)
    assert not is_spoken(whole_fence(wanted, Protection.PMSA7), Protection.PMSA7)


def test_a_spoken_fence_of_armv8m_has_one_region_more() -> None:
    data = [(Span(0x38000000, 15_872), Access.DATA)]
    *rest, system = spoken(whole_fence(data, Protection.PMSA8), Protection.PMSA8)
    assert tuple(rest) == whole_fence(data, Protection.PMSA8)
    assert (system.base, system.attributes) == (0xE000E001, 0xE000EFE1)
    assert is_spoken((*rest, system), Protection.PMSA8)


@pytest.mark.parametrize(("size", "said"), [(None, True), (1_172_672, False)])
def test_a_ram_of_many_pieces_goes_without(size: int | None, said: bool) -> None:
    board = load_board("nucleo-h7a3zi")
    sizes = Sizes(code=0, weights=0, static=64, arena=781792, harness_code=0, harness_ram=0)
    layout = exact_layout(board, machine_of(board), sizes, 8, size)
    assert is_spoken(layout.fence, Protection.PMSA7) == said
    assert len(layout.fence) <= machine_of(board).regions
