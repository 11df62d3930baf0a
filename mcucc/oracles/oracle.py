"""Another runtime on the user's own file: its word for the values of a quantized network.

LiteRT has a .tflite, ONNX Runtime a quantized ONNX file. Both give the integers of every tensor
of the file that the imported graph has too, and those of its ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.errors import ModelError
from mcucc.frontends.imported import ImportedModel, Port, Source
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntegerArray

Integers = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


class RefusedError(ModelError):
    """The other runtime does not take the file."""


class Oracle(ABC):
    """A runtime that holds `imported.model_path`.

    `exact` says that it must agree with us on every byte; otherwise its products are float32 (or
    float all through) and may round the other way.
    """

    NAME: ClassVar[str]  # of its row in `validate`
    TITLE: ClassVar[str]
    exact: bool
    imported: ImportedModel

    @property
    def where(self) -> str:
        """The file, as messages name it."""
        return str(self.imported.model_path)

    def outputs(self, inputs: Iterable[Sequence[IntegerArray]]) -> dict[str, Integers]:
        """The outputs of samples' integer inputs (H, W, C): (samples, H, W, C) by tensor name.

        Integers, not bytes: an output of floats beyond what its type holds is not clipped.
        """
        ends: dict[str, list[Integers]] = {e.tensor: [] for e in self.imported.outputs}
        for q in inputs:
            values = self.run(self._in_file(self.fed(q)), False)
            for name, value in self._of_ends(values).items():
                ends[name].append(value)
        return {name: np.stack(parts) for name, parts in ends.items()}

    def _of_ends(self, values: Mapping[str | int, Array]) -> dict[str, Integers]:
        """The outputs by tensor; ModelError where ends that are one tensor have two values."""
        found: dict[str, Integers] = {}
        for out in self.imported.outputs:
            value = self._of_end(out, values[out.name])
            if not np.array_equal(found.setdefault(out.tensor, value), value):
                raise ModelError(
                    f"{self.TITLE} computes another value for the output {out.name} than for one "
                    "that is the same in mcucc",
                    where=self.where,
                    hint="this is a defect of mcucc: please report it with the file",
                )
        return found

    def fed(self, q: Sequence[IntegerArray]) -> list[Array]:
        """Integer inputs (H, W, C) in the types of the file's own inputs."""
        return [port.from_integers(v) for port, v in zip(self.imported.ports, q, strict=True)]

    def tensors(self, fed: Sequence[Array]) -> dict[str, Integers]:
        """Every tensor both have, (H, W, C) by name, for inputs (H, W, C) of the file's types."""
        values = self.run(self._in_file(fed), True)
        found = {}
        for name, source in self.imported.sources.items():
            if source.key in values:
                value = self._counted(name, values[source.key])
                found[name] = self._hwc(name, value, source.permutation)
        return found | self._of_ends(values)

    def second(self) -> Oracle | None:
        """Other kernels of the same runtime, whose word counts where the first ones differ."""
        return None

    @abstractmethod
    def run(self, values: Sequence[Array], inner: bool) -> Mapping[str | int, Array]:
        """Outputs by name for `imported.inputs` in the file's layout; `inner`: all tensors too.

        Those within the network are by `Source.key`.
        """

    def shown(self, tensor: str) -> str:
        """What the file calls a tensor of the graph."""
        ends = (*self.imported.inputs, *self.imported.outputs)
        return next((end.name for end in ends if end.tensor == tensor), tensor)

    def flat_index(self, tensor: str, index: int) -> int:
        """The element `index` of a graph tensor, counted in the file's layout."""
        source = self.imported.sources.get(tensor, Source(tensor, ()))
        return source.flat_index(index, self.imported.graph.tensors[tensor].shape)

    def _in_file(self, fed: Sequence[Array]) -> list[Array]:
        """The graph's inputs (H, W, C) in the file's order and layout."""
        by_tensor = dict(zip(self.imported.graph.inputs, fed, strict=True))
        return [port.in_file(by_tensor[port.tensor]) for port in self.imported.inputs]

    def _of_end(self, end: Port, value: Array) -> Integers:
        """An output of the file as integers of the graph's quantization."""
        if np.issubdtype(value.dtype, np.floating):
            steps = np.asarray(value, np.float64) / end.quantization.per_tensor_scale
            value = np.rint(steps).astype(np.int64) + end.quantization.zero_point
        else:
            value = self._counted(end.tensor, value)
        return self._hwc(end.tensor, value, end.permutation)

    def _counted(self, name: str, value: Array) -> Array:
        """Integers that stand for nothing but themselves, as indices do, as the graph has them."""
        if value.dtype not in (np.int32, np.int64):
            return value
        quant = self.imported.graph.tensors[name].quantization
        counted: Array = value.astype(np.int64) + quant.zero_point
        return counted

    def _hwc(self, name: str, value: Array, permutation: tuple[int, ...]) -> Integers:
        """Integers of the file as (H, W, C) of the graph; ModelError for another shape."""
        shape = self.imported.graph.tensors[name].shape
        offset = 128 if value.dtype == np.uint8 else 0
        if len(permutation) == value.ndim:
            value = value.transpose(permutation)
        if value.size != prod(shape):  # storage may join axes
            raise ModelError(
                f"{self.TITLE} computes {list(value.shape)} for {self.shown(name)}, "
                f"mcucc {list(shape)}",
                where=self.where,
                hint="this is a defect of mcucc: please report it with the file",
            )
        return value.astype(np.int64).reshape(hwc(shape)) - offset
