"""Plans change memory and time, never a result: drawn plans against layer by layer."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from mcucc.boards import load_board
from mcucc.emulate import Qemu
from mcucc.emulate.host import run_host
from mcucc.errors import ModelError
from mcucc.ir import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.max_pool import MaxPool
from mcucc.quantize.lower import lower
from mcucc.schedule.expand import expand
from mcucc.schedule.layers import layers_plan, whole_stage
from mcucc.schedule.order import least_peak_order
from mcucc.schedule.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.windows import Reuse
from mcucc.toolchain import build_shared
from tests.graphs import Builder, mobile_net, same
from tests.whole.library import library
from tests.whole.networks import splits

BOARD = load_board("nucleo-l4r5zi")


def residual_inside(seed: int) -> Graph:
    """An add inside the stage, one whose operand is the cut tensor, a pool, odd sizes."""
    b = Builder(23, 19, 3, seed)
    x = b.conv("image", 6, 3, 2)
    x = b.block(x, 2, 6)
    x = b.node(MaxPool(same(3)), x)
    x = b.block(x, 2, 6, 5)
    x = b.conv(x, 8, 3, dilation=2)
    return b.graph(b.classifier(x, 4), name="residual_inside")


NETWORKS = {
    "mobile_net": mobile_net(21, 18),
    "residual_inside": residual_inside(3),
    "splits": splits(),
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


@st.composite
def plans(draw: st.DrawFn, name: str) -> Plan:
    graph = lower(NETWORKS[name])
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


def legal(name: str, plan: Plan) -> bool:
    """Tiles whose rates do not fit the strides are refused, with an error that says so."""
    try:
        expand(lower(NETWORKS[name]), plan)
    except ModelError:
        return False
    return True


@pytest.mark.host
@pytest.mark.parametrize("name", NETWORKS)
def test_drawn_plans_give_the_bytes_of_layer_by_layer(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    built = 0

    @settings(derandomize=True, deadline=None, max_examples=12, phases=[Phase.generate])
    @given(plans(name))
    def check_plan(plan: Plan) -> None:
        nonlocal built
        if not legal(name, plan):
            return
        built += 1
        folder = tmp_path_factory.mktemp("plan")
        lib = library(NETWORKS[name], BOARD, folder / "c", "net", plan=plan)
        shared = build_shared([lib.unit], lib.kernels, folder / "so", flags=("-O0",))
        pictures = lib.pictures(2)
        assert run_host(shared, "net", pictures) == lib.expected(pictures)

    check_plan()
    assert built >= 5


@pytest.mark.emulated
@pytest.mark.parametrize("tile", [(1, 0), (2, 4)])
def test_fused_stage_on_an_emulated_core(tile: tuple[int, int], tmp_path: Path) -> None:
    graph = lower(NETWORKS["residual_inside"])
    plan = stage_of(graph, 9, tile, ())
    lib = library(NETWORKS["residual_inside"], BOARD, tmp_path / "c", "net", plan=plan)
    layers = expand(lib.program.graph, layers_plan(lib.program.graph, ImagePolicy.ROWS))
    assert lib.program.arena_bytes < layers.arena_bytes
    pictures = lib.pictures(2)
    result = Qemu().run(lib.firmware(tmp_path / "f"), pictures, count=True)
    assert result.outputs == lib.expected(pictures)
