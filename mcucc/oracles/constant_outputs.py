"""What another runtime gives for the outputs of a file that no input reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mcucc.frontends.imported import Array, Format, ImportedModel

_ORT_TYPES = {"float": np.float32, "double": np.float64, "float16": np.float16}


def constants_by_oracle(imported: ImportedModel) -> Mapping[str, Array] | str:
    """The constant outputs by name, for inputs of zeros; why not, where the runtime refuses."""
    run = _by_litert if imported.format is Format.TFLITE else _by_onnx_runtime
    try:
        return run(imported)
    # Both raise many unrelated classes with a text of their own, ImportError among them.
    except Exception as error:
        return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _by_litert(imported: ImportedModel) -> dict[str, Array]:
    from mcucc.oracles.readable import reference_of

    interpreter, _ = reference_of(imported.model_path.read_bytes())
    interpreter.invoke()
    details = interpreter.get_output_details()
    return {
        detail["name"]: interpreter.get_tensor(detail["index"])
        for detail in details
        if detail["name"] in imported.constants
    }


def _by_onnx_runtime(imported: ImportedModel) -> dict[str, Array]:
    from mcucc.frontends.onnx.file import read_onnx
    from mcucc.oracles.exact_session import exact_session

    session = exact_session(read_onnx(imported.model_path).model)
    shapes = {port.name: port.shape for port in imported.inputs}
    feeds: dict[str, Any] = {}
    for feed in session.get_inputs():
        kind = feed.type.removeprefix("tensor(").removesuffix(")")
        feeds[feed.name] = np.zeros(shapes[feed.name], _ORT_TYPES.get(kind, kind))
    names = list(imported.constants)
    return dict(zip(names, session.run(names, feeds), strict=True))
