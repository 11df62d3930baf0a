"""uint8 files of TensorFlow 1 against LiteRT's reference kernels: byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Quant
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import Rounding
from mcucc.passes.constant_channels import remove_constant_channels
from mcucc.quantize.lower import lower
from tests.frontends.test_tflite_ops import lowered
from tests.litert_builder import LiteRTBuilder, run_litert

seeds = st.integers(0, 2**32 - 1)
cases = settings(derandomize=True, deadline=None, max_examples=40)


class Unsigned:
    """One operator on a uint8 picture."""

    def __init__(self, seed: int, *shape: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.b = LiteRTBuilder()
        self.quant = self.draw()
        self.x = self.b.tensor(shape, np.uint8, self.quant)
        self.data = self.rng.integers(0, 256, shape).astype(np.uint8)

    def draw(self) -> Quant:
        scale = float(np.float32(10.0 ** self.rng.uniform(-3, 0)))
        return Quant((scale,), int(self.rng.integers(0, 256)))

    def layer(self, shape: tuple[int, ...], outputs: int, reach: float) -> tuple[int, int, Quant]:
        """Weights with a zero point, biases and the output's quantization."""
        quant = self.draw()
        spread = int(self.rng.choice([60, 256]))  # the narrow ones fit int8 by themselves
        near = quant.zero_point
        values = self.rng.integers(near - spread, near + spread, shape).clip(0, 255)
        w = self.b.constant(values.astype(np.uint8), quant)
        x = np.float32(self.quant.scale[0]) * np.float32(quant.scale[0])
        bias = self.rng.integers(-20000, 20000, outputs).astype(np.int32)
        scale = float(np.float32(x * reach * self.rng.uniform(20, 200)))
        return w, self.b.constant(bias, Quant((float(x),))), Quant((scale,), self.draw().zero_point)

    def check(self, y: int) -> None:
        model = self.b.build([self.x], [y])
        (theirs,) = run_litert(model, [self.data])
        graph = lowered(model)
        x = (self.data.astype(np.int16) - 128).astype(np.int8)
        values = graph.run({graph.inputs[0]: x.reshape(1, *hwc(x.shape))})
        ours = values[graph.outputs[0]].astype(np.int16) + 128
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


