"""The intermediate representation: typed, frozen, NHWC."""

from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import Activation, IntegerGraph, IntegerNode
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.text import graph_text, integer_text
from mcucc.ir.verify import verify

__all__ = [
    "Activation",
    "Graph",
    "IntegerGraph",
    "IntegerNode",
    "Node",
    "Quant",
    "Tensor",
    "TensorType",
    "graph_text",
    "integer_text",
    "verify",
]
