"""Turn the float Graph of a stripped model into an int8 Graph with the file's quantization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mcucc.errors import Problem
from mcucc.frontends.imported import Source
from mcucc.frontends.qdq.affine import Reals, join, leave
from mcucc.frontends.qdq.settle import Settler
from mcucc.frontends.qdq.tables import Stripped
from mcucc.frontends.qdq.weights import integer_weights
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT8, INT16, Clamp
from mcucc.ops.channel_affine import ChannelAffine
from mcucc.ops.clip import Clip
from mcucc.ops.concat import Concat
from mcucc.ops.extremum import Extremum
from mcucc.ops.pad import Pad
from mcucc.ops.requantize import Requantize
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.ops.softmax import Softmax
from mcucc.passes import dead_code
from mcucc.passes.rewrite import Rewriter

_NO_SCALE = "its output has no quantization: this part of the model computes in float"
_HINT = "quantize every operator, or end the network before it with --outputs"


class Attacher:
    """Quantization by tensor, then weights, then the int8 Graph."""

    def __init__(self, graph: Graph, stripped: Stripped, sources: Mapping[str, Source]) -> None:
        self.stripped = stripped
        self.sources = dict(sources)
        self.problems: list[Problem] = []
        self.quants: dict[str, Quant] = {}
        self.graph = self._marked(graph)

    def run(self) -> Graph:
        """The int8 graph; `problems` says why it is incomplete."""
        protos, factors = dict(self.stripped.nodes), dict[str, Reals]()
        self.graph = join(_fuse(self.graph, self.quants), self.quants, protos, factors)
        settler = Settler(self.graph, self.quants, self.sources, protos, factors)
        self.graph = dead_code.run(settler.run())
        self.problems += settler.problems
        self.graph = leave(join(self.graph, self.quants, protos, factors), protos)
        self.graph = _fuse(dead_code.run(self.graph), self.quants)
        self._check()
        self._weights(protos, factors)
        return self.graph if self.problems else self._typed()

    def _marked(self, graph: Graph) -> Graph:
        """What the tables say of nodes and tensors: where to round, and where to read again."""
        roundings, rereadings = self.stripped.roundings, self.stripped.rereadings
        nodes: list[Node] = []
        for name in graph.tensors:
            value = self.sources[name].name if name in self.sources else name
            if value in self.stripped.quants:
                self.quants[name] = self.stripped.quants[value]
        for node in graph.nodes:
            op: Op = node.op
            if node.name in roundings:
                op, self.quants[node.output] = Requantize(), roundings[node.name]
            elif node.name in rereadings:
                channels = hwc(graph.tensors[node.output].shape)[2]
                op = _reread(*rereadings[node.name], channels)
                self.quants[node.output] = rereadings[node.name][1]
            nodes.append(replace(node, op=op))
        return graph.with_(nodes=nodes)

    # What is missing

    def _check(self) -> None:
        """A problem for every first node whose result no integers stand for."""
        for name in self.graph.inputs:
            if name not in self.quants and name not in {p.node for p in self.problems}:
                self.problems.append(self._unquantized(name))
        for node in self.graph.nodes:
            if node.output in self.quants:
                self._check_steps(node)
                continue
            read = [n for n in node.inputs if self.graph.tensors[n].data is None]
            if all(name in self.quants for name in read):
                self.problems.append(self._missing(node, [self.quants[name] for name in read]))

    def _check_steps(self, node: Node) -> None:
        """What is computed in steps of its own is not rounded to steps of less than half of them.

        An error of half a step would be more than one of the file's.
        """
        made, step = self._made(node), self.quants[node.output].per_tensor_scale
        if isinstance(node.op, Requantize):
            made = self._blended(node.inputs[0])
            node = self.graph.producer(node.inputs[0]) or node
        if made is None or step * 2 >= made.per_tensor_scale:
            return
        why = f"it is computed in steps of {made.per_tensor_scale:g}, the file has {step:g}"
        hint = "quantize its output in steps that are no finer, or cut the model before it"
        self.problems.append(self._problem(node, why, hint))

    def _blended(self, name: str) -> Quant | None:
        """The scale of blended pixels that the file itself does not round to it, or None."""
        producer, source = self.graph.producer(name), self.sources.get(name)
        rounded = {held.value for held in self.stripped.integers.values()}
        blends = producer is not None and isinstance(producer.op, ResizeBilinear)
        in_file = source is not None and source.name in rounded
        return self.quants.get(name) if blends and not in_file else None

    def _unquantized(self, name: str) -> Problem:
        """An input of the network that is not rounded before anything computes with it."""
        readers = [self._problem(node, "", "") for node in self.graph.consumers(name)]
        first = f"{readers[0].node} [{readers[0].op}]" if readers else "nothing"
        why = f"the input has no quantization: {first} reads it in float"
        hint = "quantize the input as well; subtracting a mean and dividing is the TOML's business"
        return Problem(name, "input", why, hint)

    def _missing(self, node: Node, quants: list[Quant]) -> Problem:
        why, hint = _NO_SCALE, _HINT
        if isinstance(node.op, Concat | Extremum) and len(set(quants)) > 1:
            steps = ", ".join(f"{q.per_tensor_scale:g} ({q.zero_point})" for q in quants)
            why = (
                f"its inputs have the scales (and zero points) {steps}, its output none of its own"
            )
            hint = "quantize its output too, or end the network before it with --outputs"
        elif isinstance(node.op, Pad):
            why = f"its border of {node.op.value:g} is no step of its input's scale"
        return self._problem(node, why, hint)

    def _problem(self, node: Node, why: str, hint: str) -> Problem:
        """Of the file's node that this one is a part of."""
        origins = [n for n in self.stripped.nodes if f"{node.name}.".startswith(f"{n}.")]
        if not origins:
            return Problem(node.name, node.op.kind, why, hint)
        name = max(origins, key=len)
        return Problem(name, self.stripped.nodes[name].op_type, why, hint)

    # The int8 graph

    def _weights(self, protos: Mapping[str, Any], factors: Mapping[str, Any]) -> None:
        tensors = dict(self.graph.tensors)
        for node in self.graph.nodes:
            known = node.inputs[0] in self.quants and node.output in self.quants
            if node.op.WEIGHT_AXIS is None or not known:
                continue
            try:
                made = integer_weights(
                    self.graph,
                    node,
                    self.quants,
                    protos.get(node.name),
                    self.stripped.constants,
                    factors.get(node.name, 1.0),
                )
            except UnsupportedNode as error:
                self.problems.append(self._problem(node, error.why, error.hint))
                continue
            tensors.update((tensor.name, tensor) for tensor in made)
        self.graph = replace(self.graph, tensors=tensors)

    def _typed(self) -> Graph:
        """Activations become int8; a change of scale where an op cannot make it is a node."""
        tensors = {
            name: tensor
            if tensor.data is not None
            else Tensor(name, tensor.shape, _element(self.quants[name]), self.quants[name])
            for name, tensor in self.graph.tensors.items()
        }
        rewriter = Rewriter(replace(self.graph, tensors=tensors))
        for node in self.graph.nodes:
            quant = self.quants[node.output]
            made = self._made(node)
            if made is not None and made != quant:
                own = _another(rewriter, node.output, made)
                last = Node(
                    rewriter.fresh(f"{node.name}.rescale"), Requantize(), (own,), node.outputs
                )
                rewriter.replace(node, replace(node, outputs=(own,)), last)
            elif _moves(node.op) and self.quants[node.inputs[0]] != quant:
                own = _another(rewriter, node.inputs[0], quant)
                label = rewriter.fresh(f"{node.name}.rescale")
                first = Node(label, Requantize(), node.inputs, (own,))
                rewriter.replace(node, first, replace(node, inputs=(own,)))
        return rewriter.finish()

    def _made(self, node: Node) -> Quant | None:
        """The scale an op computes in, where another one is rounded to behind it."""
        if isinstance(node.op, ResizeBilinear):
            return self.quants.get(node.inputs[0])
        return node.op.fixed_quant() if isinstance(node.op, Softmax) else None


