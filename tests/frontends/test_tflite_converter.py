"""What TensorFlow's converter writes around a layer, and which few ops it is: LiteRT's bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mcucc.errors import UnsupportedError
from mcucc.ir import Quant
from tests.frontends.test_tflite_ops import Case, agrees, lowered

Q = Quant((0.05,), -9)


class Net:
    """Operators one behind the other on one int8 input; numbers beside them by `c`."""

    def __init__(self, *shape: int, quant: Quant = Q) -> None:
        self.case = Case(sum(shape))
        self.b = self.case.builder
        self.quant = quant
        self.last = self.case.input(shape, quant)

    def c(self, *values: Any) -> int:
        return self.b.constant(np.array(values if len(values) != 1 else values[0], np.int32))

    def number(self, shape: Sequence[int]) -> int:
        """A tensor of integers that some operator computes."""
        return self.b.tensor(shape, np.int32)

    def op(
        self,
        code: str,
        options: str | None,
        shape: Sequence[int],
        *more: int,
        quant: Quant | None = None,
        **fields: Any,
    ) -> int:
        version = fields.pop("version", 1)
        y = self.b.tensor(shape, np.int8, quant or self.quant)
        self.b.op(code, options, [self.last, *more], [y], version=version, **fields)
        self.last = y
        return y

    def compute(
        self, code: str, options: str, shape: Sequence[int], *of: int, **fields: Any
    ) -> int:
        """An operator on integers."""
        y = self.number(shape)
        self.b.op(code, options, of, [y], **fields)
        return y

    def convolution(self, block: Sequence[int], **fields: Any) -> None:
        """3x3 of four channels to five, on a batch of phases; `block` is its output's shape."""
        w, bias, _ = self.case.weights((5, 3, 3, 4), 0, self.quant.per_tensor_scale)
        self.quant = Quant((0.9,), 3)
        fields = {"strideW": 1, "strideH": 1, "padding": schema.Padding.VALID, **fields}
        self.op("CONV_2D", "Conv2DOptions", block, w, bias, **fields)

    def open_batch(self, *tensors: int) -> None:
        """The file leaves the first axis open: 1 in the shape, -1 in the signature."""
        for index in tensors:
            tensor = self.b.tensors[index]
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
            tensor.shape = [1, *tensor.shape[1:]]

    def check(self, *kinds: str) -> None:
        data = self.b.build(self.case.inputs, [self.last])
        agrees(data, self.case.data)
        assert [
            type(n.kernel).__name__.removesuffix("Kernel") for n in lowered(data).nodes
        ] == list(kinds)


def split_phases(net: Net, shape: Sequence[int], block: Sequence[int], pads: Any) -> None:
    more = net.c(np.array(block)), net.c(pads)
    net.op("SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions", shape, *more)


def join_phases(net: Net, shape: Sequence[int], block: Sequence[int], crops: Any) -> None:
    more = net.c(np.array(block)), net.c(crops)
    net.op("BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions", shape, *more)


def test_a_dilated_convolution_is_one_convolution() -> None:
    """padding="same": two rows and columns around, blocks of 2, VALID on the phases."""
    net = Net(1, 8, 8, 4)
    split_phases(net, (4, 6, 6, 4), (2, 2), [[2, 2], [2, 2]])
    net.convolution((4, 4, 4, 5))
    join_phases(net, (1, 8, 8, 5), (2, 2), [[0, 0], [0, 0]])
    net.check("Conv2d")


def test_what_fills_a_block_is_cropped_and_never_computed() -> None:
    """An odd picture: one row and column more are padded and cut off again."""
    net = Net(1, 7, 9, 4)
    split_phases(net, (6, 6, 5, 4), (2, 3), [[2, 3], [3, 3]])
    net.convolution((6, 4, 3, 5))
    join_phases(net, (1, 7, 9, 5), (2, 3), [[0, 1], [0, 0]])
    net.check("Conv2d")


