"""The regions of the memory protection unit that let firmware touch exactly what a board has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mcucc.toolchain.machines import Span

# Every MPU works in steps of this many bytes.
GRANULE = 32


class Access(Enum):
    """What firmware may do with a range."""

    CODE = "code, read only"
    DATA = "data, not executable"
    DEVICE = "peripherals"


@dataclass(frozen=True)
class FenceRegion:
    """One region as two register values: RBAR, and RASR (PMSAv7) or RLAR (PMSAv8)."""

    base: int
    attributes: int
    why: str


def fence_regions(span: Span, access: Access, pmsa: int) -> tuple[FenceRegion, ...]:
    """The regions that cover `span` exactly; its ends must be multiples of 32 bytes."""
    if span.size == 0:
        return ()
    why = f"{access.value}: {span.size} bytes"
    if pmsa == 8:
        return (_v8(span, access, why),)
    return tuple(
        FenceRegion(base, _rasr(access, size_log2, disabled), why)
        for base, size_log2, disabled in _cover_v7(span)
    )


def _v8(span: Span, access: Access, why: str) -> FenceRegion:
    """PMSAv8 takes any base and limit. Armv8-M Architecture Reference Manual, MPU_RBAR, MPU_RLAR.

    RBAR: access permissions in bits 2:1 (2 read only, 0 read and write), execute never in bit 0.
    RLAR: address of the last granule, attribute index 0 in bits 3:1, enable in bit 0.
    """
    permissions = 2 << 1 if access is Access.CODE else 1
    return FenceRegion(span.origin | permissions, (span.end - GRANULE) | 1, why)


def _rasr(access: Access, size_log2: int, disabled: int) -> int:
    """RASR of PMSAv7. Armv7-M Architecture Reference Manual, B3.5.9.

    XN in bit 28, AP in 26:24 (6 read only, 3 read and write), TEX C B in 21:16, disabled
    subregions in 15:8, log2(size) - 1 in 5:1, enable in bit 0.
    """
    permissions = 6 << 24 if access is Access.CODE else 1 << 28 | 3 << 24
    memory = 1 << 16 if access is Access.DEVICE else 1 << 17  # shared device, or write-through
    return permissions | memory | disabled << 8 | (size_log2 - 1) << 1 | 1


def _cover_v7(span: Span) -> list[tuple[int, int, int]]:
    """Covers a span by (base, log2(size), disabled subregions).

    A region is a power of two, aligned to its size. From 256 bytes on it has eight subregions
    that can be disabled: the smallest region that holds the rest gives its first subregions, and
    what is left is smaller than one of them, aligned to it.
    """
    pieces = []
    base, left = span.origin, span.size
    while left:
        size_log2 = max(8, (left - 1).bit_length())
        if base % (1 << size_log2):
            size_log2 = left.bit_length() - 1
            while base % (1 << size_log2):
                size_log2 -= 1
            pieces.append((base, size_log2, 0))
            taken = 1 << size_log2
        else:
            subregion = 1 << (size_log2 - 3)
            count = left // subregion
            pieces.append((base, size_log2, 0xFF & ~((1 << count) - 1)))
            taken = count * subregion
        base, left = base + taken, left - taken
    return pieces
