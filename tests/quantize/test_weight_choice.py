"""Which layers take fewer bits: all but the first and last, and those that are named."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.errors import DataError
from mcucc.ir import verify
from mcucc.numerics.weights import INT4, INT8, TERNARY
from mcucc.quantize.quantize import QuantizeOptions, quantize
from mcucc.quantize.weight_choice import WeightChoice, grids_of
from tests.quantize.float_nets import camera_graph, mobile_net
from tests.quantize.test_quantize import quantized


@pytest.fixture(name="graph")
def _graph(tmp_path):
    return camera_graph(mobile_net(tmp_path))


def weighted(graph):
    return [node for node in graph.nodes if node.op.WEIGHT_AXIS is not None]


def test_the_first_and_last_layers_stay_int8(graph):
    grids = list(grids_of(graph, WeightChoice("int4")).values())
    assert grids[0] == grids[-1] == INT8
    assert set(grids[1:-1]) == {INT4}
    assert set(grids_of(graph, WeightChoice()).values()) == {INT8}


def test_a_layer_that_is_named_takes_what_it_is_given(graph):
    first, second, *_, last = weighted(graph)
    named = {first.name: "ternary", second.output: "int8", last.name: "int4"}
    grids = grids_of(graph, WeightChoice("ternary", named))
    assert [grids[n.name] for n in (first, second, last)] == [TERNARY, INT8, INT4]


def test_a_layer_that_is_not_there_is_an_error_that_names_some(graph):
    with pytest.raises(DataError, match="no layer nowhere") as error:
        grids_of(graph, WeightChoice(layers={"nowhere": "int4"}))
    assert weighted(graph)[0].name in str(error.value.hint)


@pytest.mark.parametrize(("name", "grid"), [("int4", INT4), ("ternary", TERNARY)])
def test_weights_of_the_int8_graph_are_on_the_grid_of_their_layer(tmp_path, name, grid):
    graph, ranges, _ = quantized(mobile_net(tmp_path))
    made = quantize(graph, ranges, QuantizeOptions(weights=WeightChoice(name)))
    verify(made)
    first, *inner, last = [made.tensors[node.inputs[1]].constant for node in weighted(made)]
    assert all((weights % grid.step == 0).all() for weights in inner)
    assert all(np.abs(weights.astype(int)).max() == grid.step * grid.largest for weights in inner)
    assert (first % 2).any() and (last % 2).any()
