"""`--outputs`: a network that ends where the user says.

The model is rewritten before anything is imported: other outputs, and only the nodes that lead to
them. What is compiled, calibrated and compared with its oracle is the rewritten model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import onnx
from onnx import AttributeProto, TensorProto

from mcucc.frontends.named_outputs import check_inner, named_outputs
from mcucc.frontends.onnx.dialects import DEFAULT_DOMAINS
from mcucc.frontends.onnx.file import is_quantized

SHAPE_OPS = ("Shape", "Size")  # what they read is a shape, known at import


def cut_onnx(model: onnx.ModelProto, wanted: Sequence[str], where: str) -> onnx.ModelProto:
    """The model that computes the tensors `wanted` names, and nothing behind them.

    In a quantized model a float that is quantized next is meant as it is after that: the output
    is what DequantizeLinear makes of it. Raises ModelError for names that are not computed.
    """
    names = named_outputs(wanted, *_computed(model), where)
    if is_quantized(model):
        nodes = model.graph.node
        names = tuple(dict.fromkeys(_after_quantization(nodes, name) for name in names))
    return _ending(model, names)


def inner_onnx(
    model: onnx.ModelProto, keys: Mapping[str, str], where: str
) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The model that ends at these tensors, too, where they lie inside it, and their outputs.

    Other outputs stay, but for those that follow from a tensor inside it and are not named.
    `keys` says what names a tensor. Raises ModelError.
    """
    outputs = [value.name for value in model.graph.output]
    named = set(keys)
    keys = {name: key for name, key in keys.items() if name not in outputs}
    if not keys:
        return model, {}
    check_inner(keys, *_computed(model), where)
    nodes = model.graph.node
    ends = {name: name for name in keys}
    if is_quantized(model):
        ends = {name: _after_quantization(nodes, name) for name in keys}
    behind = set(ends) | set(ends.values())
    for node in nodes:
        if node.op_type != "Shape" and behind.intersection(reads_of(node)):  # a shape is constant
            behind.update(node.output)
    named.update(ends.values())
    stay = [name for name in outputs if name not in behind or name in named]
    return _ending(model, tuple(dict.fromkeys((*stay, *ends.values())))), ends


def _computed(model: onnx.ModelProto) -> tuple[list[str], dict[str, str]]:
    """The tensors that follow from inputs, and what the others are."""
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output if name}
    others = {value.name: "an input" for value in graph.input}
    others |= {tensor.name: "a constant" for tensor in graph.initializer}
    others |= {n: "a constant" for n in constant_values(graph.node, others) if n in producers}
    return [name for name in producers if name not in others], others


def _ending(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    nodes = leading_to(model.graph.node, names)
    return _rewritten(model, nodes, [_value(model, name) for name in names])


def leading_to(nodes: Sequence[onnx.NodeProto], names: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes that the values `names` depend on, in the order of the file."""
    wanted, kept = set(names), []
    for node in reversed(nodes):  # sorted, as ONNX asks
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(reads_of(node))
    return kept[::-1]


def reads_of(node: onnx.NodeProto) -> list[str]:
    """The values a node reads, those that its subgraphs take from outside included."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        graphs = [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs
        for graph in graphs:
            own = {name for inner in graph.node for name in inner.output}
            inside = [name for inner in graph.node for name in reads_of(inner)]
            inside += [value.name for value in graph.output]
            names += [name for name in inside if name not in own]
    return names


def constant_values(nodes: Iterable[onnx.NodeProto], others: Mapping[str, str]) -> set[str]:
    """The values that no input reaches; what only reads a shape counts as such."""
    known = {name for name, what in others.items() if what == "a constant"}
    for node in nodes:
        if node.op_type in SHAPE_OPS or known.issuperset(reads_of(node)):
            known.update(node.output)
    return known


def _after_quantization(nodes: Sequence[onnx.NodeProto], name: str) -> str:
    """What DequantizeLinear makes of a float that QuantizeLinear reads; else the name itself."""
    producer = next(node for node in nodes if name in node.output)
    if producer.op_type == "DequantizeLinear":
        return name
    readers = {
        node.input[0]: node for node in reversed(nodes) if node.op_type.endswith("izeLinear")
    }
    quantize = readers.get(name)
    if quantize is None or quantize.op_type != "QuantizeLinear":
        return name
    dequantize = readers.get(quantize.output[0])
    return str((dequantize or quantize).output[0])


def _rewritten(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], outputs: Sequence[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    graph = model.graph
    read = {name for node in nodes for name in reads_of(node)}
    made = {name for node in nodes for name in node.output}
    functions = _functions(model, nodes)
    within = [*nodes, *(node for function in functions for node in function.node)]
    domains = {*DEFAULT_DOMAINS, *(node.domain for node in within)}
    cut = onnx.ModelProto(
        ir_version=model.ir_version,
        producer_name=model.producer_name,
        opset_import=[entry for entry in model.opset_import if entry.domain in domains],
        functions=functions,
    )
    cut.graph.name = graph.name
    cut.graph.node.extend(nodes)
    cut.graph.input.extend(value for value in graph.input if value.name in read)
    read |= {value.name for value in outputs}  # an output may be a constant
    cut.graph.initializer.extend(tensor for tensor in graph.initializer if tensor.name in read)
    cut.graph.sparse_initializer.extend(graph.sparse_initializer)
    cut.graph.value_info.extend(value for value in graph.value_info if value.name in made)
    cut.graph.output.extend(outputs)
    return cut


def _functions(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> list[onnx.FunctionProto]:
    """The local functions that the nodes call, by each other too."""
    called, open_ = set(), list(nodes)
    by_name = {(f.domain, f.name): f for f in model.functions}
    while open_:
        node = open_.pop()
        key = (node.domain, node.op_type)
        if key in by_name and key not in called:
            called.add(key)
            open_.extend(by_name[key].node)
    return [f for f in model.functions if (f.domain, f.name) in called]


def _value(model: onnx.ModelProto, name: str) -> onnx.ValueInfoProto:
    """The value's type as the file says it, or as it follows from the nodes."""
    graph = model.graph
    made = onnx.ValueInfoProto(name=name)
    for value in (*graph.output, *graph.value_info):
        if value.name == name and value.type.tensor_type.elem_type:
            made.CopyFrom(value)
            return made
    made.type.tensor_type.elem_type = _element_type(model, name)
    return made


def _element_type(model: onnx.ModelProto, name: str) -> int:
    nodes = leading_to(model.graph.node, [name])
    trial = _rewritten(model, nodes, [onnx.ValueInfoProto(name=name)])
    try:
        inferred = onnx.shape_inference.infer_shapes(trial).graph.output[0]
    # C++ inference errors have no common class.
    except Exception:
        inferred = onnx.ValueInfoProto()
    found = int(inferred.type.tensor_type.elem_type)
    return found or _of_zero_points(model, nodes[-1]) or TensorProto.FLOAT


def _of_zero_points(model: onnx.ModelProto, node: onnx.NodeProto) -> int:
    """What an operator that ONNX does not know writes: the type of its last 8-bit zero point."""
    eight = (TensorProto.INT8, TensorProto.UINT8)
    types = {t.name: t.data_type for t in model.graph.initializer if t.data_type in eight}
    return next((types[name] for name in reversed(node.input) if name in types), 0)
