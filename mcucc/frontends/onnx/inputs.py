"""Graph inputs: their shapes, and the order in which each is stored."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import onnx
from onnx import TensorProto

from mcucc.errors import ModelError
from mcucc.frontends.imported import Source
from mcucc.frontends.onnx.context import LARGEST_ACTIVATION, Context
from mcucc.frontends.onnx.dialects import DEFAULT_DOMAINS
from mcucc.frontends.onnx.steps import label_of
from mcucc.frontends.onnx.view import NHWC, View, storage_shape
from mcucc.ir.tensor import Tensor

ShapeMap = Mapping[str, tuple[int, ...]]
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
# Operators a picture may pass before one that says which axes its rows and columns are.
LAYOUT_BLIND = frozenset(
    {"Add", "Sub", "Mul", "Div", "Neg", "Cast", "Identity", "Clip", "Relu", "Pad"}
)
OF_PICTURES = frozenset(
    {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
     "Resize", "DepthToSpace", "SpaceToDepth"}
)  # fmt: skip
TO_NCHW = (0, 3, 1, 2)
LARGEST_VECTORS = 2**20  # elements, all together


def add_inputs(
    ctx: Context,
    model: onnx.ModelProto,
    given: ShapeMap,
    where: str,
    *,
    channels_last: bool = False,
) -> None:
    """Add the graph's inputs to the context; `channels_last`: pictures usually are (N, H, W, C).

    Raises ModelError for open or absurd dimensions, types that are not float, and names in
    `given` that are no inputs.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if not inputs:
        raise ModelError("the network has no input", where=where)
    names = [value.name for value in inputs]
    for name in given:
        if name not in names:
            raise ModelError(
                f"--input-shape names {name!r}, the inputs are {', '.join(names)}", where=where
            )
    for value in inputs:
        shape = given.get(value.name)
        _add_input(ctx, model, value, shape, where, channels_last=channels_last)


def _add_input(
    ctx: Context,
    model: onnx.ModelProto,
    value: onnx.ValueInfoProto,
    given: tuple[int, ...] | None,
    where: str,
    *,
    channels_last: bool,
) -> None:
    name = value.name
    where = f"{where}, input {name}"
    if value.type.WhichOneof("value") != "tensor_type":
        raise ModelError("it is not a tensor", where=where)
    if value.type.tensor_type.elem_type not in FLOATS:
        number = value.type.tensor_type.elem_type
        names = {code: name.lower() for name, code in TensorProto.DataType.items()}
        kind = names.get(number, f"tensor of type {number}")
        raise ModelError(
            f"it is a {kind}{_reader(model, name)}; the float importer needs a float input",
            where=where,
            hint="export the network from behind it, with the float pixels as its input",
        )
    shape = _static_shape(value, given, where)
    order = _order(model, name, len(shape), channels_last=channels_last)
    if name in ctx.tensors:
        raise ModelError("two inputs share this name", where=where)
    ctx.tensors[name] = Tensor(name, storage_shape([shape[axis] for axis in order]))
    ctx.views[name] = View.stored(name, shape, order).canonical()
    ctx.sources[name] = Source(name, order)


def _reader(model: onnx.ModelProto, name: str) -> str:
    """The words for what reads an input that is not float: a Cast, a decoder of pictures."""
    index, node = next(
        ((i, node) for i, node in enumerate(model.graph.node) if name in node.input), (0, None)
    )
    if node is None:
        return ""
    custom = node.domain not in DEFAULT_DOMAINS
    domain = f" of domain {node.domain}" if custom else ""
    decoder = "Decode" in node.op_type or node.op_type == "ImageDecoder"
    what = "a decoder of pictures, " if decoder else "a custom operator, " if custom else ""
    return f", read by {what}{label_of(node, index)} [{node.op_type}{domain}]"


