"""Placement made exact where that is cheap: bounds that are proved, arenas that are squeezed.

What is in use at a time bounds an arena from below, but often no placement of even one stage's
buffers reaches that. Both are found by searching offsets under ceilings (see `disjunctive`).
"""

from __future__ import annotations

from mcucc.schedule.arena.difference_constraints import offsets_under
from mcucc.schedule.arena.heuristics import Buffers, first_fit

STAGE_STEPS = 400  # distances added for one stage's buffers under one ceiling
SQUEEZE_STEPS = 800  # the same for the buffers of all stages that are crowded
PARTS = (2, 6)  # of the gap that a ceiling takes off: less where more is too much
NEAR = 200  # ceilings closer than such a part of the bound are not told apart
TIGHT = 0.7  # stages with less than so much of the bound in use prove nothing


def proved_bound(buffers: Buffers, bound: int, alignment: int) -> int:
    """At least `bound`: no placement needs less, as those of single stages do not."""
    sizes, neighbours = buffers.sizes, buffers.neighbours
    reached = bound + -bound % alignment
    for stage in sorted(buffers.loads, key=lambda s: -buffers.loads[s]):
        members = buffers.members(stage)
        if buffers.loads[stage] < TIGHT * bound or sum(sizes[i] for i in members) <= reached:
            continue
        low, high = reached, None
        while high is None or high - low > bound // NEAR:
            # Doubling steps upwards until something fits, then halves between.
            step = max(alignment, low - reached, bound // NEAR)
            ceiling = low if low == reached else low + step if high is None else (low + high) // 2
            ceiling -= ceiling % alignment
            found = offsets_under(ceiling, sizes, neighbours, members, STAGE_STEPS)
            if found.impossible:
                low = ceiling + alignment
            else:
                high = ceiling
                if ceiling <= low:
                    break
        reached = low
    return max(bound, reached) if reached > bound + -bound % alignment else bound


def squeezed(
    buffers: Buffers, found: tuple[int, list[int]], bound: int, alignment: int
) -> tuple[int, list[int]]:
    """A smaller arena than that of `found`, if there is one within the steps."""
    sizes = buffers.sizes
    best, low = found, bound + -bound % alignment
    parts = list(PARTS)
    while parts and best[0] - low > bound // NEAR:
        ceiling = best[0] - max(alignment, (best[0] - low) // parts[0] // alignment * alignment)
        members = _crowded(buffers, ceiling)
        placed = offsets_under(ceiling, sizes, buffers.neighbours, members, SQUEEZE_STEPS)
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
