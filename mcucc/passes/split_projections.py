"""One projection to queries, keys and values becomes one for each: nothing is cut, nothing waits.

A 1x1 convolution whose channels are only cut apart, some of them for an attention or a product, is
as many convolutions as there are parts: the same products, and each part in a scale of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.attention import Attention
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.mat_mul import MatMul
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice
from mcucc.passes.rewrite import Rewriter

Places = npt.NDArray[np.int64]
LARGEST = 2**24  # elements that float32 can number


def run(graph: Graph) -> Graph:
    """Split every such convolution."""
    rewriter = Rewriter(graph)
    for node in rewriter.nodes:
        if _is_projection(rewriter, node):
            _split(rewriter, node)
    return rewriter.finish()


def _is_projection(rewriter: Rewriter, node: Node) -> bool:
    op = node.op
    if not isinstance(op, Conv2d) or not op.window.pointwise:
        return False
    plain = op.groups == 1 and op.clamp == NO_CLAMP
    constant = all(rewriter.constant(name) is not None for name in node.inputs[1:])
    size = int(np.prod(rewriter.tensors[node.output].shape))
    return plain and constant and len(node.inputs) <= 3 and size < LARGEST


def _split(rewriter: Rewriter, node: Node) -> None:
    ends = _ends(rewriter, node.output)
    read = [op for end in ends for op in _readers(rewriter, end.output)]
    if len(ends) < 2 or not any(isinstance(op, Attention | MatMul) for op in read):
        return
    parts = [_channels(rewriter, node, end) for end in ends]
    found = [part for part in parts if part is not None]
    taken = np.concatenate(found) if found else np.zeros(0)
    if len(found) < len(ends) or len(np.unique(taken)) < len(taken):
        return
    for end, part in zip(ends, found, strict=True):
        _own(rewriter, node, end, part)


def _readers(rewriter: Rewriter, name: str) -> list[Op]:
    """What reads a tensor, behind reshapes."""
    found: list[Op] = []
    for user in rewriter.users(name):
        reshaped = isinstance(user.op, Reshape)
        found += _readers(rewriter, user.output) if reshaped else [user.op]
    return found


def _ends(rewriter: Rewriter, name: str) -> list[Node]:
    """Slices, behind reshapes and other slices, whose output something else reads; [] if any other.

    The whole tensor must be read by nothing else.
    """
    if name in rewriter.outputs:
        return []
    ends: list[Node] = []
    for user in rewriter.users(name):
        if not isinstance(user.op, Slice | Reshape):
            return []
        behind = [reader.op for reader in rewriter.users(user.output)]
        moved = [isinstance(op, Slice | Reshape) for op in behind]
        if isinstance(user.op, Slice) and not all(moved):
            ends.append(user)
            continue
        further = _ends(rewriter, user.output)
        if further:
            ends += further
        elif isinstance(user.op, Slice):
            ends.append(user)
        else:
            return []
    return ends


def _channels(rewriter: Rewriter, node: Node, end: Node) -> Places | None:
    """Which channels of every pixel an end holds, in its order; None for other pixels."""
    steps, at = [end], end
    while at.inputs[0] != node.output:
        made = rewriter.producer(at.inputs[0])
        assert made is not None  # _ends came this way
        steps.append(made)
        at = made
    shape = rewriter.tensors[node.output].shape
    channels = shape[-1]
    value = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    for step in reversed(steps):
        value = step.op.evaluate([value])
    pixels = int(np.prod(shape[:-1]))
    if value.size % pixels:
        return None
    places = value.astype(np.int64).reshape(pixels, -1)
    first = places[0]
    same = (places == first + channels * np.arange(pixels)[:, None]).all()
    return first if same and (first < channels).all() else None


def _own(rewriter: Rewriter, node: Node, end: Node, part: Places) -> None:
    """A convolution to some of the channels in the place of a slice."""
    constants = []
    for name in node.inputs[1:]:
        value = rewriter.constant(name)
        assert value is not None  # _is_projection asked
        constants.append(rewriter.add_constant(f"{end.output}.{name}", value[part]))
    made = replace(end, op=node.op, inputs=(node.inputs[0], *constants))
    shape = (*rewriter.tensors[node.output].shape[:-1], len(part))
    rewriter.give(end, made, shape)
