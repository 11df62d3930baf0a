"""Every .tflite operator, alone, against LiteRT's reference kernels: byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import UnsupportedError
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import IntegerGraph, Quant
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import Rounding
from mcucc.quantize.lower import lower
from tests.litert_builder import LiteRTBuilder, run_litert

FIXED = Quant((1 / 256,), -128)
seeds = st.integers(0, 2**32 - 1)
cases = settings(derandomize=True, deadline=None, max_examples=40)


def lowered(model: bytes, rounding: Rounding = Rounding.DOUBLE) -> IntegerGraph:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.tflite"
        path.write_bytes(model)
        return lower(import_tflite(path).graph, rounding)


def run(graph: IntegerGraph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    feed = {name: x.reshape(1, *hwc(x.shape)) for name, x in zip(graph.inputs, inputs, strict=True)}
    values = graph.run(feed)
    return [values[name] for name in graph.outputs]


def computed(
    model: bytes, inputs: Sequence[np.ndarray], rounding: Rounding = Rounding.DOUBLE
) -> list[np.ndarray]:
    """The outputs for inputs in the file's layout: the graph may have them turned."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.tflite"
        path.write_bytes(model)
        imported = import_tflite(path)
    turned = [port.in_graph(x) for port, x in zip(imported.ports, inputs, strict=True)]
    return run(lower(imported.graph, rounding), turned)


def agrees(model: bytes, inputs: Sequence[np.ndarray]) -> None:
    expected = run_litert(model, inputs)
    for ours, theirs in zip(computed(model, inputs), expected, strict=True):
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


