"""Plans as data, their expansion, and buffers that share bytes while they fill and drain."""

import json
from dataclasses import replace

import pytest

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.spans import Reuse
from tests.graphs import Builder, mobile_net


def chain_plan(*tiles: tuple[int, int]) -> tuple[Builder, Plan]:
    """Two convolutions in one stage or in two."""
    b = Builder(12, 10, 4)
    y = b.conv(b.conv("image", 4, 3), 4, 3)
    names = tuple(node.name for node in b.graph(y).nodes)
    parts = (names,) if len(tiles) == 1 else ((names[0],), (names[1],))
    stages = tuple(StagePlan(part, tile) for part, tile in zip(parts, tiles, strict=True))
    return b, Plan("test", ImagePolicy.ROWS, stages)


def test_plan_survives_json() -> None:
    edges = (EdgePlan("x", Form.SLIDE, Reuse.RECOMPUTE, Reuse.CACHE),)
    plan = Plan("auto", ImagePolicy.MAPPED, (StagePlan(("a", "b"), (2, 4), edges),))
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"version": 99},
        {"stages": [{}]},
        {"stages": [{"nodes": ["a"], "tile": [-1, 0], "edges": []}]},
        {"stages": [{"nodes": [1], "tile": [1, 0], "edges": []}]},
        {"image": "somewhere"},
    ],
)
def test_broken_plan_file_is_refused(change: dict[str, object]) -> None:
    good = json.loads(Plan("auto", ImagePolicy.ROWS, ()).to_json())
    with pytest.raises(ModelError, match="not a plan"):
        Plan.from_json(json.dumps({**good, **change}))


def test_one_stage_needs_no_tensor_between() -> None:
    b, plan = chain_plan((1, 0))
    graph = lower(b.graph("conv_1"))
    fused = expand(graph, plan)
    layers = expand(graph, chain_plan((12, 0), (12, 0))[1])
    assert fused.whole("conv_0") is None
    # fullest while the last row between is computed: 10 rows of output, 2 of the image, 2 cached
    assert fused.arena_bytes == (10 + 2 + 2 + 1) * 40
    assert layers.arena_bytes == 2 * 480
    assert check(fused).macs == check(layers).macs == graph.macs


def test_input_and_output_overlap_row_by_row() -> None:
    b, plan = chain_plan((1, 0), (1, 0))
    program = expand(lower(b.graph("conv_1")), plan)
    # the second convolution may write row t as soon as row t - 1 of its input is dead: D = 2 rows
    assert program.buffer_of("conv_0").offset - program.buffer_of("conv_1").offset >= 2 * 40
    assert program.stage_bytes[1] == 480 + 2 * 40
    check(program)


def test_result_in_place_takes_no_room() -> None:
    b = Builder(8, 8, 4)
    x = b.conv("image", 4)
    graph = lower(b.graph(b.add(x, b.conv(x, 4))))
    stages = tuple(StagePlan((node.name,), (1, 0)) for node in graph.nodes)
    program = expand(graph, Plan("test", ImagePolicy.ROWS, stages))
    assert program.stage_bytes[2] == 2 * 256
    check(program)


def test_plan_of_another_network_is_refused() -> None:
    _, plan = chain_plan((1, 0))
    with pytest.raises(ModelError, match="every node once"):
        expand(lower(mobile_net()), plan)


def test_stages_out_of_order_are_refused() -> None:
    b, plan = chain_plan((1, 0), (1, 0))
    swapped = replace(plan, stages=plan.stages[::-1])
    with pytest.raises(ModelError, match="before"):
        expand(lower(b.graph("conv_1")), swapped)


def test_tile_of_no_rows_is_refused() -> None:
    b, plan = chain_plan((0, 0))
    with pytest.raises(ModelError):
        expand(lower(b.graph("conv_1")), plan)


def halving_plan(strips: int, image: ImagePolicy) -> tuple[IntegerGraph, Plan]:
    """A convolution of stride 2 over 12 x 10 x 4 pixels and one more, in one stage row by row."""
    b = Builder(12, 10, 4)
    graph = lower(b.graph(b.conv(b.conv("image", 4, 3, 2), 4, 3)))
    names = tuple(node.name for node in graph.nodes)
    return graph, Plan("test", image, (StagePlan(names, (1, 0), strips=strips),))


# Streamed, the fullest moment is the last row of the first convolution: the three rows of the image
# that it reads, the row itself, two cached ones, four rows of output. Whole: the image and one row.
STREAMED, WHOLE = 3 * 40 + 20 + 2 * 20 + 4 * 20, 12 * 40 + 20


@pytest.mark.parametrize(
    ("image", "arena_bytes"),
    [
        (ImagePolicy.ROWS, STREAMED),
        (ImagePolicy.MAPPED, STREAMED),
        (ImagePolicy.RESIDENT, WHOLE),
    ],
)
def test_image_policies_count_what_they_say(image: ImagePolicy, arena_bytes: int) -> None:
    program = expand(*halving_plan(1, image))
    check(program)
    assert program.arena_bytes == arena_bytes


def test_strips_read_an_image_again_that_can_be_read_again() -> None:
    with pytest.raises(ModelError, match="come only once"):
        expand(*halving_plan(2, ImagePolicy.ROWS))
    mapped = expand(*halving_plan(2, ImagePolicy.MAPPED))
    resident = expand(*halving_plan(2, ImagePolicy.RESIDENT))
    assert check(mapped).macs == check(resident).macs > mapped.graph.macs
    assert mapped.arena_bytes < resident.arena_bytes - 300
