"""A .tflite as LiteRT reads it, and the interpreter that keeps all of its tensors."""

from __future__ import annotations

import struct
import warnings
from typing import Any

import tflite


def readable(data: bytes) -> bytes:
    """The file as LiteRT reads it, though a tensor of one scale names an axis that is no matter.

    TensorFlow Lite Micro's person detection has `quantized_dimension` 3 at biases of one axis,
    which LiteRT 2.3 refuses. With one scale the axis means nothing.
    """
    changed = bytearray(data)
    graph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    for index in range(graph.TensorsLength()):
        quantization = graph.Tensors(index).Quantization()
        if quantization is None or quantization.ScaleLength() > 1:
            continue
        table = quantization._tab  # the only way to a field's place
        field = table.Offset(16)
        if field:
            struct.pack_into("<i", changed, table.Pos + field, 0)
    return bytes(changed)


MISSING = "Didn't find op"  # LiteRT's words for an operator that a set of kernels lacks


def reference_of(content: bytes) -> tuple[Any, bool]:
    """LiteRT's reference kernels on a file, and True; raises as `interpreter_of`.

    They lack a few operators (TILE, ELU, ROUND): then its other kernels of all, and False.
    """
    from ai_edge_litert.interpreter import OpResolverType

    try:
        return interpreter_of(content, OpResolverType.BUILTIN_REF), True
    # LiteRT raises ValueError and RuntimeError with a text of its own.
    except Exception as error:
        if MISSING not in str(error):
            raise
    return interpreter_of(content, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES), False


def interpreter_of(content: bytes, resolver: Any) -> Any:
    """LiteRT's interpreter of a file, on one thread, by the kernels of an OpResolverType.

    Raises ImportError without ai-edge-litert, and whatever LiteRT raises for what it refuses.
    """
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings():  # that keeping all tensors takes memory: we know
        warnings.simplefilter("ignore")
        made = Interpreter(
            model_content=readable(content),
            num_threads=1,
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=True,
        )
    made.allocate_tensors()
    return made