class Case:
    """One operator under construction, everything drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = LiteRTBuilder()
        self.inputs: list[int] = []
        self.data: list[np.ndarray] = []

    def quant(self, low: float = -3.0, high: float = 0.0) -> Quant:
        scale = float(np.float32(10.0 ** self.rng.uniform(low, high)))
        return Quant((scale,), int(self.rng.integers(-128, 128)))

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def input(self, shape: tuple[int, ...], quant: Quant | None = None) -> int:
        index = self.builder.tensor(shape, np.int8, quant or self.quant())
        self.inputs.append(index)
        self.data.append(self.rng.integers(-128, 128, shape).astype(np.int8))
        return index

    def weights(self, shape: tuple[int, ...], axis: int, x: float) -> tuple[int, int, float]:
        """Weights, bias and the largest weight scale."""
        count = shape[axis] if self.rng.random() < 0.7 else 1
        scales = tuple(float(np.float32(10.0**e)) for e in self.rng.uniform(-4, -1, count))
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        w = self.builder.constant(data, Quant(scales, 0, axis))
        bias = self.rng.integers(-20000, 20000, shape[axis]).astype(np.int32)
        b = self.builder.constant(bias, Quant(tuple(s * x for s in scales), 0, 0))
        return w, b, max(scales)

    def check(self, *outputs: int) -> None:
        agrees(self.builder.build(self.inputs, outputs), self.data)


def window_shape(case: Case, size: int, extent: int, stride: int, same: bool) -> int:
    return -(-size // stride) if same else (size - extent) // stride + 1


@given(seeds, st.booleans())
@cases
def test_convolutions(seed: int, depthwise: bool) -> None:
    case = Case(seed)
    kernel, stride, dilation = case.pick(1, 2, 3, 5), case.pick(1, 2, 3), case.pick(1, 1, 2)
    stride = 1 if dilation > 1 else stride
    extent = dilation * (kernel - 1) + 1
    height, width = (int(n) for n in case.rng.integers(extent, extent + 6, 2))
    c_in, multiplier, groups = case.pick(1, 3, 4), case.pick(1, 2), case.pick(1, 2)
    same = bool(case.rng.random() < 0.5)
    quant = case.quant()
    x_scale = quant.per_tensor_scale
    c_in = c_in * groups if not depthwise else c_in
    x = case.input((1, height, width, c_in), quant)
    c_out = c_in * multiplier if depthwise else 2 * groups
    shape = (1, kernel, kernel, c_out) if depthwise else (c_out, kernel, kernel, c_in // groups)
    w, b, largest = case.weights(shape, 3 if depthwise else 0, x_scale)
    y_scale = float(np.float32(largest * x_scale * 127 * kernel * case.rng.uniform(0.2, 2)))
    size = [window_shape(case, n, extent, stride, same) for n in (height, width)]
    y_quant = Quant((y_scale,), int(case.rng.integers(-128, 128)))
    y = case.builder.tensor((1, *size, c_out), np.int8, y_quant)
    fields = {
        "strideH": stride,
        "strideW": stride,
        "dilationHFactor": dilation,
        "dilationWFactor": dilation,
        "padding": schema.Padding.SAME if same else schema.Padding.VALID,
        "fusedActivationFunction": case.pick(0, 1, 3),
    }
    if depthwise:
        options = "DepthwiseConv2DOptions"
        case.builder.op(
            "DEPTHWISE_CONV_2D", options, [x, w, b], [y], depthMultiplier=multiplier, **fields
        )
    else:
        case.builder.op("CONV_2D", "Conv2DOptions", [x, w, b], [y], **fields)
    case.check(y)


@given(seeds)
@cases
def test_fully_connected(seed: int) -> None:
    case = Case(seed)
    quant = case.quant()
    shape = (1, 2, 2, 5) if case.rng.random() < 0.5 else (1, 20)
    outputs = 700  # many: single and double rounding differ in 1 of 1000
    x = case.input(shape, quant)
    w, b, largest = case.weights((outputs, 20), 0, quant.per_tensor_scale)
    bias = b if case.rng.random() < 0.8 else -1
    scale = float(np.float32(largest * quant.per_tensor_scale * 127 * case.rng.uniform(1, 8)))
    y = case.builder.tensor(
        (1, outputs), np.int8, Quant((scale,), int(case.rng.integers(-128, 128)))
    )
    activation = case.pick(0, 1, 3)
    case.builder.op(
        "FULLY_CONNECTED",
        "FullyConnectedOptions",
        [x, w, bias],
        [y],
        fusedActivationFunction=activation,
    )
    case.check(y)


@pytest.mark.parametrize(
    ("shape", "keep", "out"),
    [
        ((1, 6, 20), True, (1, 6, 90)),
        ((1, 2, 3, 20), True, (1, 2, 3, 90)),
        ((1, 2, 3, 20), False, (6, 90)),
        ((1, 4, 5, 6), False, (6, 90)),
    ],
)
def test_fully_connected_on_several_rows(
    shape: tuple[int, ...], keep: bool, out: tuple[int, ...]
) -> None:
    """Followed by another one, a ReLU, a Concat of rows and a Softmax, as heads of detectors do."""
    case = Case(3)
    quant = case.quant()
    x = case.input(shape, quant)
    w, b, largest = case.weights((90, 20), 0, quant.per_tensor_scale)
    scale = float(np.float32(largest * quant.per_tensor_scale * 300))
    y = case.builder.tensor(out, np.int8, Quant((scale,), -4))
    fields = {"keepNumDims": keep, "fusedActivationFunction": 1}
    case.builder.op("FULLY_CONNECTED", "FullyConnectedOptions", [x, w, b], [y], **fields)
    w2, b2, larger = case.weights((7, 90), 0, scale)
    quant = Quant((float(np.float32(larger * scale * 500)),), 9)
    z = case.builder.tensor((*out[:-1], 7), np.int8, quant)
    fields = {"keepNumDims": keep}
    case.builder.op("FULLY_CONNECTED", "FullyConnectedOptions", [y, w2, b2], [z], **fields)
    rows = case.builder.tensor((6, 7), np.int8, quant)
    into = case.builder.constant(np.array([6, 7], dtype=np.int32))
    case.builder.op("RESHAPE", "ReshapeOptions", [z, into], [rows], newShape=[6, 7])
    both = case.builder.tensor((12, 7), np.int8, quant)
    case.builder.op("CONCATENATION", "ConcatenationOptions", [rows, rows], [both], axis=0)
    classes = case.builder.tensor((12, 7), np.int8, FIXED)
    case.builder.op("SOFTMAX", "SoftmaxOptions", [both], [classes], beta=1.0)
    case.check(z, both, classes)


def test_fully_connected_of_sums_at_ties() -> None:
    """Scales whose quotient is 1/200 to 10^-8: the reference has its own word on every tie."""
    case = Case(1)
    x_scale, w_scale, y_scale = 0.006245001684874296, 0.0007872981950640678, 0.000983335659839213
    outputs = 40_000
    x = case.input((1, 1), Quant((x_scale,), 0))
    w = case.builder.constant(np.ones((outputs, 1), np.int8), Quant((w_scale,), 0, 0))
    sums = (np.arange(outputs) * 3 - outputs * 3 // 2).astype(np.int32)
    bias = case.builder.constant(sums, Quant((x_scale * w_scale,), 0))
    y = case.builder.tensor((1, outputs), np.int8, Quant((y_scale,), 3))
    case.builder.op("FULLY_CONNECTED", "FullyConnectedOptions", [x, w, bias], [y])
    case.check(y)


def test_an_empty_constant_is_named() -> None:
    case = Case(1)
    quant = case.quant()
    x = case.input((1, 4, 4, 2), quant)
    nothing = case.builder.constant(np.zeros((1, 0, 4, 2), np.int8), quant, "nothing")
    y = case.builder.tensor((1, 4, 4, 2), np.int8, quant)
    case.builder.op("ADD", "AddOptions", [x, nothing], [y])
    with pytest.raises(UnsupportedError, match=r"nothing is empty: its shape is \[1, 0, 4, 2\]"):
        lowered(case.builder.build([x], [y]))


@given(seeds, st.sampled_from(["ADD", "SUB", "MUL"]))
@cases
def test_arithmetic(seed: int, code: str) -> None:
    case = Case(seed)
    shape = (1, 3, 4, 5)
    a_quant, b_quant = case.quant(-1.5, 0), case.quant(-1.5, 0)
    a = case.input(shape, a_quant)
    per_channel = code == "MUL" and case.rng.random() < 0.5
    b = case.input((1, 1, 1, 5) if per_channel else shape, b_quant)
    scales = (a_quant.per_tensor_scale, b_quant.per_tensor_scale)
    real = max(scales) if code != "MUL" else scales[0] * scales[1] * 100
    scale = float(np.float32(real * case.rng.uniform(0.5, 3)))
    y = case.builder.tensor(shape, np.int8, Quant((scale,), int(case.rng.integers(-128, 128))))
    activation = case.pick(0, 1, 3)
    order = [b, a] if per_channel and case.rng.random() < 0.5 else [a, b]
    case.builder.op(code, f"{code.title()}Options", order, [y], fusedActivationFunction=activation)
    case.check(y)


@given(seeds, st.sampled_from(["MAX_POOL_2D", "AVERAGE_POOL_2D"]))
@cases
def test_pools(seed: int, code: str) -> None:
    case = Case(seed)
    quant = case.quant()
    height, width = (int(n) for n in case.rng.integers(3, 9, 2))
    covering = code == "AVERAGE_POOL_2D" and case.rng.random() < 0.3
    kernel = (height, width) if covering else (case.pick(1, 2, 3), case.pick(1, 2, 3))
    stride = case.pick(1, 2)
    same = bool(case.rng.random() < 0.5)
    x = case.input((1, height, width, 5), quant)
    size = [
        window_shape(case, n, k, stride, same) for n, k in zip((height, width), kernel, strict=True)
    ]
    y = case.builder.tensor((1, *size, 5), np.int8, quant)
    case.builder.op(
        code,
        "Pool2DOptions",
        [x],
        [y],
        filterHeight=kernel[0],
        filterWidth=kernel[1],
        strideH=stride,
        strideW=stride,
        padding=schema.Padding.SAME if same else schema.Padding.VALID,
        fusedActivationFunction=case.pick(0, 1, 3),
    )
    case.check(y)


@given(seeds)
@cases
def test_mean(seed: int) -> None:
    case = Case(seed)
    height, width = (int(n) for n in case.rng.integers(1, 12, 2))
    quant = case.quant()
    x = case.input((1, height, width, 6), quant)
    keep = bool(case.rng.random() < 0.5)
    same = case.rng.random() < 0.3
    factor = 1.0 if same else float(case.rng.uniform(0.1, 2))
    zero = quant.zero_point if same else int(case.rng.integers(-128, 128))
    y_quant = Quant((float(np.float32(quant.per_tensor_scale * factor)),), zero)
    y = case.builder.tensor((1, 1, 1, 6) if keep else (1, 6), np.int8, y_quant)
    axes = case.builder.constant(np.array([1, 2], dtype=np.int32))
    case.builder.op("MEAN", "ReducerOptions", [x, axes], [y], keepDims=keep)
    case.check(y)


@given(seeds, st.integers(1, 300), st.sampled_from([1.0, 0.5]))
@cases
def test_softmax(seed: int, classes: int, beta: float) -> None:
    case = Case(seed)
    x = case.input((1, classes), case.quant(-3, 0.3))
    y = case.builder.tensor((1, classes), np.int8, FIXED)
    case.builder.op("SOFTMAX", "SoftmaxOptions", [x], [y], beta=beta)
    case.check(y)


PRESCRIBED = {"LOGISTIC": FIXED, "TANH": Quant((1 / 128,), 0)}
OPTIONS = {
    "HARD_SWISH": ("HardSwishOptions", {}),
    "QUANTIZE": ("QuantizeOptions", {}),
    "ABS": ("AbsOptions", {}),
    "GELU": ("GeluOptions", {"approximate": True}),
    "LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.13}),
}
FUNCTIONS = (*PRESCRIBED, *OPTIONS, "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")


def every_value(case: Case, quant: Quant) -> tuple[int, Quant]:
    """An input of all 256 values, and an output quantization of about that scale."""
    x = case.input((1, 16, 16, 1), quant)
    case.data[0] = np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 16, 1)
    scale = float(np.float32(quant.per_tensor_scale * case.rng.uniform(0.3, 2)))
    return x, Quant((scale,), int(case.rng.integers(-128, 128)))


@given(seeds, st.sampled_from(FUNCTIONS))
@cases
def test_functions_of_one_value(seed: int, code: str) -> None:
    case = Case(seed)
    x, quant = every_value(case, case.quant(-2.5, -0.5))
    y = case.builder.tensor((1, 16, 16, 1), np.int8, PRESCRIBED.get(code, quant))
    options, fields = OPTIONS.get(code, (None, {}))
    case.builder.op(code, options, [x], [y], **fields)
    case.check(y)


@given(seeds, st.sampled_from(["ADD", "SUB", "MUL"]), st.booleans())
@cases
def test_arithmetic_with_one_number(seed: int, code: str, first: bool) -> None:
    case = Case(seed)
    x, y_quant = every_value(case, case.quant(-2, -0.5))
    value = case.rng.integers(-128, 128, (1,)).astype(np.int8)
    c = case.builder.constant(value, case.quant(-2, -0.5))
    y = case.builder.tensor((1, 16, 16, 1), np.int8, y_quant)
    activation = case.pick(0, 1, 3)
    operands = [c, x] if first else [x, c]
    options = f"{code.title()}Options"
    case.builder.op(code, options, operands, [y], fusedActivationFunction=activation)
    case.check(y)


@given(seeds, st.sampled_from(["ADD", "SUB", "MUL"]), st.booleans())
@cases
def test_arithmetic_with_a_constant_per_channel(seed: int, code: str, first: bool) -> None:
    case = Case(seed)
    quant = case.quant(-2, -0.5)
    x = case.input((1, 9, 10, 5), quant)
    constant = case.quant(-2, -0.5)
    shape = ((5,), (1, 1, 5), (1, 1, 1, 5))[case.pick(0, 1, 2)]
    c = case.builder.constant(case.rng.integers(-128, 128, shape).astype(np.int8), constant)
    scales = quant.per_tensor_scale, constant.per_tensor_scale
    real = max(scales) if code != "MUL" else scales[0] * scales[1] * 100
    scale = float(np.float32(real * case.rng.uniform(0.5, 3)))
    y = case.builder.tensor((1, 9, 10, 5), np.int8, Quant((scale,), case.pick(-128, -7, 0, 90)))
    activation = case.pick(0, 1, 3)
    operands = [c, x] if first else [x, c]
    options = f"{code.title()}Options"
    case.builder.op(code, options, operands, [y], fusedActivationFunction=activation)
    case.check(y)


@given(seeds, st.sampled_from(["MAXIMUM", "MINIMUM"]))
@cases
def test_larger_or_smaller_than_one_number(seed: int, code: str) -> None:
    case = Case(seed)
    quant = case.quant()
    x, _ = every_value(case, quant)
    c = case.builder.constant(case.rng.integers(-128, 128, (1,)).astype(np.int8), quant)
    y = case.builder.tensor((1, 16, 16, 1), np.int8, quant)
    case.builder.op(code, "MaximumMinimumOptions", [x, c], [y])
    case.check(y)


@given(seeds, st.sampled_from(["MAXIMUM", "MINIMUM"]))
@cases
def test_larger_or_smaller_of_two(seed: int, code: str) -> None:
    case = Case(seed)
    quant = case.quant()
    operands = [case.input((1, 5, 6, 7), quant) for _ in range(2)]
    y = case.builder.tensor((1, 5, 6, 7), np.int8, quant)
    case.builder.op(code, "MaximumMinimumOptions", operands, [y])
    case.check(y)


@given(seeds)
@cases
def test_prelu(seed: int) -> None:
    case = Case(seed)
    quant = case.quant(-2.5, -0.5)
    x = case.input((1, 8, 9, 5), quant)
    slopes = case.rng.integers(-128, 128, (1, 1, 5)).astype(np.int8)
    alpha = case.builder.constant(slopes, case.quant(-3, -2))
    scale = float(np.float32(quant.per_tensor_scale * case.rng.uniform(0.3, 2)))
    y = case.builder.tensor((1, 8, 9, 5), np.int8, Quant((scale,), int(case.rng.integers(-9, 9))))
    case.builder.op("PRELU", None, [x, alpha], [y])
    case.check(y)


def test_a_slice() -> None:
    case = Case(5)
    quant = case.quant()
    x = case.input((1, 5, 6, 7), quant)
    begin, size = (np.array(v, dtype=np.int32) for v in ([0, 1, 2, 3], [1, 3, -1, 2]))
    operands = [x, case.builder.constant(begin), case.builder.constant(size)]
    y = case.builder.tensor((1, 3, 4, 2), np.int8, quant)
    case.builder.op("SLICE", "SliceOptions", operands, [y])
    case.check(y)


@pytest.mark.parametrize(
    ("bounds", "shape", "masks"),
    [
        (([0, 0, 1, 0], [1, 5, 6, 7], [1, 2, 3, 1]), (1, 3, 2, 7), {}),
        (([0, 1, 0, -3], [0, 0, 4, -1], [1, 1, 1, 1]), (1, 4, 4, 2), {"endMask": 3}),
        (([0, 0, 0, 2], [1, 5, 6, 3], [1, 1, 1, 1]), (1, 5, 6), {"shrinkAxisMask": 8}),
        (([0, 4], [1, 0], [1, 1]), (1, 1, 6, 7), {"endMask": 2}),
    ],
)
def test_a_strided_slice(
    bounds: tuple[list[int], ...], shape: tuple[int, ...], masks: dict[str, int]
) -> None:
    case = Case(6)
    quant = case.quant()
    x = case.input((1, 5, 6, 7), quant)
    operands = [case.builder.constant(np.array(v, dtype=np.int32)) for v in bounds]
    y = case.builder.tensor(shape, np.int8, quant)
    case.builder.op("STRIDED_SLICE", "StridedSliceOptions", [x, *operands], [y], **masks)
    case.check(y)


@pytest.mark.parametrize("axis", [1, 3, -2])
def test_split_into_equal_parts(axis: int) -> None:
    case = Case(7)
    quant = case.quant()
    shape = [1, 4, 6, 8]
    x = case.input(tuple(shape), quant)
    where = case.builder.constant(np.array(axis, dtype=np.int32))
    shape[axis] //= 2
    parts = [case.builder.tensor(shape, np.int8, quant) for _ in range(2)]
    case.builder.op("SPLIT", "SplitOptions", [where, x], parts, numSplits=2)
    case.check(*parts)


def test_split_into_parts_of_given_lengths() -> None:
    case = Case(8)
    quant = case.quant()
    x = case.input((1, 4, 3, 8), quant)
    sizes = case.builder.constant(np.array([2, 5, 1], dtype=np.int32))
    where = case.builder.constant(np.array(3, dtype=np.int32))
    parts = [case.builder.tensor((1, 4, 3, n), np.int8, quant) for n in (2, 5, 1)]
    case.builder.op("SPLIT_V", "SplitVOptions", [x, sizes, where], parts, numSplits=3)
    case.check(*parts)


@given(seeds, st.sampled_from(["PAD", "PADV2"]))
@cases
def test_pad(seed: int, code: str) -> None:
    case = Case(seed)
    quant = case.quant()
    x = case.input((1, 3, 4, 2), quant)
    widths = case.rng.integers(0, 3, (4, 2)).astype(np.int32)
    widths[0] = 0
    shape = tuple(int(n + w.sum()) for n, w in zip((1, 3, 4, 2), widths, strict=True))
    y = case.builder.tensor(shape, np.int8, quant)
    inputs = [x, case.builder.constant(widths)]
    if code == "PADV2":
        value = case.rng.integers(-128, 128, 1).astype(np.int8)
        inputs.append(case.builder.constant(value, quant))
    case.builder.op(
        code, f"{code.replace('PADV2', 'PadV2').replace('PAD', 'Pad')}Options", inputs, [y]
    )
    case.check(y)


def test_concatenation_along_each_axis() -> None:
    for axis in (1, 2, 3, -1):
        case = Case(axis + 5)
        quant = case.quant()
        shapes = [[1, 3, 4, 5], [1, 3, 4, 5]]
        shapes[1][axis] = 2
        parts = [case.input(tuple(shape), quant) for shape in shapes]
        total = list(shapes[0])
        total[axis] += 2
        y = case.builder.tensor(total, np.int8, quant)
        case.builder.op("CONCATENATION", "ConcatenationOptions", parts, [y], axis=axis)
        case.check(y)


@pytest.mark.parametrize("half_pixel", [False, True])
def test_resize_nearest(half_pixel: bool) -> None:
    case = Case(1)
    quant = case.quant()
    x = case.input((1, 3, 4, 5), quant)
    y = case.builder.tensor((1, 9, 12, 5), np.int8, quant)
    size = case.builder.constant(np.array([9, 12], dtype=np.int32))
    case.builder.op(
        "RESIZE_NEAREST_NEIGHBOR",
        "ResizeNearestNeighborOptions",
        [x, size],
        [y],
        halfPixelCenters=half_pixel,
    )
    case.check(y)


def test_a_nearest_resize_to_one_pixel_is_refused_by_its_sizes() -> None:
    case = Case(1)
    quant = case.quant()
    x, size = case.input((1, 3, 4, 5), quant), case.builder.constant(np.ones(2, np.int32))
    y = case.builder.tensor((1, 1, 1, 5), np.int8, quant)
    options = "ResizeNearestNeighborOptions"
    case.builder.op("RESIZE_NEAREST_NEIGHBOR", options, [x, size], [y])
    with pytest.raises(UnsupportedError, match="resizes 3 to 1 pixels"):
        lowered(case.builder.build([x], [y]))


@given(seeds, st.sampled_from(["plain", "half pixels", "corners"]))
@cases
def test_resize_bilinear(seed: int, where: str) -> None:
    case = Case(seed)
    quant = case.quant()
    height, width = (int(n) for n in case.rng.integers(1, 12, 2))
    size = [int(n) for n in case.rng.integers(1, 25, 2)]
    if case.rng.random() < 0.5:
        size = [n * case.pick(2, 3, 4) for n in (height, width)]
    x = case.input((1, height, width, 5), quant)
    y = case.builder.tensor((1, *size, 5), np.int8, quant)
    wanted = case.builder.constant(np.array(size, dtype=np.int32))
    fields = {"alignCorners": where == "corners", "halfPixelCenters": where == "half pixels"}
    case.builder.op("RESIZE_BILINEAR", "ResizeBilinearOptions", [x, wanted], [y], **fields)
    case.check(y)


@given(seeds, st.booleans())
@cases
def test_transpose_conv(seed: int, same: bool) -> None:
    case = Case(seed)
    quant = case.quant()
    kernel, stride = case.pick(1, 2, 3, 4, 5), case.pick(1, 2, 2, 3)
    height, width = (int(n) for n in case.rng.integers(1, 6, 2))
    size = [n * stride if same else (n - 1) * stride + max(kernel, stride) for n in (height, width)]
    x = case.input((1, height, width, 4), quant)
    w, b, largest = case.weights((90, kernel, kernel, 4), 0, quant.per_tensor_scale)
    scale = float(np.float32(largest * quant.per_tensor_scale * 127 * case.rng.uniform(1, 8)))
    y_quant = Quant((scale,), int(case.rng.integers(-128, 128)))
    y = case.builder.tensor((1, *size, 90), np.int8, y_quant)
    wanted = case.builder.constant(np.array([1, *size, 90], dtype=np.int32))
    operands = [wanted, w, x, b] if case.rng.random() < 0.8 else [wanted, w, x]
    case.builder.op(
        "TRANSPOSE_CONV",
        "TransposeConvOptions",
        operands,
        [y],
        version=4,
        strideH=stride,
        strideW=stride,
        padding=schema.Padding.SAME if same else schema.Padding.VALID,
        fusedActivationFunction=case.pick(0, 1),
    )
    case.check(y)


@pytest.mark.parametrize("code", ["DEPTH_TO_SPACE", "SPACE_TO_DEPTH"])
@pytest.mark.parametrize("block", [2, 3])
def test_blocks(code: str, block: int) -> None:
    case = Case(block)
    quant = case.quant()
    deep, wide = (1, 2, 3, 5 * block**2), (1, 2 * block, 3 * block, 5)
    x = case.input(deep if code == "DEPTH_TO_SPACE" else wide, quant)
    y = case.builder.tensor(wide if code == "DEPTH_TO_SPACE" else deep, np.int8, quant)
    options = f"{code.title().replace('_', '')}Options"
    case.builder.op(code, options, [x], [y], blockSize=block)
    case.check(y)


@pytest.mark.parametrize("order", [(0, 3, 1, 2), (0, 2, 1, 3), (0, 2, 3, 1)])
def test_transpose(order: tuple[int, ...]) -> None:
    case = Case(2)
    quant = case.quant()
    x = case.input((1, 3, 4, 5), quant)
    y = case.builder.tensor([(1, 3, 4, 5)[axis] for axis in order], np.int8, quant)
    permutation = case.builder.constant(np.array(order, dtype=np.int32))
    case.builder.op("TRANSPOSE", "TransposeOptions", [x, permutation], [y])
    case.check(y)
