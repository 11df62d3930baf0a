"""The float truth: a model run by ONNX Runtime or LiteRT, its values in the graph's own layout.

Values inside the network become extra outputs of the session. Tensors that do not exist in the
model file (made by a pass) are computed by the ops' float references from those that do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mcucc.errors import ModelError
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.onnx.cut import cut_onnx
from mcucc.images.preprocess import FloatArray
from mcucc.images.samples import Sample
from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import Int8Array
from mcucc.oracles.litert_floats import LitertFloats
from mcucc.oracles.one_picture import open_batches

ORT_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}


class FloatSession:
    """Runs the original model on one sample at a time and returns named graph tensors.

    `graph` may be any later form of `model.graph`; `tensors` are names in it (default: its
    outputs). Without `optimize` ONNX Runtime computes node by node as the file says. Raises
    ModelError when ONNX Runtime refuses the file.
    """

    def __init__(
        self,
        model: ImportedModel,
        graph: Graph | None = None,
        tensors: Iterable[str] | None = None,
        *,
        optimize: bool = True,
    ) -> None:
        self.graph = model.graph if graph is None else graph
        self.tensors = tuple(self.graph.outputs if tensors is None else tensors)
        self._sources, self._ports = model.sources, model.ports
        self._where = str(model.model_path)
        # A quantized input is one that a pass redefined as byte - 128: no longer the file's values.
        self._camera = {
            name: self.graph.tensors[name].quantization
            for name in self.graph.inputs
            if self.graph.tensors[name].quant is not None
        }
        self._read, self._computed = self._plan()
        values = sorted({self._sources[name].name for name in self._read})
        ends = [port.name for port in model.outputs]
        self._session = _open_session(model.model_path, values, ends, optimize)
        self.oracle = "LiteRT" if isinstance(self._session, LitertFloats) else "ONNX Runtime"
        self._types = self._inputs()
        self._values = values

    def run(
        self, real: Sequence[FloatArray], int8: Sequence[Int8Array] | None = None
    ) -> dict[str, FloatArray]:
        """The wanted tensors for one sample: what the file's inputs read, in the graph's layout.

        `int8` are its integers, needed where a pass made the network's input byte - 128 (and gave
        it a quantization).
        """
        feeds = {
            port.name: port.in_file(value).astype(kind)
            for port, kind, value in zip(self._ports, self._types, real, strict=True)
        }
        # ONNX Runtime takes an empty list of names for all of them.
        results = self._session.run(self._values, feeds) if self._values else []
        by_name = dict(zip(self._values, results, strict=True))
        tensors: dict[str, FloatArray] = {}
        for name in self._read:
            tensors[name] = self._in_layout(name, by_name[self._sources[name].name])
        if int8 is not None:
            tensors.update(self._camera_inputs(int8))
        for node in self._computed:
            tensors[node.output] = node.op.evaluate(
                [self._operand(n, tensors) for n in node.inputs]
            )
        return {name: self._operand(name, tensors) for name in self.tensors}

    def run_sample(self, sample: Sample) -> dict[str, FloatArray]:
        """The wanted tensors for one sample."""
        return self.run(sample.real, sample.int8 if self._camera else None)

    def _inputs(self) -> list[Any]:
        """The NumPy type of each of the model's inputs."""
        types = {feed.name: feed.type for feed in self._session.get_inputs()}
        names = [port.name for port in self._ports]
        if set(types) != set(names):
            raise ModelError(
                f"the file's inputs are {', '.join(types)}, the network's {', '.join(names)}",
                where=self._where,
            )
        for name in names:
            if types[name] not in ORT_TYPES:
                raise ModelError(f"the input {name} is a {types[name]}", where=self._where)
        return [ORT_TYPES[types[name]] for name in names]

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

    def _camera_inputs(self, int8: Sequence[Int8Array]) -> dict[str, FloatArray]:
        """The real values that an input's quantization gives to byte - 128."""
        made = {}
        values = dict(zip(self.graph.inputs, int8, strict=True))
        for name, quant in self._camera.items():
            q = values[name].astype(np.float32).reshape(self.graph.tensors[name].shape)
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
    """A session of the file up to `ends`, with `values` among its outputs.

    ONNX Runtime's, or one of LiteRT that answers as those do.
    """
    if path.suffix.lower() == ".tflite":
        return LitertFloats(path)
    import onnx
    import onnxruntime as ort

    try:
        model = open_batches(onnx.load(str(path)))
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
