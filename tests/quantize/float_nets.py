"""Float networks built twice, as a Graph and as an ONNX file, with names known to the test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mcucc.frontends.imported import Format, ImportedModel, Port, Source
from mcucc.ir import Graph, Node, Tensor
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import NO_CLAMP, RELU, RELU6, Clamp
from mcucc.ops.add import Add
from mcucc.ops.common.spatial import NO_PADS, Pads, Window2d
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.reshape import Reshape
from mcucc.ops.softmax import Softmax
from mcucc.passes.fold_input import fold_input_normalisation

NHWC = (0, 2, 3, 1)


class FloatNet:
    """Adds each op to a Graph (NHWC) and to an ONNX model (NCHW) at once."""

    def __init__(self, height: int, width: int, channels: int, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = (1, height, width, channels)
        self.tensors = {"image": Tensor("image", self.shape)}
        self.sources = {"image": Source("onnx_image", NHWC)}
        self.nodes: list[Node] = []
        self.onnx_nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def conv(
        self,
        x: str,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        clamp: Clamp = NO_CLAMP,
        depthwise: bool = False,
        gain: float = 1.0,
    ) -> str:
        """A convolution with bias, same-size padding, and a fused clamp."""
        c_in, pad = self.tensors[x].shape[3], kernel // 2
        fan_in = kernel * kernel * (1 if depthwise else c_in)
        shape = (channels, 1 if depthwise else c_in, kernel, kernel)
        weights = gain * self.rng.normal(0, 1.5 / np.sqrt(fan_in), shape).astype(np.float32)
        bias = self.rng.normal(0, 0.2, channels).astype(np.float32)
        window = Window2d((kernel, kernel), (stride, stride), pads=Pads(pad, pad, pad, pad))
        if depthwise:
            op: Op = DepthwiseConv2d(window, clamp)
            own = weights[:, 0].transpose(1, 2, 0)
        else:
            op, own = Conv2d(window, 1, clamp), weights.transpose(0, 2, 3, 1)
        name = self._weighted(op, x, own, bias)
        self._onnx(
            "Conv",
            [x, *self._initialize(name, weights, bias)],
            name,
            clamp,
            pads=[pad] * 4,
            strides=[stride] * 2,
            group=c_in if depthwise else 1,
        )
        return name

    def dense(self, x: str, channels: int) -> str:
        """A fully connected layer."""
        c_in = self.tensors[x].shape[1]
        weights = self.rng.normal(0, 1 / np.sqrt(c_in), (channels, c_in)).astype(np.float32)
        bias = self.rng.normal(0, 0.2, channels).astype(np.float32)
        name = self._weighted(FullyConnected(), x, weights, bias)
        self._onnx("Gemm", [x, *self._initialize(name, weights, bias)], name, transB=1)
        return name

    def add(self, a: str, b: str, clamp: Clamp = NO_CLAMP) -> str:
        name = self._node(Add(clamp), a, b)
        self._onnx("Add", [a, b], name, clamp)
        return name

    def concat(self, *inputs: str) -> str:
        name = self._node(Concat(3), *inputs)
        self._onnx("Concat", list(inputs), name, axis=1)
        return name

    def max_pool(self, x: str) -> str:
        name = self._node(MaxPool(Window2d((2, 2), (2, 2), pads=NO_PADS)), x)
        self._onnx("MaxPool", [x], name, kernel_shape=[2, 2], strides=[2, 2])
        return name

    def pooled_vector(self, x: str) -> str:
        """Global average pool and flatten; the pool's own output is not in the ONNX file."""
        pooled = self._node(GlobalAveragePool(), x)
        del self.sources[pooled]
        channels = self.tensors[x].shape[3]
        name = self._node(Reshape((1, channels)), pooled, permutation=(0, 1))
        axes = numpy_helper.from_array(np.array([2, 3], np.int64), f"{name}_axes")
        self.initializers.append(axes)
        self._onnx("ReduceMean", [x, f"{name}_axes"], name, keepdims=0)
        return name

    def softmax(self, x: str) -> str:
        name = self._node(Softmax(), x, permutation=(0, 1))
        self._onnx("Softmax", [x], name, axis=1)
        return name

    def model(self, folder: Path, *outputs: str) -> ImportedModel:
        """Write the ONNX file and check it."""
        _, height, width, channels = self.shape
        made = helper.make_graph(
            self.onnx_nodes,
            "net",
            [
                helper.make_tensor_value_info(
                    "onnx_image", TensorProto.FLOAT, [1, channels, height, width]
                )
            ],
            [helper.make_empty_tensor_value_info(f"onnx_{name}") for name in outputs],
            self.initializers,
        )
        proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        path = folder / "net.onnx"
        onnx.save(proto, path)
        graph = Graph("net", tuple(self.nodes), self.tensors, ("image",), outputs)
        inputs = (self._port("image", (1, channels, height, width)),)
        ends = tuple(self._port(name, self._in_file(name)) for name in outputs)
        return ImportedModel(graph, path, "", Format.ONNX, inputs, ends, self.sources)

    def _in_file(self, name: str) -> tuple[int, ...]:
        stored, order = self.tensors[name].shape, self.sources[name].permutation
        return tuple(stored[axis] for axis in np.argsort(order))

    def _port(self, name: str, shape: tuple[int, ...]) -> Port:
        source = self.sources[name]
        return Port(source.name, name, shape, self.tensors[name].shape, source.permutation)

    def _weighted(self, op: Op, x: str, weights: np.ndarray, bias: np.ndarray) -> str:
        name = f"v{len(self.nodes)}"
        self.tensors[f"{name}_w"] = Tensor.const(f"{name}_w", np.ascontiguousarray(weights))
        self.tensors[f"{name}_b"] = Tensor.const(f"{name}_b", bias)
        permutation = (0, 1) if isinstance(op, FullyConnected) else NHWC
        return self._node(op, x, f"{name}_w", f"{name}_b", permutation=permutation)

    def _node(self, op: Op, *inputs: str, permutation: tuple[int, ...] = NHWC) -> str:
        name = f"v{len(self.nodes)}"
        shape = op.infer([self.tensors[i].type for i in inputs]).shape
        self.tensors[name] = Tensor(name, shape)
        self.sources[name] = Source(f"onnx_{name}", permutation)
        self.nodes.append(Node(f"node_{name}", op, inputs, (name,)))
        return name

    def _initialize(self, name: str, *arrays: np.ndarray) -> list[str]:
        names = [f"{name}_i{index}" for index in range(len(arrays))]
        self.initializers += map(numpy_helper.from_array, arrays, names)
        return names

    def _onnx(
        self,
        kind: str,
        inputs: Sequence[str],
        name: str,
        clamp: Clamp = NO_CLAMP,
        **attributes: object,
    ) -> None:
        feeds = [self.sources[i].name if i in self.sources else i for i in inputs]
        plain = f"onnx_{name}" if clamp == NO_CLAMP else f"onnx_{name}_raw"
        self.onnx_nodes.append(helper.make_node(kind, feeds, [plain], **attributes))
        if clamp == RELU:
            self.onnx_nodes.append(helper.make_node("Relu", [plain], [f"onnx_{name}"]))
        elif clamp != NO_CLAMP:
            ends = self._initialize(f"{name}_clip", np.float32(clamp.lo), np.float32(clamp.hi))
            self.onnx_nodes.append(helper.make_node("Clip", [plain, *ends], [f"onnx_{name}"]))


def mobile_net(folder: Path, seed: int = 0) -> ImportedModel:
    """Convolutions with ReLU6, a residual add, pooling, a dense layer: (1, 16, 12, 3) to (1, 5)."""
    net = FloatNet(16, 12, 3, seed)
    x = net.conv("image", 8, 3, 2, RELU6)
    y = net.conv(x, 24, 1, 1, RELU6)
    y = net.conv(y, 24, 3, 1, RELU6, depthwise=True)
    x = net.add(x, net.conv(y, 8, 1))
    x = net.conv(x, 16, 3, 2, RELU)
    return net.model(folder, net.dense(net.pooled_vector(x), 5))


def camera_graph(model: ImportedModel, scale: float = 1 / 127.5, offset: float = -1.0) -> Graph:
    """The network that reads byte - 128, as compilation makes it."""
    return fold_input_normalisation(model.graph, "image", [scale] * 3, [offset] * 3)
