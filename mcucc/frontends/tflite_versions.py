"""The newest version of each operator whose meaning is known here.

A newer version of an operator may mean something else by the same fields, and LiteRT refuses one it
does not know. What the versions up to these brought are other element types and new fields with a
default of the old meaning. Source: the operators of LiteRT 2.3's own resolver.
"""

from __future__ import annotations

from mcucc.frontends.tflite_file import FileOperator

NEWEST = {
    **dict.fromkeys(("ABS", "AVERAGE_POOL_2D", "FLOOR_DIV", "LESS", "LOGISTIC"), 3),
    **dict.fromkeys(("MAX_POOL_2D", "MEAN", "MIRROR_PAD", "REDUCE_MAX", "REDUCE_MIN"), 3),
    **dict.fromkeys(("GREATER_EQUAL", "RELU", "RELU6", "SOFTMAX", "SPLIT_V", "TANH"), 3),
    **dict.fromkeys(("DIV", "FLOOR_MOD", "GELU", "GREATER", "LEAKY_RELU", "LESS_EQUAL"), 2),
    **dict.fromkeys(("REDUCE_PROD", "SELECT_V2", "SPACE_TO_DEPTH", "SUM", "TILE"), 2),
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "BROADCAST_TO", "MAXIMUM", "MINIMUM"), 4),
    **dict.fromkeys(("NOT_EQUAL", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SELECT"), 4),
    **dict.fromkeys(("REVERSE_V2", "SPACE_TO_BATCH_ND", "STRIDED_SLICE"), 4),
    **dict.fromkeys(("ADD", "EQUAL", "FILL", "PACK", "SPLIT", "SUB", "TRANSPOSE_CONV"), 5),
    **dict.fromkeys(("GATHER_ND", "PAD", "PADV2", "QUANTIZE", "UNPACK"), 6),
    **dict.fromkeys(("CONCATENATION", "DEPTHWISE_CONV_2D", "MUL"), 7),
    **dict.fromkeys(("CONV_2D", "GATHER", "SLICE", "TRANSPOSE"), 8),
    **dict.fromkeys(("CAST", "DEQUANTIZE"), 9),
    "FULLY_CONNECTED": 14,
}


def unknown_version(operator: FileOperator) -> str:
    """Why the operator's version is in the way, "" where it is not.

    Operators without an entry have one version, or are not compiled at all.
    """
    newest = NEWEST.get(operator.kind, 1)
    if 1 <= operator.version <= newest:
        return ""
    return f"version {operator.version} of it; the newest known is {newest}"
