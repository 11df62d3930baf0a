"""Placement made exact where that is cheap: bounds that are proved, arenas that are squeezed.

What is in use at a time bounds an arena from below, but often no placement of even one stage's
buffers reaches that. Both are found by searching offsets under ceilings (see `disjunctive`).
"""

from __future__ import annotations

from mcucc.schedule.arena.difference_constraints import offsets_under
from mcucc.schedule.arena.heuristics import Buffers, first_fit
from mcucc.schedule.arena.limits import ProofLimits


def proved_bound(buffers: Buffers, bound: int, alignment: int, limits: ProofLimits) -> int:
    """At least `bound`: no placement needs less, as those of single stages do not."""
    sizes, neighbours = buffers.sizes, buffers.neighbours
    reached = bound + -bound % alignment
    for stage in sorted(buffers.loads, key=lambda s: -buffers.loads[s]):
        members = buffers.members(stage)
        if buffers.loads[stage] < limits.tight * bound or sum(sizes[i] for i in members) <= reached:
            continue
        low, high = reached, None
        while high is None or high - low > bound // limits.near:
            # Doubling steps upwards until something fits, then halves between.
            step = max(alignment, low - reached, bound // limits.near)
            ceiling = low if low == reached else low + step if high is None else (low + high) // 2
            ceiling -= ceiling % alignment
            found = offsets_under(ceiling, sizes, neighbours, members, limits.stage_steps)
            if found.impossible:
                low = ceiling + alignment
            else:
                high = ceiling
                if ceiling <= low:
                    break
        reached = low
    return max(bound, reached) if reached > bound + -bound % alignment else bound


def squeezed(
    buffers: Buffers,
    found: tuple[int, list[int]],
    bound: int,
    alignment: int,
    limits: ProofLimits,
) -> tuple[int, list[int]]:
    """A smaller arena than that of `found`, if there is one within the steps."""
    sizes = buffers.sizes
    best, low = found, bound + -bound % alignment
    parts = list(limits.parts)
    while parts and best[0] - low > bound // limits.near:
        ceiling = best[0] - max(alignment, (best[0] - low) // parts[0] // alignment * alignment)
        members = _crowded(buffers, ceiling)
        placed = offsets_under(ceiling, sizes, buffers.neighbours, members, limits.squeeze_steps)
        if placed.impossible:
            low = ceiling + alignment
        elif placed.offsets is None:
            parts.pop(0)
        else:
            offsets = dict(placed.offsets)
            rest = [i for i in range(len(sizes)) if i not in offsets]
            rest.sort(key=lambda i: (-len(buffers.stages[i]), -sizes[i]))
            first_fit(rest, sizes, buffers.neighbours, offsets)
            size = max(at + sizes[i] for i, at in offsets.items())
            if size < best[0]:
                best = size, [offsets[i] for i in range(len(sizes))]
            else:
                parts.pop(0)
    return best


def _crowded(buffers: Buffers, ceiling: int) -> list[int]:
    """Buffers of stages that do not all fit below a ceiling side by side."""
    sizes, stages = buffers.sizes, buffers.stages
    together: dict[int, int] = {}
    for size, own in zip(sizes, stages, strict=True):
        for stage in own:
            together[stage] = together.get(stage, 0) + size
    return [i for i in range(len(sizes)) if any(together[s] > ceiling for s in stages[i])]
