"""Every drawn int8 operator again as one of uint8: LiteRT's uint8 kernels, byte for byte.

The bytes, constants and zero points of the files of test_tflite_ops.py are moved by 128.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcucc.errors import UnsupportedError
from mcucc.frontends.tflite.unsigned import PROVED
from mcucc.ir import Quant
from tests.frontends import test_tflite_choices as choices
from tests.frontends import test_tflite_converter as converted
from tests.frontends import test_tflite_drawn as networks
from tests.frontends import test_tflite_functions as functions
from tests.frontends import test_tflite_ops as int8
from tests.frontends import test_tflite_positions as positions
from tests.litert_builder import LiteRTBuilder, run_litert

DRAWN = 6  # of the seeds of each drawn test
# Operators of which LiteRT has no uint8 kernel, or that are refused: their tests say so.
REFUSED = {"ABS"}


def as_uint8(model: bytes) -> bytes:
    """The same file with uint8 for int8, one scale for weights."""
    made = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    moved = set()
    for tensor in made.subgraphs[0].tensors:
        quant = tensor.quantization
        if quant is None:
            continue
        quant.scale, quant.zeroPoint = quant.scale[:1], quant.zeroPoint[:1]
        if tensor.type != schema.TensorType.INT8:
            continue
        tensor.type = schema.TensorType.UINT8
        quant.zeroPoint = [int(quant.zeroPoint[0]) + 128]
        if tensor.buffer and tensor.buffer not in moved:
            moved.add(tensor.buffer)
            made.buffers[tensor.buffer].data = made.buffers[tensor.buffer].data ^ 128
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def kinds(model: bytes) -> set[str]:
    """The operators of a file."""
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    made = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    return {names[code.builtinCode] for code in made.operatorCodes}


def agrees(model: bytes, inputs: Sequence[np.ndarray]) -> None:
    found = kinds(model)
    model = as_uint8(model)
    if found & REFUSED:
        with pytest.raises(UnsupportedError, match="of uint8"):
            int8.lowered(model)
        return
    expected = run_litert(model, [x.view(np.uint8) ^ 128 for x in inputs])
    for ours, theirs in zip(int8.run(int8.lowered(model), inputs), expected, strict=True):
        unsigned = ours.view(np.uint8) ^ 128
        np.testing.assert_array_equal(unsigned.reshape(theirs.shape), theirs)


# The drawn tests, with what they take beside a seed.
SUMS, MOST = [("ADD",), ("SUB",), ("MUL",)], [("MAXIMUM",), ("MINIMUM",)]
TABLES: dict[Callable[..., None], list[tuple[Any, ...]]] = {
    int8.test_convolutions: [(True,), (False,)],
    int8.test_fully_connected: [()],
    int8.test_arithmetic: SUMS,
    int8.test_pools: [("MAX_POOL_2D",), ("AVERAGE_POOL_2D",)],
    int8.test_mean: [()],
    int8.test_softmax: [(12, 1.0), (300, 0.5)],
    int8.test_functions_of_one_value: [(code,) for code in int8.FUNCTIONS],
    int8.test_arithmetic_with_one_number: [(*code, first) for code in SUMS for first in (0, 1)],
    int8.test_arithmetic_with_a_constant_per_channel: [(*code, True) for code in SUMS],
    int8.test_larger_or_smaller_than_one_number: MOST,
    int8.test_larger_or_smaller_of_two: MOST,
    int8.test_prelu: [()],
    int8.test_pad: [("PAD",), ("PADV2",)],
    int8.test_transpose_conv: [(True,), (False,)],
}
FIXED = (
    int8.test_fully_connected_on_several_rows,
    int8.test_a_slice,
    int8.test_a_strided_slice,
    int8.test_split_into_equal_parts,
    int8.test_split_into_parts_of_given_lengths,
    int8.test_concatenation_along_each_axis,
    int8.test_resize_nearest,
    int8.test_blocks,
    int8.test_transpose,
)


def arguments(test: Callable[..., None]) -> list[dict[str, Any]]:
    """What `parametrize` calls a test with."""
    tables = []
    for mark in getattr(test, "pytestmark", []):
        names, values = mark.args
        names = [names] if isinstance(names, str) else names
        rows = [(value,) if len(names) == 1 else value for value in values]
        tables.append([dict(zip(names, row, strict=True)) for row in rows])
    return [{k: v for part in chosen for k, v in part.items()} for chosen in product(*tables)]


@pytest.mark.parametrize("test", TABLES, ids=lambda test: test.__name__)
def test_drawn(test: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "agrees", agrees)
    for seed, more in product(range(DRAWN), TABLES[test]):
        test.hypothesis.inner_test(seed, *more)


@pytest.mark.parametrize("test", FIXED, ids=lambda test: test.__name__)
def test_movers(test: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "agrees", agrees)
    for given in arguments(test):
        test(**given)


class Net:
    """Operators on uint8 pictures, drawn from one seed; checked by their int8 twin of a file."""

    def __init__(self, seed: int) -> None:
        self.case = int8.Case(seed)
        self.rng, self.b = self.case.rng, self.case.builder

    def check(self, *outputs: int) -> None:
        agrees(self.b.build(self.case.inputs, outputs), self.case.data)


@pytest.mark.parametrize("seed", range(12))
def test_parts_of_unlike_scales_are_joined(seed: int) -> None:
    """Rescaled in float32, halves away from zero."""
    net = Net(seed)
    quant = net.case.quant(-2, -1)
    scales = [net.case.quant(-2.5, -0.5), quant, Quant(quant.scale, 3), Quant((0.5,), -7)]
    parts = [net.case.input((1, 8, 8, 4), scale) for scale in scales]
    y = net.b.tensor((1, 8, 8, 16), np.int8, Quant((0.25,), 5) if seed % 2 else quant)
    net.b.op("CONCATENATION", "ConcatenationOptions", parts, [y], axis=3)
    net.check(y)


@pytest.mark.parametrize("seed", range(6))
def test_pools_with_a_fused_activation(seed: int) -> None:
    net = Net(seed)
    quant = Quant((0.05,), int(net.rng.integers(-128, 60)))
    x, y = net.case.input((1, 5, 6, 3), quant), net.b.tensor((1, 3, 3, 3), np.int8, quant)
    fields = {"filterHeight": 2, "filterWidth": 3, "strideH": 2, "strideW": 2}
    code = ("AVERAGE_POOL_2D", "MAX_POOL_2D")[seed % 2]
    activation = (1, 3, 3)[seed % 3]
    net.b.op(code, "Pool2DOptions", [x], [y], fusedActivationFunction=activation, **fields)
    net.check(y)


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_stacked_and_taken_apart(seed: int) -> None:
    net = Net(seed)
    quant = net.case.quant()
    rows = [net.case.input((1, 4, 6), quant) for _ in range(3)]
    pile = net.b.tensor((1, 3, 4, 6), np.int8, quant)
    net.b.op("PACK", "PackOptions", rows, [pile], axis=1, valuesCount=3)
    parts = [net.b.tensor((1, 3, 6), np.int8, quant) for _ in range(4)]
    net.b.op("UNPACK", "UnpackOptions", [pile], parts, axis=2, num=4)
    net.check(*parts)


@pytest.mark.parametrize("seed", range(4))
def test_dilation_by_phases(seed: int) -> None:
    net = Net(seed)
    quant = net.case.quant()
    x = net.case.input((1, 6, 6, 4), quant)
    block, none = (net.b.constant(np.array(v, np.int32)) for v in ([2, 2], [[0, 0], [0, 0]]))
    phases = net.b.tensor((4, 3, 3, 4), np.int8, quant)
    net.b.op("SPACE_TO_BATCH_ND", None, [x, block, none], [phases])
    w, bias, scale = net.case.weights((1, 3, 3, 4), 3, quant.per_tensor_scale)
    made = Quant((float(np.float32(scale * quant.per_tensor_scale * 300)),), 4)
    inner = net.b.tensor((4, 3, 3, 4), np.int8, made)
    fields = {"depthMultiplier": 1, "strideH": 1, "strideW": 1, "padding": schema.Padding.SAME}
    options = "DepthwiseConv2DOptions"
    net.b.op("DEPTHWISE_CONV_2D", options, [phases, w, bias], [inner], **fields)
    y = net.b.tensor((1, 6, 6, 4), np.int8, made)
    net.b.op("BATCH_TO_SPACE_ND", None, [inner, block, none], [y])
    net.check(y)


@pytest.mark.parametrize("unsigned", [(True, False), (False, True), (True, True)])
def test_a_change_of_type_or_scale_within_the_network(unsigned: tuple[bool, bool]) -> None:
    for seed in range(6):
        rng, b = np.random.default_rng(seed), LiteRTBuilder()
        scales = np.float32(10.0 ** rng.uniform(-2, 0, 2))
        x, y = (
            b.tensor(
                (1, 16, 16, 1),
                np.uint8 if kind else np.int8,
                Quant((float(scale),), int(rng.integers(0, 100))),
            )
            for kind, scale in zip(unsigned, scales, strict=True)
        )
        b.op("QUANTIZE", "QuantizeOptions", [x], [y])
        z, quant = b.tensor((1, 16, 16, 1), np.uint8 if unsigned[1] else np.int8), b.tensors[y]
        b.tensors[z].quantization = quant.quantization
        b.op("RELU", None, [y], [z])
        data = np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 16, 1)
        model = b.build([x], [z])
        (theirs,) = run_litert(model, [data.view(np.uint8) ^ 128 if unsigned[0] else data])
        graph = int8.lowered(model)
        (ours,) = int8.run(graph, [data])
        ours = ours.view(np.uint8) ^ 128 if unsigned[1] else ours
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


RESIZES = [((3, 4), n) for n in ((6, 8), (12, 4), (24, 16), (5, 13), (3, 31))]
RESIZES += [((1, 1), (33, 20)), ((1, 5), (8, 10)), ((8, 6), (4, 2)), ((9, 5), (3, 33))]


@pytest.mark.parametrize("where", ["plain", "halfPixelCenters", "alignCorners"])
@pytest.mark.parametrize(("shape", "size"), RESIZES)
def test_resizes_by_binary_fractions(
    shape: tuple[int, int], size: tuple[int, int], where: str
) -> None:
    """Halves are rounded up; where float32 rounds on the way, the resize is refused."""
    net = Net(3)
    quant = net.case.quant()
    x = net.case.input((1, *shape, 7), quant)
    wild = net.rng.choice([-128, 127], net.case.data[0].shape)
    net.case.data[0] = np.where(net.rng.random(wild.shape) < 0.5, wild, net.case.data[0])
    net.case.data[0] = net.case.data[0].astype(np.int8)
    y = net.b.tensor((1, *size, 7), np.int8, quant)
    wanted = net.b.constant(np.array(size, dtype=np.int32))
    fields = {} if where == "plain" else {where: True}
    net.b.op("RESIZE_BILINEAR", "ResizeBilinearOptions", [x, wanted], [y], **fields)
    try:
        int8.lowered(as_uint8(net.b.build([x], [y])))
    except UnsupportedError as error:
        assert "binary fractions" in str(error)
        assert (shape, size, where) not in COMPILED
        return
    net.check(y)


COMPILED = {
    ((3, 4), (6, 8), "plain"),
    ((3, 4), (24, 16), "halfPixelCenters"),
    ((3, 4), (5, 13), "alignCorners"),
    ((1, 1), (33, 20), "alignCorners"),
    ((1, 5), (8, 10), "plain"),
    ((8, 6), (4, 2), "plain"),
    ((9, 5), (3, 33), "alignCorners"),
}


def test_drawn_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "agrees", agrees)
    assert sum(networks.drawn(seed, steps=5) for seed in range(100, 125)) > 18


CONVERTED = (
    converted.test_a_dilated_convolution_is_one_convolution,
    converted.test_concat_along_any_axis,
    converted.test_the_largest_over_any_axes,
    converted.test_the_mean_over_any_axes,
    converted.test_upsampling_by_tiles_is_a_nearest_resize,
    positions.test_gather,
    positions.test_gather_nd,
    positions.test_mirror_pad,
    positions.test_reverse,
    positions.test_strided_slice,
)


@pytest.mark.parametrize("test", CONVERTED, ids=lambda test: test.__name__)
def test_what_converters_write(test: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converted, "agrees", agrees)
    monkeypatch.setattr(int8, "agrees", agrees)
    for given in arguments(test):
        test(**given)


def test_choices_by_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "agrees", agrees)
    lives = ["both", "first", "second"]
    for seed, word in enumerate(sorted(choices.WORDS) * 3):
        choices.test_a_choice.hypothesis.inner_test(seed, word, lives[seed % 3], seed % 2 == 0)


def test_the_least_over_any_axes() -> None:
    for seed in range(6):
        net = Net(seed)
        agrees(functions.reduced(net.case, "REDUCE_MIN", same=True), net.case.data)


def test_what_is_not_proved_is_refused() -> None:
    net = Net(1)
    x, y = net.case.input((1, 4, 4, 2), Quant((0.1,), 3)), net.b.tensor((1, 4, 4, 2), np.int8)
    net.b.tensors[y].quantization = net.b.tensors[x].quantization
    net.b.op("ABS", "AbsOptions", [x], [y])
    assert "ABS" not in PROVED
    with pytest.raises(UnsupportedError, match="ABS of uint8"):
        int8.lowered(as_uint8(net.b.build([x], [y])))
