"""Nodes computed twice: what plans may say, what is refused, what the checker sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.symbols import symbol_owners
from mcucc.errors import ModelError
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.mul import Mul
from mcucc.quantize.lower import lower
from mcucc.report.flash import table_facts, weight_bytes
from mcucc.report.nodes import node_facts
from mcucc.report.plan import ChoiceFacts, plan_facts
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferId
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.check_network import CheckError
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy, Plan, SplitPlan, StagePlan
from mcucc.schedule.plan.program import Program
from tests.graphs import Builder


def network() -> IntegerGraph:
    """An inverted bottleneck with a gate, between two convolutions."""
    b = Builder(12, 10, 3)
    x = b.conv("image", 6, 3)
    depth = b.depthwise(b.conv(x, 24), 3)
    gate = b.conv(b.node(GlobalAveragePool(), depth), 24)
    y = b.conv(b.node(Mul(), depth, gate), 6)
    return lower(b.graph(b.conv(b.add(x, y), 4)))


GRAPH = network()
FIRST, EXPAND, DEPTH, POOL, GATE, GATED, PROJECT, ADD, LAST = (node.name for node in GRAPH.nodes)


def plan(again: tuple[str, ...] = (EXPAND, DEPTH), image: ImagePolicy = ImagePolicy.ROWS) -> Plan:
    return Plan(
        "test",
        image,
        (
            StagePlan((FIRST,), (1, 0)),
            StagePlan((EXPAND, DEPTH, POOL), (1, 0)),
            StagePlan((GATE,), (1, 0)),
            StagePlan((*again, GATED, PROJECT, ADD), (1, 0), again=again),
            StagePlan((LAST,), (1, 0)),
        ),
    )


def with_stage(number: int, **changes: object) -> Plan:
    stages = list(plan().stages)
    stages[number] = replace(stages[number], **changes)  # type: ignore[arg-type]
    return replace(plan(), stages=tuple(stages))


def test_the_gated_tensor_is_never_whole_and_macs_count_twice() -> None:
    program = expand(GRAPH, plan())
    depth = GRAPH.node(DEPTH)
    again = sum(GRAPH.macs_of(GRAPH.node(name)) for name in (EXPAND, DEPTH))
    assert program.whole(depth.output) is None
    assert program.whole(f"{depth.output}.again") is None
    assert program.arena_bytes < GRAPH.activations[depth.output].size
    assert check(program).macs == program.macs == GRAPH.macs + again
    assert program.factor == (GRAPH.macs + again) / GRAPH.macs


def test_every_tensor_of_the_new_graph_has_the_values_of_the_network() -> None:
    program = expand(GRAPH, plan())
    image = np.random.default_rng(0).integers(-128, 128, (2, 12, 10, 3)).astype(np.int8)
    expected, found = GRAPH.run({"image": image}), program.graph.run({"image": image})
    assert set(found) == {*expected, f"{EXPAND}.again", f"{DEPTH}.again"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name.removesuffix(".again")])


def test_names_are_new_whatever_the_network_calls_its_own() -> None:
    taken = replace(GRAPH.node(LAST), name=f"{DEPTH}.again")
    graph = replace(GRAPH, nodes=(*GRAPH.nodes[:-1], taken))
    stages = (*plan().stages[:-1], StagePlan((taken.name,), (1, 0)))
    program = expand(graph, replace(plan(), stages=stages))
    names = [node.name for node in program.graph.nodes]
    assert len(set(names)) == len(names) and f"{DEPTH}.again2" in names
    check(program)


def test_weights_are_in_flash_once() -> None:
    once, twice = expand(GRAPH, layers_plan(GRAPH, ImagePolicy.ROWS)), expand(GRAPH, plan())
    cameras = {"image": CameraInput.offset(3)}

    def tables(program: Program) -> dict[str, str]:
        code = model_code(program, cameras, "net", Origin("test", "0" * 64, "test"))
        return {
            table.name: "".join(table.lines) for table in code.tables if "pad" not in table.name
        }

    assert tables(twice) == tables(once)
    owners = symbol_owners(twice, "net")
    assert {owners[name] for name in tables(twice)} <= {node.name for node in GRAPH.nodes}
    assert weight_bytes(twice.graph) == weight_bytes(GRAPH)
    assert table_facts(twice).total == table_facts(once).total


def test_the_report_names_clones_and_adds_up_to_the_network() -> None:
    once, twice = expand(GRAPH, layers_plan(GRAPH, ImagePolicy.ROWS)), expand(GRAPH, plan())
    facts = {node.name: node for node in node_facts(twice, once)}
    clone = facts[f"{DEPTH}.again"]
    assert (clone.again, clone.macs, clone.weight_bytes) == (DEPTH, 0, 0)
    assert clone.executed == facts[DEPTH].executed == facts[DEPTH].macs
    assert sum(node.macs for node in facts.values()) == GRAPH.macs
    stages = plan_facts(twice, once, ChoiceFacts(front=(), cost_unit="MACs", objectives=())).stages
    assert sum(stage.macs_once for stage in stages) == GRAPH.macs
    assert [stage.again for stage in stages if stage.again] == [(EXPAND, DEPTH)]


def test_a_plan_that_computes_again_survives_json() -> None:
    assert Plan.from_json(plan().to_json()) == plan()


def test_plans_written_before_there_was_again_are_read() -> None:
    data = json.loads(layers_plan(GRAPH, ImagePolicy.ROWS).to_json())
    for stage in data["stages"]:
        del stage["again"]
    assert Plan.from_json(json.dumps(data)) == layers_plan(GRAPH, ImagePolicy.ROWS)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (with_stage(3, again=("nothing",)), "again of nothing: .*no such node"),
        (with_stage(3, again=(EXPAND,)), f"again of {DEPTH}: .*earlier stage computes it too"),
        (with_stage(3, again=(EXPAND, DEPTH, GATE)), "not once among the nodes of its stage"),
        (with_stage(3, again=(EXPAND, DEPTH, DEPTH)), "not once among the nodes"),
        (with_stage(3, again=(EXPAND, DEPTH, PROJECT)), "no stage before has computed it"),
        (with_stage(1, again=(EXPAND,)), "no stage before has computed it"),
        (with_stage(3, nodes=(EXPAND, GATED, PROJECT, ADD), again=(EXPAND,)), "nothing reads"),
        (
            with_stage(3, nodes=(GATED, EXPAND, DEPTH, PROJECT, ADD)),
            "nothing reads what is computed again there",
        ),
        (with_stage(3, nodes=(DEPTH, EXPAND, GATED, PROJECT, ADD)), "nothing reads what"),
        (with_stage(3, splits=(SplitPlan(PROJECT, 4),)), "no block ends there"),
    ],
)
def test_what_cannot_be_computed_again_is_refused(changed: Plan, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        expand(GRAPH, changed)


def test_a_block_is_not_both_split_and_computed_twice() -> None:
    b = Builder(8, 8, 4)
    x = b.conv(b.depthwise(b.conv("image", 12)), 4)
    y = b.conv(b.node(Mul(), x, b.node(GlobalAveragePool(), x)), 4)
    graph = lower(b.graph(y))
    expand_, depth, project, *rest = (node.name for node in graph.nodes)
    pool, gated, last = rest
    block = (expand_, depth, project)
    stages = (
        StagePlan((*block, pool), (8, 0), splits=(SplitPlan(project, 4),)),
        StagePlan((*block, gated, last), (1, 0), again=block),
    )
    with pytest.raises(ModelError, match="it is computed twice"):
        expand(graph, Plan("test", ImagePolicy.RESIDENT, stages))


# What the checker sees: a node of stage 3 that is another one, everything else as it was ----------


def mutant(name: str, change: Callable[[IntegerNode], IntegerNode]) -> Program:
    program = expand(GRAPH, plan())

    def changed(nodes: tuple[IntegerNode, ...]) -> tuple[IntegerNode, ...]:
        return tuple(change(node) if node.name == name else node for node in nodes)

    stages = tuple(replace(stage, nodes=changed(stage.nodes)) for stage in program.stages)
    graph = replace(program.graph, nodes=changed(program.graph.nodes))
    return replace(program, stages=stages, graph=graph)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (f"{EXPAND}.again", lambda n: replace(n, inputs=(GATE,)), "in place of"),
        (f"{DEPTH}.again", lambda n: replace(n, inputs=(DEPTH,)), "in place of"),
        (f"{DEPTH}.again", lambda n: replace(n, again=EXPAND), "in place of"),
        (f"{DEPTH}.again", lambda n: replace(n, again="nothing"), "no node of the network"),
        (
            f"{EXPAND}.again",
            lambda n: replace(n, kernel=network().node(EXPAND).kernel),
            "is not Conv2d",
        ),
        (GATED, lambda n: replace(n, inputs=(f"{EXPAND}.again", GATE)), "in place of"),
        (GATED, lambda n: replace(n, inputs=(GATE, f"{DEPTH}.again")), "in place of"),
        (ADD, lambda n: replace(n, inputs=(f"{DEPTH}.again", PROJECT)), "in place of"),
        (f"{DEPTH}.again", lambda n: replace(n, output=DEPTH), "which is there"),
    ],
)
def test_a_clone_that_computes_anything_else_is_caught(
    name: str, change: Callable[[IntegerNode], IntegerNode], words: str
) -> None:
    check(mutant(name, lambda node: node))
    with pytest.raises(CheckError, match=words):
        check(mutant(name, change))


def test_a_node_left_out_is_caught() -> None:
    program = expand(GRAPH, layers_plan(GRAPH, ImagePolicy.ROWS))
    with pytest.raises(CheckError, match="nothing computes it"):
        check(replace(program, stages=program.stages[:-1]))


def test_a_clone_that_overwrites_what_is_still_read_is_caught() -> None:
    program = expand(GRAPH, plan())
    kept = program.buffer_of(FIRST)
    id = next(id for id in program.buffers if id.of == f"{DEPTH}.again")
    moved = {**program.buffers, id: replace(program.buffers[id], offset=kept.offset)}
    with pytest.raises(CheckError, match="hold something else"):
        check(replace(program, buffers=moved))
    assert BufferId(f"{DEPTH}.again") not in program.buffers
