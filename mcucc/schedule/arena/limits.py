"""How far the search for offsets goes. More of anything takes time and finds smaller arenas.

All limits count work, none of them time, so that a plan has the same offsets on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OffsetLimits:
    """Limits of the heuristic search (`heuristics`).

    `tries`: first fits of one phase's buffers, over the few usual orders that are always tried.
    `beam`: arrangements of the buffers that outlive a phase which are kept from phase to phase;
    above `many_phases` there is no beam, only first fits of all buffers at once.
    `kept`: arrangements of these whose phases are worked on, in rounds of `attempts` orders a
    phase: the next round starts from the best of the last. `wandered`: changed orders of all
    buffers at the end, of which each may try `attempts_wandering` orders a phase and takes
    `tries_wandering` of `tries`.
    `near`: the search stops when (arena - bound) < bound / near; a gap so small is not worth it.
    """

    tries: int = 1500
    beam: int = 16
    many_phases: int = 60
    kept: int = 8
    attempts: tuple[int, ...] = (40, 120, 360)
    wandered: int = 150
    attempts_wandering: int = 20
    tries_wandering: int = 5
    near: int = 400


@dataclass(frozen=True)
class ProofLimits:
    """Limits of exact placement under a ceiling (`compact`, `difference_constraints`).

    `phase_steps`: distances added while one phase's buffers are placed under one ceiling, which
    proves bounds; `compact_steps`: the same for the buffers of all crowded phases, which closes
    the gap between an arena and its bound.
    `parts`: the ceiling is lowered by 1 / part of the remaining gap; when that is too much for the
    steps there are, by the next (smaller) share. Ceilings that differ by less than bound / `near`
    are not told apart. Phases that use less than `tight` times the bound prove nothing above it.
    """

    phase_steps: int = 400
    compact_steps: int = 800
    parts: tuple[int, ...] = (2, 6)
    near: int = 200
    tight: float = 0.7


@dataclass(frozen=True)
class ArenaLimits:
    """All limits of an arena's layout."""

    offsets: OffsetLimits = OffsetLimits()
    proofs: ProofLimits = ProofLimits()
