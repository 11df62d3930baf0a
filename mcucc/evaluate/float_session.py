"""The float truth: a model file run by ONNX Runtime, its values in the graph's own layout.

Values inside the network become extra outputs of the session. Tensors that do not exist in the
model file (made by a pass) are computed by the ops' float references from those that do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mcucc.errors import ModelError
from mcucc.evaluate.preprocess import Bytes, FloatArray
from mcucc.frontends.cut import cut_onnx
from mcucc.ir.graph import Graph, Node

ORT_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}


class Source(Protocol):
    """Where a graph tensor is found in the model file: tensor = value.transpose(permutation)."""

    @property
    def name(self) -> str:
        """Name of the value in the model file."""

    @property
    def permutation(self) -> tuple[int, ...]:
        """Axis i of the tensor is axis permutation[i] of the value."""


class FloatModel(Protocol):
    """What is needed of an imported model."""

    @property
    def model_path(self) -> Path:
        """The ONNX file."""

    @property
    def graph(self) -> Graph:
        """The graph as imported, before any pass."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """The values of the model file, by tensor name."""


class FloatSession:
    """Runs the original model on one picture at a time and returns named graph tensors.

    `graph` may be any later form of `model.graph`; `tensors` are names in it (default: its
    outputs). Without `optimize` ONNX Runtime computes node by node as the file says. Raises
    ModelError when ONNX Runtime refuses the file.
    """

    def __init__(
        self,
        model: FloatModel,
        graph: Graph | None = None,
        tensors: Iterable[str] | None = None,
        *,
        optimize: bool = True,
    ) -> None:
        self.graph = model.graph if graph is None else graph
        self.tensors = tuple(self.graph.outputs if tensors is None else tensors)
        self._sources = model.sources
        self._where = str(model.model_path)
        # A quantized input is one that a pass redefined as byte - 128: no longer the file's values.
        self._camera = {
            name: self.graph.tensors[name].quantization
            for name in self.graph.inputs
            if self.graph.tensors[name].quant is not None
        }
        self._read, self._computed = self._plan()
        values = sorted({self._sources[name].name for name in self._read})
        ends = [model.sources[name].name for name in model.graph.outputs]
        self._session = _open_session(model.model_path, values, ends, optimize)
        self._fed, self._type = self._input(model.graph.inputs)
        self._values = values

    def run(self, image: FloatArray, camera: Bytes | None = None) -> dict[str, FloatArray]:
        """The wanted tensors for one real-valued picture (H, W, C) or (1, H, W, C).

        `camera` are its bytes, needed where a pass made the network's input byte - 128 (and gave
        it a quantization).
        """
        batch = image if image.ndim == 4 else image[None]
        # tensor = value.transpose(p), so value = tensor.transpose(argsort(p)).
        feed = batch.transpose(np.argsort(self._fed.permutation)).astype(self._type)
        # ONNX Runtime takes an empty list of names for all of them.
        results = self._session.run(self._values, {self._fed.name: feed}) if self._values else []
        by_name = dict(zip(self._values, results, strict=True))
        tensors: dict[str, FloatArray] = {}
        for name in self._read:
            tensors[name] = self._in_layout(name, by_name[self._sources[name].name])
        if camera is not None:
            tensors.update(self._camera_inputs(camera))
        for node in self._computed:
            tensors[node.output] = node.op.evaluate(
                [self._operand(n, tensors) for n in node.inputs]
            )
        return {name: self._operand(name, tensors) for name in self.tensors}

    def _input(self, names: Sequence[str]) -> tuple[Source, Any]:
        """The model's only input and its NumPy type."""
        types = {feed.name: feed.type for feed in self._session.get_inputs()}
        known = [self._sources[name] for name in names if name in self._sources]
        if len(names) != 1 or len(known) != 1 or list(types) != [known[0].name]:
            raise ModelError(
                f"a network of one picture is needed, its inputs are {', '.join(types)}",
                where=self._where,
            )
        kind = types[known[0].name]
        if kind not in ORT_TYPES:
            raise ModelError(f"the input {known[0].name} is a {kind}", where=self._where)
        return known[0], ORT_TYPES[kind]

    def _plan(self) -> tuple[tuple[str, ...], tuple[Node, ...]]:
        """Names to read from the model file, and nodes to compute from them."""
        read: dict[str, None] = {}
        wanted: set[str] = set(self.tensors)
        computed: list[Node] = []
        for node in reversed(self.graph.nodes):
            if node.output in wanted and node.output not in self._sources:
                computed.append(node)
                wanted.update(node.inputs)
        # An input with a quantization holds camera bytes now, though its name is the file's.
        cameras = {n for n in self.graph.inputs if self.graph.tensors[n].quant is not None}
        for name in wanted - cameras:
            if name in self._sources and self.graph.tensors[name].data is None:
                read[name] = None
        return tuple(sorted(read)), tuple(reversed(computed))

    def _in_layout(self, name: str, value: Any) -> FloatArray:
        array = np.asarray(value, dtype=np.float32)
        permutation = self._sources[name].permutation
        if array.ndim == len(permutation):
            array = array.transpose(permutation)
        shape = self.graph.tensors[name].shape
        if array.size != int(np.prod(shape)):
            raise ModelError(
                f"{name} is {list(array.shape)} in the model file and {list(shape)} in the graph",
                where=self._where,
            )
        return array.reshape(shape)

    def _camera_inputs(self, camera: Bytes) -> dict[str, FloatArray]:
        """The real values that an input's quantization gives to byte - 128."""
        made = {}
        for name, quant in self._camera.items():
            q = camera.astype(np.float32).reshape(self.graph.tensors[name].shape) - 128.0
            made[name] = ((q - quant.zero_point) * quant.per_tensor_scale).astype(np.float32)
        return made

    def _operand(self, name: str, values: Mapping[str, FloatArray]) -> FloatArray:
        data = self.graph.tensors[name].data
        if data is not None:
            return data
        if name not in values and name in self._camera:
            raise ModelError(f"{name} needs the picture's bytes", where=self._where)
        if name not in values:
            raise ModelError(
                f"the float value of {name} is unknown: the model file does not hold it",
                where=self._where,
            )
        return values[name]


def _open_session(path: Path, values: Sequence[str], ends: Sequence[str], optimize: bool) -> Any:
    """An ONNX Runtime session of the file up to `ends`, with `values` among its outputs."""
    import onnx
    import onnxruntime as ort

    try:
        model = onnx.load(str(path))
        if set(ends) != {output.name for output in model.graph.output}:
            model = cut_onnx(model, ends, str(path))
        present = {output.name for output in model.graph.output}
        model.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in values if name not in present
        )
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if not optimize:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    # ONNX Runtime and protobuf raise a dozen unrelated classes for broken files.
    except Exception as error:
        raise ModelError(f"ONNX Runtime refuses the model: {error}", where=str(path)) from error
