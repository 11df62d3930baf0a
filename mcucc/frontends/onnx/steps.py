"""An ONNX graph as steps of a file, under the names that messages use."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from mcucc.frontends.frontier import Step
from mcucc.frontends.onnx.cut import SHAPE_OPS, reads_of


def onnx_steps(nodes: Sequence[onnx.NodeProto]) -> list[Step]:
    """The nodes of an ONNX graph."""
    return [
        Step(
            label_of(node, index),
            tuple(reads_of(node)),
            tuple(node.output),
            node.op_type in SHAPE_OPS,
        )
        for index, node in enumerate(nodes)
    ]


def label_of(node: onnx.NodeProto, index: int) -> str:
    """How messages name a node: its own name, else the tensor it computes."""
    return node.name or next((name for name in node.output if name), f"node {index}")
