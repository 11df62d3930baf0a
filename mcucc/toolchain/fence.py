"""The regions of the memory protection unit that let firmware touch exactly what a board has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mcucc.toolchain.address_range import Span

_PMP_READ, _PMP_WRITE, _PMP_EXECUTE = 1, 2, 4
_PMP_TOR, _PMP_NAPOT, _PMP_LOCK = 1 << 3, 3 << 3, 1 << 7

# Every MPU works in steps of this many bytes.
GRANULE = 32

_SYSTEM_CONTROL = Span(0xE000E000, 4096)  # NVIC, SCB and the MPU itself


class Protection(Enum):
    """How memory is protected."""

    PMSA7 = "Armv6-M and Armv7-M"
    PMSA8 = "Armv8-M"
    PMP = "RISC-V"


class Access(Enum):
    """What firmware may do with a range."""

    CODE = "code, read only"
    DATA = "data, not executable"
    DEVICE = "peripherals"
    NONE = "no access"
    ALL = "everything"


@dataclass(frozen=True)
class FenceRegion:
    """One region as two register values.

    RBAR and RASR (PMSAv7), RBAR and RLAR (PMSAv8), or pmpaddr and its byte of pmpcfg (PMP).
    """

    base: int
    attributes: int
    why: str


def whole_fence(
    spans: Sequence[tuple[Span, Access]], protection: Protection
) -> tuple[FenceRegion, ...]:
    """The regions that admit these spans and nothing else."""
    regions = [
        region for span, access in spans for region in fence_regions(span, access, protection)
    ]
    if protection is Protection.PMP:
        # What no entry matches is allowed in machine mode: the last one matches every address.
        regions.append(FenceRegion(0xFFFFFFFF, _PMP_LOCK | _PMP_NAPOT, "nothing else"))
    return tuple(regions)


def spoken(regions: Sequence[FenceRegion], protection: Protection) -> tuple[FenceRegion, ...]:
    """A fence with what goes without saying on real cores said in regions.

    A Cortex-M with PRIVDEFENA=0 denies what no region admits, and never asks its MPU about the
    system control space. Renode up to 1.16.1 gives privileged code the default map back
    (Armv7-M), and asks the MPU about everything (Armv8-M).
    """
    if protection is Protection.PMP:
        return tuple(regions)
    system = fence_regions(_SYSTEM_CONTROL, Access.DEVICE, protection)
    if protection is Protection.PMSA8:
        return (*regions, *system)
    # Of regions that overlap the one with the highest number counts: the first gives way.
    return (FenceRegion(0, _rasr(Access.NONE, 32, 0), "nothing else"), *regions, *system)


def guard_fence(guard: Span, protection: Protection) -> tuple[FenceRegion, ...]:
    """The regions that forbid `guard` (a power of two, aligned to its size) and nothing else."""
    why = f"the only one that is fenced off: {guard.size} bytes"
    if protection is Protection.PMP:  # what no entry matches is allowed
        return (
            FenceRegion(guard.origin >> 2 | (guard.size >> 3) - 1, _PMP_LOCK | _PMP_NAPOT, why),
        )
    if protection is Protection.PMSA8:  # regions must not overlap
        below, above = Span(0, guard.origin), Span(guard.end, (1 << 32) - guard.end)
        return (_v8(below, Access.ALL, why), _v8(above, Access.ALL, why))
    forbidden = _rasr(Access.NONE, guard.size.bit_length() - 1, 0)
    everything = FenceRegion(0, _rasr(Access.ALL, 32, 0), Access.ALL.value)
    return (everything, FenceRegion(guard.origin, forbidden, why))


def is_spoken(regions: Sequence[FenceRegion], protection: Protection) -> bool:
    """Whether a fence stands in Renode too: PMP needs nothing said, see `spoken` for others."""
    system = {each.base & -GRANULE for each in regions} & {_SYSTEM_CONTROL.origin}
    return protection is Protection.PMP or bool(system)


def fence_regions(span: Span, access: Access, protection: Protection) -> tuple[FenceRegion, ...]:
    """The regions that cover `span` exactly; its ends must be multiples of 32 bytes."""
    if span.size == 0:
        return ()
    why = f"{access.value}: {span.size} bytes"
    if protection is Protection.PMP:
        return _pmp(span, access, why)
    if protection is Protection.PMSA8:
        return (_v8(span, access, why),)
    return tuple(
        FenceRegion(base, _rasr(access, size_log2, disabled), why)
        for base, size_log2, disabled in _cover_v7(span)
    )


def _pmp(span: Span, access: Access, why: str) -> tuple[FenceRegion, ...]:
    """RISC-V privileged architecture, Physical Memory Protection.

    pmpaddr has bits 33:2 of an address. A naturally aligned power of two (NAPOT) is one entry,
    ones in the low bits saying its size; another span is from an entry that is off to one that is
    the top of a range (TOR).
    """
    allowed = _PMP_LOCK | (_PMP_READ | (_PMP_EXECUTE if access is Access.CODE else _PMP_WRITE))
    if span.size & (span.size - 1) == 0 and span.origin % span.size == 0:
        return (FenceRegion(span.origin >> 2 | (span.size >> 3) - 1, allowed | _PMP_NAPOT, why),)
    return (
        FenceRegion(span.origin >> 2, _PMP_LOCK, f"begin of {why}"),
        FenceRegion(span.end >> 2, allowed | _PMP_TOR, why),
    )


def _v8(span: Span, access: Access, why: str) -> FenceRegion:
    """PMSAv8 takes any base and limit. Armv8-M Architecture Reference Manual, MPU_RBAR, MPU_RLAR.

    RBAR: access permissions in bits 2:1 (2 read only, 0 read and write), execute never in bit 0.
    RLAR: address of the last granule, attribute index 0 in bits 3:1, enable in bit 0.
    """
    permissions = {Access.CODE: 2 << 1, Access.ALL: 0}.get(access, 1)
    return FenceRegion(span.origin | permissions, (span.end - GRANULE) | 1, why)


def _rasr(access: Access, size_log2: int, disabled: int) -> int:
    """RASR of PMSAv7. Armv7-M Architecture Reference Manual, B3.5.9.

    XN in bit 28, AP in 26:24 (6 read only, 3 read and write, 0 nothing), TEX C B in 21:16,
    disabled subregions in 15:8, log2(size) - 1 in 5:1, enable in bit 0.
    """
    permissions = {
        Access.CODE: 6 << 24,
        Access.DATA: 1 << 28 | 3 << 24,
        Access.DEVICE: 1 << 28 | 3 << 24,
        Access.NONE: 1 << 28,
        Access.ALL: 3 << 24,
    }[access]
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
