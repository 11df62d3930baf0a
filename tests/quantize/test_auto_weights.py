"""`--weights auto`: fewer bits where they cost the outputs least, until the network fits."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.errors import DataError
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.select import select_all
from mcucc.quantize.auto_weights import _enough, _Step, chosen_weights, loss_of
from mcucc.quantize.lower import lower
from mcucc.quantize.quantize import QuantizeOptions, Room, quantize
from mcucc.quantize.sensitivity import sensitivities
from mcucc.quantize.weight_choice import AUTO, WeightChoice, able_layers
from tests.quantize.float_nets import mobile_net
from tests.quantize.test_quantize import PRE, Picture, quantized, smooth_images


def taken(integer):
    bound = select_all(integer, InstructionSet.PORTABLE)
    return {n.name: sum(a.data.nbytes for a in n.call().arrays) for n in bound.nodes if n.variant}


@pytest.fixture(name="net", scope="module")
def _net(tmp_path_factory):
    graph, ranges, made = quantized(mobile_net(tmp_path_factory.mktemp("net")))
    samples = [Picture(image, PRE) for image in smooth_images(6)]
    return graph, ranges, samples, sum(taken(lower(made)).values())


def choose(net, room, **layers):
    graph, ranges, samples, _ = net
    options = QuantizeOptions(weights=WeightChoice(AUTO, layers), room=room)
    return chosen_weights(graph, ranges, options, samples)


def test_nothing_changes_where_int8_fits(net):
    assert choose(net, Room(net[3], taken)) == WeightChoice()


def test_the_network_fits_by_as_little_loss_as_that_takes(net):
    graph, ranges, samples, whole = net
    noise = sensitivities(graph, samples).weights
    losses = []
    for share in (0.95, 0.8, 0.7):
        room = Room(int(whole * share), taken)
        found = choose(net, room)
        assert found == choose(net, room), "the same input gives the same answer"
        made = quantize(graph, ranges, QuantizeOptions(weights=found))
        assert sum(taken(lower(made)).values()) <= room.bytes
        losses.append(0.0)
        for node in able_layers(graph):
            bits = found.layers.get(node.name, "int8")
            losses[-1] += loss_of(graph, node, bits, noise[node.name])
    assert losses == sorted(losses)
    all_four = sum(loss_of(graph, n, "int4", noise[n.name]) for n in able_layers(graph))
    assert losses[0] < all_four


def test_a_named_layer_keeps_what_it_is_given(net):
    graph, *_, whole = net
    largest = max(able_layers(graph), key=lambda n: graph.tensors[n.inputs[1]].constant.size)
    found = choose(net, Room(int(whole * 0.9), taken), **{largest.name: "int8"})
    assert found.layers[largest.name] == "int8" and len(found.layers) > 1


def test_without_flash_to_fit_there_is_no_choice(net):
    with pytest.raises(DataError, match="linked firmware"):
        choose(net, None)


def test_a_step_that_was_not_needed_is_taken_back():
    steps = [
        _Step("a", "int8", "int4", 10, 1.0),
        _Step("b", "int8", "int4", 30, 2.0),
        _Step("b", "int4", "ternary", 100, 3.0),
    ]
    assert _enough(steps, 10) == steps[:1]
    assert _enough(steps, 20) == steps[1:2]
    assert _enough(steps, 50) == steps[1:], "b has to pass int4 to be ternary"
    assert _enough(steps, 200) == steps


def test_fewer_levels_lose_more(net):
    graph = net[0]
    for node in able_layers(graph):
        channels = graph.tensors[node.inputs[0]].shape[-1] if node.op.WEIGHT_AXIS == 0 else 1
        noise = np.ones((graph.tensors[node.output].shape[-1], channels))
        losses = [loss_of(graph, node, grid, noise) for grid in ("int8", "int4", "ternary")]
        assert losses == sorted(losses) and losses[2] > 10 * losses[0]
