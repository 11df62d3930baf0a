"""Offsets made exact where that is cheap: bounds that are proved, arenas that are compacted.

What is in use at a time bounds an arena from below, but often no placement of even one phase's
buffers reaches that. Both are found by searching offsets under ceilings (`difference_constraints`).
"""

from __future__ import annotations

from mcucc.schedule.arena.difference_constraints import offsets_under
from mcucc.schedule.arena.heuristics import first_fit
from mcucc.schedule.arena.limits import ProofLimits
from mcucc.schedule.arena.problem import OffsetProblem


def proved_bound(problem: OffsetProblem, bound: int, alignment: int, limits: ProofLimits) -> int:
    """At least `bound`: no placement needs less, as those of single phases do not."""
    sizes, neighbours = problem.sizes, problem.neighbours
    reached = bound + -bound % alignment
    for phase in sorted(problem.loads, key=lambda s: -problem.loads[s]):
        members = problem.members(phase)
        if problem.loads[phase] < limits.tight * bound or sum(sizes[i] for i in members) <= reached:
            continue
        low, high = reached, None
        while high is None or high - low > bound // limits.near:
            # Doubling steps upwards until something fits, then halves between.
            step = max(alignment, low - reached, bound // limits.near)
            ceiling = low if low == reached else low + step if high is None else (low + high) // 2
            ceiling -= ceiling % alignment
            found = offsets_under(ceiling, sizes, neighbours, members, limits.phase_steps)
            if found.impossible:
                low = ceiling + alignment
            else:
                high = ceiling
                if ceiling <= low:
                    break
        reached = low
    return max(bound, reached) if reached > bound + -bound % alignment else bound


def compacted(
    problem: OffsetProblem,
    found: tuple[int, list[int]],
    bound: int,
    alignment: int,
    limits: ProofLimits,
) -> tuple[int, list[int]]:
    """A smaller arena than that of `found`, if there is one within the steps."""
    sizes = problem.sizes
    best, low = found, bound + -bound % alignment
    parts = list(limits.parts)
    while parts and best[0] - low > bound // limits.near:
        ceiling = best[0] - max(alignment, (best[0] - low) // parts[0] // alignment * alignment)
        members = _crowded(problem, ceiling)
        placed = offsets_under(ceiling, sizes, problem.neighbours, members, limits.compact_steps)
        if placed.impossible:
            low = ceiling + alignment
        elif placed.offsets is None:
            parts.pop(0)
        else:
            offsets = dict(placed.offsets)
            rest = [i for i in range(len(sizes)) if i not in offsets]
            rest.sort(key=lambda i: (-len(problem.phases[i]), -sizes[i]))
            first_fit(rest, sizes, problem.neighbours, offsets)
            size = max(at + sizes[i] for i, at in offsets.items())
            if size < best[0]:
                best = size, [offsets[i] for i in range(len(sizes))]
            else:
                parts.pop(0)
    return best


def _crowded(problem: OffsetProblem, ceiling: int) -> list[int]:
    """Buffers of phases that do not all fit below a ceiling side by side."""
    sizes, phases = problem.sizes, problem.phases
    together: dict[int, int] = {}
    for size, own in zip(sizes, phases, strict=True):
        for phase in own:
            together[phase] = together.get(phase, 0) + size
    return [i for i in range(len(sizes)) if any(together[s] > ceiling for s in phases[i])]
