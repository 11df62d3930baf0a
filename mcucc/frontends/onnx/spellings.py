"""Normalisations that an exporter wrote out, found in the file and put into one node each.

    x - mean, its square's mean, the root, the quotient; a factor and an offset behind    LayerNorm
    x times the reciprocal root of the mean of its squares                                RmsNorm
    x over its length, which a clip or a small number keeps from 0                        length 1

The node is `mcucc.Normal` with attributes axes, epsilon and kind; mcucc/frontends/onnx/norms.py
converts it. Values between that nothing else reads are gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper

from mcucc.frontends.onnx.dialects import DEFAULT_DOMAINS

NORMAL = "mcucc.Normal"
CENTERED, ABOUT_ZERO, LENGTH = "centered", "about zero", "length"
MOST_NUMBERS = 64  # of a constant that is looked at


@dataclass(frozen=True)
class _Normal:
    """What a node computes: its input, over which axes."""

    x: str
    axes: tuple[int, ...]
    epsilon: float
    kind: str


def spelled_norms(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with every written-out norm as one node; itself where there is none."""
    graph = _Values(model)
    found = {}
    for index, node in enumerate(model.graph.node):
        normal = graph.normal(node)
        if normal is not None:
            found[index] = graph.with_factors(node, normal)
    if not found:
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    replaced = {last.output[0]: node for node, last in found.values()}
    nodes = [replaced.get(_first(node), node) for node in model.graph.node]
    inner = graph.inner(set(replaced)) - set(replaced)
    kept = _read(nodes, {value.name for value in model.graph.output}, inner)
    del made.graph.node[:]
    made.graph.node.extend(kept)
    return made


def _first(node: onnx.NodeProto) -> str:
    return node.output[0] if node.output else ""


