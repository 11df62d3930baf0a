"""Small int8 networks with random weights, built by hand: what tests of every room run on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.ir import Graph, Node, Quant, Tensor
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp
from mcucc.ops.add import Add
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.reshape import Reshape

INT8 = np.dtype(np.int8)


class Builder:
    """Adds one quantized node after the other; weights and scales come from a seeded generator."""

    def __init__(self, height: int, width: int, channels: int, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []
        image = Tensor("image", (1, height, width, channels), INT8, Quant((1 / 128,), -1))
        self.tensors = {"image": image}

    def node(self, op: Op, *inputs: str, quant: Quant | None = None, name: str = "") -> str:
        """Add `op`; returns the name of its output."""
        name = name or f"{op.kind.lower()}_{len(self.nodes)}"
        operands = [self.tensors[i] for i in inputs]
        shape = op.infer([t.type for t in operands]).shape
        if quant is None:
            quant = op.fixed_quant()
        if quant is None and op.SHARES_QUANT:
            quant = operands[0].quant
        if quant is None:
            zero_point = int(self.rng.integers(-128, 128))
            quant = Quant((float(self.rng.uniform(0.02, 0.1)),), zero_point)
        self.tensors[name] = Tensor(name, shape, INT8, quant)
        self.nodes.append(Node(name, op, tuple(inputs), (name,)))
        return name

    def weights(self, shape: tuple[int, ...], axis: int, x: str, name: str) -> tuple[str, str]:
        """Random weights and bias; returns their names."""
        count = shape[axis]
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = self.rng.uniform(0.001, 0.01, count)
        x_scale = self.tensors[x].quantization.per_tensor_scale
        self.tensors[f"{name}_w"] = Tensor.const(
            f"{name}_w", data, Quant(tuple(float(s) for s in scales), 0, axis)
        )
        bias = self.rng.integers(-2000, 2000, count).astype(np.int32)
        quant = Quant(tuple(float(s * x_scale) for s in scales), 0, 0)
        self.tensors[f"{name}_b"] = Tensor.const(f"{name}_b", bias, quant)
        return f"{name}_w", f"{name}_b"

    def conv(
        self,
        x: str,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        clamp: Clamp = NO_CLAMP,
    ) -> str:
        """A convolution with same-size padding."""
        name = f"conv_{len(self.nodes)}"
        c_in = self.tensors[x].shape[3]
        w, b = self.weights((channels, kernel, kernel, c_in // groups), 0, x, name)
        op = Conv2d(same(kernel, stride, dilation), groups, clamp)
        return self.node(op, x, w, b, name=name)

    def depthwise(self, x: str, kernel: int = 3, stride: int = 1, multiplier: int = 1) -> str:
        """A depthwise convolution with same-size padding."""
        name = f"dw_{len(self.nodes)}"
        c_in = self.tensors[x].shape[3]
        w, b = self.weights((kernel, kernel, c_in * multiplier), 2, x, name)
        return self.node(DepthwiseConv2d(same(kernel, stride)), x, w, b, name=name)

    def bordered(self, x: str, op: Conv2d | DepthwiseConv2d, shape: tuple[int, ...]) -> str:
        """A convolution with weights of this shape, whose padding is worth something to each."""
        name = f"bordered_{len(self.nodes)}"
        axis = op.WEIGHT_AXIS or 0
        w, b = self.weights(shape, axis, x, name)
        quant = replace(self.tensors[b].quantization, axis=2)
        border = self.rng.integers(-4000, 4000, (*op.window.kernel, shape[axis])).astype(np.int32)
        self.tensors[f"{name}_border"] = Tensor.const(f"{name}_border", border, quant)
        return self.node(op, x, w, b, f"{name}_border", name=name)

    def add(self, a: str, b: str) -> str:
        """A residual add."""
        return self.node(Add(), a, b)

    def block(self, x: str, expand: int, channels: int, kernel: int = 3, stride: int = 1) -> str:
        """An inverted residual block; adds its input where shapes allow."""
        y = self.conv(x, self.tensors[x].shape[3] * expand)
        y = self.depthwise(y, kernel, stride)
        y = self.conv(y, channels)
        return self.add(x, y) if self.tensors[x].shape == self.tensors[y].shape else y

    def classifier(self, x: str, classes: int) -> str:
        """Global pool and a dense layer."""
        y = self.node(GlobalAveragePool(), x)
        flat = self.node(Reshape((1, self.tensors[y].shape[3])), y)
        name = f"fc_{len(self.nodes)}"
        w, b = self.weights((classes, self.tensors[flat].shape[1]), 0, flat, name)
        return self.node(FullyConnected(), flat, w, b, name=name)

    def graph(self, *outputs: str, name: str = "net") -> Graph:
        """The finished network."""
        return Graph(name, tuple(self.nodes), self.tensors, ("image",), outputs)


def same(kernel: int, stride: int = 1, dilation: int = 1) -> Window2d:
    """A window padded so that stride 1 keeps the size."""
    pad = dilation * (kernel - 1) // 2
    return Window2d(
        (kernel, kernel), (stride, stride), (dilation, dilation), Pads(pad, pad, pad, pad)
    )


def mobile_net(height: int = 17, width: int = 13, seed: int = 0) -> Graph:
    """A MobileNetV2-like network with two residual adds."""
    b = Builder(height, width, 3, seed)
    x = b.conv("image", 8, 3, 2)
    x = b.block(x, 3, 8)
    x = b.block(x, 3, 12, 5, 2)
    x = b.block(x, 2, 12)
    return b.graph(b.classifier(x, 5), name="mobile_net")