def test_padding_same_within_the_phases() -> None:
    """Its border is one pixel of each phase: two rows and three columns of the picture."""
    net = Net(1, 8, 9, 4)
    split_phases(net, (6, 4, 3, 4), (2, 3), [[0, 0], [0, 0]])
    net.convolution((6, 4, 3, 5), padding=schema.Padding.SAME)
    net.op("RELU", None, (6, 4, 3, 5))
    join_phases(net, (1, 6, 8, 5), (2, 3), [[1, 1], [0, 1]])
    net.check("Conv2d", "Lookup", "Slice")


def test_a_dilated_depthwise_convolution() -> None:
    net = Net(1, 6, 6, 4)
    split_phases(net, (9, 4, 4, 4), (3, 3), [[3, 3], [3, 3]])
    w, bias, _ = net.case.weights((1, 3, 3, 4), 3, net.quant.per_tensor_scale)
    net.quant = Quant((0.4,), 3)
    fields = {"strideW": 1, "strideH": 1, "depthMultiplier": 1, "padding": schema.Padding.VALID}
    net.op("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", (9, 2, 2, 4), w, bias, **fields)
    join_phases(net, (1, 6, 6, 4), (3, 3), [[0, 0], [0, 0]])
    net.check("DepthwiseConv2d")


@pytest.mark.parametrize("code", ["MAX_POOL_2D", "REDUCE_MAX"])
def test_other_operators_on_phases_are_refused(code: str) -> None:
    net = Net(1, 8, 8, 4)
    split_phases(net, (4, 4, 4, 4), (2, 2), [[0, 0], [0, 0]])
    if code == "MAX_POOL_2D":
        fields = {"filterHeight": 2, "filterWidth": 2, "strideH": 1, "strideW": 1, "padding": 0}
        net.op(code, "Pool2DOptions", (4, 4, 4, 4), **fields)
    else:
        net.op(code, "ReducerOptions", (4, 4), net.c(1, 2))
    with pytest.raises(UnsupportedError, match="a batch of SPACE_TO_BATCH_ND"):
        lowered(net.b.build(net.case.inputs, [net.last]))


@pytest.mark.parametrize(
    ("shape", "axes", "kept"),
    [
        ((1, 5, 6, 7), (1, 2), (1, 7)),
        ((1, 5, 6, 7), (3,), (1, 5, 6)),
        ((1, 5, 6, 7), (2,), (1, 5, 7)),
        ((1, 5, 6, 7), (1, -1), (1, 6)),
        ((1, 30, 7), (1,), (1, 7)),
    ],
)
def test_the_largest_over_any_axes(
    shape: tuple[int, ...], axes: tuple[int, ...], kept: tuple[int, ...]
) -> None:
    net = Net(*shape)
    net.op("REDUCE_MAX", "ReducerOptions", kept, net.c(np.array(axes)), keepDims=False)
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 64, 4), (1,)), ((1, 5, 6, 7), (3,)), ((1, 5, 6, 7), (1,)), ((1, 5, 6, 7), (2, 3))],
)
def test_the_mean_over_any_axes(shape: tuple[int, ...], axes: tuple[int, ...], keep: bool) -> None:
    net = Net(*shape)
    kept = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    fields: dict[str, Any] = {"quant": Quant((0.03,), 4), "keepDims": keep}
    net.op("MEAN", "ReducerOptions", kept, net.c(np.array(axes)), **fields)
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


def test_a_channel_shuffle_is_one_transpose() -> None:
    net = Net(1, 8, 6, 12)
    net.op("RESHAPE", "ReshapeOptions", (1, 8, 6, 3, 4), net.c(1, 8, 6, 3, 4))
    net.op("TRANSPOSE", "TransposeOptions", (1, 8, 6, 4, 3), net.c(0, 1, 2, 4, 3))
    net.op("RESHAPE", "ReshapeOptions", (1, 8, 6, 12), net.c(1, 8, 6, 12))
    net.check("Reshape", "Transpose", "Reshape")


