"""The newest version of each operator whose meaning is known here.

A newer version of an operator may mean something else by the same fields, and LiteRT refuses one it
does not know. What the versions up to these brought are other element types and new fields with a
default of the old meaning. Source: the operators of LiteRT 2.3's own resolver.
"""

from __future__ import annotations

from mcucc.frontends.tflite.file import FileOperator

_BY_VERSION = {
    2: (
        "ARG_MAX ARG_MIN DEPTH_TO_SPACE DIV EXP FLOOR_MOD GREATER L2_NORMALIZATION LEAKY_RELU "
        "LESS_EQUAL LOG LOG_SOFTMAX RANGE REDUCE_PROD SELECT_V2 SPACE_TO_DEPTH SQRT "
        "SQUARED_DIFFERENCE SQUEEZE SUM"
    ),
    3: (
        "AVERAGE_POOL_2D FLOOR_DIV GELU GREATER_EQUAL LESS LOGISTIC MAX_POOL_2D MEAN "
        "MIRROR_PAD REDUCE_MAX REDUCE_MIN RELU RELU6 RSQRT SPLIT_V TANH TILE"
    ),
    4: (
        "BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_TO MAXIMUM MINIMUM NOT_EQUAL RESIZE_BILINEAR "
        "RESIZE_NEAREST_NEIGHBOR REVERSE_V2 SELECT SOFTMAX SPACE_TO_BATCH_ND"
    ),
    5: ("ABS EQUAL FILL PACK SPLIT SUB TRANSPOSE_CONV"),
    6: ("ADD GATHER_ND PAD PADV2 QUANTIZE UNPACK"),
    7: ("CONCATENATION DEPTHWISE_CONV_2D"),
    8: ("CONV_2D GATHER MUL SLICE STRIDED_SLICE"),
    9: ("CAST DEQUANTIZE TRANSPOSE"),
    14: ("FULLY_CONNECTED"),
}
NEWEST = {kind: version for version, kinds in _BY_VERSION.items() for kind in kinds.split()}


def unknown_version(operator: FileOperator) -> str:
    """Why the operator's version is in the way, "" where it is not.

    Operators without an entry have one version, or are not compiled at all.
    """
    newest = NEWEST.get(operator.kind, 1)
    if 1 <= operator.version <= newest:
        return ""
    return f"version {operator.version} of it; the newest known is {newest}"
