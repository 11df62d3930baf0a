"""The checker judges broken plans as the machine does: what it accepts computes the right bytes.

Every mutant is one small change of a program. The checker catches it, or the change does no harm:
then the C that is generated from it must still give the bytes of layer by layer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.driver.target import bind
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.check_network import CheckError
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Copy, Program, Stage
from mcucc.schedule.plan.spans import EMPTY
from tests.graphs import mobile_net
from tests.whole.batch import Case, run_batch

INTEGER = lower(mobile_net(19, 14))
FORMS = (Form.TILE, Form.SLIDE, Form.RING)


def program_of(form: Form) -> Program:
    """Two fused stages up to the global pool, which is the second one's sink; strips in it."""
    graph = bind(INTEGER, load_board("rpi-pico"), "balanced")
    names = [node.name for node in graph.nodes]
    cut = names.index("globalaveragepool_12") + 1
    edges = tuple(EdgePlan(node.output, form) for node in graph.nodes)
    stages = [
        StagePlan(tuple(names[:5]), (2, 4), edges[:5]),
        StagePlan(tuple(names[5:cut]), (1, 2), edges[5:cut], strips=2),
        *(StagePlan((name,), (1, 0)) for name in names[cut:]),
    ]
    return expand(graph, Plan("mutant", ImagePolicy.ROWS, tuple(stages)))


def with_stage(program: Program, number: int, stage: Stage) -> Program:
    stages = (*program.stages[:number], stage, *program.stages[number + 1 :])
    return replace(program, stages=stages)


def shifted(program: Program) -> Iterator[tuple[str, Program]]:
    """Every buffer four bytes lower and higher, and at the start of the arena."""
    for name, place in program.buffers.items():
        for offset in {0, place.offset - 4, place.offset + 4} - {place.offset}:
            moved = {**program.buffers, name: replace(place, offset=offset)}
            yield f"{name} at {offset}", replace(program, buffers=moved)


def dropped_rows(program: Program) -> Iterator[tuple[str, Program]]:
    """Every cache, ring and tile of several rows with one row less."""
    for name, place in program.buffers.items():
        if place.slots > 1 and place.kind is not BufferKind.SCRATCH:
            fewer = {**program.buffers, name: replace(place, slots=place.slots - 1)}
            yield f"{name} without a row", replace(program, buffers=fewer)


def swapped(program: Program) -> Iterator[tuple[str, Program]]:
    """Neighbouring actions of a stage, and neighbouring chains of stages, in the other order."""
    for number, stage in enumerate(program.stages):
        for i in range(len(stage.actions) - 1):
            actions = list(stage.actions)
            actions[i], actions[i + 1] = actions[i + 1], actions[i]
            changed = replace(stage, actions=tuple(actions))
            yield f"actions {i} of stage {number}", with_stage(program, number, changed)
    for i in range(len(program.chains) - 1):
        chains = list(program.chains)
        chains[i], chains[i + 1] = chains[i + 1], chains[i]
        yield f"chains {i}", replace(program, chains=tuple(chains))


def left_out(program: Program) -> Iterator[tuple[str, Program]]:
    """A step's rows or columns of an action left out; a copy left out altogether."""
    for number, stage in enumerate(program.stages):
        for i, action in enumerate(stage.actions):
            for axis in ("rows", "columns"):
                ranges = getattr(action, axis)
                busy = [t for t, (begin, end) in enumerate(ranges) if begin < end]
                for t in {busy[0], busy[-1]} if busy else ():
                    fewer = replace(action, **{axis: (*ranges[:t], EMPTY, *ranges[t + 1 :])})
                    actions = (*stage.actions[:i], fewer, *stage.actions[i + 1 :])
                    changed = replace(stage, actions=actions)
                    yield f"{axis} {t} of {i} in {number}", with_stage(program, number, changed)
            if isinstance(action, Copy):
                changed = replace(stage, actions=stage.actions[:i] + stage.actions[i + 1 :])
                yield f"copy {i} in {number}", with_stage(program, number, changed)


def shrunk(program: Program) -> Iterator[tuple[str, Program]]:
    """Arenas that are too small."""
    for missing in (1, 4, program.arena_bytes // 2):
        yield f"{missing} less", replace(program, arena_bytes=program.arena_bytes - missing)


MUTATIONS = {f.__name__: f for f in (shifted, dropped_rows, swapped, left_out, shrunk)}
# All are judged; of those that pass, every third of a kind is compiled, at night every one.
COMPILED = 1 if "MCUCC_BATCHES" in os.environ else 3
# Harmless are: a move into free bytes, another order of independent actions, a copy that the next
# one repeats, the bytes that round an arena up to words.


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.parametrize("form", FORMS)
def test_what_the_checker_accepts_computes_the_right_bytes(form: Form, tmp_path: Path) -> None:
    program = program_of(form)
    check(program)
    accepted: list[tuple[str, Case]] = []
    caught: dict[str, int] = dict.fromkeys(MUTATIONS, 0)
    harmless = 0
    for kind, mutate in MUTATIONS.items():
        passed = []
        for what, mutant in mutate(program):
            try:
                check(mutant)
            except CheckError:
                caught[kind] += 1
            else:
                passed.append((f"{kind}: {what}", Case(INTEGER, mutant)))
        harmless += len(passed)
        accepted += passed[::COMPILED]
    assert min(caught.values()) > 0, caught
    assert sum(caught.values()) > 2 * harmless
    found = run_batch([case for _, case in accepted], tmp_path)
    for (what, case), output in zip(accepted, found, strict=True):
        assert output == case.expected(case.pictures(2)), what