def _element(quant: Quant) -> np.dtype[Any]:
    """int16 for an index of many entries, which alone has a limit."""
    return INT16 if quant.limit is not None else INT8


def _moves(op: Op) -> bool:
    return op.SHARES_QUANT and not op.RESCALES


def _another(rewriter: Rewriter, name: str, quant: Quant | None) -> str:
    """A new tensor of the shape of `name` in another scale."""
    own = rewriter.fresh(f"{name}.own_scale")
    rewriter.tensors[own] = replace(rewriter.tensors[name], name=own, quant=quant)
    return own


def _reread(old: Quant, new: Quant, channels: int) -> ChannelAffine:
    """The same integers, read with another scale and zero point."""
    scale = new.per_tensor_scale / old.per_tensor_scale
    offset = new.per_tensor_scale * (old.zero_point - new.zero_point)
    return ChannelAffine((scale,) * channels, (offset,) * channels)


def _fuse(graph: Graph, quants: Mapping[str, Quant]) -> Graph:
    """Clip joins its producer where nothing is rounded in between.

    That is: the producer's value is not quantized itself, or is with the Clip's own scale.
    """
    rewriter = Rewriter(graph)
    for clip in rewriter.nodes:
        if not isinstance(clip.op, Clip):
            continue
        value = clip.inputs[0]
        producer = rewriter.producer(value)
        alone = rewriter.sole_user(value) is not None
        same = quants.get(value) in (None, quants.get(clip.output))
        clamp = getattr(producer.op, "clamp", None) if producer is not None else None
        if producer is None or not (alone and same and isinstance(clamp, Clamp)):
            continue
        changed: Any = producer.op  # a dataclass with a clamp, as asked above
        op: Op = replace(changed, clamp=clamp.intersect(clip.op.clamp))
        rewriter.replace(clip)
        rewriter.replace(producer, replace(producer, op=op, outputs=clip.outputs))
    return rewriter.finish()
