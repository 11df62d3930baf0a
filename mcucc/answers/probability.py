"""Whether numbers of a tensor are probabilities already: what function they come from."""

from __future__ import annotations

from mcucc.answers.builder import Builder
from mcucc.ops.concat import Concat
from mcucc.ops.reshape import Reshape
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softmax import Softmax

FARTHEST = 32  # operators that move values


def probability(builder: Builder, tensor: str, channel: int) -> str | None:
    """The operator, Sigmoid or Softmax, that made this channel; None where it is none of them.

    Operators that only move whole pixels are looked through.
    """
    for _ in range(FARTHEST):
        node = builder.producer(tensor)
        if node is None:
            return None
        if isinstance(node.op, Sigmoid | Softmax):
            return node.op.kind
        source = node.inputs[0]
        same = builder.shape(source)[2] == builder.shape(tensor)[2]
        if isinstance(node.op, Concat) and node.op.axis == len(builder.tensors[tensor].shape) - 1:
            for source in node.inputs:
                if channel < builder.shape(source)[2]:
                    break
                channel -= builder.shape(source)[2]
        elif not (node.op.SHARES_QUANT and (same or isinstance(node.op, Reshape))):
            return None
        elif isinstance(node.op, Reshape) and not same:
            channel %= builder.shape(source)[2]
        tensor = source
    return None
