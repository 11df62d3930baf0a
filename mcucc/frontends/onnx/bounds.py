"""What an ONNX file may ask of this machine: bounds on everything, before anything is allocated.

A few kilobytes can name gigabytes: functions that call each other twice, constants that nodes make
of shapes, one data file shared by a thousand tensors. Sums over the whole file are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import Message

from mcucc.errors import ModelError
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.unsupported import UnsupportedNode

MOST_NODES = 2**14  # of the file, its functions expanded
MOST_OPERATIONS = 2000  # of the graph, far beyond any network of this field
MOST_EDGES = 2**17  # inputs and outputs of all nodes together
LONGEST_NAME = 2**12  # characters
MOST_EXTERNAL = 2**30  # bytes of data files, each time a tensor names one
LARGEST_CONSTANT = 2**28  # elements of one tensor
MOST_FOLDED = 2**26  # elements of all constants that are computed at import
LEAST = 2**13  # what a computation counts as at least: they take time each
MOST_WORK = 2**31  # multiply-accumulates or steps of what one of them is computed by
SMALL_ELEMENTS = 2**14  # of an operator that is computed at import by loops in Python
MOST_DEPTH = 64  # functions that call functions
MOST_RANK = 32


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# The reference implementation of these is one call of NumPy, or moves values: time and memory go
# with the elements read and made. Products and reductions are bounded by their work beside that.
PLAIN = words_of(
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh BitwiseAnd BitwiseNot "
    "BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Compress Concat ConstantOfShape Cos "
    "Cosh CumSum DequantizeLinear Div Dropout Elu Equal Erf Exp Expand EyeLike Flatten Floor "
    "Gather GatherElements GatherND Gelu Greater GreaterOrEqual HardSigmoid HardSwish "
    "Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log LogSoftmax Max Mean Min Mish Mod "
    "Mul Neg NonZero Not OneHot Or PRelu Pad Pow QuantizeLinear Range Reciprocal ReduceL1 "
    "ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare Relu Reshape Round ScatterElements ScatterND Selu Shape "
    "Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum "
    "Tan Tanh Tile Transpose Trilu Unsqueeze Where Xor"
)
PRODUCTS = frozenset({"MatMul", "Gemm"})
SMALL = words_of(
    "BatchNormalization Conv DepthToSpace Einsum Hardmax InstanceNormalization "
    "LayerNormalization ReverseSequence Resize SpaceToDepth TopK Unique"
)
# Every operator that is computed at import where its inputs are known.
FOLDED = PLAIN | PRODUCTS | SMALL
# Ops whose result can have more elements than what they read, by far.
GROWING = words_of("ConstantOfShape Expand EyeLike OneHot Pad Range Resize Tile")
Constant = npt.NDArray[Any]


def check_model(model: onnx.ModelProto, where: str) -> None:
    """ModelError for names that are no text, and for more nodes than any network has."""
    for name in _texts(model):
        if not isinstance(name, str):
            raise ModelError(f"a name is not UTF-8: {name[:80]!r}", where=where, hint=_AGAIN)
        if len(name) > LONGEST_NAME:
            raise ModelError(f"a name of {len(name):,} characters: {name[:80]!r}...", where=where)
    nodes, edges = _expanded(model, where)
    if nodes > MOST_NODES or edges > MOST_EDGES:
        what = f"{nodes:,} nodes with {edges:,} inputs and outputs"
        raise ModelError(
            f"the network has {what}; {MOST_NODES:,} and {MOST_EDGES:,} are read at most",
            where=where,
        )


_AGAIN = "export it again, or check the file with onnx.checker.check_model"


def _texts(model: onnx.ModelProto) -> Iterator[str | bytes]:
    """Every name of the file; protobuf hands out bytes where one is no UTF-8."""
    pending: list[Message] = [model]
    while pending:
        message = pending.pop()
        if isinstance(message, onnx.TensorProto):
            yield message.name
            pending.extend(message.external_data)
            continue
        for field, value in message.ListFields():
            if field.name in ("doc_string", "metadata_props"):
                continue
            if field.type == field.TYPE_STRING:
                yield from (value,) if isinstance(value, str | bytes) else value
            elif field.type == field.TYPE_MESSAGE:
                pending.extend((value,) if isinstance(value, Message) else value)


def _expanded(model: onnx.ModelProto, where: str) -> tuple[int, int]:
    """Nodes and edges of the network when its functions are expanded, without expanding them."""
    functions = {(f.domain, f.name): f for f in model.functions}
    known: dict[tuple[str, str], tuple[int, int]] = {}

    def size_of(
        nodes: Iterable[onnx.NodeProto], inside: tuple[tuple[str, str], ...]
    ) -> tuple[int, int]:
        count = edges = 0
        for node in _nested(nodes):
            key = (node.domain, node.op_type)
            more = (1, len(node.input) + len(node.output))
            if key in functions:
                if key in inside or len(inside) > MOST_DEPTH:
                    raise ModelError(f"function {node.op_type} calls itself", where=where)
                if key not in known:
                    known[key] = size_of(functions[key].node, (*inside, key))
                more = known[key]
            count, edges = count + more[0], edges + more[1]
        return count, edges

    return size_of(model.graph.node, ())


def _nested(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes, and those of the graphs in their attributes; protobuf bounds the depth."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (*attribute.graphs, *((attribute.g,) if attribute.HasField("g") else ())):
                yield from _nested(graph.node)


def check_operations(count: int, where: str) -> None:
    """ModelError for a network of more operations than plans are made for."""
    if count > MOST_OPERATIONS:
        raise ModelError(
            f"the network has {count:,} operations or more, {MOST_OPERATIONS:,} are compiled",
            where=where,
        )


def check_shape(dims: Sequence[int], where: str) -> None:
    """ModelError for a constant of a shape that no file can hold."""
    if any(length < 0 for length in dims):
        raise ModelError(f"a dimension of {min(dims)}", where=where)
    if len(dims) <= MOST_RANK and prod(dims) <= LARGEST_CONSTANT:
        return
    shown = list(dims[:8])
    raise ModelError(f"shape {shown} is beyond {LARGEST_CONSTANT} elements", where=where)


class Folding:
    """What the nodes of one file that are computed at import may cost together."""

    def __init__(self) -> None:
        self.left = MOST_FOLDED

    def check(
        self,
        node: OnnxNode,
        inputs: Mapping[str, Constant],
        outputs: Sequence[Sequence[int] | None],
    ) -> None:
        """UnsupportedNode unless the results are small; `outputs` are the shapes inferred."""
        if node.op not in FOLDED:
            raise UnsupportedNode("it cannot be computed at import")
        made = sum(_elements(node, inputs, shape) for shape in outputs)
        read = sum(array.size for array in inputs.values())
        if made > self.left:
            raise UnsupportedNode(
                f"its result of {made:,} elements is absurdly large: {MOST_FOLDED:,} elements are "
                "computed at import in all"
            )
        depth = max((array.shape[-1] for array in inputs.values() if array.ndim), default=1)
        if node.op in PRODUCTS and made * depth > MOST_WORK:
            raise UnsupportedNode(
                "it is a product of constants, too large to be computed at import"
            )
        if node.op in SMALL and max(made, read) > SMALL_ELEMENTS:
            raise UnsupportedNode(
                f"constants of {max(made, read):,} elements are not computed at import"
            )
        self.left -= max(made, LEAST)


def _elements(node: OnnxNode, inputs: Mapping[str, Constant], shape: Sequence[int] | None) -> int:
    """How many elements a result has at most; UnsupportedNode where nothing says so."""
    operands = [inputs[name] if name else None for name in node.proto.input]
    if node.op == "Range" and len(operands) == 3:
        return _range_elements(operands)
    if shape is not None:
        return prod(shape)
    if node.op in GROWING:
        raise UnsupportedNode("the size of its result is not known at import")
    sizes = [array.size * max(array.ndim, 1) for array in inputs.values()]
    return prod(max(size, 1) for size in sizes)  # of any broadcast; mostly far too many


def _range_elements(operands: Sequence[Constant | None]) -> int:
    """Elements of Range(start, limit, delta)."""
    first, limit, step = (0.0 if a is None or a.size != 1 else float(a.item()) for a in operands)
    with np.errstate(all="ignore"):
        count = (limit - first) / step if step else np.inf
    return int(max(np.ceil(count), 0)) if np.isfinite(count) else 2**62
