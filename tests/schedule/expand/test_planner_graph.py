"""Where bytes come to be: by a node, by a source of rows, or before the first step."""

from dataclasses import replace

import pytest

from mcucc.ir import Quant, Tensor
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.reshape import Reshape
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerTensor, Source
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Receive
from tests.graphs import INT8, Builder

ROWS, MAPPED, RESIDENT = ImagePolicy.ROWS, ImagePolicy.MAPPED, ImagePolicy.RESIDENT


def read_late() -> IntegerGraph:
    """Two images; the second one is first read by the second node."""
    b = Builder(8, 6, 3)
    b.tensors["depth"] = Tensor("depth", (1, 8, 6, 4), INT8, Quant((1 / 128,), -1))
    graph = b.graph(b.conv(b.add(b.conv("image", 4), "depth"), 2))
    return lower(replace(graph, inputs=("image", "depth")))


def tensor(image: ImagePolicy, name: str) -> PlannerTensor:
    graph = PlannerGraph(read_late(), image)
    return graph.tensors[graph.number[name]]


@pytest.mark.parametrize(("image", "source"), [(ROWS, Source(True)), (MAPPED, Source(False))])
def test_an_image_by_rows_is_born_with_its_first_reader(image: ImagePolicy, source: Source) -> None:
    depth = tensor(image, "depth")
    assert (depth.source, depth.producer, depth.born) == (source, -1, 1)
    assert [depth.arrives(begin) for begin in range(3)] == [True, True, False]
    assert tensor(image, "image").born == 0


def test_a_resident_image_is_there_from_the_start() -> None:
    depth = tensor(RESIDENT, "depth")
    assert (depth.source, depth.born, depth.arrives(0)) == (None, -1, False)


@pytest.mark.parametrize("image", list(ImagePolicy))
def test_what_a_node_makes_is_born_there(image: ImagePolicy) -> None:
    made = PlannerGraph(read_late(), image).tensors[2:]
    assert [(t.born, t.producer, t.source) for t in made] == [(i, i, None) for i in range(3)]


def test_the_source_runs_in_the_stage_of_the_first_reader() -> None:
    graph = read_late()
    stages = tuple(StagePlan((node.name,), (1, 0)) for node in graph.nodes)
    program = expand(graph, Plan("test", ROWS, stages))
    receives = [
        [action.tensor for action in stage.actions if isinstance(action, Receive)]
        for stage in program.stages
    ]
    assert receives == [["image"], ["depth"], []]


def test_an_alias_lives_as_long_as_any_name_of_its_bytes() -> None:
    b = Builder(4, 4, 2)
    flat = b.node(Reshape((1, 32)), "image")
    graph = PlannerGraph(lower(b.graph(flat, b.conv("image", 2))), RESIDENT)
    root, alias = graph.tensors[graph.number["image"]], graph.tensors[graph.number[flat]]
    assert graph.tensors[alias.root].name == "image"
    assert root.last == len(graph.nodes) == alias.last
