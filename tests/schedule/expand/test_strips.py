"""Column strips: rows of a strip at a time, borders computed twice, buffers as wide as a strip."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.quantize.lower import lower
from mcucc.report.memory import memory_facts
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferId, BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.check_network import CheckError
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Compute, Program
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import NORMAL
from mcucc.schedule.search.pick import Bounds, least_memory
from tests.fronts import quick
from tests.graphs import Builder
from tests.schedule.parts import sampling

WIDTH = 29  # no number of strips divides it


def wide(*, pooled: bool = False) -> IntegerGraph:
    """A wide tensor between two narrow ones, which needs a row cache, and a stride."""
    b = Builder(18, WIDTH, 3)
    x = b.conv(b.depthwise(b.conv("image", 16), 3), 6, 3, 2)
    return lower(b.graph(b.node(GlobalAveragePool(), x) if pooled else x))


def program_of(
    graph: IntegerGraph,
    strips: int,
    tile: tuple[int, int] = (1, 0),
    form: Form = Form.TILE,
    image: ImagePolicy = ImagePolicy.MAPPED,
) -> Program:
    edges = tuple(EdgePlan(node.output, form) for node in graph.nodes)
    names = tuple(node.name for node in graph.nodes)
    stage = StagePlan(names, tile, edges, strips=strips)
    return expand(graph, Plan("test", image, (stage,)))


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("tile", [(1, 0), (2, 4), (3, 1)])
def test_buffers_are_as_wide_as_a_strip(form: Form, tile: tuple[int, int]) -> None:
    graph = wide()
    one, three = (program_of(graph, strips, tile, form) for strips in (1, 3))
    check(one)
    check(three)
    for name, place in three.buffers.items():
        if place.kind in (BufferKind.RING, BufferKind.ROW_CACHE):
            assert place.pitch < one.buffers[name].pitch
    assert three.arena_bytes < one.arena_bytes


def test_columns_at_borders_are_computed_in_both_strips() -> None:
    graph = wide()
    program = program_of(graph, 2)
    computed = {a.node: a.columns for a in program.stages[0].actions if isinstance(a, Compute)}
    first, middle, last = (computed[node.name] for node in graph.nodes)
    # The last output has ceil(29 / 2) = 15 columns; its window is 3 wide with stride 2.
    assert last == ((0, 7), (7, 15))
    assert middle == ((0, 14), (13, WIDTH))
    assert first == ((0, 15), (12, WIDTH))
    once = graph.macs_of(graph.nodes[0])
    again = 3 * once / WIDTH + 1 * graph.macs_of(graph.nodes[1]) / WIDTH
    assert check(program).macs == program.macs == graph.macs + again


def test_pools_take_every_pixel_once() -> None:
    graph = wide(pooled=True)
    for tile in ((1, 0), (2, 4)):
        program = program_of(graph, 3, tile)
        check(program)
        stage = program.stages[0]
        computed = (a for a in stage.actions if isinstance(a, Compute))
        columns = next(a.columns for a in computed if a.node in stage.sinks)
        assert [c for begin, end in columns for c in range(begin, end)] == list(range(15))


def test_an_input_dies_only_under_the_last_strip() -> None:
    program = program_of(wide(), 2, image=ImagePolicy.RESIDENT)
    image = program.live_ranges[BufferId("image")][0].at_times
    first, last = np.split(image[1:-1, 0], 2)
    assert first.max() < program.buffer_of("image").pitch  # the second strip reads row 0 again
    assert last.max() == program.buffer_of("image").size


def test_strips_out_of_order_are_caught() -> None:
    program = program_of(wide(), 2)
    stage = program.stages[0]
    swapped = replace(stage, strips=stage.strips[::-1])
    narrow = replace(
        program,
        buffers={
            name: replace(place, origins=place.origins[::-1])
            for name, place in program.buffers.items()
        },
    )
    for broken in (narrow, replace(program, stages=(replace(swapped, strips=((0, 1), (0, 1))),))):
        with pytest.raises(CheckError):
            check(broken)


def test_a_strip_too_few_is_caught() -> None:
    program = program_of(wide(), 3)
    chain = replace(program.chains[0], order=program.chains[0].order[18:])
    with pytest.raises(CheckError):
        check(replace(program, chains=(chain,)))


def test_report_shows_the_fullest_moment_of_a_strip() -> None:
    program = program_of(wide(), 3, (2, 4))
    moment = memory_facts(program).moments[0]
    assert moment.bytes == program.stage_bytes[0]
    assert moment.column_step in range(program.stages[0].column_steps)


def test_strips_survive_json_and_files_without_them_have_one() -> None:
    plan = program_of(wide(), 3).plan
    assert Plan.from_json(plan.to_json()) == plan
    data = json.loads(plan.to_json())
    del data["stages"][0]["strips"]
    assert Plan.from_json(json.dumps(data)).stages[0].strips == 1


@pytest.mark.parametrize("strips", [-1, 1.5, "two", True])
def test_a_plan_file_with_no_number_of_strips_is_refused(strips: object) -> None:
    data = json.loads(program_of(wide(), 1).plan.to_json())
    data["stages"][0]["strips"] = strips
    with pytest.raises(ModelError, match="not a plan"):
        Plan.from_json(json.dumps(data))


@pytest.mark.parametrize(("strips", "tile"), [(0, (1, 0)), (16, (1, 0)), (5, (1, 4))])
def test_strips_that_a_row_does_not_hold_are_refused(strips: int, tile: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match=f"{strips} strips of a row"):
        program_of(wide(), strips, tile)


def test_rows_of_a_camera_come_only_once() -> None:
    with pytest.raises(ModelError, match="only once"):
        program_of(wide(), 2, image=ImagePolicy.ROWS)


def test_stages_that_feed_each_other_have_no_strips() -> None:
    graph = wide()
    names = [node.name for node in graph.nodes]
    stages = (
        StagePlan((names[0],), (1, 0), feeds=True),
        StagePlan(tuple(names[1:]), (1, 0), strips=2),
    )
    with pytest.raises(ModelError, match="no strips"):
        expand(graph, Plan("test", ImagePolicy.MAPPED, stages))


def test_search_finds_strips_where_the_image_can_be_read_again() -> None:
    """Caches over the width of a wide image are what bounds this network."""
    b = Builder(64, 96, 3)
    x = b.conv("image", 12, 3, 2)
    for channels in (16, 24):
        x = b.block(x, 6, channels, 5, 2)
    graph = lower(b.graph(x))
    fronts = {
        image: search(graph, SearchOptions(image=image, max_factor=1.1, limits=quick(NORMAL)))
        for image in (ImagePolicy.ROWS, ImagePolicy.MAPPED)
    }
    least: dict[ImagePolicy, Program] = {}
    for image, front in fronts.items():
        point = least_memory(front.points, Bounds(macs=1.1))
        assert point is not None
        least[image] = point.program
    for program in least.values():
        check(program)
    assert any(stage.strips > 1 for stage in least[ImagePolicy.MAPPED].plan.stages)
    assert all(stage.strips == 1 for stage in least[ImagePolicy.ROWS].plan.stages)
    assert least[ImagePolicy.MAPPED].arena_bytes < least[ImagePolicy.ROWS].arena_bytes


def test_a_result_that_nothing_reads_has_no_strips() -> None:
    b = Builder(6, 10, 2)
    x = b.conv("image", 2)
    unread = resized(b, x, (3, 5))
    graph = lower(b.graph(b.conv(x, 2, 3, 2)))
    with pytest.raises(ModelError, match=f"nothing reads {unread}"):
        program_of(graph, 2, (3, 0))


def resized(b: Builder, x: str, size: tuple[int, int]) -> str:
    _, height, width, _ = b.tensors[x].shape
    rows, columns = (
        sampling(*each, "half_pixel") for each in ((height, size[0]), (width, size[1]))
    )
    return b.node(ResizeBilinear(rows, columns), x)