def test_a_pixel_shuffle_of_six_axes() -> None:
    net = Net(1, 3, 4, 12)
    net.op("RESHAPE", None, (1, 3, 4, 2, 2, 3), net.c(1, 3, 4, 2, 2, 3))
    net.op("TRANSPOSE", None, (1, 3, 2, 4, 2, 3), net.c(0, 1, 3, 2, 4, 5))
    net.op("RESHAPE", None, (1, 6, 8, 3), net.c(1, 6, 8, 3))
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


def upsampled(net: Net, axis: int, factor: int, shape: list[int]) -> list[int]:
    """EXPAND_DIMS, TILE, RESHAPE: rows or columns repeated, as Keras 3 writes it."""
    wide = [*shape[: axis + 1], 1, *shape[axis + 1 :]]
    net.op("EXPAND_DIMS", "ExpandDimsOptions", wide, net.c(axis + 1))
    repeats = [factor if i == axis + 1 else 1 for i in range(5)]
    many = [n * r for n, r in zip(wide, repeats, strict=True)]
    net.op("TILE", "TileOptions", many, net.c(*repeats))
    larger = [n * factor if i == axis else n for i, n in enumerate(shape)]
    net.op("RESHAPE", "ReshapeOptions", larger, net.c(*larger))
    return larger


@pytest.mark.parametrize("factors", [(2, 2), (3, 1), (1, 2), (2, 5)])
def test_upsampling_by_tiles_is_a_nearest_resize(factors: tuple[int, int]) -> None:
    net = Net(1, 5, 6, 4)
    shape = [1, 5, 6, 4]
    for axis, factor in zip((1, 2), factors, strict=True):
        shape = upsampled(net, axis, factor, shape)
    net.check("ResizeNearest")


def test_tiles_of_a_whole_picture() -> None:
    net = Net(1, 3, 4, 5)
    net.op("TILE", "TileOptions", (1, 6, 12, 10), net.c(1, 2, 3, 2))
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


def test_a_factor_times_the_shape() -> None:
    """UpSampling2D of older converters: SHAPE, STRIDED_SLICE, MUL of integers."""
    net = Net(1, 4, 6, 3)
    shape = net.compute("SHAPE", "ShapeOptions", (4,), net.last, outType=2)
    bounds = [net.c(np.array([n])) for n in (1, 3, 1)]
    inner = net.compute("STRIDED_SLICE", "StridedSliceOptions", (2,), shape, *bounds)
    size = net.compute("MUL", "MulOptions", (2,), inner, net.c(3, 3))
    options = "ResizeNearestNeighborOptions"
    net.op("RESIZE_NEAREST_NEIGHBOR", options, (1, 12, 18, 3), size, version=3)
    net.check("ResizeNearest")


@pytest.mark.parametrize("open_batch", [False, True])
def test_a_dense_layer_on_a_picture(open_batch: bool) -> None:
    """The pixels as rows and back, by products of the shape; the file may know none of them."""
    net = Net(1, 4, 5, 6)
    picture = net.last
    shape = net.compute("SHAPE", "ShapeOptions", (4,), picture, outType=2)
    outer = net.compute("GATHER", "GatherOptions", (3,), shape, net.c(0, 1, 2))
    rows = net.compute("REDUCE_PROD", "ReducerOptions", (), outer, net.c(np.array([0])))
    inner = net.compute("GATHER", "GatherOptions", (1,), shape, net.c(np.array([3])))
    depth = net.compute("REDUCE_PROD", "ReducerOptions", (), inner, net.c(np.array([0])))
    flat = net.compute("PACK", "PackOptions", (2,), rows, depth, valuesCount=2)
    first = net.op("RESHAPE", "ReshapeOptions", (20, 6), flat)
    w, bias, _ = net.case.weights((7, 6), 0, net.quant.per_tensor_scale)
    net.quant = Quant((0.3,), 5)
    second = net.op("FULLY_CONNECTED", "FullyConnectedOptions", (20, 7), w, bias)
    third = net.op("RELU", None, (20, 7))
    back = net.compute("CONCATENATION", "ConcatenationOptions", (4,), outer, net.c(np.array([7])))
    net.op("RESHAPE", "ReshapeOptions", (1, 4, 5, 7), back)
    if open_batch:
        net.open_batch(picture, first, second, third, net.last)
    net.check("Reshape", "Conv2d", "Lookup", "Reshape")


