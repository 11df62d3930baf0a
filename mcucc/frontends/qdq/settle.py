"""Which tensor of a quantized ONNX model holds which integers.

Roundings (QuantizeLinear) are nodes at first. Behind values that are integers already they change
the scale; any other value is computed in the scale it is rounded to, and the node disappears. A
value that is rounded in two ways, or read before it is rounded too, is computed once for each.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from dataclasses import replace

import onnx

from mcucc.errors import Problem
from mcucc.frontends.imported import Source
from mcucc.frontends.qdq.affine import Reals, is_affine
from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.clip import Clip
from mcucc.ops.concat import Concat
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.extremum import Extremum
from mcucc.ops.function import TRUTHS, Function
from mcucc.ops.layer_norm import LayerNorm
from mcucc.ops.log_softmax import LogSoftmax
from mcucc.ops.pad import Pad
from mcucc.ops.requantize import Requantize
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.passes.rewrite import Rewriter

MOST_COPIES = 256  # of values that are rounded in several ways: files have a handful
GRID = 1e-3  # steps by which a bound or a border may miss a whole number


class Settler:
    """Fills `quants` tensor by tensor and takes roundings out of the graph.

    `sources` follow the integers; `protos`, the file's nodes by label, and `factors` of weights are
    entered for copies too.
    """

    def __init__(
        self,
        graph: Graph,
        quants: dict[str, Quant],
        sources: dict[str, Source],
        protos: dict[str, onnx.NodeProto],
        factors: dict[str, Reals],
    ) -> None:
        self.rewriter = Rewriter(graph)
        self.quants, self.sources = quants, sources
        self.protos, self.factors = protos, factors
        self.problems: list[Problem] = []
        self.room = MOST_COPIES

    def run(self) -> Graph:
        """The graph with as many quants and as few roundings as can be."""
        self._indices()
        self._forward()
        for label in [node.name for node in reversed(self.rewriter.nodes)]:
            node = self.rewriter.named(label)
            if node is not None and node.output not in self.quants:
                self._settle(node.output)
        for name in self.rewriter.inputs:
            if name not in self.quants:
                self._settle(name)
        self._before_clips()
        leaving = self._leaving()
        for node in self.rewriter.nodes:
            natural = natural_quant(node.op)
            if natural is not None and node.output in leaving:
                self.quants.setdefault(node.output, natural)
        self._forward(leaving)
        return self.rewriter.finish()

    def _indices(self) -> None:
        """An index is exact, whoever reads it, and so is a truth."""
        for node in self.rewriter.nodes:
            exact = node.op.fixed_quant() if isinstance(node.op, ArgMax) else None
            if isinstance(node.op, Function) and node.op.name in TRUTHS:
                exact = Quant((1.0,), 0)
            if exact is not None:
                self.quants.setdefault(node.output, exact)

    def _forward(self, leaving: Container[str] | None = None) -> None:
        """What moves integers passes their quantization on; rounding them again is nothing.

        Operators that may write another scale at no cost do so last, when it is known what is
        `leaving` the network and who asks for which scale.
        """
        for label in [node.name for node in self.rewriter.nodes]:
            node = self.rewriter.named(label)
            if node is None:
                continue
            quant = self._kept(node)
            if isinstance(node.op, Requantize):
                if quant == self.quants[node.output]:
                    self._bypass(node)
                continue
            last = leaving is not None
            if leaving is not None and quant is None and node.output in leaving:
                quant = self._common(node) if isinstance(node.op, Concat | Extremum) else None
            if quant is not None and (last or not (node.op.RESCALES or _is_clip(node))):
                self.quants.setdefault(node.output, quant)

    def _leaving(self) -> set[str]:
        """Values that go out of the network, moved at most: nothing computes with them.

        Only these may be rounded where the file does not: by half a step of their own.
        """
        found: set[str] = set()
        for node in reversed(self.rewriter.nodes):
            readers = self.rewriter.users(node.output)
            if all(_moves(reader) and reader.output in found for reader in readers):
                found.add(node.output)
        return found

    def _before_clips(self) -> None:
        """A value that only a Clip reads may be rounded as the Clip is, and clipped then."""
        for node in reversed(self.rewriter.nodes):
            name = node.inputs[0]
            alone = self.rewriter.users(name) == [node] and name not in self.rewriter.outputs
            if _is_clip(node) and alone and node.output in self.quants:
                self.quants.setdefault(name, self.quants[node.output])

    def _common(self, node: Node) -> Quant | None:
        """The scale of one input in which the others lose no range and at most half their steps."""
        if any(name not in self.quants for name in node.inputs):
            return None
        found = [self.quants[name] for name in node.inputs]
        lows, highs = zip(*(_range(quant) for quant in found), strict=True)
        low, high = min(lows), max(highs)
        if isinstance(node.op, Extremum):
            low, high = (max(lows), high) if node.op.largest else (low, min(highs))
        finest = min(quant.per_tensor_scale for quant in found)
        fits = [
            quant
            for quant in found
            if _range(quant)[0] <= low
            and _range(quant)[1] >= high
            and quant.per_tensor_scale <= 2 * finest
        ]
        return min(fits, key=lambda quant: quant.per_tensor_scale, default=None)

    def _kept(self, node: Node) -> Quant | None:
        """The quantization of all inputs, where it is that of the output as well."""
        read = [n for n in node.inputs if self.rewriter.tensors[n].data is None]
        found = [self.quants.get(name) for name in read]
        first = found[0] if found else None
        if first is None or any(quant != first for quant in found):
            return None
        rounds = isinstance(node.op, Requantize)
        return first if rounds or keeps_quantization(self.rewriter, node, first) else None

    def _bypass(self, rounding: Node) -> None:
        """Take out a rounding: the tensor before it holds its integers.

        Between an input and an output of the network it stays, as a copy.
        """
        source, output = rounding.inputs[0], rounding.output
        held = self.sources.get(output)
        if not self.rewriter.bypass(rounding):
            return
        name = output if output in self.rewriter.outputs else source
        self.quants[name] = self.quants[output]
        if held is not None:
            self.sources[name] = held

    # Values that are computed

    def _settle(self, name: str) -> None:
        """Give a computed value the scale its readers want, one copy of it for each."""
        groups: dict[Hashable, list[Node]] = {}
        for reader in self.rewriter.users(name):
            groups.setdefault(self._wanted(reader), []).append(reader)
        if name in self.rewriter.outputs:  # in floats
            groups = {"float": groups.pop("float", []), **groups}
        producer = self.rewriter.producer(name)
        if len(groups) > 1 and producer is None:
            why = f"it is rounded in {len(groups)} ways, or read before it is rounded too"
            self.problems.append(Problem(name, "input", why, "quantize the input once"))
            return
        kept = self._kept(producer) if producer is not None and len(groups) > 1 else None
        if kept is not None:  # integers already: each reader changes their scale
            self.quants[name] = kept
            return
        names = [name]
        for readers in list(groups.values())[1:]:
            assert producer is not None
            names.append(self._copy(producer, readers))
        for held, (wanted, readers) in zip(names, groups.items(), strict=False):
            if isinstance(wanted, Quant):
                self._round(held, wanted, readers)

    def _wanted(self, reader: Node) -> Hashable:
        """The scale a reader asks for: its own where it rounds, or where rounding may come first.

        Clips and affines ask for a value of their own: they may join whoever computes it.
        """
        if isinstance(reader.op, Requantize) or _moves(reader):
            return self.quants.get(reader.output, "float")
        joins = _is_clip(reader) or is_affine(reader, self.protos)
        return ("joined", reader.name) if joins else "float"

    def _round(self, name: str, quant: Quant, readers: Sequence[Node]) -> None:
        self.quants[name] = quant
        for reader in readers:
            named = self.rewriter.named(reader.name)  # it may read another name by now
            if named is not None and isinstance(named.op, Requantize):
                self._bypass(named)

    def _copy(self, node: Node, readers: Sequence[Node]) -> str:
        """The same value once more, for these readers."""
        self.room -= 1
        if self.room < 0:
            why = "too many values are rounded in several ways"
            self.problems.append(Problem(node.name, node.op.kind, why, "round each value once"))
            return node.output
        rewriter = self.rewriter
        output, label = rewriter.fresh(f"{node.output}.again"), rewriter.fresh(f"{node.name}.again")
        rewriter.tensors[output] = replace(rewriter.tensors[node.output], name=output)
        inputs = []
        for name in node.inputs:
            data = rewriter.tensors[name].data
            inputs.append(name if data is None else rewriter.add_constant(name, data))
        made = replace(node, name=label, inputs=tuple(inputs), outputs=(output,))
        rewriter.replace(node, node, made)
        rewriter.redirect(node.output, output, readers)
        if node.name in self.protos:
            self.protos[label] = self.protos[node.name]
        if node.name in self.factors:
            self.factors[label] = self.factors[node.name]
        return output


def natural_quant(op: Op) -> Quant | None:
    """Of what ends a network and is bounded: scores, their logarithms, vectors of length 1.

    Logarithms and vectors as LiteRT prescribes them, LOG_SOFTMAX and L2_NORMALIZATION.
    """
    if isinstance(op, LogSoftmax):
        return Quant((1 / 16,), INT8_MAX)
    if isinstance(op, LayerNorm) and not op.centered and not any(op.offsets):
        longest = max(map(abs, op.scales)) * len(op.scales) ** 0.5
        return Quant((1 / 128,), 0) if longest <= 1 + GRID else None
    return op.fixed_quant()


def keeps_quantization(rewriter: Rewriter, node: Node, quant: Quant) -> bool:
    """Whether integers of this scale come out of a node as they went in: moved, or at a bound."""
    scale, zero = quant.per_tensor_scale, quant.zero_point
    if isinstance(node.op, Clip):
        lowest, highest = (b / scale + zero for b in (node.op.clamp.lo, node.op.clamp.hi))
        below = lowest <= INT8_MIN or _on_grid(lowest)
        return below and (highest >= INT8_MAX or _on_grid(highest))
    if isinstance(node.op, Pad):
        return _on_grid(node.op.value / scale + zero)
    return node.op.SHARES_QUANT or broadcasts(rewriter, node)


def _range(quant: Quant) -> tuple[float, float]:
    """The smallest and the largest real an int8 can say."""
    scale, zero = quant.per_tensor_scale, quant.zero_point
    return (INT8_MIN - zero) * scale, (INT8_MAX - zero) * scale


def _moves(node: Node) -> bool:
    """Whether rounding before a node is rounding behind it: nothing is blended."""
    return node.op.SHARES_QUANT and not isinstance(node.op, ResizeBilinear)


def _is_clip(node: Node) -> bool:
    return isinstance(node.op, Clip)


def _on_grid(steps: float) -> bool:
    return INT8_MIN - GRID <= steps <= INT8_MAX + GRID and abs(steps - round(steps)) < GRID


def broadcasts(rewriter: Rewriter, node: Node) -> bool:
    """Whether a depthwise convolution only repeats one channel."""
    if not isinstance(node.op, DepthwiseConv2d) or len(node.inputs) != 2:
        return False
    weights = rewriter.tensors[node.inputs[1]].constant
    one = rewriter.tensors[node.inputs[0]].shape[-1] == 1
    return one and weights.shape[:2] == (1, 1) and bool((weights == 1).all())