def _read(nodes: list[onnx.NodeProto], outputs: set[str], inner: set[str]) -> list[onnx.NodeProto]:
    """The nodes, without those of norms (`inner`, by output) that nothing reads any more."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if _first(node) not in inner or wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]


class _Values:
    """Who makes and reads each value of a model, and its small constants."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.makers = {name: node for node in graph.node for name in node.output if name}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self.readers[name].append(node)
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._outputs = {value.name for value in graph.output}
        self._constants = {n.output[0] for n in graph.node if n.op_type == "Constant" and n.output}
        self._constants |= set(self._tensors)

    def normal(self, node: onnx.NodeProto) -> _Normal | None:
        """The norm whose quotient (or product with a reciprocal) a node is."""
        if node.domain not in DEFAULT_DOMAINS or len(node.input) != 2 or len(node.output) != 1:
            return None
        if node.op_type == "Div":
            x, divisor = node.input
            return self._over_root(x, self._root(divisor)) or self._over_length(x, divisor)
        if node.op_type != "Mul":
            return None
        pairs = (node.input, tuple(reversed(node.input)))
        made = (self._over_root(x, self._reciprocal_root(other)) for x, other in pairs)
        return next((each for each in made if each is not None), None)

    def with_factors(
        self, node: onnx.NodeProto, normal: _Normal
    ) -> tuple[onnx.NodeProto, onnx.NodeProto]:
        """The node of a norm, with a constant factor and offset behind it; and what it replaces."""
        operands, last = [normal.x], node
        for op in ("Mul", "Add"):
            found = self._constant_behind(last, op)
            if found is None and op == "Mul":
                operands.append("")
            elif found is not None:
                last = found[0]
                operands.append(found[1])
        while operands[-1] == "":
            operands.pop()
        made = helper.make_node(
            NORMAL,
            operands,
            list(last.output),
            name=last.name or node.name,
            axes=normal.axes,
            epsilon=normal.epsilon,
            kind=normal.kind,
        )
        return made, last

    def inner(self, ends: set[str]) -> set[str]:
        """The values that lead to `ends` by operators that norms are written in."""
        words = {"Div", "Mul", "Add", "Sub", "Sqrt", "Pow", "Reciprocal", "ReduceMean", "Expand"}
        words |= {"ReduceSum", "ReduceL2", "Clip", "Max", "Shape"}
        found: set[str] = set()
        open_ = list(ends)
        while open_:
            name = open_.pop()
            maker = self.makers.get(name)
            if maker is not None and maker.op_type in words and name not in found:
                found.add(name)
                open_.extend(maker.input)
        return found

    def _constant_behind(self, node: onnx.NodeProto, op: str) -> tuple[onnx.NodeProto, str] | None:
        """The only reader, if it is `op` with a constant: it, and the constant's name."""
        name = node.output[0]
        readers = self.readers[name]
        if len(readers) != 1 or name in self._outputs or readers[0].op_type != op:
            return None
        others = [other for other in readers[0].input if other != name]
        is_constant = len(others) == 1 and others[0] in self._constants
        return (readers[0], others[0]) if is_constant else None

    def _made_by(self, name: str, *ops: str) -> onnx.NodeProto | None:
        maker = self.makers.get(name)
        return maker if maker is not None and maker.op_type in ops else None

    def _numbers(self, name: str) -> Any:
        """A small constant as an array, or None."""
        tensor = self._tensors.get(name)
        maker = self._made_by(name, "Constant")
        if tensor is None and maker is not None:
            values = [a.t for a in maker.attribute if a.name == "value"]
            tensor = values[0] if values else None
        if tensor is None or int(np.prod(tensor.dims or [1])) > MOST_NUMBERS:
            return None
        try:
            return numpy_helper.to_array(tensor)
        # NumPy and onnx raise ValueError, TypeError, KeyError and more for broken payloads.
        except Exception:
            return None

    def _number(self, name: str) -> float | None:
        array = self._numbers(name)
        return None if array is None or array.size != 1 else float(array.reshape(-1)[0])

    def _with_number(self, node: onnx.NodeProto) -> Iterator[tuple[str, float]]:
        """(operand, number) of a node of two operands, one of them a number."""
        if len(node.input) == 2:
            for name, other in (node.input, tuple(reversed(node.input))):
                number = self._number(other)
                if number is not None:
                    yield name, number

    def _root(self, name: str) -> str | None:
        """What a value is the square root of."""
        maker = self._made_by(name, "Sqrt", "Pow")
        if maker is None:
            return None
        is_root = maker.op_type == "Sqrt" or self._number(maker.input[1]) == 0.5
        return maker.input[0] if is_root else None

    def _reciprocal_root(self, name: str) -> str | None:
        maker = self._made_by(name, "Reciprocal", "Div", "Pow")
        if maker is None:
            return None
        if maker.op_type == "Pow":
            return maker.input[0] if self._number(maker.input[1]) == -0.5 else None
        if maker.op_type == "Div" and self._number(maker.input[0]) != 1.0:
            return None
        return self._root(maker.input[-1])

    def _reduced(self, name: str, op: str) -> tuple[str, tuple[int, ...]] | None:
        """(operand, axes) of a reduction that keeps its axes."""
        maker = self._made_by(name, op)
        if maker is None:
            return None
        attributes = {a.name: a for a in maker.attribute}
        if "keepdims" in attributes and attributes["keepdims"].i != 1:
            return None
        axes = None
        if "axes" in attributes and attributes["axes"].type == AttributeProto.INTS:
            axes = list(attributes["axes"].ints)
        elif len(maker.input) > 1 and maker.input[1]:
            array = self._numbers(maker.input[1])
            axes = None if array is None else [int(value) for value in array.reshape(-1)]
        return (maker.input[0], tuple(axes)) if axes else None

    def _square_of(self, name: str) -> str | None:
        maker = self._made_by(name, "Pow", "Mul")
        if maker is None or len(maker.input) != 2:
            return None
        if maker.op_type == "Pow":
            return maker.input[0] if self._number(maker.input[1]) == 2.0 else None
        return maker.input[0] if maker.input[0] == maker.input[1] else None

    def _over_root(self, x: str, power: str | None) -> _Normal | None:
        """x over the root of the mean of its squares and a small number."""
        maker = None if power is None else self._made_by(power, "Add")
        for mean, epsilon in () if maker is None else self._with_number(maker):
            reduced = self._reduced(mean, "ReduceMean")
            if reduced is None or self._square_of(reduced[0]) != x:
                continue
            axes = reduced[1]
            centred = self._made_by(x, "Sub")
            if centred is not None and self._reduced(centred.input[1], "ReduceMean") == (
                centred.input[0],
                axes,
            ):
                return _Normal(centred.input[0], axes, epsilon, CENTERED)
            return _Normal(x, axes, epsilon, ABOUT_ZERO)
        return None

    def _over_length(self, x: str, divisor: str) -> _Normal | None:
        """x over the root of the sum of its squares, stretched and kept from 0."""
        expanded = self._made_by(divisor, "Expand")
        name = divisor if expanded is None else expanded.input[0]
        least = 0.0
        bounded = self._made_by(name, "Clip", "Max", "Add")
        if bounded is not None and len(bounded.input) > 1:
            number = self._number(bounded.input[1])
            if number is None:
                return None
            name, least = bounded.input[0], number
        reduced = self._reduced(name, "ReduceL2")
        if reduced is None:
            root = self._root(name)
            summed = None if root is None else self._reduced(root, "ReduceSum")
            square = None if summed is None else self._square_of(summed[0])
            reduced = None if summed is None or square is None else (square, summed[1])
        if reduced is None or reduced[0] != x:
            return None
        return _Normal(x, reduced[1], least * least, LENGTH)
