"""What Conv2d, DepthwiseConv2d and FullyConnected share: folded biases and requantization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import (
    INT8,
    INT16,
    INT32_MAX,
    INT32_MIN,
    Clamp,
    IntArray,
    IntegerArray,
    Requant,
    Rounding,
    check_int32,
    saturate,
)
from mcucc.numerics.float_product import like_double_product, like_float_product
from mcucc.numerics.litert_int16 import reduced

FieldList = tuple[tuple[str, int | ConstArray | None], ...]


@dataclass(frozen=True, eq=False)
class Biases:
    """The biases of a layer whose border has biases of its own (border.py), int32 per channel.

    `inside` are those of the positions that read no padding, `least` and `most` bound them all.
    """

    inside: npt.NDArray[np.int32]
    least: npt.NDArray[np.int32]
    most: npt.NDArray[np.int32]

    def channels(self, begin: int, end: int) -> Biases:
        """Those of some output channels."""
        return Biases(*(part[begin:end] for part in (self.inside, self.least, self.most)))


@dataclass(frozen=True, eq=False)
class Accumulation:
    """The integers that turn weighted sums into int8, per output channel.

    `bias` is bias - zero_point * sum(weights): padding is then the value `input_zero_point`.
    `bounds` is the largest and smallest value any accumulator can reach. `family`: these are the
    integers of some positions, and one requantization is to be proved for all. `types` are those of
    the input and the output.
    """

    bias: npt.NDArray[np.int32]
    requant: Requant
    input_zero_point: int
    output_zero_point: int
    lo: int
    hi: int
    bounds: tuple[int, int]
    family: Biases | None = None
    types: tuple[np.dtype[Any], np.dtype[Any]] = (INT8, INT8)

    def finish(self, acc: IntArray) -> IntegerArray:
        """Outputs of raw sums (bias not yet added); channels are the last axis."""
        scaled = self.requant.apply(acc + self.bias) + self.output_zero_point
        return saturate(scaled, self.lo, self.hi, self.types[1])

    def channels(self, begin: int, end: int) -> Accumulation:
        """Those of some output channels; the bounds stay those of all."""
        requant = self.requant
        if requant.multiplier.size > 1:
            requant = replace(requant, multiplier=requant.multiplier[begin:end])
        if requant.shift.size > 1:
            requant = replace(requant, shift=requant.shift[begin:end])
        family = self.family and self.family.channels(begin, end)
        return replace(self, bias=self.bias[begin:end], requant=requant, family=family)

    @property
    def biases(self) -> Biases:
        """All that the requantization is to be proved for."""
        return self.family or Biases(self.bias, self.bias, self.bias)

    def c_fields(self) -> FieldList:
        """The C fields every accumulating kernel ends with, in the struct's order."""
        channels = self.bias.size
        shifts = np.broadcast_to(self.requant.shift, channels)
        multipliers = np.broadcast_to(self.requant.multiplier, channels)
        return (
            ("bias", ConstArray("bias", self.bias)),
            ("multiplier", ConstArray("multiplier", multipliers.astype(np.int32))),
            ("shift", ConstArray("shift", shifts.astype(np.uint8), align=1)),
            ("input_zero_point", self.input_zero_point),
            ("output_zero_point", self.output_zero_point),
            ("lo", self.lo),
            ("hi", self.hi),
        )


