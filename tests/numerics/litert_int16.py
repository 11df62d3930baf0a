"""Single int16 operators run by LiteRT, for the tests of its 16x8 mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mcucc.ir import Quant
from tests.litert_builder import LiteRTBuilder, run_litert

REFERENCE_AND_DEFAULT = (True, False)


def float32(value: float) -> float:
    """A scale as a file holds it."""
    return float(np.float32(value))


def all_int16() -> np.ndarray:
    """Every int16 there is, as a picture."""
    return np.arange(-32768, 32768, dtype=np.int16).reshape(1, 256, 256, 1)


def drawn(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Any int16 values."""
    return rng.integers(-32768, 32768, tuple(shape)).astype(np.int16)


def run_op(
    code: str,
    options: str | None,
    inputs: Sequence[tuple[np.ndarray, float]],
    output: tuple[Sequence[int], float],
    *,
    version: int = 2,
    reference: bool = True,
    constants: Sequence[np.ndarray] = (),
    dtype: Any = np.int16,
    **fields: Any,
) -> np.ndarray:
    """One operator on inputs (values, scale), then constants; the output (shape, scale)."""
    builder = LiteRTBuilder()
    fed = [builder.tensor(x.shape, x.dtype, Quant((scale,))) for x, scale in inputs]
    operands = [*fed, *(builder.constant(data) for data in constants)]
    y = builder.tensor(output[0], dtype, Quant((output[1],)))
    builder.op(code, options, operands, [y], version, **fields)
    values = [x for x, _ in inputs]
    (result,) = run_litert(builder.build(fed, [y]), values, reference=reference)
    return result.astype(np.int64)


def run_layer(
    code: str,
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    scales: tuple[float, Sequence[float], float],
    *,
    reference: bool = True,
) -> np.ndarray:
    """A layer with 1x1 windows: CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED.

    `x` (pixels, C), `weights` (C_out, C) or, depthwise, (C,); the type of the bias is its array's.
    """
    builder = LiteRTBuilder()
    sx, sw, sy = scales
    dense, depthwise = code == "FULLY_CONNECTED", code == "DEPTHWISE_CONV_2D"
    pixels = x.shape[0]
    shape: tuple[int, ...] = x.shape if dense else (1, 1, *x.shape)
    filters = weights.reshape(1, 1, 1, -1) if depthwise else weights
    if not dense and not depthwise:
        filters = weights.reshape(weights.shape[0], 1, 1, -1)
    outputs = weights.shape[0]
    x_index = builder.tensor(shape, np.int16, Quant((sx,)))
    axis = None if len(sw) == 1 else 3 if depthwise else 0
    operands = [x_index, builder.constant(filters, Quant(tuple(sw), 0, axis))]
    if bias is not None:
        quant = Quant(tuple(sx * s for s in sw), 0, None if len(sw) == 1 else 0)
        operands.append(builder.constant(bias, quant))
    y = builder.tensor(
        (pixels, outputs) if dense else (1, 1, pixels, outputs), np.int16, Quant((sy,))
    )
    options, version, fields = _OPTIONS[code]
    fields = dict(fields)
    if bias is not None and not depthwise:
        wide = bias.dtype == np.int64
        fields["quantizedBiasType"] = schema.TensorType.INT64 if wide else schema.TensorType.INT32
    builder.op(code, options, operands, [y], version, **fields)
    model = builder.build([x_index], [y])
    (result,) = run_litert(model, [x.reshape(shape)], reference=reference)
    return result.reshape(pixels, outputs).astype(np.int64)


_STRIDES = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
_OPTIONS: dict[str, tuple[str, int, dict[str, int]]] = {
    "CONV_2D": ("Conv2DOptions", 8, _STRIDES),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", 5, {**_STRIDES, "depthMultiplier": 1}),
    "FULLY_CONNECTED": ("FullyConnectedOptions", 11, {}),
}
