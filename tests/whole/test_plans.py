"""Plans change memory and time, never a result: what other planners get wrong, and drawn plans."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from mcucc.backends import Qemu
from mcucc.boards.board import Board, load_board
from mcucc.driver.target import bind
from mcucc.errors import ModelError
from mcucc.ir import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.max_pool import MaxPool
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan, whole_stage
from mcucc.schedule.plan.order import least_peak_order
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.spans import Reuse
from mcucc.toolchain import BuildOptions, build_firmware
from tests.graphs import Builder, mobile_net, same
from tests.whole.batch import Case, run_batch, write_units
from tests.whole.networks import borders, splits, squeeze_excite
from tests.whole.twice import TWICE, twice_plan
from tests.wide import widened

BOARD, HELIUM = load_board("nucleo-l4r5zi"), load_board("corstone-300")
RECOMPUTE = Reuse.RECOMPUTE
# Drawn plans that run of each network: 12 by day, 120 with the 60 batches of `make nightly`.
CASES = max(12, 2 * int(os.environ.get("MCUCC_BATCHES", "2")))


def residual_inside(seed: int = 3) -> Graph:
    """An add inside the stage, one whose operand is the cut tensor, a pool, odd sizes."""
    b = Builder(23, 19, 3, seed)
    x = b.conv("image", 6, 3, 2)
    x = b.block(x, 2, 6)
    x = b.node(MaxPool(same(3)), x)
    x = b.block(x, 2, 6, 5)
    x = b.conv(x, 8, 3, dilation=2)
    return b.graph(b.classifier(x, 4), name="residual_inside")


NETWORKS = {
    "mobile_net": lower(mobile_net(21, 18)),
    "residual_inside": lower(residual_inside()),
    "splits": lower(splits()),
    "borders": lower(borders()),
    "squeeze_excite": lower(squeeze_excite()),
    "wide_residual": lower(widened(residual_inside(), 1)),
    "wide_borders": lower(widened(borders(), 2)),
}


def chain_of(
    graph: IntegerGraph, nodes: int, tile: tuple[int, int], edges: tuple[EdgePlan, ...], cut: int
) -> Plan:
    """The same with the first stage in two that run interleaved, cut after `cut` nodes."""
    plan = stage_of(graph, nodes, tile, edges)
    first, *rest = plan.stages
    upper = StagePlan(first.nodes[:cut], (1, tile[1]), edges, feeds=True)
    lower_part = StagePlan(first.nodes[cut:], tile, edges)
    return Plan("drawn", ImagePolicy.ROWS, (upper, lower_part, *rest))


def stage_of(
    graph: IntegerGraph, nodes: int, tile: tuple[int, int], edges: tuple[EdgePlan, ...]
) -> Plan:
    """One fused first stage, the rest layer by layer."""
    order = least_peak_order(graph).nodes
    first = StagePlan(tuple(node.name for node in order[:nodes]), tile, edges)
    rest = tuple(whole_stage(graph, node) for node in order[nodes:])
    return Plan("drawn", ImagePolicy.ROWS, (first, *rest))


def case_of(name: str, plan: Plan, board: Board = BOARD) -> Case:
    integer = NETWORKS[name]
    return Case(integer, expand(bind(integer, board, "balanced"), plan))


def named_cases(board: Board = BOARD) -> dict[str, Case]:
    """What MCUNetV2's released planner computes wrongly, with caches and by recomputing."""
    graph = NETWORKS["residual_inside"]
    adds = [i for i, node in enumerate(graph.nodes) if node.name.startswith("add")]
    pool = next(i for i, node in enumerate(graph.nodes) if node.name.startswith("maxpool"))
    ends = {
        "the cut tensor feeds a residual add": (pool + 1, (3, 4)),
        "an add inside the stage": (adds[0] + 3, (2, 4)),
        "two adds inside the stage": (adds[1] + 2, (1, 4)),
        "a grid that does not divide 12 x 10": (adds[0] + 1, (5, 7)),
        "whole rows": (adds[1] + 1, (1, 0)),
    }
    cases = {}
    for what, (nodes, tile) in ends.items():
        again = tuple(EdgePlan(n, Form.TILE, RECOMPUTE, RECOMPUTE) for n in graph.activations)
        for how, edges in (("cached", ()), ("recomputed", again)):
            cases[f"{what}, {how}"] = case_of(
                "residual_inside", stage_of(graph, nodes, tile, edges), board
            )
    graph = NETWORKS["wide_residual"]
    for tile in ((2, 3), (1, 0)):
        for nodes in (4, 9):
            plan = stage_of(graph, nodes, tile, ())
            cases[f"int16 in a stage of {nodes}, tiles of {tile}, cached"] = case_of(
                "wide_residual", plan, board
            )
    for how, (tile, edges) in TWICE.items():
        cases[f"a gated tensor computed twice, {how}"] = case_of(
            "squeeze_excite", twice_plan(tile, edges), board
        )
    for tile in ((2, 2), (1, 0)):
        plan = stage_of(NETWORKS["borders"], 8, tile, ())
        cases[f"borders with biases of their own, tiles of {tile}, cached"] = case_of(
            "borders", plan, board
        )
    return cases


