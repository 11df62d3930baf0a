"""Which tensors share a quantization."""

from __future__ import annotations

from mcucc.numerics.fixed_point import RELU
from mcucc.ops.common.spatial import Pads
from mcucc.ops.concat import Concat
from mcucc.ops.extremum import Extremum
from mcucc.ops.pad import Pad
from mcucc.ops.sigmoid import Sigmoid
from mcucc.quantize.calibrate import measured_tensors
from mcucc.quantize.groups import quant_groups
from tests.graphs import Builder
from tests.quantize.float_nets import FloatNet


def names(graph):
    return [set(group.members) for group in quant_groups(graph)]


def test_ops_that_move_values_share_their_inputs_quantization(tmp_path):
    net = FloatNet(8, 8, 3)
    a = net.conv("image", 4)
    b = net.max_pool(a)
    vector = net.pooled_vector(b)
    graph = net.model(tmp_path, vector).graph
    pooled = graph.producer(vector).inputs[0]
    assert names(graph) == [{"image"}, {a, b}, {pooled, vector}]
    assert measured_tensors(graph) == ("image", a, pooled)


def test_a_concat_shares_with_the_inputs_nobody_else_reads(tmp_path):
    net = FloatNet(8, 8, 3)
    a, b, c = net.conv("image", 4), net.conv("image", 5), net.conv("image", 6)
    both = net.concat(a, b, c)
    other = net.conv(c, 2)
    graph = net.model(tmp_path, both, other).graph
    assert names(graph) == [{"image"}, {a, b, both}, {c}, {other}]
    # The output's own range counts, since c is not part of the group.
    assert measured_tensors(graph) == ("image", a, b, both, c, other)


def test_a_concat_behind_a_pool_equalises_through_it(tmp_path):
    net = FloatNet(8, 8, 3)
    a, b = net.conv("image", 4), net.conv("image", 5, stride=2)
    pooled = net.max_pool(a)
    both = net.concat(pooled, b)
    graph = net.model(tmp_path, both).graph
    assert names(graph) == [{"image"}, {a, b, pooled, both}]


def test_prescribed_quantizations_are_never_merged_with_others():
    net = Builder(4, 4, 3)
    a = net.conv("image", 4)
    s, t = net.node(Sigmoid(), a), net.node(Sigmoid(), net.conv("image", 4))
    mixed = net.node(Concat(3), s, net.conv("image", 2))
    alike = net.node(Extremum(), net.node(Sigmoid(), a), t)
    groups = {m: group for group in quant_groups(net.graph(mixed, alike)) for m in group.members}
    assert groups[s].fixed == Sigmoid().fixed_quant()
    assert groups[mixed] is not groups[s]
    assert groups[mixed].fixed is None
    assert groups[alike] is groups[t]
    assert groups[alike].fixed == Sigmoid().fixed_quant()


def test_a_border_of_a_value_is_measured_and_one_of_zeros_is_not():
    net = Builder(4, 4, 3)
    a = net.conv("image", 4, clamp=RELU)
    border = Pads(1, 1, 1, 1)
    ones = net.node(Pad(border, value=1.0), a)
    zeros = net.node(Pad(border), ones)
    lowest = net.node(Pad(border, value=-3.4e38), zeros)
    (group,) = (g for g in quant_groups(net.graph(lowest)) if a in g.members)
    assert group.members == (a, ones, zeros, lowest)
    assert group.measured == (a, ones)