def accumulation(
    name: str,
    inputs: Sequence[Tensor],
    output: Tensor,
    per_channel: npt.NDArray[np.int64],
    clamp: Clamp,
    rounding: Rounding,
    *,
    float_product: bool = True,
    double_product: bool = False,
    wide_double: bool = False,
) -> Accumulation:
    """Fold bias and scales of (x, weights[, bias]) into an Accumulation.

    `per_channel` are the weights as (C_out, taps). `float_product`: factors that are rounded once
    are chosen to step as float32 products do (float_product.py), of `double_product` as float64
    ones. With int16 there is one rounding
    by the factor as it is, in both profiles unless `wide_double` and all are int16; 64-bit biases
    are LiteRT's 16x8 mode, whose factors have 15 bits. Raises ValueError when an accumulator may
    leave int32 or a scale is out of range.
    """
    types = inputs[0].dtype, output.dtype
    long = types[0] == INT16 and len(inputs) > 2 and inputs[2].dtype == np.int64
    if INT16 in types:
        float_product = False
        if long or types != (INT16, INT16) or not wide_double:
            rounding = Rounding.SINGLE
    x, weights = inputs[0].quantization, inputs[1].quantization
    y = output.quantization
    channels = per_channel.shape[0]
    bias = inputs[2].constant.astype(np.int64) if len(inputs) > 2 else np.zeros(channels, np.int64)
    folded = bias - x.zero_point * per_channel.sum(axis=1)
    positive = np.maximum(per_channel, 0).sum(axis=1)
    negative = np.minimum(per_channel, 0).sum(axis=1)
    scales = np.asarray(weights.scale, np.float64) * x.per_tensor_scale / y.per_tensor_scale
    requant = Requant.from_real(scales, rounding)
    if long:
        requant = reduced(requant)
    lo, hi = clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
    least_input, most_input = inputs[0].interval
    above = most_input * positive + least_input * negative
    below = least_input * positive + most_input * negative
    folded = _within_int32(folded, below, above, requant, (lo - y.zero_point, hi - y.zero_point))
    least, most = folded + below, folded + above
    lowest, highest = int(least.min()), int(most.max())
    check_int32(name, lowest, highest)
    if rounding is Rounding.SINGLE and float_product:
        factors = _float32_factors(x.per_tensor_scale, weights.scale, y.per_tensor_scale, channels)
        reach = (lo - y.zero_point, hi - y.zero_point)
        requant = like_float_product(requant, factors, (least, most), reach)
    if double_product and INT16 not in types:
        factors64 = np.broadcast_to(scales, channels)
        reach = (lo - y.zero_point, hi - y.zero_point)
        requant = like_double_product(requant, factors64, (least, most), reach)
    return Accumulation(
        bias=folded.astype(np.int32),
        requant=requant,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        lo=lo,
        hi=hi,
        bounds=(lowest, highest),
        types=types,
    )


def _float32_factors(
    x: float, weights: Sequence[float], y: float, channels: int
) -> npt.NDArray[np.float32]:
    """M per channel as XNNPACK and ONNX Runtime compute it."""
    factors = np.float32(x) * np.asarray(weights, np.float32) / np.float32(y)
    return np.broadcast_to(factors, channels)


def _within_int32(
    bias: IntArray, below: IntArray, above: IntArray, requant: Requant, limits: tuple[int, int]
) -> IntArray:
    """Biases moved so that no accumulator leaves int32, where that changes no output.

    Converters give a channel of tiny weights a bias at the end of int32. Its output is then the
    same for every input; where this is so before and after the move, the move is exact. Other
    channels keep their bias and are reported by the caller.
    """
    start, end = bias + below, bias + above
    moved = bias + np.maximum(INT32_MIN - start, 0) - np.maximum(end - INT32_MAX, 0)
    if (moved == bias).all() or int(requant.shift.min()) < 31:
        return bias
    corners = [start, end, moved + below, moved + above]
    outputs = [np.clip(requant.apply(corner), *limits) for corner in corners]
    same = np.all([outputs[0] == other for other in outputs[1:]], axis=0)
    return np.where(same, moved, bias)


def exact_matmul(values: IntegerArray, weights: IntegerArray) -> npt.NDArray[np.int64]:
    """values (..., K) times weights (C, K), transposed, exactly.

    Runs in the float type that holds every partial sum (float32 to 2^24, float64 beyond), which
    is what makes it fast: BLAS has no integers.
    """
    largest = -int(np.iinfo(values.dtype).min)
    bound = largest * int(np.abs(weights.astype(np.int64)).sum(axis=1).max(initial=0))
    kind: type[np.floating[Any]] = np.float32 if bound < 2**24 else np.float64
    product: npt.NDArray[Any] = np.matmul(values.astype(kind), weights.astype(kind).T)
    return product.astype(np.int64)
