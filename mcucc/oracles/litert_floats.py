"""A float .tflite run by LiteRT, its values by name: the float truth of such a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.errors import ModelError
from mcucc.frontends.tflite.file import TfliteFile
from mcucc.frontends.tflite.read import IDENTIFIER, read_tflite
from mcucc.frontends.tfloat.importer import real_weights
from mcucc.frontends.tfloat.writer import value_names
from mcucc.oracles.readable import interpreter_of

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Input:
    """An input as ONNX Runtime would describe it."""

    name: str
    type: str = "tensor(float)"


class LitertFloats:
    """LiteRT's own kernels without a delegate, all tensors kept.

    In a hybrid file it would round activations anew for every picture: there it is given the real
    values of the weights, so that the whole network is float. Raises ModelError without
    ai-edge-litert, and for a file that LiteRT refuses.
    """

    def __init__(self, path: Path) -> None:
        where = str(path)
        try:
            from ai_edge_litert.interpreter import OpResolverType
        except ImportError as error:
            raise ModelError(
                "a float .tflite is run by LiteRT, which is not installed",
                where=where,
                hint="pip install ai-edge-litert",
            ) from error
        file = read_tflite(path)
        names = value_names(file)
        self._indices = {name: index for index, name in names.items()}
        self._inputs = [names[index] for index in file.inputs]
        resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            self._interpreter = interpreter_of(in_floats(path.read_bytes(), file), resolver)
        # LiteRT raises ValueError and RuntimeError with a text of its own.
        except Exception as error:
            raise ModelError(f"LiteRT refuses the model: {error}", where=where) from error

    def get_inputs(self) -> list[_Input]:
        """The file's inputs."""
        return [_Input(name) for name in self._inputs]

    def run(self, values: Sequence[str], feeds: Mapping[str, Array]) -> list[Array]:
        """The named values, for these inputs."""
        for name in self._inputs:
            self._interpreter.set_tensor(self._indices[name], feeds[name].astype(np.float32))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(self._indices[name]) for name in values]


def in_floats(content: bytes, file: TfliteFile) -> bytes:
    """The file with the weights that it holds as integers as the floats they stand for."""
    weights = real_weights(file)
    if not weights:
        return content
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for index, values in weights.items():
        tensor, buffer = model.subgraphs[0].tensors[index], schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
        tensor.buffer = len(model.buffers)  # its own: integers may be shared
        model.buffers.append(buffer)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
