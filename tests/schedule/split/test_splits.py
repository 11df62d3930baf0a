"""The channel split: what it computes and counts, what is refused, and what the checker catches."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mcucc.boards.board import load_board
from mcucc.driver.target import bind
from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.common.partial_sums import PartialSumsKernel
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.check_network import CheckError
from mcucc.schedule.plan.plan import ImagePolicy, Plan, SplitPlan, StagePlan
from mcucc.schedule.plan.program import Compute, Program
from mcucc.schedule.search.costs import MACS, cost_model, program_cost
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import NORMAL, SearchLimits
from mcucc.schedule.split.block import SplitBlockKernel
from mcucc.schedule.split.rewrite import blocks_of
from tests.graphs import Builder

CHANNELS = 21  # of the expanded tensor


def network(stride: int = 1, kernel: int = 3) -> IntegerGraph:
    """A convolution, a block with 21 expanded channels, a convolution."""
    b = Builder(11, 9, 3)
    x = b.conv("image", 7, 3)
    x = b.conv(b.depthwise(b.conv(x, CHANNELS), kernel, stride), 5)
    return lower(b.graph(b.conv(x, 4)))


def split_plan(graph: IntegerGraph, tile: tuple[int, int], channels: int) -> Plan:
    """One stage of the block, split; the others by themselves."""
    first, *block, last = (node.name for node in graph.nodes)
    return Plan(
        "test",
        ImagePolicy.ROWS,
        (
            StagePlan((first,), (11, 0)),
            StagePlan(tuple(block), tile, splits=(SplitPlan(block[-1], channels),)),
            StagePlan((last,), (1, 0)),
        ),
    )


def split_program(tile: tuple[int, int] = (4, 0), channels: int = 8) -> Program:
    graph = network()
    return expand(graph, split_plan(graph, tile, channels))


def with_kernel(
    program: Program, change: Callable[[SplitBlockKernel], SplitBlockKernel]
) -> Program:
    """The program with the kernel of its block changed."""

    def changed(nodes):  # type: ignore[no-untyped-def]
        return tuple(
            replace(node, kernel=change(node.kernel))
            if isinstance(node.kernel, SplitBlockKernel)
            else node
            for node in nodes
        )

    stages = tuple(replace(stage, nodes=changed(stage.nodes)) for stage in program.stages)
    graph = replace(program.graph, nodes=changed(program.graph.nodes))
    return replace(program, stages=stages, graph=graph)


@pytest.mark.parametrize("board", ["rpi-pico", "nucleo-l4r5zi", "corstone-300"])
@pytest.mark.parametrize("channels", [1, 4, 8, 20, 21])
def test_groups_of_any_size_give_the_bytes_of_the_layers(channels: int, board: str) -> None:
    graph = bind(network(2, 5), load_board(board), "balanced")
    program = expand(graph, split_plan(graph, (2, 0), channels))
    check(program)
    image = np.random.default_rng(0).integers(-128, 128, (2, 11, 9, 3)).astype(np.int8)
    (output,) = graph.outputs
    expected = graph.run({"image": image})[output]
    np.testing.assert_array_equal(program.graph.run({"image": image})[output], expected)


def test_the_expanded_tensor_is_never_there_as_a_whole() -> None:
    program = split_program((1, 0), 4)
    kinds = {place.kind: place for place in program.buffers.values() if ".sums" in place.tensor}
    window_rows, row, group = 3, 9, 4
    assert kinds[BufferKind.SCRATCH].size == (window_rows + 1) * row * group
    assert kinds[BufferKind.TILE].size == 4 * row * 5
    assert set(program.live_ranges) <= set(program.buffers)


def test_whole_height_repeats_no_work_and_tiles_repeat_their_borders() -> None:
    whole, tiled = split_program((11, 0)), split_program((4, 0))
    assert check(whole).macs == whole.graph.macs == network().macs
    # 11 rows in steps of 4, 4 and 3: of the rows of the input 5, 6 and 4 are expanded.
    again = (5 + 6 + 4 - 11) * 9 * 7 * CHANNELS
    assert check(tiled).macs == whole.macs + again


def test_weights_are_cut_not_copied() -> None:
    graph, program = network(), split_program(channels=4)
    block = blocks_of(graph)[program.plan.stages[1].splits[0].node]
    whole = sum(
        array.data.nbytes
        for node in (block.expand, block.depthwise, block.project)
        for array in node.call().arrays
    )
    parts = sum(
        array.data.nbytes for node in program.stages[1].nodes for array in node.call().arrays
    )
    assert parts == whole


def test_a_split_survives_json() -> None:
    plan = split_program().plan
    assert plan.stages[1].splits[0].channels == 8
    assert Plan.from_json(plan.to_json()) == plan


def test_plans_written_before_there_were_splits_are_read() -> None:
    data = json.loads(split_program().plan.to_json())
    for stage in data["stages"]:
        del stage["splits"]
    text = json.dumps(data)
    assert all(not stage.splits for stage in Plan.from_json(text).stages)


@pytest.mark.parametrize(
    ("node", "channels", "words"),
    [
        ("nothing", 4, "no such node"),
        (0, 4, "no two nodes lead to it"),
        (2, 4, "no convolution|no 1x1"),
        (3, 0, "groups of 0"),
        (3, 22, "there are 21"),
    ],
)
def test_what_cannot_be_split_is_refused(node: str | int, channels: int, words: str) -> None:
    graph = network()
    plan = split_plan(graph, (2, 0), 4)
    name = graph.nodes[node].name if isinstance(node, int) else node
    stage = replace(plan.stages[1], splits=(SplitPlan(name, channels),))
    with pytest.raises(ModelError, match=words):
        expand(graph, replace(plan, stages=(plan.stages[0], stage, plan.stages[2])))


def test_a_block_must_lie_in_one_stage() -> None:
    graph = network()
    first, expansion, *rest, last = (node.name for node in graph.nodes)
    split = StagePlan(tuple(rest), (2, 0), splits=(SplitPlan(rest[-1], 4),))
    alone = tuple(StagePlan((name,), (1, 0)) for name in (first, expansion))
    plan = Plan("test", ImagePolicy.ROWS, (*alone, split, StagePlan((last,), (1, 0))))
    with pytest.raises(ModelError, match="not in the stage of the split"):
        expand(graph, plan)


def test_blocks_with_a_node_in_common_are_not_both_split() -> None:
    b = Builder(8, 8, 4)
    x = b.conv("image", 6)
    y = b.conv(b.depthwise(x), 6)
    z = b.conv(b.depthwise(y), 6)
    graph = lower(b.graph(z))
    splits = SplitPlan(y, 2), SplitPlan(z, 2)
    stage = StagePlan(tuple(node.name for node in graph.nodes), (2, 0), splits=splits)
    with pytest.raises(ModelError, match="in common"):
        expand(graph, Plan("test", ImagePolicy.ROWS, (stage,)))


def test_what_something_else_reads_is_no_block() -> None:
    b = Builder(8, 8, 4)
    x = b.conv("image", 4)
    y = b.conv(b.depthwise(x), 4)
    assert not blocks_of(lower(b.graph(b.add(x, y))))


@pytest.mark.parametrize(
    "change",
    [
        lambda k: replace(k, groups=k.groups[:-1]),
        lambda k: replace(k, groups=k.groups[1:]),
        lambda k: replace(k, groups=(k.groups[1], k.groups[0], *k.groups[2:])),
        lambda k: replace(k, groups=(*k.groups, k.groups[-1])),
    ],
    ids=["last group dropped", "first group dropped", "groups swapped", "a group twice"],
)
def test_broken_groups_are_caught(change: Callable[[SplitBlockKernel], SplitBlockKernel]) -> None:
    with pytest.raises(CheckError, match="group"):
        check(with_kernel(split_program(), change))


def test_a_second_group_that_begins_the_sums_is_caught() -> None:
    def begin(kernel: SplitBlockKernel) -> SplitBlockKernel:
        group = kernel.groups[1]
        part = group.project.kernel
        assert isinstance(part, PartialSumsKernel)
        again = replace(group.project, kernel=replace(part, first=True))
        groups = (kernel.groups[0], replace(group, project=again), *kernel.groups[2:])
        return replace(kernel, groups=groups)

    with pytest.raises(CheckError, match="group 1"):
        check(with_kernel(split_program(), begin))


@pytest.mark.parametrize("kind", [BufferKind.SCRATCH, BufferKind.TILE])
def test_smaller_buffers_are_caught(kind: BufferKind) -> None:
    program = split_program()
    place = next(p for p in program.buffers.values() if p.kind is kind and ".sums" in p.tensor)
    smaller = {
        BufferKind.SCRATCH: replace(place, pitch=place.pitch // 2),
        BufferKind.TILE: replace(place, slots=place.slots - 1),
    }[kind]
    with pytest.raises(CheckError, match=r"bytes of scratch|slots"):
        check(replace(program, buffers={**program.buffers, place.id: smaller}))


def test_sums_over_an_input_that_later_groups_read_are_caught() -> None:
    """Row by row they would do no harm: the rows above are read no more."""
    program = split_program((4, 0))
    tile = next(
        p for p in program.buffers.values() if p.kind is BufferKind.TILE and ".sums" in p.tensor
    )
    source = program.buffer_of(program.graph.nodes[1].inputs[0])
    moved = replace(tile, offset=source.offset)
    with pytest.raises(CheckError, match=r"while it needs them|something else"):
        check(replace(program, buffers={**program.buffers, tile.id: moved}))


def test_sums_that_are_not_aligned_are_caught() -> None:
    program = split_program()
    tile = next(
        p for p in program.buffers.values() if p.kind is BufferKind.TILE and ".sums" in p.tensor
    )
    moved = replace(tile, offset=tile.offset + 2)
    with pytest.raises(CheckError, match="sums are words"):
        check(replace(program, buffers={**program.buffers, tile.id: moved}))


def test_a_step_left_out_is_caught() -> None:
    program = split_program()
    stage = program.stages[1]
    block = next(a for a in stage.actions if isinstance(a, Compute))
    shorter = replace(block, rows=(*block.rows[:-1], (0, 0)))
    actions = tuple(shorter if action is block else action for action in stage.actions)
    stages = (program.stages[0], replace(stage, actions=actions), program.stages[2])
    with pytest.raises(CheckError):
        check(replace(program, stages=stages))


def deep_blocks() -> IntegerGraph:
    """Few pixels, many expanded channels and large windows: where splits are worth most."""
    b = Builder(20, 20, 8, seed=3)
    x = b.block("image", 12, 16, 7, 2)
    x = b.block(x, 12, 16, 5)
    x = b.block(x, 12, 24, 7, 2)
    return lower(b.graph(b.block(x, 12, 24, 5)))


@pytest.mark.parametrize("cost", ["macs", "cortex-m4"])
def test_the_search_splits_blocks_where_that_takes_less(cost: str) -> None:
    graph = bind(deep_blocks(), load_board("nucleo-l4r5zi"), "balanced")
    model = MACS if cost == "macs" else cost_model(cost)
    limits = SearchLimits(efforts=(NORMAL,))
    options = SearchOptions(cost=model, max_factor=1.1, limits=limits)
    front = search(graph, options)
    no_splits = replace(limits, efforts=(replace(NORMAL, channels=()),))
    without = search(graph, replace(options, limits=no_splits))
    split = [p for p in front.points if any(s.splits for s in p.program.plan.stages)]
    assert split
    for point in split:
        check(point.program)
        assert expand(graph, point.program.plan).arena_bytes == point.bytes
    assert front.points[0].bytes < without.points[0].bytes
    for plain in without.points:  # as good a plan for every number of bytes, within estimates
        fits = [p.cost for p in front.points if p.bytes <= plain.bytes * 1.02]
        assert min(fits) <= plain.cost * 1.02


def test_costs_of_a_split_are_those_of_its_calls() -> None:
    program = split_program((4, 0))
    assert program_cost(program, MACS) == program.macs
