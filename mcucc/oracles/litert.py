"""A .tflite run by LiteRT itself: somebody else's word for every byte of the int8 tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from mcucc.frontends.tflite.importer import import_tflite
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.oracle import Array, Oracle, RefusedError
from mcucc.oracles.readable import interpreter_of, reference_of


class LitertSession(Oracle):
    """Runs a .tflite with all of its tensors kept.

    `double` rounding is that of LiteRT's reference kernels, which must then agree on every byte;
    `single` that of its default path, whose float products are off by one now and then
    (docs/numerics-litert.md); `reference` asks for the former beside `single` too. Where a file has
    an operator without a reference kernel, its default ones count, and rounding is allowed. Raises
    ImportError without ai-edge-litert, RefusedError for a file LiteRT refuses.
    """

    NAME: ClassVar[str] = "litert"
    TITLE: ClassVar[str] = "LiteRT"

    def __init__(self, path: Path, rounding: Rounding, *, reference: bool | None = None) -> None:
        from ai_edge_litert.interpreter import OpResolverType

        self.exact = rounding is Rounding.DOUBLE
        self._reference = self.exact if reference is None else reference
        self.imported = import_tflite(path)
        content = path.read_bytes()
        try:
            if self._reference:
                self._interpreter, whole = reference_of(content)
                self.exact = self.exact and whole
            else:
                self._interpreter = interpreter_of(content, OpResolverType.AUTO)
        # LiteRT raises ValueError and RuntimeError with a text of its own.
        except Exception as error:
            raise RefusedError(f"LiteRT refuses it: {error}", where=str(path)) from error

    def second(self) -> LitertSession | None:
        """The reference kernels: the default path overflows at factors of some thousands, and
        has other positions of a bilinear resize (docs/numerics-litert.md).
        """
        if self._reference:
            return None
        return LitertSession(self.imported.model_path, Rounding.SINGLE, reference=True)

    def run(self, values: Sequence[Array], inner: bool) -> Mapping[str | int, Array]:
        interpreter = self._interpreter
        for detail, value in zip(interpreter.get_input_details(), values, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        ends = [end.name for end in self.imported.outputs]
        details = interpreter.get_output_details()
        if self.imported.constants:  # which no port stands for
            details = [detail for detail in details if detail["name"] in ends]
        pairs = zip(self.imported.outputs, details, strict=True)
        found: dict[str | int, Array] = {
            end.name: interpreter.get_tensor(detail["index"]) for end, detail in pairs
        }
        if inner:  # all tensors of many pictures would be gigabytes
            indices = [s.index for s in self.imported.sources.values() if s.index is not None]
            found |= {index: interpreter.get_tensor(index) for index in indices}
        return found
