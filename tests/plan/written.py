"""Networks and plans as the text files of this folder write them.

A network is a line a node, `NAME = OP INPUTS.. KEY=NUMBER..`, after its inputs (`input NAME H x W x
C`) and before its `outputs`; weights are drawn from a fixed seed. A plan is written as
`schedule.plan.text` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mcucc.ir import Graph, Quant, Tensor
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.op import Op
from mcucc.ops.add import Add
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.softmax import Softmax
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, SplitPlan, StagePlan
from mcucc.schedule.plan.spans import Reuse
from tests.graphs import INT8, Builder, same

Numbers = dict[str, int]
Shape = tuple[int, ...]


def network(text: str) -> IntegerGraph:
    """The integer network of a text."""
    builder = Builder(1, 1, 1)
    builder.tensors.clear()
    inputs: list[str] = []
    outputs: tuple[str, ...] = ()
    for line in text.strip().splitlines():
        head, *words = line.split()
        if head == "input":
            height, width, channels = (int(word) for word in words[1:] if word != "x")
            shape = (1, height, width, channels)
            builder.tensors[words[0]] = Tensor(words[0], shape, INT8, Quant((1 / 128,), -1))
            inputs.append(words[0])
        elif head == "outputs":
            outputs = tuple(words)
        else:
            _node(builder, head, words[1], words[2:])
    graph = Graph("net", tuple(builder.nodes), builder.tensors, tuple(inputs), outputs)
    return lower(graph)


def _node(b: Builder, name: str, kind: str, words: list[str]) -> None:
    numbers: Numbers = {}
    operands = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            numbers[key] = int(value)
        else:
            operands.append(word)
    if kind in WEIGHTED:
        operands += WEIGHTED[kind](b, name, operands[0], numbers)
    b.node(OPS[kind](b.tensors[operands[0]].shape, numbers), *operands, name=name)


def _window(numbers: Numbers) -> tuple[int, int]:
    return numbers.get("kernel", 1), numbers.get("stride", 1)


OPS: dict[str, Callable[[Shape, Numbers], Op]] = {
    "conv": lambda _, n: Conv2d(same(*_window(n))),
    "depthwise": lambda _, n: DepthwiseConv2d(same(*_window(n))),
    "dense": lambda *_: FullyConnected(),
    "max_pool": lambda _, n: MaxPool(same(*_window(n))),
    "global_pool": lambda *_: GlobalAveragePool(),
    "flat": lambda shape, _: Reshape((1, shape[1] * shape[2] * shape[3])),
    "resize": lambda _, n: ResizeNearest(n["factor"]),
    "softmax": lambda *_: Softmax(),
    "add": lambda *_: Add(),
    "mul": lambda *_: Mul(),
    "concat": lambda shape, _: Concat(len(shape) - 1),
}


def _conv(b: Builder, name: str, x: str, n: Numbers) -> tuple[str, str]:
    kernel = n.get("kernel", 1)
    return b.weights((n["channels"], kernel, kernel, b.tensors[x].shape[3]), 0, x, name)


def _depthwise(b: Builder, name: str, x: str, n: Numbers) -> tuple[str, str]:
    return b.weights((n["kernel"], n["kernel"], b.tensors[x].shape[3]), 2, x, name)


def _dense(b: Builder, name: str, x: str, n: Numbers) -> tuple[str, str]:
    return b.weights((n["channels"], b.tensors[x].shape[1]), 0, x, name)


WEIGHTED = {"conv": _conv, "depthwise": _depthwise, "dense": _dense}

HEAD = re.compile(r"plan (\w+), image (\w+)")
STAGE = re.compile(
    r"stage \d+: tile (\d+) (?:x (\d+)|whole rows?)(?:, (\d+) strips)?(, feeds the next stage)?"
)
HOLD = re.compile(r"hold (.+) as (\w+), rows (\w+), columns (\w+)")
SPLIT = re.compile(r"split (\S+) into groups of (\d+) channels")


def plan(text: str) -> Plan:
    """The plan that a text says; ValueError for a line that says nothing."""
    head, *lines = text.strip().splitlines()
    said = HEAD.fullmatch(head)
    if said is None:
        raise ValueError(f"{head!r} is no head of a plan")
    stages: list[list[str]] = []
    for line in lines:
        if line.startswith("  stage"):
            stages.append([line.strip()])
        elif line.startswith("      "):  # goes on
            stages[-1][-1] += f" {line.strip()}"
        else:
            stages[-1].append(line.strip())
    return Plan(said[1], ImagePolicy(said[2]), tuple(_stage(*stage) for stage in stages))


def _stage(head: str, nodes: str, *rest: str) -> StagePlan:
    said = STAGE.fullmatch(head)
    if said is None or not nodes.startswith("nodes "):
        raise ValueError(f"{head!r}, {nodes!r} is no stage")
    edges: list[EdgePlan] = []
    splits: list[SplitPlan] = []
    again: tuple[str, ...] = ()
    for line in rest:
        if line.startswith("again "):
            again = tuple(line.removeprefix("again ").split(", "))
        elif held := HOLD.fullmatch(line):
            form, rows, columns = Form(held[2]), Reuse(held[3]), Reuse(held[4])
            edges += [EdgePlan(t, form, rows, columns) for t in held[1].split(", ")]
        elif split := SPLIT.fullmatch(line):
            splits.append(SplitPlan(split[1], int(split[2])))
        else:
            raise ValueError(f"{line!r} is neither again nor hold nor split")
    return StagePlan(
        nodes=tuple(nodes.removeprefix("nodes ").split(", ")),
        tile=(int(said[1]), int(said[2] or 0)),
        edges=tuple(edges),
        feeds=said[4] is not None,
        splits=tuple(splits),
        strips=int(said[3] or 1),
        again=again,
    )
