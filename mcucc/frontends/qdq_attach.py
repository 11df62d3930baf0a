"""Turn the float Graph of a stripped model into an int8 Graph with the file's quantization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.errors import Problem
from mcucc.frontends.qdq_affine import settle
from mcucc.frontends.qdq_strip import IntConstant, Stripped
from mcucc.ir.graph import Graph, Node, Quant, Tensor
from mcucc.numerics import Clamp
from mcucc.ops.base import Op
from mcucc.ops.clip import Clip
from mcucc.ops.requantize import Requantize
from mcucc.ops.softmax import Softmax

INT8 = np.dtype(np.int8)
LARGEST_BIAS = 2**31 - 1
_NO_SCALE = "its output has no quantization: this part of the model computes in float"


class Attacher:
    """Quantization by tensor, then weights, then the int8 Graph."""

    def __init__(self, graph: Graph, stripped: Stripped, names: Mapping[str, str]) -> None:
        self.graph, self.stripped = graph, stripped
        self.quants = {
            tensor: stripped.quants[value]
            for tensor, value in names.items()
            if tensor in graph.tensors and value in stripped.quants
        }
        self.problems: list[Problem] = []
        self.factors: dict[str, npt.NDArray[np.float64]] = {}

    def run(self) -> Graph:
        """The int8 graph; `problems` says why it is incomplete."""
        self._share()
        self._fuse()
        self.graph, self.factors = settle(self.graph, self.quants, self.stripped.nodes)
        self._share()
        self._fixed()
        for node in self.graph.nodes:
            for name in node.outputs:
                if name not in self.quants:
                    hint = "quantize every operator, or cut the model before it"
                    self.problems.append(Problem(node.name, node.op.kind, _NO_SCALE, hint))
        for name in self.graph.inputs:
            if name not in self.quants:
                self.problems.append(Problem(name, "input", "the input has no quantization"))
        if self.problems:
            return self.graph
        self._weights()
        return self._typed()

    def _share(self) -> None:
        """Operators that move elements pass quantization on, in both directions."""
        for node in self.graph.nodes:
            if node.op.SHARES_QUANT and node.inputs[0] in self.quants:
                self.quants.setdefault(node.output, self.quants[node.inputs[0]])
        for node in reversed(self.graph.nodes):
            if node.op.SHARES_QUANT and node.output in self.quants:
                for name in node.inputs:
                    self.quants.setdefault(name, self.quants[node.output])

    def _fuse(self) -> None:
        """Clip joins its producer where nothing is rounded in between.

        That is: the producer's value is not quantized itself, or is with the Clip's own scale.
        """
        for clip in self.graph.nodes:
            if not isinstance(clip.op, Clip):
                continue
            value = clip.inputs[0]
            producer = self.graph.producer(value)
            alone = len(self.graph.consumers(value)) == 1 and value not in self.graph.outputs
            same = self.quants.get(value) in (None, self.quants.get(clip.output))
            clamp = getattr(producer.op, "clamp", None) if producer is not None else None
            if producer is None or not (alone and same and isinstance(clamp, Clamp)):
                continue
            changed: Any = producer.op  # a dataclass with a clamp, as asked above
            op: Op = replace(changed, clamp=clamp.intersect(clip.op.clamp))
            joined = replace(producer, op=op, outputs=clip.outputs)
            nodes = [joined if n is producer else n for n in self.graph.nodes if n is not clip]
            self.graph = self.graph.with_(nodes=nodes)

    def _fixed(self) -> None:
        """Softmax and Sigmoid that nobody rescaled take the scale they prescribe."""
        for node in self.graph.nodes:
            fixed = node.op.fixed_quant()
            if fixed is not None:
                self.quants.setdefault(node.output, fixed)

    # Weights

    def _weights(self) -> None:
        tensors = dict(self.graph.tensors)
        for node in self.graph.nodes:
            if node.op.WEIGHT_AXIS is None:
                continue
            proto = self.stripped.nodes.get(node.name)
            names = list(proto.input)[1:] if proto is not None else []
            entries = [self.stripped.constants.get(name) for name in names]
            if not entries or entries[0] is None:
                self._problem(node, "its weights are float", "quantize them to int8")
                continue
            scales = self._int8(node, entries[0], node.op.WEIGHT_AXIS, tensors)
            if scales is not None and len(node.inputs) > 2:
                exact = entries[1] if len(entries) > 1 else None
                self._int32(node, exact, scales, tensors)
        self.graph = replace(self.graph, tensors=tensors)

    def _int8(
        self, node: Node, entry: IntConstant, axis: int, tensors: dict[str, Tensor]
    ) -> npt.NDArray[np.float64] | None:
        """Quantize the (reordered) float weights back; exact, they are multiples of the scale."""
        old = tensors[node.inputs[1]]
        scales = entry.scale.astype(np.float32).astype(np.float64)
        scales = scales.reshape(-1) * self.factors.get(node.name, 1.0)
        zero = 128 if entry.integers.dtype == np.uint8 else 0
        if entry.integers.dtype not in (np.int8, np.uint8) or (entry.zero_point != zero).any():
            self._problem(node, "its weights are not symmetric int8", "quantize them symmetrically")
            return None
        if scales.size not in (1, old.shape[axis]):
            self._problem(node, f"{scales.size} weight scales for {old.shape[axis]} channels", "")
            return None
        shape = [1] * len(old.shape)
        shape[axis] = scales.size
        steps = old.constant / np.where(scales > 0, scales, 1.0).reshape(shape)
        integers = np.rint(steps)
        if (np.abs(steps - integers) > 1e-3).any() or np.abs(integers + 0.5).max() > 128:
            self._problem(node, "its weights are not multiples of their scale", "")
            return None
        quant = Quant(tuple(float(s) for s in scales), 0, axis if scales.size > 1 else None)
        tensors[old.name] = Tensor.const(old.name, integers.astype(np.int8), quant)
        return scales

    def _int32(
        self,
        node: Node,
        exact: IntConstant | None,
        scales: npt.NDArray[np.float64],
        tensors: dict[str, Tensor],
    ) -> None:
        """The bias in units of s_x * s_w: the file's integers, or its floats rounded."""
        old = tensors[node.inputs[2]]
        unit = scales * self.quants[node.inputs[0]].per_tensor_scale
        spread = np.broadcast_to(unit, old.shape)
        same = exact is not None and exact.integers.dtype == np.int32
        if exact is not None and same and exact.integers.size == old.constant.size:
            same = bool(np.allclose(exact.scale.astype(np.float64), unit, rtol=1e-5))
        if exact is not None and same and exact.integers.size == old.constant.size:
            values = exact.integers.reshape(-1).astype(np.int64)
        else:
            safe = np.where(spread > 0, spread, 1.0)
            values = np.rint(np.clip(old.constant / safe, -LARGEST_BIAS, LARGEST_BIAS))
        quant = Quant(tuple(float(u) for u in unit), 0, 0 if unit.size > 1 else None)
        tensors[old.name] = Tensor.const(old.name, values.astype(np.int32), quant)

    def _problem(self, node: Node, why: str, hint: str) -> None:
        self.problems.append(Problem(node.name, node.op.kind, why, hint))

    # The int8 graph

    def _typed(self) -> Graph:
        """Activations become int8; a change of scale where an op cannot make it is a node."""
        tensors = {
            name: tensor
            if tensor.data is not None
            else Tensor(name, tensor.shape, INT8, self.quants[name])
            for name, tensor in self.graph.tensors.items()
        }
        nodes: list[Node] = []
        for node in self.graph.nodes:
            made = self._prescribed(node)
            if made is None or made == self.quants[node.output]:
                nodes.append(node)
                continue
            own = f"{node.output}.own_scale"
            tensors[own] = replace(tensors[node.output], name=own, quant=made)
            nodes.append(replace(node, outputs=(own,)))
            nodes.append(Node(f"{node.name}.rescale", Requantize(), (own,), node.outputs))
        return Graph(self.graph.name, tuple(nodes), tensors, self.graph.inputs, self.graph.outputs)

    def _prescribed(self, node: Node) -> Quant | None:
        """The only quantization an op can write, or None."""
        if isinstance(node.op, Softmax):
            return node.op.fixed_quant()
        if node.op.SHARES_QUANT and not node.op.RESCALES:
            return self.quants[node.inputs[0]]
        return None
