"""A quantized ONNX file run by ONNX Runtime itself, operator by operator as the file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from mcucc.frontends.onnx.file import read_onnx
from mcucc.frontends.qdq.importer import import_quantized_onnx
from mcucc.oracles.exact_session import exact_session
from mcucc.oracles.oracle import Array, Oracle


class OnnxOracle(Oracle):
    """Runs a QDQ or QOperator file; its products are float32, in QDQ everything is.

    `inner` values cost a second session, which is made when they are first asked for.
    """

    NAME: ClassVar[str] = "onnxruntime"
    TITLE: ClassVar[str] = "ONNX Runtime"
    exact = False

    def __init__(self, path: Path, input_shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.imported = import_quantized_onnx(path, input_shapes=input_shapes)
        self._model = read_onnx(path).model
        self._plain = exact_session(self._model)
        self._whole: Any = None

    @staticmethod
    def open(path: Path, input_shapes: Mapping[str, tuple[int, ...]]) -> OnnxOracle | str:
        """The file in ONNX Runtime, or why it refuses it."""
        try:
            return OnnxOracle(path, input_shapes)
        # ONNX Runtime raises a dozen unrelated classes for files it does not take.
        except Exception as error:
            if not type(error).__module__.startswith("onnxruntime"):
                raise
            return f"ONNX Runtime refuses it: {str(error).splitlines()[0][:200]}"

    def shown(self, tensor: str) -> str:
        """The value's name in the file."""
        source = self.imported.sources.get(tensor)
        return super().shown(tensor) if source is None else source.name

    def run(self, values: Sequence[Array], inner: bool) -> dict[str | int, Array]:
        if inner and self._whole is None:
            names = [source.name for source in self.imported.sources.values()]
            fed = {end.name for end in self.imported.inputs}
            self._whole = exact_session(self._model, [n for n in names if n not in fed])
        session = self._whole if inner else self._plain
        feeds = {end.name: v for end, v in zip(self.imported.inputs, values, strict=True)}
        names = [output.name for output in session.get_outputs()]
        found: dict[str | int, Array] = dict(feeds.items())
        found.update(zip(names, session.run(names, feeds), strict=True))
        return found
