"""Weights of few bits in a .tflite: LiteRT's bytes, brought to multiples and stored packed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Graph, Quant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.ir.window import hwc
from mcucc.kernels.packing import storage_bits
from mcucc.kernels.select import select_all
from mcucc.numerics.fixed_point import Rounding
from mcucc.quantize.lower import lower
from tests.frontends.test_tflite_ops import agrees, lowered, run
from tests.litert_builder import LiteRTBuilder, run_litert

OPS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
X = Quant((0.05,), 3)
SINGLE: Rounding = Rounding.SINGLE


def network(op: str, integers: np.ndarray, packed: bool) -> tuple[bytes, np.ndarray]:
    """One layer, its weights INT4 where they are `packed`, and a picture."""
    rng, b = np.random.default_rng(1), LiteRTBuilder()
    axis = 3 if op == "DEPTHWISE_CONV_2D" else 0
    channels = integers.shape[axis]
    flat = op == "FULLY_CONNECTED"
    shape = (1, integers.shape[1]) if flat else (1, 6, 5, integers.shape[3])
    scales = tuple(rng.uniform(0.02, 0.1, channels).astype(np.float32).tolist())
    x = b.tensor(shape, np.int8, X)
    w = b.constant(integers.astype(np.int8), Quant(scales, 0, axis))
    bias_scales = tuple(0.05 * s for s in scales)
    bias = b.constant(rng.integers(-300, 300, channels).astype(np.int32), Quant(bias_scales, 0, 0))
    y = b.tensor((1, channels) if flat else (*shape[:3], channels), np.int8, Quant((0.2,), -5))
    window = {} if flat else {"strideH": 1, "strideW": 1, "padding": schema.Padding.SAME}
    names = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D"}
    more: dict[str, Any] = {"depthMultiplier": 1} if op == "DEPTHWISE_CONV_2D" else {}
    b.op(op, f"{names.get(op, 'FullyConnected')}Options", [x, w, bias], [y], **window, **more)
    if packed:
        tensor = b.tensors[w]
        tensor.type = schema.TensorType.INT4
        nibbles = np.resize(integers.reshape(-1).astype(np.uint8) & 15, integers.size // 2 * 2)
        b.buffers[tensor.buffer].data = nibbles[::2] | (nibbles[1::2] << 4)
    return b.build([x], [y]), rng.integers(-128, 128, shape).astype(np.int8)


def imported(data: bytes) -> Graph:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.tflite"
        path.write_bytes(data)
        return import_tflite(path).graph


def same_bytes_in_steps(data: bytes, picture: np.ndarray) -> None:
    """Multiples and the file's integers give the same bytes; LiteRT rounds INT4 layers twice."""
    graph = imported(data)
    (node,) = graph.nodes
    as_it_is = node.op.lower(graph.tensors_of(node.inputs), graph.tensors[node.output], SINGLE)
    scaled = lower(graph, SINGLE)
    found = run(scaled, [picture])[0]
    values = picture.reshape(1, *hwc(picture.shape))
    np.testing.assert_array_equal(as_it_is.run([values]), found)
    assert as_it_is.weights.max() < scaled.nodes[0].kernel.weights.max()
    theirs = run_litert(data, [picture], reference=False)[0].reshape(found.shape)
    off = np.abs(found.astype(int) - theirs)
    assert off.max() <= 1 and off.mean() < 0.03


def shape_of(op: str) -> tuple[int, ...]:
    depthwise = {"DEPTHWISE_CONV_2D": (1, 3, 3, 8), "FULLY_CONNECTED": (6, 40)}
    return depthwise.get(op, (6, 3, 3, 8))


@pytest.mark.parametrize("low", [-7, -8])
@pytest.mark.parametrize("op", OPS)
def test_int4_weights_give_litert_s_bytes(op: str, low: int) -> None:
    integers = np.random.default_rng(2).integers(low, 8, shape_of(op))
    data, picture = network(op, integers, packed=True)
    agrees(data, [picture])  # two roundings
    graph = lowered(data, SINGLE)
    assert storage_bits(graph.nodes[0].kernel.weights) == 4
    same_bytes_in_steps(data, picture)


@pytest.mark.parametrize("op", OPS)
def test_ternary_weights_as_int8_are_found_by_their_values(op: str) -> None:
    integers = np.random.default_rng(3).integers(-1, 2, shape_of(op))
    data, picture = network(op, integers, packed=False)
    agrees(data, [picture])
    graph = lowered(data, SINGLE)
    same_bytes_in_steps(data, picture)
    chosen = select_all(graph, InstructionSet.PORTABLE)
    assert [node.call().id.bits for node in chosen.nodes] == [2]


def test_two_roundings_are_not_scaled() -> None:
    """A first rounding of sums 16 times as large is another one: weights stay bytes."""
    data, _ = network("CONV_2D", np.random.default_rng(2).integers(-7, 8, (6, 3, 3, 8)), True)
    (node,) = lowered(data, Rounding.DOUBLE).nodes
    assert node.kernel.weights.max() == 7


def test_a_layer_of_ones_is_no_layer_of_few_bits() -> None:
    data, _ = network("DEPTHWISE_CONV_2D", np.ones((1, 3, 3, 8), int), packed=False)
    (node,) = lowered(data, SINGLE).nodes
    assert node.kernel.weights.max() == 1
