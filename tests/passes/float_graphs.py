"""Small float graphs written down node by node, and what a pass must not change."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcucc.ir import Graph, Node, Tensor, graph_text, verify
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.op import Op
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d

ONE = Window2d((1, 1))
SAME = Window2d((3, 3), pads=Pads(1, 1, 1, 1))
PLAIN = Window2d((3, 3))


class Floats:
    """Adds one float node after the other; `%x` is the input."""

    def __init__(self, *shape: int) -> None:
        self.rng = np.random.default_rng(3)
        self.nodes: list[Node] = []
        self.tensors = {"x": Tensor("x", shape or (1, 6, 7, 4))}

    def __call__(self, name: str, op: Op, *inputs: str) -> str:
        inferred = op.infer([self.tensors[i].type for i in inputs])
        self.tensors[name] = Tensor(name, inferred.shape)
        self.nodes.append(Node(name, op, inputs, (name,)))
        return name

    def const(self, name: str, array: Any) -> str:
        self.tensors[name] = Tensor.const(name, np.asarray(array, np.float32))
        return name

    def random(self, name: str, *shape: int) -> str:
        return self.const(name, self.rng.normal(0, 0.5, shape))

    def affine(self, name: str, x: str, scale: Any, offset: Any) -> str:
        channels = self.tensors[x].shape[3]
        s = np.broadcast_to(np.asarray(scale, np.float32), channels).reshape(1, 1, channels)
        o = np.broadcast_to(np.asarray(offset, np.float32), channels)
        op = DepthwiseConv2d(ONE)
        return self(name, op, x, self.const(f"{name}.s", s), self.const(f"{name}.o", o))

    def graph(self, *outputs: str) -> Graph:
        made = Graph("g", tuple(self.nodes), self.tensors, ("x",), outputs)
        verify(made)
        return made


def flow(graph: Graph) -> list[str]:
    """The graph's nodes as text without constants and element types."""
    lines = graph_text(graph).replace("float32", "").splitlines()
    return [line.strip().split(", @")[0] for line in lines if " = " in line]


def assert_same_values(before: Graph, after: Graph, seed: int = 0) -> None:
    """Tensors that keep their name keep their values; outputs keep names and shapes."""
    verify(after)
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, before.tensors["x"].shape).astype(np.float32)
    old, new = evaluate_graph(before, {"x": x}), evaluate_graph(after, {"x": x})
    assert before.outputs == after.outputs
    for name, value in new.items():
        if name in old:
            expected = old[name].reshape(value.shape)
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5, err_msg=name)
    for name in before.outputs:
        assert before.tensors[name].shape == after.tensors[name].shape
