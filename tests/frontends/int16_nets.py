"""A small whole network of LiteRT's 16x8 mode, built by hand."""

from __future__ import annotations

import numpy as np

from mcucc.ir import Quant
from mcucc.numerics.litert_tables import OUTPUT_SCALE
from tests.litert_builder import LiteRTBuilder

ACTIVATION = {"none": 0, "relu": 1, "relu6": 3}


def float32(value: float) -> float:
    """A scale as a file holds it."""
    return float(np.float32(value))


class Int16Net:
    """Layers one behind the other; every activation is int16 with its own scale."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.rng, self.builder = np.random.default_rng(seed), LiteRTBuilder()
        self.scales: dict[int, float] = {}
        self.shapes: dict[int, tuple[int, ...]] = {}
        self.input = self.tensor(shape, float32(1 / 32768))

    def tensor(self, shape: tuple[int, ...], scale: float) -> int:
        """An activation."""
        index = self.builder.tensor(shape, np.int16, Quant((scale,)))
        self.scales[index], self.shapes[index] = scale, shape
        return index

    def layer(
        self, code: str, x: int, outputs: int, kernel: int = 1, stride: int = 1, act: str = "none"
    ) -> int:
        """CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED with 64-bit biases, SAME padding."""
        rng, shape = self.rng, self.shapes[x]
        c_in = int(np.prod(shape[1:])) if code == "FULLY_CONNECTED" else shape[3]
        weights = {
            "CONV_2D": (outputs, kernel, kernel, c_in),
            "DEPTHWISE_CONV_2D": (1, kernel, kernel, outputs),
            "FULLY_CONNECTED": (outputs, c_in),
        }[code]
        axis = 3 if code == "DEPTHWISE_CONV_2D" else 0
        scales = [float32(s) for s in np.exp(rng.uniform(-6, -4.5, outputs))]
        w = self.builder.constant(
            rng.integers(-127, 128, weights).astype(np.int8), Quant(tuple(scales), 0, axis)
        )
        bias_scales = tuple(s * self.scales[x] for s in scales)
        bias = np.rint(rng.normal(0, 0.05, outputs) / np.array(bias_scales)).astype(np.int64)
        b = self.builder.constant(bias, Quant(bias_scales, 0, 0))
        taps = np.prod(weights) / outputs
        step = float32(self.scales[x] * max(scales) * 70 * np.sqrt(taps))
        if code == "FULLY_CONNECTED":
            y = self.tensor((1, outputs), step)
            self.builder.op(code, "FullyConnectedOptions", [x, w, b], [y], 11)
            return y
        size = [-(-n // stride) for n in shape[1:3]]
        y = self.tensor((1, *size, outputs), step)
        fields = {
            "padding": 0,
            "strideH": stride,
            "strideW": stride,
            "dilationHFactor": 1,
            "dilationWFactor": 1,
            "fusedActivationFunction": ACTIVATION[act],
        }
        if code == "DEPTHWISE_CONV_2D":
            options = "DepthwiseConv2DOptions"
            self.builder.op(code, options, [x, w, b], [y], 5, depthMultiplier=1, **fields)
        else:
            self.builder.op(code, "Conv2DOptions", [x, w, b], [y], 4, **fields)
        return y

    def add(self, a: int, b: int) -> int:
        """ADD."""
        y = self.tensor(self.shapes[a], float32(1.3 * max(self.scales[a], self.scales[b])))
        self.builder.op("ADD", "AddOptions", [a, b], [y], 2, potScaleInt16=False)
        return y

    def pool(self, x: int, code: str) -> int:
        """A 2x2 pool."""
        _, height, width, channels = self.shapes[x]
        y = self.tensor((1, height // 2, width // 2, channels), self.scales[x])
        fields = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2, "padding": 1}
        self.builder.op(code, "Pool2DOptions", [x], [y], 3, **fields)
        return y

    def mean(self, x: int) -> int:
        """MEAN over the picture."""
        channels = self.shapes[x][3]
        y = self.tensor((1, channels), float32(0.4 * self.scales[x]))
        axes = self.builder.constant(np.array([1, 2], np.int32))
        self.builder.op("MEAN", "ReducerOptions", [x, axes], [y], 2, keepDims=False)
        return y

    def function(self, x: int, code: str) -> int:
        """SOFTMAX, LOGISTIC or TANH."""
        y = self.tensor(self.shapes[x], OUTPUT_SCALE)
        if code == "SOFTMAX":
            self.builder.op(code, "SoftmaxOptions", [x], [y], 3, beta=1.0)
        else:
            self.builder.op(code, None, [x], [y], 3)
        return y


def small_network() -> bytes:
    """Two inverted bottlenecks with an addition, pools, a classifier and its softmax."""
    net = Int16Net((1, 16, 16, 3))
    x = net.layer("CONV_2D", net.input, 8, 3, 2, "relu")
    y = net.layer("CONV_2D", x, 24, act="relu6")
    y = net.layer("DEPTHWISE_CONV_2D", y, 24, 3, act="relu")
    y = net.add(x, net.layer("CONV_2D", y, 8))
    y = net.pool(y, "MAX_POOL_2D")
    y = net.layer("DEPTHWISE_CONV_2D", net.function(y, "TANH"), 8, 5)
    y = net.pool(y, "AVERAGE_POOL_2D")
    y = net.layer("FULLY_CONNECTED", net.mean(y), 10)
    return net.builder.build([net.input], [net.function(y, "SOFTMAX")])
