"""A .tflite run by LiteRT itself: somebody else's word for every byte of the int8 tensors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.errors import ModelError
from mcucc.frontends.quantized import ImportedQuantized
from mcucc.frontends.tflite import import_tflite
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics import Int8Array, Rounding


class LitertSession:
    """Runs a .tflite with all of its tensors kept.

    `double` rounding is that of LiteRT's reference kernels, which must then agree on every byte;
    `single` that of its default path, whose float products are off by one now and then
    (docs/numerics-litert.md). Raises ImportError without ai-edge-litert, ModelError for a file
    LiteRT refuses.
    """

    def __init__(self, path: Path, rounding: Rounding) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        reference = rounding is Rounding.DOUBLE
        resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
        self.imported: ImportedQuantized = import_tflite(path)
        try:
            with warnings.catch_warnings():  # that keeping all tensors takes memory: we know
                warnings.simplefilter("ignore")
                self._interpreter: Any = Interpreter(
                    model_content=path.read_bytes(),
                    num_threads=1,
                    experimental_op_resolver_type=resolver,
                    experimental_preserve_all_tensors=True,
                )
            self._interpreter.allocate_tensors()
        # LiteRT raises ValueError and RuntimeError with a text of its own.
        except Exception as error:
            raise ModelError(f"LiteRT refuses it: {error}", where=str(path)) from error

    def tensors(self, graph: IntegerGraph, q: Int8Array) -> dict[str, Int8Array]:
        """Every int8 tensor both have, (H, W, C) by name, for an int8 input (H, W, C)."""
        interpreter = self._interpreter
        (end,) = self.imported.inputs
        (detail,) = interpreter.get_input_details()
        interpreter.set_tensor(detail["index"], end.from_int8(q.reshape(end.shape)))
        interpreter.invoke()
        found = {}
        for name, index in self._places().items():
            activation = graph.activations.get(name)
            value = interpreter.get_tensor(index)
            if value.dtype == np.uint8:
                value = (value.astype(np.int16) - 128).astype(np.int8)
            if activation is not None and activation.size == value.size:
                found[name] = value.reshape(activation.shape)
        return found

    def outputs(
        self, graph: IntegerGraph, inputs: Sequence[Int8Array]
    ) -> dict[str, npt.NDArray[np.int8]]:
        """The outputs of several inputs: (pictures, H, W, C) by name."""
        found: dict[str, list[Int8Array]] = {name: [] for name in graph.outputs}
        for q in inputs:  # all tensors of many pictures would be gigabytes
            tensors = self.tensors(graph, q)
            for name, values in found.items():
                values.append(tensors[name])
        return {name: np.stack(values) for name, values in found.items()}

    def _places(self) -> dict[str, int]:
        """LiteRT's tensor of every tensor of the graph; ends of type uint8 included."""
        places = {n: i for n, i in self.imported.sources.items() if isinstance(i, int)}
        details = self._interpreter.get_output_details()
        for end, detail in zip(self.imported.outputs, details, strict=True):
            if end.dtype != np.float32:
                places.setdefault(end.tensor, detail["index"])
        return places


def open_litert(path: Path, rounding: Rounding) -> LitertSession | str:
    """LiteRT with a .tflite, or why there is none."""
    try:
        return LitertSession(path, rounding)
    except ImportError:
        return "ai-edge-litert is not installed"
    except ModelError as error:
        return error.what
