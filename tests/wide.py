"""Int8 networks with some of their activations in int16, as the quantizer would make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mcucc.ir import Graph, Node, Quant, Tensor
from mcucc.numerics.fixed_point import INT8, INT16
from mcucc.quantize.groups import quant_groups
from mcucc.quantize.precision import WIDE_LIMIT, why_not_wide, with_rescales

FINER = 16  # steps of int16 in one of int8


def widened(graph: Graph, seed: int, share: float = 0.5) -> Graph:
    """About `share` of the tensors that can be int16 are; at least one group of them."""
    rng = np.random.default_rng(seed)
    able = [group for group in quant_groups(graph) if not why_not_wide(graph, group)]
    chosen = [group for group in able if rng.random() < share] or able[:1]
    wide = frozenset(name for group in chosen for name in group.members)
    made, copies = with_rescales(graph, wide)
    quants = _quants(made, wide, copies)
    tensors = dict(made.tensors)
    for name, quant in quants.items():
        dtype = INT16 if quant.limit else INT8
        tensors[name] = replace(tensors[name], dtype=dtype, quant=quant)
    nodes = [_rescaled(node, tensors) for node in made.nodes]
    return made.with_(nodes=nodes, tensors=tensors)


def _quants(graph: Graph, wide: frozenset[str], copies: Mapping[str, str]) -> dict[str, Quant]:
    """The quantization of every activation: in int16 that of its group, 16 times finer."""
    found: dict[str, Quant] = {}
    for group in quant_groups(graph):
        last = graph.tensors[group.members[-1]].quantization
        finer = Quant((last.per_tensor_scale / FINER,), 0, limit=WIDE_LIMIT)
        if any(name in wide for name in group.members):
            found.update(dict.fromkeys(group.members, finer))
        else:
            found.update((name, graph.tensors[name].quantization) for name in group.members)
    for copy in copies:  # into a copy of int8 with a scale that its op takes over
        for reader in graph.consumers(copy):
            if reader.op.SHARES_QUANT and reader.output not in wide:
                found[copy] = graph.tensors[reader.output].quantization
    return found


def _rescaled(node: Node, tensors: dict[str, Tensor]) -> Node:
    """The node; biases and borders get the unit of an input that became finer."""
    axis = node.op.WEIGHT_AXIS
    if axis is None or tensors[node.inputs[0]].dtype == INT8:
        return node
    for name in node.inputs[2:]:
        old = tensors[name]
        quant = replace(old.quantization, scale=tuple(s / FINER for s in old.quantization.scale))
        data = (old.constant.astype(np.int64) * FINER).astype(np.int32)
        tensors[name] = replace(old, data=data, quant=quant)
    return node