@pytest.mark.parametrize("code", ["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize(
    "shape", [(1, 4, 6, 1), (1, 1, 1, 5), (1, 4, 1, 5), (1, 1, 6, 1), (6, 5), (1, 1, 1, 1)]
)
def test_a_smaller_operand_is_repeated(code: str, shape: tuple[int, ...]) -> None:
    """One number a pixel, a channel, a row, a column: in either place."""
    net = Net(1, 4, 6, 5)
    whole = net.last
    if len(shape) == 2:
        net.op("RESHAPE", "ReshapeOptions", (24, 5), net.c(24, 5))
        bounds = net.c(0, 0), net.c(6, 5)
        other = net.op("SLICE", "SliceOptions", shape, *bounds)
    else:
        other = net.case.input(shape, Q)
    for operands in ([whole, other], [other, whole]):
        options = "MaximumMinimumOptions" if code.endswith("IMUM") else f"{code.title()}Options"
        y = net.b.tensor((1, 4, 6, 5), np.int8, Q if code.endswith("IMUM") else Quant((0.4,), 7))
        net.b.op(code, options, operands, [y])
        agrees(net.b.build(net.case.inputs, [y]), net.case.data)


CONSTANTS = [
    ((1, 4, 6, 5), (1, 4, 6, 5)),
    ((1, 4, 6, 5), (4, 6, 1)),
    ((1, 4, 6, 5), (1, 4, 1, 5)),
    ((1, 4, 6, 5), (6, 1)),
    ((1, 4, 1, 5), (1, 1, 6, 1)),
    ((1, 1, 1, 1), (1, 4, 6, 5)),
    ((1, 1, 1, 5), (1, 4, 1, 5)),
    ((1, 2, 3, 4, 5), (3, 1, 5)),
    ((7, 5), (7, 1)),
]


@pytest.mark.parametrize("code", ["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize(("shape", "constant"), CONSTANTS)
def test_a_constant_of_any_shape(code: str, shape: Any, constant: Any) -> None:
    """In either place, stretched by the value or stretching it."""
    made, options = np.broadcast_shapes(shape, constant), f"{code.title()}Options"
    options = "MaximumMinimumOptions" if code.endswith("IMUM") else options
    for place in (0, 1):
        net = Net(1, int(np.prod(shape)))
        x = net.op("RESHAPE", "ReshapeOptions", shape, net.c(*shape))
        values = net.case.rng.integers(-128, 128, constant).astype(np.int8)
        quant = Q if code.endswith("IMUM") else Quant((0.11,), 31)
        operands = [x, net.b.constant(values, quant)]
        y = net.b.tensor(made, np.int8, Q if code.endswith("IMUM") else Quant((0.4,), 7))
        net.b.op(code, options, operands if place else operands[::-1], [y])
        agrees(net.b.build(net.case.inputs, [y]), net.case.data)


def test_rows_of_a_picture_beside_a_constant_stream() -> None:
    net = Net(1, 4, 6, 5)
    values = net.case.rng.integers(-128, 128, (1, 4, 6, 1)).astype(np.int8)
    net.op("ADD", "AddOptions", (1, 4, 6, 5), net.b.constant(values, Q))
    net.check("Constant", "AddDouble")


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("first", [False, True])
def test_a_constant_part_of_a_concatenation(axis: int, first: bool) -> None:
    net = Net(1, 4, 6, 5)
    shape, joined = [1, 4, 6, 5], [1, 4, 6, 5]
    shape[axis], joined[axis] = 2, joined[axis] + 2
    part = net.b.constant(net.case.rng.integers(-128, 128, shape).astype(np.int8), Q)
    operands = [part, net.last] if first else [net.last, part]
    y = net.b.tensor(joined, np.int8, Q)
    net.b.op("CONCATENATION", "ConcatenationOptions", operands, [y], axis=axis)
    agrees(net.b.build(net.case.inputs, [y]), net.case.data)


def test_pictures_stacked_along_a_new_axis_and_taken_apart() -> None:
    net = Net(1, 3, 4, 5)
    x = net.last
    other = net.case.input((1, 3, 4, 5), Q)
    both = net.b.tensor((1, 3, 4, 2, 5), np.int8, Q)
    net.b.op("PACK", "PackOptions", [x, other], [both], valuesCount=2, axis=3)
    parts = [net.b.tensor((1, 3, 4, 5), np.int8, Q) for _ in range(2)]
    net.b.op("UNPACK", "UnpackOptions", [both], parts, num=2, axis=-2)
    agrees(net.b.build(net.case.inputs, [both, *parts]), net.case.data)


@pytest.mark.parametrize(
    ("shape", "axis"), [((1, 4, 6), 1), ((2, 3, 4), 0), ((2, 3, 4), 2), ((1, 2, 3, 4), 0)]
)
def test_concat_along_any_axis(shape: tuple[int, ...], axis: int) -> None:
    net = Net(1, 24)
    net.op("RESHAPE", "ReshapeOptions", shape, net.c(*shape))
    part = net.op("RELU", None, shape)
    joined = [n * 2 if i == axis else n for i, n in enumerate(shape)]
    y = net.b.tensor(joined, np.int8, Q)
    net.b.op("CONCATENATION", "ConcatenationOptions", [part, part], [y], axis=axis)
    agrees(net.b.build(net.case.inputs, [y]), net.case.data)


OTHER = Quant((0.2,), 17)
WINDOW = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": 1}
COPIES: list[tuple[str, str | None, tuple[int, ...], list[Any], dict[str, Any]]] = [
    ("TRANSPOSE", "TransposeOptions", (1, 6, 4, 2), [[0, 2, 1, 3]], {}),
    ("SLICE", "SliceOptions", (1, 2, 6, 2), [[0, 1, 0, 0], [1, 2, 6, 2]], {}),
    ("STRIDED_SLICE", None, (1, 2, 6, 2), [[0, 1, 0, 0], [1, 3, 6, 2], [1, 1, 1, 1]], {}),
    ("PAD", "PadOptions", (1, 6, 6, 2), [[[0, 0], [1, 1], [0, 0], [0, 0]]], {}),
    ("RESIZE_NEAREST_NEIGHBOR", None, (1, 8, 12, 2), [[8, 12]], {"version": 3}),
    ("RESIZE_BILINEAR", None, (1, 8, 9, 2), [[8, 9]], {"version": 3}),
    ("MAX_POOL_2D", "Pool2DOptions", (1, 2, 3, 2), [], WINDOW),
    ("AVERAGE_POOL_2D", "Pool2DOptions", (1, 2, 3, 2), [], WINDOW),
    ("SPACE_TO_DEPTH", "SpaceToDepthOptions", (1, 2, 3, 8), [], {"blockSize": 2}),
    ("TILE", "TileOptions", (1, 4, 12, 2), [[1, 1, 2, 1]], {}),
    ("RESHAPE", "ReshapeOptions", (1, 48), [[1, 48]], {}),
]


@pytest.mark.parametrize(
    ("code", "options", "shape", "numbers", "fields"), COPIES, ids=[case[0] for case in COPIES]
)
def test_movers_copy_bytes_whatever_the_scales(
    code: str,
    options: str | None,
    shape: tuple[int, ...],
    numbers: list[Any],
    fields: dict[str, Any],
) -> None:
    """As LiteRT's reference does; a convolution behind reads them with the output's scale."""
    net = Net(1, 4, 6, 2)
    operands = [net.b.constant(np.array(n, np.int32)) for n in numbers]
    net.op(code, options, shape, *operands, quant=OTHER, **fields)
    net.op("QUANTIZE", "QuantizeOptions", shape, quant=Quant((0.31,), -4))
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


@pytest.mark.parametrize(
    ("code", "options", "shape", "numbers", "fields"),
    [
        ("CONCATENATION", "ConcatenationOptions", (1, 4, 6, 2), [], {"axis": 3}),
        ("PACK", "PackOptions", (1, 1, 4, 6, 2), [], {"axis": 0, "valuesCount": 1}),
        ("EXPAND_DIMS", "ExpandDimsOptions", (1, 1, 4, 6, 2), [1], {}),
        ("REDUCE_MAX", "ReducerOptions", (1, 2), [[1, 2]], {}),
    ],
)
def test_where_litert_wants_one_scale_so_does_the_importer(
    code: str, options: str, shape: tuple[int, ...], numbers: list[Any], fields: dict[str, Any]
) -> None:
    net = Net(1, 4, 6, 2)
    operands = [net.b.constant(np.array(n, np.int32)) for n in numbers]
    net.op(code, options, shape, *operands, quant=OTHER, **fields)
    with pytest.raises(UnsupportedError, match="different scales or zero points"):
        lowered(net.b.build(net.case.inputs, [net.last]))


def test_part_of_a_square_matrix_is_taken_along_its_own_axes() -> None:
    """Rows and columns are as many: the axes of (1, rows, columns) are not those of the file."""
    net = Net(1, 16)
    net.op("RESHAPE", "ReshapeOptions", (4, 4), net.c(4, 4))
    bounds = [net.c(*v) for v in ([0, 1], [4, 4], [1, 1])]
    net.op("STRIDED_SLICE", "StridedSliceOptions", (4, 3), *bounds)
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


def test_ends_that_are_lengths() -> None:
    """STRIDED_SLICE with `offset`: 1 and two more, not 1 to 2."""
    net = Net(1, 6, 5, 4)
    bounds = [net.c(*v) for v in ([0, 1, 0, 0], [1, 2, 5, 4], [1, 1, 1, 1])]
    fields = {"offset": True, "version": 8}
    net.op("STRIDED_SLICE", "StridedSliceOptions", (1, 2, 5, 4), *bounds, **fields)
    taken = lowered(net.b.build(net.case.inputs, [net.last]))
    assert [a.shape for a in taken.activations.values()] == [(6, 5, 4), (2, 5, 4)]
    assert "1:3:1" in taken.nodes[0].kernel.describe()


def test_a_shape_the_file_does_not_keep_is_refused() -> None:
    net = Net(1, 2, 3, 4)
    w, bias, _ = net.case.weights((5, 4), 0, 0.05)
    net.op("FULLY_CONNECTED", "FullyConnectedOptions", (6, 5), w, bias, keepNumDims=True)
    with pytest.raises(UnsupportedError, match=r"computes \[1, 2, 3, 5\] where the file says"):
        lowered(net.b.build(net.case.inputs, [net.last]))


@pytest.mark.parametrize(("length", "factor"), [(5, 2), (25, 40), (25, 41)])
def test_nearest_positions_are_those_of_float32(length: int, factor: int) -> None:
    """25 / 1025 in float32 is a little less than 1/41: pixel 41 is still the first one."""
    net = Net(1, length, 3, 2)
    size = net.c(length * factor, 3)
    options = "ResizeNearestNeighborOptions"
    net.op("RESIZE_NEAREST_NEIGHBOR", options, (1, length * factor, 3, 2), size, version=3)
    if factor == 41:
        with pytest.raises(UnsupportedError, match="resizes 25 to 1025 pixels"):
            lowered(net.b.build(net.case.inputs, [net.last]))
    else:
        net.check("ResizeNearest")


def test_a_scale_noted_on_the_way_counts_where_the_values_are_read() -> None:
    """Three shapes of the same bytes, the second with another scale: the mean is of that one."""
    net = Net(1, 5, 5, 1)
    net.op("RESHAPE", None, (1, 1, 25, 1, 1), net.c(1, 1, 25, 1, 1), quant=OTHER)
    fields: dict[str, Any] = {"quant": Quant((0.1,), 5), "keepDims": True}
    net.op("MEAN", "ReducerOptions", (1, 1, 1, 1, 1), net.c(np.array([0, -3])), **fields)
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


def test_a_dilated_convolution_of_a_sequence() -> None:
    """Conv1D: phases of (1, W, C), a convolution of one row within, cropped at the end."""
    net = Net(1, 15, 4)
    split_phases(net, (2, 10, 4), (2,), [[2, 3]])
    net.op("EXPAND_DIMS", "ExpandDimsOptions", (2, 1, 10, 4), net.c(1))
    w, bias, _ = net.case.weights((5, 1, 3, 4), 0, net.quant.per_tensor_scale)
    net.quant = Quant((0.9,), 3)
    fields = {"strideW": 1, "strideH": 1, "padding": schema.Padding.VALID}
    net.op("CONV_2D", "Conv2DOptions", (2, 1, 8, 5), w, bias, **fields)
    net.op("SQUEEZE", "SqueezeOptions", (2, 8, 5), squeezeDims=[1])
    join_phases(net, (1, 15, 5), (2,), [[0, 1]])
    net.check("Reshape", "Conv2d", "Reshape")


def test_parts_and_borders_of_any_rank() -> None:
    net = Net(1, 6, 20)
    net.op("PAD", "PadOptions", (1, 8, 21), net.c([[0, 0], [1, 1], [1, 0]]))
    net.op("RESHAPE", None, (2, 4, 3, 7, 1), net.c(2, 4, 3, 7, 1))
    bounds = net.c(1, 0, 1, 2, 0), net.c(1, 3, 2, -1, 1)
    net.op("SLICE", "SliceOptions", (1, 3, 2, 5, 1), *bounds)
    net.op("RESHAPE", None, (1, 30), net.c(1, -1))
    agrees(net.b.build(net.case.inputs, [net.last]), net.case.data)


def test_a_network_that_ends_in_phases_is_refused() -> None:
    """The graph holds the picture, the file's output is its phases."""
    net = Net(1, 8, 8, 4)
    split_phases(net, (4, 4, 4, 4), (2, 2), [[0, 0], [0, 0]])
    with pytest.raises(UnsupportedError, match="ends within SPACE_TO_BATCH_ND"):
        lowered(net.b.build(net.case.inputs, [net.last]))


def test_an_output_of_too_many_axes_in_too_odd_an_order_is_refused() -> None:
    net = Net(1, 16, 8)
    net.op("RESHAPE", None, (2,) * 7, net.c(*[2] * 7))
    net.op("TRANSPOSE", None, (2,) * 7, net.c(6, 5, 4, 3, 2, 1, 0))
    with pytest.raises(UnsupportedError, match="a transpose of 7 axes at once"):
        lowered(net.b.build(net.case.inputs, [net.last]))


@pytest.mark.parametrize(
    ("code", "operands"),
    [
        ("STRIDED_SLICE", [[1, 2], [0, 0], [1, 1], [1, 1]]),
        ("FILL", [2**30, 7]),
        ("TILE", [[1, 2], 2**30]),
        ("RANGE", [0, 2**31 - 1, 1]),
        ("MUL", [[2]]),
        ("FLOOR_DIV", [[4], [0]]),
        ("MUL", [[2**30], [2**30]]),
    ],
)
def test_numbers_that_cannot_be_computed_are_left_to_be_refused(
    code: str, operands: list[Any]
) -> None:
    """Of the wrong number, absurdly many, beyond their type, divided by nothing."""
    net = Net(1, 2)
    y = net.number((2,))
    net.b.op(code, None, [net.c(np.array(v)) for v in operands], [y])
    net.op("RESHAPE", None, (2, 1), y)
    with pytest.raises(UnsupportedError, match=code):
        lowered(net.b.build(net.case.inputs, [net.last]))
