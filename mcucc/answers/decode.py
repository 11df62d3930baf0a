"""The float decode: the nodes of `[output]` alone, in float, from float values of the heads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.answers.answer import Answer
from mcucc.ir.graph import Graph

Array = npt.NDArray[Any]


def decode(graph: Graph, answers: Iterable[Answer], heads: Mapping[str, Array]) -> dict[str, Array]:
    """The float form of every answer's output (answer.py reads it) of one picture.

    `graph` is the appended one, `heads` the real values of the answers' heads by name, in any
    shape of as many numbers.
    """
    values: dict[str, Array] = {
        name: value.reshape(graph.tensors[name].shape).astype(np.float32)
        for name, value in heads.items()
    }

    def value(name: str) -> Array:
        if name not in values:
            node = graph.producer(name)
            if node is None:
                raise ValueError(f"{name} does not follow from {', '.join(heads)}")
            values[name] = node.op.evaluate([value(each) for each in node.inputs])
        return values[name]

    return {answer.output: value(answer.output) for answer in answers}