def _static_shape(
    value: onnx.ValueInfoProto, given: tuple[int, ...] | None, where: str
) -> tuple[int, ...]:
    """The input's shape: the file's, a dynamic batch as 1, the rest from `given`."""
    tensor_type = value.type.tensor_type
    if not tensor_type.HasField("shape") and given is None:
        raise ModelError("its shape is unknown", where=where, hint=_hint(value.name, None))
    dims = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in tensor_type.shape.dim]
    if given is not None:
        _check_given(dims if tensor_type.HasField("shape") else None, given, where)
        shape = tuple(given)
    else:
        shape = tuple(1 if i == 0 and n <= 0 else n for i, n in enumerate(dims))
    if any(n <= 0 for n in shape):
        shown = ", ".join(d.dim_param or str(d.dim_value or "?") for d in tensor_type.shape.dim)
        raise ModelError(
            f"its shape ({shown}) is not fixed", where=where, hint=_hint(value.name, dims)
        )
    if not shape or prod(shape) > LARGEST_ACTIVATION:
        raise ModelError(f"its shape {list(shape)} is not that of a picture", where=where)
    if len(shape) == 4 and shape[0] != 1:
        raise ModelError(
            f"the batch is {shape[0]}, mcucc compiles one picture at a time",
            where=where,
            hint=_hint(value.name, [1, *shape[1:]]),
        )
    return shape


def _check_given(dims: list[int] | None, given: tuple[int, ...], where: str) -> None:
    """The batch may be changed, other dimensions only where the file leaves them open."""
    fits = dims is None or (
        len(dims) == len(given)
        and all(
            i == 0 or n <= 0 or n == g for i, (n, g) in enumerate(zip(dims, given, strict=True))
        )
    )
    if not fits:
        raise ModelError(
            f"--input-shape {list(given)} contradicts the file's {dims}",
            where=where,
        )


def _hint(name: str, dims: list[int] | None) -> str:
    sides = [n if n > 0 else (1 if i == 0 else 224) for i, n in enumerate(dims or [1, 3, 224, 224])]
    return f"give it with --input-shape {name}={','.join(map(str, sides))}"


def _order(model: onnx.ModelProto, name: str, rank: int, *, channels_last: bool) -> tuple[int, ...]:
    """The order that stores a picture as rows, columns, channels.

    What first slides a window over the input says which axes those are, through all Transposes
    before it. Where nothing does, the first Transpose counts, else what such files usually have.
    """
    plain = tuple(range(rank))
    if rank != 4:
        return plain
    usual, turned = plain if channels_last else NHWC, channels_last
    orders = {name: plain}
    for node in model.graph.node:
        order = next((orders[read] for read in node.input if read in orders), None)
        if order is None:
            continue
        if node.op_type == "Transpose":
            perm = next((tuple(a.ints) for a in node.attribute if a.name == "perm"), ())
            if not turned:
                usual, turned = plain if perm == TO_NCHW else NHWC, True
            if sorted(perm) != list(plain):
                return usual
            order = tuple(order[axis] for axis in perm)
        elif node.op_type in OF_PICTURES:
            order = tuple(order[axis] for axis in NHWC)
            return order if order in (plain, NHWC) else usual
        elif node.op_type not in LAYOUT_BLIND:
            return usual
        orders.update(dict.fromkeys(node.output, order))
    return usual


def _vectors_are_short(model: onnx.ModelProto) -> bool:
    graph = model.graph
    dims = [value.type.tensor_type.shape.dim for value in graph.value_info]
    lengths = [each[0].dim_value for each in dims if len(each) == 1]
    lengths += [tensor.dims[0] for tensor in graph.initializer if len(tensor.dims) == 1]
    return bool(sum(lengths) <= LARGEST_VECTORS)


def inferred_shapes(model: onnx.ModelProto, ctx: Context) -> ShapeMap:
    """Static shapes of values as ONNX infers them, so that importing can go on behind a problem."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in copy.graph.input:
        if value.name in ctx.views:
            dims = value.type.tensor_type.shape.dim
            for dim, length in zip(dims, ctx.views[value.name].shape, strict=False):
                dim.dim_value = length
    try:
        inferred = onnx.shape_inference.infer_shapes(copy)
        if _vectors_are_short(inferred):  # their values are what is propagated
            inferred = onnx.shape_inference.infer_shapes(copy, data_prop=True)
    # C++ inference errors have no common class; without shapes fewer problems are found at once.
    except Exception:
        return {}
    shapes = {}
    for value in [*inferred.graph.value_info, *inferred.graph.output]:
        tensor_type = value.type.tensor_type
        dims = [d.dim_value for d in tensor_type.shape.dim]
        known = tensor_type.HasField("shape") and dims and min(dims) > 0
        if known and tensor_type.elem_type in FLOATS and prod(dims) <= LARGEST_ACTIVATION:
            shapes[value.name] = tuple(dims)
    return shapes