@given(seeds, st.booleans())
@cases
def test_convolutions(seed: int, depthwise: bool) -> None:
    rng = np.random.default_rng(seed)
    kernel, stride, c_in = (int(rng.choice(n)) for n in ([1, 2, 3], [1, 2], [1, 3, 4]))
    height, width = (int(n) for n in rng.integers(kernel, 8, 2))
    net = Unsigned(seed, 1, height, width, c_in)
    c_out = c_in * int(rng.choice([1, 2])) if depthwise else 5
    shape = (1, kernel, kernel, c_out) if depthwise else (c_out, kernel, kernel, c_in)
    w, bias, quant = net.layer(shape, c_out, kernel * (1 if depthwise else c_in**0.5))
    same = bool(rng.random() < 0.5)
    size = [-(-n // stride) if same else (n - kernel) // stride + 1 for n in (height, width)]
    y = net.b.tensor((1, *size, c_out), np.uint8, quant)
    fields = {
        "strideH": stride,
        "strideW": stride,
        "padding": schema.Padding.SAME if same else schema.Padding.VALID,
        "fusedActivationFunction": int(rng.choice([0, 1, 3])),
    }
    if depthwise:
        fields["depthMultiplier"] = c_out // c_in
    code, options = ("DEPTHWISE_CONV_2D", "DepthwiseConv2D") if depthwise else ("CONV_2D", "Conv2D")
    net.b.op(code, f"{options}Options", [net.x, w, bias], [y], **fields)
    net.check(y)


@given(seeds, st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
@cases
def test_pools(seed: int, code: str) -> None:
    """Halves of averages are rounded up, whatever the zero point."""
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(2, 7, 2))
    kernel = [2, 2] if rng.random() < 0.6 else [height, width]
    net = Unsigned(seed, 1, height, width, 6)
    w, bias, quant = net.layer((6, 1, 1, 6), 6, 3)  # what makes the file one of uint8
    inner = net.b.tensor((1, height, width, 6), np.uint8, quant)
    stride = {"strideH": 1, "strideW": 1}
    net.b.op("CONV_2D", "Conv2DOptions", [net.x, w, bias], [inner], **stride)
    size = [height - kernel[0] + 1, width - kernel[1] + 1]
    fields = {"strideH": 1, "strideW": 1, "filterHeight": kernel[0], "filterWidth": kernel[1]}
    if kernel == [2, 2] and rng.random() < 0.5:
        size, fields["padding"] = [height, width], schema.Padding.SAME
    else:
        fields["padding"] = schema.Padding.VALID
    y = net.b.tensor((1, *size, 6), np.uint8, quant)
    net.b.op(code, "Pool2DOptions", [inner], [y], **fields)
    net.check(y)


@given(seeds)
@settings(derandomize=True, deadline=None, max_examples=25)
def test_dense_layers(seed: int) -> None:
    """Of one vector or several rows, one rounding."""
    rng = np.random.default_rng(seed)
    rows = int(rng.choice([1, 1, 3]))
    net = Unsigned(seed, rows, 20) if rows == 1 else Unsigned(seed, 1, rows, 20)
    w, bias, quant = net.layer((90, 20), 90, 4)
    y = net.b.tensor((1, 90) if rows == 1 else (1, rows, 90), np.uint8, quant)
    fields = {"keepNumDims": rows > 1, "fusedActivationFunction": int(rng.choice([0, 1, 3]))}
    net.b.op("FULLY_CONNECTED", "FullyConnectedOptions", [net.x, w, bias], [y], **fields)
    net.check(y)


@given(seeds, st.booleans())
@settings(derandomize=True, deadline=None, max_examples=25)
def test_transposed_convolutions(seed: int, same: bool) -> None:
    rng = np.random.default_rng(seed)
    kernel, stride = int(rng.choice([2, 3, 4])), int(rng.choice([1, 2]))
    height, width = (int(n) for n in rng.integers(1, 5, 2))
    net = Unsigned(seed, 1, height, width, 3)
    w, bias, quant = net.layer((5, kernel, kernel, 3), 5, kernel)
    size = [n * stride if same else (n - 1) * stride + kernel for n in (height, width)]
    y = net.b.tensor((1, *size, 5), np.uint8, quant)
    wanted = net.b.constant(np.array([1, *size, 5], dtype=np.int32))
    net.b.op(
        "TRANSPOSE_CONV",
        "TransposeConvOptions",
        [wanted, w, net.x, bias],
        [y],
        version=3,
        strideH=stride,
        strideW=stride,
        padding=schema.Padding.SAME if same else schema.Padding.VALID,
    )
    net.check(y)


def classifier(seed: int) -> tuple[Unsigned, int]:
    """Two 1x1 convolutions to a SOFTMAX."""
    net = Unsigned(seed, 1, 1, 1, 9)
    stride = {"strideH": 1, "strideW": 1}
    w, bias, net.quant = net.layer((9, 1, 1, 9), 9, 3)
    inner = net.b.tensor((1, 1, 1, 9), np.uint8, net.quant)
    net.b.op("CONV_2D", "Conv2DOptions", [net.x, w, bias], [inner], **stride)
    w, bias, quant = net.layer((12, 1, 1, 9), 12, 3)
    y = net.b.tensor((1, 1, 1, 12), np.uint8, quant)
    net.b.op("CONV_2D", "Conv2DOptions", [inner, w, bias], [y], **stride)
    flat = net.b.tensor((1, 12), np.uint8, quant)
    size = net.b.constant(np.array([1, 12], np.int32))
    net.b.op("RESHAPE", None, [y, size], [flat])
    scores = net.b.tensor((1, 12), np.uint8, Quant((1 / 256,), 0))
    net.b.op("SOFTMAX", "SoftmaxOptions", [flat], [scores], beta=1.0)
    return net, scores


@given(seeds)
@cases
def test_classifiers(seed: int) -> None:
    net, scores = classifier(seed)
    net.check(scores)


def test_constant_channels_of_wide_weights_are_folded(tmp_path: Path) -> None:
    """Weights of 9 bits stay so where channels are left out."""
    net, scores = classifier(1)
    path = tmp_path / "net.tflite"
    path.write_bytes(net.b.build([net.x], [scores]))
    graph = import_tflite(path).graph
    assert np.dtype(np.int16) in {t.dtype for t in graph.tensors.values() if t.data is not None}
    reduced, _, _ = remove_constant_channels(graph, Rounding.DOUBLE)
    feed = {graph.inputs[0]: (net.data.astype(np.int16) - 128).astype(np.int8)}
    ours, expected = (lower(g, Rounding.DOUBLE).run(feed) for g in (reduced, graph))
    np.testing.assert_array_equal(ours[reduced.outputs[0]], expected[graph.outputs[0]])


def test_ends_keep_the_type_of_the_file(tmp_path: Path) -> None:
    net, scores = classifier(1)
    path = tmp_path / "net.tflite"
    path.write_bytes(net.b.build([net.x], [scores]))
    model = import_tflite(path)
    assert [port.dtype for port in (*model.inputs, *model.outputs)] == [np.uint8, np.uint8]
