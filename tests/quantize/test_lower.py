"""Lowering an int8 Graph, ours or imported: kernels, shapes, and errors by node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.ir import Quant, Tensor
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.add import Add, AddDoubleKernel, AddKernel
from mcucc.quantize.lower import lower
from tests.graphs import Builder, mobile_net


def test_activations_are_height_width_channels_with_their_quantization():
    graph = mobile_net()
    integer = lower(graph)
    for name, activation in integer.activations.items():
        tensor = graph.tensors[name]
        assert activation.size == int(np.prod(tensor.shape))
        assert activation.scale == tensor.quantization.per_tensor_scale
        assert activation.zero_point == tensor.quantization.zero_point
    assert integer.activations[graph.outputs[0]].shape == (1, 1, 5)
    assert integer.macs == graph.macs


def test_constants_are_inside_the_kernels():
    integer = lower(mobile_net())
    assert all(set(node.inputs) <= set(integer.activations) for node in integer.nodes)


def test_a_batch_gives_what_single_pictures_give():
    integer = lower(mobile_net(seed=4))
    images = np.random.default_rng(0).integers(-128, 128, (3, 17, 13, 3)).astype(np.int8)
    together = integer.run({"image": images})
    for index in range(3):
        alone = integer.run({"image": images[index : index + 1]})
        for name in integer.activations:
            assert np.array_equal(alone[name][0], together[name][index])


@pytest.mark.parametrize(
    ("rounding", "kernel"), [(Rounding.SINGLE, AddKernel), (Rounding.DOUBLE, AddDoubleKernel)]
)
def test_the_rounding_profile_reaches_every_kernel(rounding, kernel):
    integer = lower(mobile_net(), rounding)
    adds = [node.kernel for node in integer.nodes if node.kernel.describe().startswith("Add")]
    assert integer.rounding is rounding
    assert len(adds) == 2 and all(isinstance(add, kernel) for add in adds)


def test_all_nodes_that_cannot_be_lowered_are_in_one_error():
    net = Builder(8, 8, 3)
    a = net.conv("image", 4)
    tiny = net.node(Add(), a, a, quant=Quant((1e-12,)))
    constant = Tensor.const("ones", np.ones((1, 8, 8, 4), np.int8), Quant((1.0,)))
    net.tensors["ones"] = constant
    stray = net.node(Add(), a, "ones")
    with pytest.raises(ModelError) as caught:
        lower(net.graph(tiny, stray))
    message = str(caught.value)
    assert tiny in message and "out of proportion" in message
    assert stray in message and "the constant operand ones was not folded" in message
    assert f"{a} [" not in message


def test_a_tensor_without_quantization_is_an_error_that_names_the_node():
    graph = mobile_net()
    bare = replace(graph.tensors["conv_0"], quant=None)
    with pytest.raises(ModelError, match="conv_0"):
        lower(graph.with_(tensors={**graph.tensors, "conv_0": bare}))
