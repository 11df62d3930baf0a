"""Mutations of an ONNX file by its structure: nodes, edges, attributes, shapes, constants."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto

from mcucc.frontends.onnx.bounds import words_of

NUMBERS = (0, 1, -1, 2, 3, 4, 5, 7, 8, 127, 128, -128, 255, 256, 1000, 2**16, 2**24, 2**31 - 1,
           -(2**31), 2**31, 2**32, 2**53, 2**62, 2**63 - 1, -(2**63))  # fmt: skip
REALS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e30, 3.4e38, float("inf"), float("-inf"),
         float("nan"))  # fmt: skip
OPERATORS = sorted(
    words_of(
        "Abs Add ArgMax AveragePool BatchNormalization Cast CastLike Ceil Clip Concat "
        "Constant ConstantOfShape Conv ConvInteger ConvTranspose CumSum DepthToSpace "
        "DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor "
        "Gather GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater HardSigmoid "
        "HardSwish Identity If InstanceNormalization LRN LeakyRelu Log Loop MatMul "
        "MatMulInteger Max MaxPool Mean Min Mish Mod Mul Neg NonZero Not OneHot PRelu Pad "
        "Pow QGemm QLinearAdd QLinearConcat QLinearConv QLinearMatMul QuantizeLinear "
        "RandomNormal Range Reciprocal ReduceMax ReduceMean ReduceProd ReduceSum Relu "
        "Reshape Resize Round ScatterND Selu Shape Sigmoid Sign Size Slice Softmax Softplus "
        "SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Trilu Unsqueeze "
        "Upsample Where"
    )
)
ATTRIBUTES = sorted(
    words_of(
        "axis axes pads strides dilations group kernel_shape auto_pad ceil_mode keepdims to "
        "perm mode output_shape output_padding transA transB alpha epsilon blocksize start "
        "end allowzero count_include_pad output_dtype block_size num_outputs exclude_outside"
    )
)
TEXTS = (
    *("", "x", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "linear", "nearest", "cubic"),
    *("align_corners", "half_pixel", "reflect", "edge", "constant", "DCR", "CRD", "\u00e9\n*/"),
)


def mutate_onnx(data: bytes, random: Random) -> bytes:
    """One to four changes; now and then of bytes, anywhere."""
    if random.random() < 0.15:
        return _bytes(data, random)
    model = onnx.ModelProto()
    model.ParseFromString(data)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        with suppress(IndexError):  # an earlier change took what this one is of
            random.choice(MUTATIONS)(model, random)
    return bytes(model.SerializeToString())


def _bytes(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(changed))
        kind = random.random()
        if kind < 0.6:
            changed[at] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))
        elif kind < 0.8:
            del changed[at : at + random.randint(1, 8)]
            changed = changed or bytearray(b"\0")
        else:
            changed[at:at] = bytes(random.randrange(256) for _ in range(random.randint(1, 4)))
    return bytes(changed)


def _graph_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [*model.graph.node, *(node for f in model.functions for node in f.node)]


def _names(model: onnx.ModelProto) -> list[str]:
    graph = model.graph
    names = [value.name for value in (*graph.input, *graph.output, *graph.initializer)]
    names += [name for node in _graph_nodes(model) for name in (*node.input, *node.output)]
    return [*names, "", "nothing"]


def _tensors(model: onnx.ModelProto) -> list[TensorProto]:
    inside = [a.t for node in _graph_nodes(model) for a in node.attribute if a.HasField("t")]
    return [*model.graph.initializer, *inside]


def _rewire(model: onnx.ModelProto, random: Random) -> None:
    node = random.choice(_graph_nodes(model))
    ends = node.input if node.input and random.random() < 0.7 else node.output
    if ends:
        ends[random.randrange(len(ends))] = random.choice(_names(model))


def _operands(model: onnx.ModelProto, random: Random) -> None:
    node = random.choice(_graph_nodes(model))
    ends = node.input if random.random() < 0.8 else node.output
    if ends and random.random() < 0.5:
        del ends[random.randrange(len(ends))]
    else:
        ends.append(random.choice(_names(model)))


def _nodes(model: onnx.ModelProto, random: Random) -> None:
    nodes = model.graph.node
    at, kind = random.randrange(len(nodes)), random.random()
    if kind < 0.3 and len(nodes) > 1:
        del nodes[at]
    elif kind < 0.6:
        nodes.append(nodes[at])
    else:
        other = random.randrange(len(nodes))
        first, second = onnx.NodeProto(), onnx.NodeProto()
        first.CopyFrom(nodes[at])
        second.CopyFrom(nodes[other])
        nodes[at].CopyFrom(second)
        nodes[other].CopyFrom(first)


def _operator(model: onnx.ModelProto, random: Random) -> None:
    node = random.choice(_graph_nodes(model))
    if random.random() < 0.1:
        node.domain = random.choice(("", "ai.onnx", "com.microsoft", "local", "odd"))
    else:
        node.op_type = random.choice(OPERATORS)


def _insert(model: onnx.ModelProto, random: Random) -> None:
    nodes, names = model.graph.node, _names(model)
    made = onnx.NodeProto(op_type=random.choice(OPERATORS), name=random.choice(("", "made")))
    made.input.extend(random.choice(names) for _ in range(random.randint(0, 3)))
    reader = random.choice(nodes)
    made.output.append("made")
    if reader.input:
        reader.input[random.randrange(len(reader.input))] = "made"
    nodes.insert(random.randrange(len(nodes) + 1), made)


def _attribute(model: onnx.ModelProto, random: Random) -> None:
    nodes = [node for node in _graph_nodes(model) if node.attribute]
    if not nodes:
        return
    node = random.choice(nodes)
    attribute = node.attribute[random.randrange(len(node.attribute))]
    kind = random.random()
    if kind < 0.1:
        node.attribute.remove(attribute)
    elif kind < 0.2:
        attribute.type = random.choice((1, 2, 3, 4, 5, 6, 7, 8))
    elif attribute.type == AttributeProto.INTS and attribute.ints:
        if random.random() < 0.7:
            attribute.ints[random.randrange(len(attribute.ints))] = random.choice(NUMBERS)
        elif random.random() < 0.5:
            attribute.ints.append(random.choice(NUMBERS))
        else:
            del attribute.ints[random.randrange(len(attribute.ints))]
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = random.choice(REALS)
    elif attribute.type == AttributeProto.STRING:
        attribute.s = random.choice(TEXTS).encode()
    else:
        attribute.i = random.choice(NUMBERS)


def _new_attribute(model: onnx.ModelProto, random: Random) -> None:
    name = random.choice(ATTRIBUTES)
    node = random.choice(_graph_nodes(model))
    value = random.choice(
        (
            random.choice(NUMBERS[:14]),
            [random.choice(NUMBERS[:14]) for _ in range(random.randint(1, 4))],
            random.choice(REALS),
            random.choice(TEXTS),
        )
    )
    node.attribute.append(onnx.helper.make_attribute(name, value))


def _dims(model: onnx.ModelProto, random: Random) -> None:
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    dims = random.choice(values).type.tensor_type.shape.dim
    if not dims or random.random() < 0.1:
        dims.add().dim_value = random.choice(NUMBERS)
    elif random.random() < 0.15:
        del dims[random.randrange(len(dims))]
    elif random.random() < 0.2:
        dims[random.randrange(len(dims))].dim_param = random.choice(("N", "height", ""))
    else:
        dims[random.randrange(len(dims))].dim_value = random.choice(NUMBERS)


def _types(model: onnx.ModelProto, random: Random) -> None:
    if random.random() < 0.5 and _tensors(model):
        random.choice(_tensors(model)).data_type = random.randrange(24)
    else:
        values = [*model.graph.input, *model.graph.output]
        random.choice(values).type.tensor_type.elem_type = random.randrange(24)


def _constant(model: onnx.ModelProto, random: Random) -> None:
    """Other lengths, shapes and values of a constant, its raw bytes included."""
    tensors = _tensors(model)
    if not tensors:
        return
    tensor, kind = random.choice(tensors), random.random()
    if kind < 0.25 and tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice(NUMBERS)
    elif kind < 0.35:
        tensor.dims.append(random.choice((1, 1, 2, 0, -1)))
    elif kind < 0.45:
        tensor.raw_data = tensor.raw_data[: random.randrange(len(tensor.raw_data) + 1)]
    elif kind < 0.5:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=random.choice(("/etc/passwd", "../x", "x")))
    elif tensor.raw_data and tensor.data_type == TensorProto.INT64:
        _value(tensor, "<i8", random.choice(NUMBERS), random)
    elif tensor.raw_data and tensor.data_type == TensorProto.FLOAT:
        _value(tensor, "<f4", random.choice(REALS), random)
    elif tensor.raw_data:
        raw = bytearray(tensor.raw_data)
        raw[random.randrange(len(raw))] = random.randrange(256)
        tensor.raw_data = bytes(raw)


def _value(tensor: TensorProto, dtype: str, value: float, random: Random) -> None:
    values = np.frombuffer(tensor.raw_data[: len(tensor.raw_data) // 8 * 8], dtype).copy()
    if values.size:
        values[random.randrange(values.size)] = value
        tensor.raw_data = values.tobytes()


def _interface(model: onnx.ModelProto, random: Random) -> None:
    graph, kind = model.graph, random.random()
    if kind < 0.3:
        random.choice([*graph.input, *graph.output]).name = random.choice(_names(model))
    elif kind < 0.5:
        graph.output.add().name = random.choice(_names(model))
    elif kind < 0.6:
        graph.input.append(graph.input[0])
    elif kind < 0.7 and graph.initializer:
        graph.initializer.append(random.choice(graph.initializer))
    elif kind < 0.8 and graph.initializer:
        del graph.initializer[random.randrange(len(graph.initializer))]
    elif kind < 0.9 and graph.initializer:
        random.choice(graph.initializer).name = random.choice(_names(model))
    else:
        model.opset_import[0].version = random.choice((0, 7, 10, 11, 13, 18, 21, 22, 23, 2**40))


MUTATIONS: tuple[Callable[[onnx.ModelProto, Random], None], ...] = (
    _rewire,
    _operands,
    _nodes,
    _operator,
    _insert,
    _attribute,
    _attribute,
    _new_attribute,
    _dims,
    _types,
    _constant,
    _constant,
    _interface,
)
