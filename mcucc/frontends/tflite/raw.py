"""Fields of a .tflite that the `tflite` package's accessors hide, or that are newer than it.

A flatbuffer table is read by slots: slot n of a table is its n-th field in the schema. An accessor
that says something else than the field, or a field without an accessor, would become a wrong
default in silence; `reader` says of each whether it is read or refused.
"""

from __future__ import annotations

from typing import Any

import flatbuffers.number_types as flat

# Slots of the schema (LiteRT 2.3). Source: schema.fbs of LiteRT.
_DEPRECATED_CODE, _CODE = 0, 3  # of OperatorCode
_EXTERNAL_BUFFER = 10  # of Tensor: data in another file
_DETAILS = 4  # of QuantizationParameters: the type of a custom, block-wise or multi-axis form
_QUANT_SPEC = 5  # of FullyConnectedOptions


def builtin_code(code: Any) -> int:
    """The operator: the larger of both fields, as LiteRT takes it.

    The old one is a byte, and 127 where the operator is newer; some writers leave either at 0. The
    package's own accessor takes the old field whenever the new one is below 127.
    """
    old = _scalar(code, _DEPRECATED_CODE, flat.Int8Flags)
    return max(old, _scalar(code, _CODE, flat.Int32Flags))


def unknown_data(tensor: Any) -> str:
    """Why the data of a tensor is not in its buffer, "" where it is."""
    return "in another file" if _scalar(tensor, _EXTERNAL_BUFFER, flat.Uint32Flags) else ""


def unknown_quantization(table: Any) -> bool:
    """Whether scales and zero points are not all that says what the integers mean."""
    return _scalar(table, _DETAILS, flat.Uint8Flags) != 0


def unknown_dense(options: Any) -> bool:
    """Whether a FULLY_CONNECTED has the newer description of quantized weights."""
    return bool(options._tab.Offset(_place(_QUANT_SPEC)))


def _place(slot: int) -> int:
    return 4 + 2 * slot


def _scalar(table: Any, slot: int, kind: Any) -> int:
    offset = table._tab.Offset(_place(slot))
    return int(table._tab.Get(kind, offset + table._tab.Pos)) if offset else 0