def test_the_named_cases_are_what_they_say() -> None:
    cases = named_cases()
    cut = cases["the cut tensor feeds a residual add, cached"].program.stages[0].nodes[-1].output
    integer = NETWORKS["residual_inside"]
    assert {type(node.kernel).__name__ for node in integer.consumers(cut)} >= {"AddKernel"}
    for what, case in cases.items():
        again = "recomputed" in what or "twice" in what
        assert (case.program.factor > 1.0) == again, what
    graph = cases["whole rows, cached"].program.graph
    layers = expand(graph, layers_plan(graph, ImagePolicy.ROWS))
    assert cases["whole rows, cached"].program.arena_bytes < layers.arena_bytes


@pytest.mark.host
def test_named_cases_give_the_bytes_of_layer_by_layer(tmp_path: Path) -> None:
    cases = named_cases()
    found = run_batch(list(cases.values()), tmp_path)
    for (what, case), output in zip(cases.items(), found, strict=True):
        assert output == case.expected(case.pictures(2)), what


@pytest.mark.emulated
@pytest.mark.parametrize("board", [BOARD, HELIUM], ids=lambda board: board.name)
def test_named_cases_on_an_emulated_core(board: Board, tmp_path: Path) -> None:
    cases = named_cases(board)
    units, kernels = write_units(list(cases.values()), tmp_path)
    firmware = build_firmware(units, kernels, board, tmp_path / "f", options=BuildOptions("-O2"))
    for unit, (what, case) in zip(units, cases.items(), strict=True):
        pictures = case.pictures(2)
        found = Qemu().run(firmware, pictures, model=unit.name, timeout_s=60)
        assert b"".join(found.outputs) == case.expected(pictures), what


@st.composite
def plans(draw: st.DrawFn, name: str) -> Plan:
    graph = NETWORKS[name]
    nodes = draw(st.integers(2, 11))
    tile = (draw(st.integers(1, 4)), draw(st.sampled_from([0, 1, 3, 4])))
    edges = tuple(
        EdgePlan(
            tensor,
            draw(st.sampled_from(Form)),
            draw(st.sampled_from(Reuse)),
            draw(st.sampled_from(Reuse)),
        )
        for tensor in graph.activations
    )
    cut = draw(st.integers(0, nodes - 1))
    return chain_of(graph, nodes, tile, edges, cut) if cut else stage_of(graph, nodes, tile, edges)


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.parametrize("name", NETWORKS)
def test_drawn_plans_give_the_bytes_of_layer_by_layer(name: str, tmp_path: Path) -> None:
    cases: list[Case] = []

    @settings(derandomize=True, deadline=None, max_examples=2 * CASES, phases=[Phase.generate])
    @given(plans(name))
    def collect(plan: Plan) -> None:
        if len(cases) == CASES:
            return
        try:
            cases.append(case_of(name, plan))
        except ModelError:
            return  # tiles whose rates do not fit the strides are refused

    collect()
    assert len(cases) >= 10
    for case, output in zip(cases, run_batch(cases, tmp_path), strict=True):
        assert output == case.expected(case.pictures(2)), case.words()
