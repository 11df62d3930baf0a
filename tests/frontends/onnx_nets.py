"""Small ONNX networks in the styles of their exporters, and their comparison with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.ir import Graph
from mcucc.ir.float_run import evaluate_graph
from mcucc.passes.pipeline import optimize

ATOL = 1e-5


class Net:
    """Adds one ONNX node after the other; weights come from a seeded generator."""

    def __init__(self, shape: Sequence[Any], opset: int = 17, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)]
        self.outputs: list[str] = []

    def __call__(self, op: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [name], name=f"n_{name}", **attributes)
        )
        return name

    def const(self, array: Any, dtype: Any = np.float32) -> str:
        """An initializer (dynamo style)."""
        name = f"const_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(array, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(values, np.int64)

    def node_const(self, array: Any, dtype: Any = np.float32) -> str:
        """A Constant node (old exporter)."""
        return self("Constant", value=numpy_helper.from_array(np.array(array, dtype)))

    def weights(self, *shape: int, scale: float = 0.4) -> str:
        return self.const(self.rng.normal(0, scale, shape))

    def conv(self, x: str, c_in: int, c_out: int, k: int = 3, bias: bool = True, **kw: Any) -> str:
        kw.setdefault("pads", [k // 2] * 4)
        group = kw.get("group", 1)
        operands = [x, self.weights(c_out, c_in // group, k, k)]
        if bias:
            operands.append(self.weights(c_out))
        return self("Conv", *operands, kernel_shape=[k, k], **kw)

    def batch_norm(self, x: str, channels: int) -> str:
        spread = self.const(self.rng.uniform(0.5, 2, channels))
        others = [self.weights(channels) for _ in range(3)]
        return self("BatchNormalization", x, others[0], others[1], others[2], spread)

    def axes_op(self, op: str, x: str, *axes: int) -> str:
        """Squeeze or Unsqueeze in the form of the opset."""
        if self.opset >= 13:
            return self(op, x, self.ints(*axes))
        return self(op, x, axes=list(axes))

    def mean(self, x: str, axes: Sequence[int], keepdims: int) -> str:
        if self.opset >= 18:
            return self("ReduceMean", x, self.ints(*axes), keepdims=keepdims)
        return self("ReduceMean", x, axes=list(axes), keepdims=keepdims)

    def model(self, *outputs: str) -> onnx.ModelProto:
        values = [onnx.ValueInfoProto(name=name) for name in outputs]
        for value in values:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
        graph = helper.make_graph(self.nodes, "net", self.inputs, values, self.initializers)
        opset = helper.make_opsetid("", self.opset)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)

    def save(self, folder: Path, *outputs: str) -> Path:
        path = folder / "net.onnx"
        onnx.save(self.model(*outputs), str(path))
        return path


def runtime(path: Path, feeds: dict[str, Any]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def outputs_of(imported: ImportedModel, graph: Graph, feeds: dict[str, Any]) -> dict[str, Any]:
    """Every tensor of the graph that the file holds too, in the file's order of axes."""
    inputs = {}
    for name in graph.inputs:
        source = imported.sources[name]
        stored = feeds[source.name].transpose(source.permutation)
        inputs[name] = stored.reshape(graph.tensors[name].shape)
    return evaluate_graph(graph, inputs)


def assert_equal_to_runtime(
    path: Path, shapes: dict[str, tuple[int, ...]] | None = None, **options: Any
) -> Graph:
    """Import, evaluate and compare outputs and all sources, before and after the passes."""
    imported = import_onnx(path, **options)
    rng = np.random.default_rng(7)
    feeds = {}
    for name in imported.graph.inputs:
        source = imported.sources[name]
        inverse = np.argsort(source.permutation)
        stored = imported.graph.tensors[name].shape
        shape = (shapes or {}).get(name) or tuple(stored[i] for i in inverse)
        feeds[name] = rng.normal(0, 1, shape).astype(np.float32)
    model = onnx.load(str(path))
    names = [value.name for value in model.graph.output]
    optimized = optimize(imported.graph)
    held = sorted({imported.sources[n].name for n in imported.sources if n not in feeds})
    extra = [name for name in held if name not in names]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
    whole = path.with_name("whole.onnx")
    onnx.save(model, str(whole))
    expected = dict(zip([*names, *extra], runtime(whole, feeds), strict=True))
    for graph in (imported.graph, optimized):
        assert list(graph.outputs) == names
        values = outputs_of(imported, graph, feeds)
        compared = 0
        for name, value in values.items():
            source = imported.sources.get(name)
            if source is None or name in feeds:
                continue
            truth = expected[source.name].transpose(source.permutation).reshape(value.shape)
            spread = max(float(np.abs(truth).max()), 1.0)
            np.testing.assert_allclose(value, truth, rtol=1e-4, atol=ATOL * spread, err_msg=name)
            compared += 1
        assert compared >= len(names)
    return optimized


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph.nodes]


Build = Callable[[], Net]
