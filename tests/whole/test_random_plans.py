"""Random networks under random plans: C gives the bytes of layer by layer, whatever the plan.

Hypothesis draws networks and plans, or what is asked of the planner; each batch of them becomes one
program. MCUCC_BATCHES is how many batches run (`make nightly`: many); one of each board else.
"""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from mcucc.backends import Qemu
from mcucc.backends.camera_rows import as_asked, in_order
from mcucc.boards.board import load_board
from mcucc.driver.target import bind, target_of
from mcucc.errors import FitError, ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.search.choose import schedule
from mcucc.schedule.search.wishes import ScheduleOptions
from mcucc.toolchain import BuildOptions, build_firmware
from tests.schedule.networks import networks, plans
from tests.whole.batch import Case, run_batch, write_units
from tests.whole.searched import choices

BATCHES = int(os.environ.get("MCUCC_BATCHES", "2"))
BATCH = 50
BOARDS = ("nucleo-l4r5zi", "rpi-pico")


def draw_cases(number: int, board: str, examples: int) -> list[Case]:
    """Networks under legal plans, most of `examples` drawn; the same for the same number."""
    target = load_board(board)
    found: list[Case] = []

    @seed(number)
    @settings(deadline=None, max_examples=examples, phases=[Phase.generate], database=None)
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        integer = data.draw(networks())
        graph = bind(integer, target, "balanced")
        try:
            found.append(Case(integer, expand(graph, data.draw(plans(graph)))))
        except ModelError:
            return  # tiles whose rates do not fit the strides are refused

    collect()
    assert len(found) > examples // 2
    return found


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.parametrize("number", range(BATCHES))
def test_host_c_gives_the_bytes_of_layer_by_layer(number: int, tmp_path: Path) -> None:
    cases = draw_cases(number, BOARDS[number % len(BOARDS)], BATCH)
    assert any(case.program.factor > 1.0 for case in cases)
    stages = [stage for case in cases for stage in case.program.stages]
    assert any(len(stage.nodes) > 3 for stage in stages)
    assert any(len(stage.strips) > 1 for stage in stages)
    assert any(len(chain.stages) > 1 for case in cases for chain in case.program.chains)
    kinds = {place.kind for case in cases for place in case.program.buffers.values()}
    assert kinds >= {BufferKind.TILE, BufferKind.RING, BufferKind.ROW_CACHE}
    for case, found in zip(cases, run_batch(cases, tmp_path), strict=True):
        assert found == case.expected(case.pictures(2)), case.words()


def draw_searched(number: int, board: str, examples: int) -> list[Case]:
    """Networks in which rates part and meet, under the plan that somebody asks the planner for."""
    target = load_board(board)
    found: list[Case] = []

    @seed(number)
    @settings(
        deadline=None,
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(networks(more=True), choices())
    def collect(integer: IntegerGraph, options: ScheduleOptions) -> None:
        try:
            found.append(Case(integer, schedule(integer, target_of(target), options).program))
        except FitError:
            return  # no plan within what is asked for

    collect()
    assert len(found) > examples // 2
    return found


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.parametrize("number", range(max(1, BATCHES // 4)))
def test_host_c_gives_the_bytes_of_layer_by_layer_under_plans_found(
    number: int, tmp_path: Path
) -> None:
    cases = draw_searched(number, BOARDS[number % len(BOARDS)], BATCH // 2)
    assert {case.program.plan.schedule for case in cases} >= {"auto", "layers"}
    for case, found in zip(cases, run_batch(cases, tmp_path), strict=True):
        assert found == case.expected(case.pictures(2)), case.words()


@pytest.mark.emulated
@pytest.mark.parametrize("board", [*BOARDS, "corstone-300"])
def test_emulated_c_gives_the_bytes_of_layer_by_layer(board: str, tmp_path: Path) -> None:
    drawn = draw_cases(1000, board, 100)
    split = [c for c in drawn if any(stage.splits for stage in c.program.plan.stages)]
    assert len(split) >= 3
    cases = [*drawn[:8], *(c for c in split[:3] if c not in drawn[:8])]
    units, kernels = write_units(cases, tmp_path)
    firmware = build_firmware(
        units, kernels, load_board(board), tmp_path / "f", options=BuildOptions("-O2")
    )
    for unit, case in zip(units, cases, strict=True):
        pictures = case.pictures(2)
        handed = [as_asked(case.program, picture) for picture in pictures]
        found = Qemu().run(firmware, handed, model=unit.name, timeout_s=60)
        made = [in_order(case.program, each) for each in found.outputs]
        assert b"".join(made) == case.expected(pictures), case.words()
