"""`[output]` as nodes behind a network: graphs of floats and of int8 alike.

Whoever knows no answers sees the network end at its heads: `without` takes the nodes off again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mcucc.answers.answer import Answer, ClassesAnswer, EmbeddingAnswer, MaskAnswer
from mcucc.answers.boxes import add_boxes
from mcucc.answers.builder import Builder
from mcucc.answers.check_spec import key_of
from mcucc.answers.ends import Ends, Named
from mcucc.answers.keypoints import add_keypoints
from mcucc.answers.read import hint_for
from mcucc.answers.spec import ClassesSpec, EmbeddingSpec, MaskSpec, OutputSpec
from mcucc.errors import DataError
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.op import Op
from mcucc.numerics.elementary import log
from mcucc.ops.arg_max import INT8_ENTRIES, ArgMax
from mcucc.ops.reshape import Reshape
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softmax import Softmax
from mcucc.ops.threshold import Threshold
from mcucc.passes import dead_code


@dataclass(frozen=True, eq=False)
class Appended:
    """The graph that ends in answers, and what each of them says."""

    graph: Graph
    answers: tuple[Answer, ...]


def append(graph: Graph, spec: OutputSpec, ends: Ends) -> Appended:
    """The nodes that `spec` asks for, behind `graph`; outputs that it does not name stay.

    Raises DataError, naming the key, where the network's outputs are not what `spec` says.
    """
    making = _Making(Builder(graph), graph, ends)
    try:
        for number, boxes in enumerate(spec.boxes):
            key = key_of("boxes", number, several=len(spec.boxes) > 1)
            making.answers.append(add_boxes(making.builder, making.named, ends, boxes, key))
        for number, points in enumerate(spec.keypoints):
            key = key_of("keypoints", number, several=len(spec.keypoints) > 1)
            making.answers.append(add_keypoints(making.builder, making.named, ends, points, key))
        for number, mask in enumerate(spec.mask):
            making.mask(mask, key_of("mask", number, several=len(spec.mask) > 1))
        for number, classes in enumerate(spec.classes):
            making.classes(classes, key_of("classes", number, several=len(spec.classes) > 1))
        for number, each in enumerate(spec.embedding):
            making.embedding(each, key_of("embedding", number, several=len(spec.embedding) > 1))
    except ValueError as error:
        what = str(error)
        raise DataError(what, where=ends.where, hint=hint_for(what)) from error
    answers = tuple(making.answers)
    made = making.builder.finish((answer.output, answer.heads) for answer in answers)
    return Appended(made, answers)


def without(graph: Graph, answers: Sequence[Answer]) -> Graph:
    """The same network without the nodes that decode: it ends in its heads."""
    outputs = _heads(graph.outputs, answers)
    return dead_code.run(graph.with_(outputs=outputs)) if answers else graph


def without_kernels(graph: IntegerGraph, answers: Sequence[Answer]) -> IntegerGraph:
    """The same of the integer network."""
    if not answers:
        return graph
    outputs = _heads(graph.outputs, answers)
    live, kept = set(outputs), []
    for node in reversed(graph.nodes):
        if node.output in live:
            kept.append(node)
            live.update(node.inputs)
    activations = {n: a for n, a in graph.activations.items() if n in live or n in graph.inputs}
    return replace(graph, nodes=tuple(kept[::-1]), activations=activations, outputs=outputs)


def _heads(outputs: Sequence[str], answers: Sequence[Answer]) -> tuple[str, ...]:
    heads = {answer.output: answer.heads for answer in answers}
    found: dict[str, None] = {}
    for name in outputs:
        found.update(dict.fromkeys(heads.get(name, (name,))))
    return tuple(found)


class _Making:
    """A graph, and the answers found for it so far."""

    def __init__(self, builder: Builder, graph: Graph, ends: Ends) -> None:
        self.builder, self.ends = builder, ends
        self.named = Named(ends, graph)
        self.answers: list[Answer] = []

    def mask(self, spec: MaskSpec, at: str) -> None:
        """The arg max of each pixel, or of one channel whether it is at least the threshold."""
        head = self._only(spec.tensor, at)
        channels = self.builder.shape(head)[2]
        maker = self.builder.producer(head)
        while maker is not None and isinstance(maker.op, Reshape):
            maker = self.builder.producer(maker.inputs[0])
        if maker is not None and isinstance(maker.op, ArgMax | Threshold):  # the file's own
            count, output = maker.op.entries if isinstance(maker.op, ArgMax) else 2, head
        elif channels == 1:
            if spec.score != "identity" and maker is not None and isinstance(maker.op, Sigmoid):
                raise ValueError(f"{at}.score: the network ends in Sigmoid already; leave it out")
            count, output = 2, self._add("mask", Threshold(_limit(spec)), head)
        else:
            count = channels
            if count > INT8_ENTRIES:
                raise ValueError(f"{at}: {head} has {count} channels (at most {INT8_ENTRIES})")
            output = self._add("mask", ArgMax(count), head)
        _check_names(spec.classes, count, f"{at}.classes", head)
        self.answers.append(MaskAnswer(output, (head,), spec.classes))

    def classes(self, spec: ClassesSpec, at: str) -> None:
        """Probabilities, by a node where the network ends before them."""
        head = self._only(spec.tensor, at)
        height, width, count = self.builder.shape(head)
        if height * width != 1:
            raise ValueError(
                f"{at}.tensor: {head} is a map of {height}x{width}; scores of classes are a vector"
            )
        _check_names(spec.classes, count, f"{at}.classes", head)
        maker = self.builder.producer(head)
        op: Op | None = {"softmax": Softmax(), "sigmoid": Sigmoid()}.get(spec.score)
        if op is not None and maker is not None and isinstance(maker.op, Softmax | Sigmoid):
            raise ValueError(
                f"{at}.score: the network ends in {maker.op.kind} already; leave score out"
            )
        output = head if op is None else self._add("classes", op, head)
        last = op if op is not None or maker is None else maker.op
        several = isinstance(last, Sigmoid) and count > 1
        self.answers.append(ClassesAnswer(output, (head,), spec.classes, spec.threshold, several))

    def embedding(self, spec: EmbeddingSpec, at: str) -> None:
        """The vector as it is."""
        head = self._only(spec.tensor, at)
        height, width, _ = self.builder.shape(head)
        if height * width != 1:
            raise ValueError(f"{at}.tensor: {head} is a map of {height}x{width}, not a vector")
        self.answers.append(EmbeddingAnswer(head, (head,)))

    def _add(self, name: str, op: Op, head: str) -> str:
        return self.builder.add(name, op, [self.builder.int8(head)])

    def _only(self, name: str, at: str) -> str:
        """The output that is named, or the only one."""
        names = self.ends.names
        if not name and len(names) != 1:
            found = ", ".join(names)
            raise ValueError(f"{at}: which output? the network has {found}; add tensor = ..")
        return self.named.tensor(name or next(iter(names)), f"{at}.tensor")


def _limit(spec: MaskSpec) -> float:
    """The value from which a pixel counts: of a logit that of the probability."""
    if spec.score == "identity":
        return spec.threshold
    share = np.array([spec.threshold, 1 - spec.threshold])
    ahead, behind = log(share).tolist()
    return float(ahead - behind)


def _check_names(names: Sequence[str], count: int, key: str, head: str) -> None:
    if names and len(names) != count:
        raise ValueError(f"{key}: {len(names)} names, {head} has {count} channels")
