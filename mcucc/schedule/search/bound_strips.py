"""The least that a stage of column strips needs, whatever their number, tiles and policies.

Every strip reads the input to its end, so it is there whole when the last one begins; by then the
strips before have written down to the last row of the output. Columns at the border of two strips
are computed in both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Granularity
from mcucc.ir.window import Window
from mcucc.schedule.search.bound_facts import BoundFacts

Floats = npt.NDArray[np.float64]


def strip_values(facts: BoundFacts, end: int, prices: Floats) -> Iterator[tuple[int, Floats]]:
    """(begin, least bytes + price x cost by price) of stages [begin, end) of several strips."""
    net, repeated, apart = facts.net, 0.0, False
    last = net.nodes[end - 1]
    out = net.tensors[last.output]
    written = 0
    if last.granularity is not Granularity.SINK and not out.leaves:
        written = (out.height - 1) * out.row_bytes
    for begin in range(end - 1, -1, -1):
        if not net.nodes[begin].streams:
            return
        if begin < end - 1 and not apart:
            repeated += _repeated(facts, begin, end)
        node = net.nodes[begin]
        # In front of columns that windows leave out, or share, strips may have none in common.
        windows = [o.columns for o in node.operands if o.columns is not None]
        apart |= any(w.upsample > 1 or w.kernel < w.stride for w in windows)
        kept = net.tensors[node.output].stored(end)
        if kept and any(node.node.kernel.in_place(k) for k in range(len(node.operands))):
            written = 0  # it may take the place of an input
        operands = {o.tensor for node in net.nodes[begin:end] for o in node.operands}
        images = [net.tensors[t] for t in operands if net.tensors[t].arrives(begin)]
        if not any(image.source is not None and image.source.once for image in images):
            # Of an input that dies the last strip leaves a part of its first row behind.
            dying = sum(t.row_bytes for t in map(net.tensors.__getitem__, operands) if t.last < end)
            size = max(0, facts.alive[begin] - dying) + written
            yield begin, size + prices * repeated


def _repeated(facts: BoundFacts, position: int, end: int) -> float:
    """Cost of the columns of a node that two strips compute at one border at least."""
    net = facts.net
    node = net.nodes[position]
    tensor = net.tensors[node.output]
    if tensor.stored(end) or node.granularity is Granularity.SINK:
        return 0.0
    most = 0
    for reader in net.readers(node.output):
        behind = net.nodes[reader]
        width = net.tensors[behind.output].width
        for operand in behind.operands:
            sink = behind.granularity is Granularity.SINK
            if operand.tensor == node.output and operand.columns is not None and not sink:
                most = max(most, _shared(operand.columns, tensor.width, width))
    return most * facts.rows_read[node.output] * facts.prices[position].pixel


def _shared(window: Window, size: int, outputs: int) -> int:
    """Columns that both sides of a border between outputs read, at the border of the least."""
    found = [
        min(size, window.first(at - 1) + window.kernel) - max(0, window.first(at))
        for at in range(1, outputs)
    ]
    return max(0, min(found, default=0))
