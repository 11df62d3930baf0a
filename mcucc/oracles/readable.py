"""A .tflite as LiteRT reads it."""

from __future__ import annotations

import struct

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
