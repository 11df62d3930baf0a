"""Shapes: what the importer made of every value against what ONNX says it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from mcucc.errors import ModelError
from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.inputs import ShapeMap, inferred_shapes
from mcucc.frontends.onnx.view import View

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def check_shapes(ctx: Context, model: onnx.ModelProto, given: ShapeMap, where: str) -> None:
    """Raise ModelError for the first value whose shape is not the file's.

    ONNX's own inference is asked first: shapes that a file declares may be left over from another
    input size. What it says otherwise ONNX Runtime decides (it counts the last window of a pool
    with ceil_mode that the runtime leaves out). Where both do not know, an output is compared with
    what the file declares.
    """
    inferred = dict(inferred_shapes(_undeclared(model), ctx))
    made = [name for node in model.graph.node for name in node.output if name in ctx.views]
    other = [n for n in made if n in inferred and ctx.views[n].shape != inferred[n]]
    inferred.update(_run_shapes(model, other, ctx) if other else {})
    for name in other:
        if ctx.views[name].shape != inferred[name]:
            raise _differs(name, ctx.views[name], list(inferred[name]), where)
    for value in model.graph.output:
        view = ctx.views.get(value.name)
        if view is None or value.name in inferred:
            continue
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if dims and not _fits(view.shape, dims, given):
            raise _differs(value.name, view, [n or "?" for n in dims], where)


def _undeclared(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the shapes that it declares for what it computes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    return copy


def _run_shapes(
    model: onnx.ModelProto, names: Sequence[str], ctx: Context
) -> dict[str, tuple[int, ...]]:
    """Shapes of values in ONNX Runtime, run on zeros; nothing where it refuses the model."""
    import onnxruntime as ort

    copy = _undeclared(model)
    present = {output.name for output in copy.graph.output}
    copy.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in present)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(
            copy.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        feeds = {
            value.name: np.zeros(ctx.views[value.name].shape, TYPES[value.type])
            for value in session.get_inputs()
        }
        values = session.run(list(names), feeds)
    # It raises a dozen unrelated classes; then what ONNX infers holds.
    except Exception:
        return {}
    return {name: value.shape for name, value in zip(names, values, strict=True)}


def _fits(shape: tuple[int, ...], dims: list[int], given: Mapping[str, object]) -> bool:
    """Whether a shape is the declared one, but for open dimensions and a batch the user gave."""
    if len(shape) != len(dims):
        return False
    pairs = zip(shape, dims, strict=True)
    return all(b <= 0 or a == b or (i == 0 and bool(given)) for i, (a, b) in enumerate(pairs))


def _differs(name: str, view: View, wanted: list[object], where: str) -> ModelError:
    return ModelError(
        f"value {name} becomes {list(view.shape)}, in the file it is {wanted}",
        where=where,
        hint="this is a defect of mcucc: please report it with the file",
    )
