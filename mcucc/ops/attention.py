"""Attention: softmax(scale Q K^T + bias) V for every head as one op; T x T is never stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import (
    INT32_MAX,
    IntArray,
    IntegerArray,
    Requant,
    Rounding,
    fixed_point,
    saturate_int8,
)
from mcucc.numerics.powers import LARGEST, STEPS_PER_UNIT, powers, weights_at
from mcucc.ops.common.heads import HeadLayout, every_pixel
from mcucc.ops.common.table import Table

MASKED = 60.0  # a bias so far below the largest of its row takes no part: exp(-60) is below 2^-86
MASK = -(2**15)  # as an integer: the score is MASK_SCORE, whatever q and k
MASK_SCORE = -(2**30)
FACTOR_BITS = 15  # of s_v / s_y
SMALLEST_UNIT = 1e-6  # of a score: a masked one is then beyond every weight


@register
@dataclass(frozen=True)
class Attention(Op):
    """y = softmax(scale * q k^T + bias) v for each of `heads` heads of queries.

    Pixels are tokens, channels are heads one after another: q (1, H, W, heads * D), k (..,
    shared * D), v (.., shared * E), y (1, H, W, heads * E). `shared` heads of keys and values
    (0: as many as heads) serve heads / shared heads of queries each. `by_row`: the tokens of row r
    look at those of row r of k and v. `bias` is (G, T, B, S): for each row (G 1: for all alike),
    query, head (B 1: all) and key.
    """

    heads: int = 1
    scale: float = 1.0
    shared: int = 0
    by_row: bool = False
    bias: Table | None = None

    FORMULA: ClassVar[str] = (
        "round(M * sum w * (v - z_v) / sum w) + z_y, w = 2^(-f * (max - score)) in 15 bits, "
        "score = sum (q - z_q) * k + bias in int32"
    )
    LARGEST_ERROR: ClassVar[str] = (
        "0.7 units of the output scale, else 1.3 (down to a quarter of the values' scale)"
    )
    LIMITS: ClassVar[str] = "int8; at most 65536 keys; scores within int32"

    @property
    def key_heads(self) -> int:
        """Heads of keys and values."""
        return self.shared or self.heads

    def layouts(self, shapes: Sequence[tuple[int, ...]]) -> tuple[HeadLayout, HeadLayout]:
        """Of q by k and of q by v; ValueError where they do not fit."""
        q, k, v = shapes
        if self.heads < 1 or self.heads % self.key_heads or hwc(q)[2] % self.heads:
            raise ValueError(f"{self.heads} heads in {q}, {self.key_heads} of keys")
        every = (*q[:-1], hwc(q)[2] // self.heads * self.key_heads)
        keys = HeadLayout.of(every, k, self.key_heads, by_row=self.by_row)
        values = HeadLayout.of(every, v, self.key_heads, by_row=self.by_row)
        if keys.a_depth != keys.b_depth or keys.pixels != values.pixels:
            raise ValueError(f"queries {q}, keys {k} and values {v} do not fit")
        if keys.pixels > 65536:
            raise ValueError(f"{keys.pixels} keys (at most 65536)")
        return keys, values

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """q's pixels; ValueError where operands or bias do not fit."""
        q = inputs[0].shape
        keys, values = self.layouts([each.shape for each in inputs])
        if self.bias is not None:
            height, width, _ = hwc(q)
            rows, queries = (height, width) if self.by_row else (1, height * width)
            wanted = rows, queries, self.heads, keys.pixels
            given = self.bias.array.shape
            exact = len(given) == 4 and (given[1], given[3]) == (queries, keys.pixels)
            if not exact or given[0] not in (1, rows) or given[2] not in (1, self.heads):
                raise ValueError(f"a bias of {given} for scores {wanted}")
            if not np.isfinite(self.bias.array.max(axis=3)).all():
                raise ValueError("a bias that masks every key of a query")
        return TensorType((*q[:-1], self.heads * values.b_depth), inputs[0].dtype)

    def split(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """q, k and v as (batch, groups, heads, tokens, depth), keys repeated for their heads."""
        q, k, v = inputs
        own = HeadLayout(q.shape[1] if self.by_row else 1, self.heads, 0, 0, 0)
        other = HeadLayout(own.groups, self.key_heads, 0, 0, 0)
        repeats = self.heads // self.key_heads
        return [own.split(q), *(other.split(x).repeat(repeats, axis=2) for x in (k, v))]

    def _bias(self, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The bias as scores (batch, groups, heads, queries, keys) take it."""
        if self.bias is None:
            return np.zeros(1, like.dtype)
        return self.bias.array.transpose(0, 2, 1, 3)[None].astype(like.dtype)

    def _weights(self, q: npt.NDArray[Any], k: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        scores = (q.astype(np.float64) @ k.swapaxes(-1, -2).astype(np.float64)) * self.scale
        scores = scores + self._bias(scores)
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        found: npt.NDArray[np.float64] = e / e.sum(axis=-1, keepdims=True)
        return found

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        q, k, v = self.split(inputs)
        y = self._weights(q, k) @ v.astype(np.float64)
        return HeadLayout.joined(y, inputs[0].shape[:-1]).astype(np.float32)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        q, k, v = (x.astype(np.float64) for x in self.split(inputs))
        g = HeadLayout(q.shape[1], self.heads, 0, 0, 0).split(gradient).astype(np.float64)
        p = self._weights(q, k)
        of_p = g @ v.swapaxes(-1, -2)
        of_scores = p * (of_p - (of_p * p).sum(axis=-1, keepdims=True)) * self.scale
        parts = (of_scores @ k, of_scores.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g)
        found = []
        for index, (part, x) in enumerate(zip(parts, inputs, strict=True)):
            if index:  # heads of queries that share one of keys
                shape = (*part.shape[:2], self.key_heads, -1, *part.shape[3:])
                part = part.reshape(shape).sum(axis=3)
            found.append(HeadLayout.joined(part, x.shape[:-1]).astype(np.float32))
        return tuple(found)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """A pixel of q; all pixels of k and v, or all of their row."""
        if index == 0:
            return Window(), Window()
        width = hwc(inputs[0].shape)[1]
        return every_pixel(hwc(inputs[index].shape), width, by_row=self.by_row)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> int:
        """For every query and key: products of a score and of a weighted sum."""
        shapes = [tensor.shape for tensor in inputs]
        keys, _ = self.layouts(shapes)
        channels = hwc(shapes[0])[2] + hwc(output.shape)[2]
        return int(np.prod(output.shape[:-1])) * keys.pixels * channels

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """One factor from scores to steps of the table, one from weighted sums to the output."""
        q, k, v, y = (tensor.quantization for tensor in (*inputs, output))
        keys, values = self.layouts([tensor.shape for tensor in inputs])
        unit = q.per_tensor_scale * k.per_tensor_scale * self.scale
        if not 0.0 < unit < 1e6:
            raise ValueError(f"scores in steps of {unit:g}")
        reach = keys.a_depth * 128 * max(127 - q.zero_point, 128 + q.zero_point)
        bias, bias_shift = _integer_bias(self.bias, unit)
        lowest = -MASK_SCORE if self.bias is not None else reach
        if reach + lowest > INT32_MAX or reach >= -MASK_SCORE:
            raise ValueError(f"scores of {keys.a_depth} products may leave int32")
        if self.bias is not None and unit < SMALLEST_UNIT:
            raise ValueError(f"scores in steps of {unit:g}, too fine beside a bias")
        largest = max(127 - v.zero_point, 128 + v.zero_point)
        fewer = 0
        while keys.pixels * (LARGEST >> fewer) * largest > INT32_MAX:
            fewer += 1
        return AttentionKernel(
            op=replace(self, bias=None),  # `bias` has its integers
            depth=keys.a_depth,
            value_depth=values.b_depth,
            shapes=(hwc(inputs[1].shape), hwc(inputs[2].shape)),
            width=hwc(output.shape)[1],
            zero_points=(q.zero_point, v.zero_point, y.zero_point),
            steps=Requant.from_real([unit * STEPS_PER_UNIT], Rounding.SINGLE),
            fewer_bits=fewer,
            factor=_factor(v.per_tensor_scale / y.per_tensor_scale, keys.pixels, fewer),
            bias=bias,
            bias_shift=bias_shift,
        )


def _doublings(ratio: float) -> int:
    """The smallest whole number from 0 on whose power of two is not below a ratio."""
    mantissa, exponent = math.frexp(ratio)
    return max(0, exponent - (mantissa == 0.5))


def _integer_bias(table: Table | None, unit: float) -> tuple[npt.NDArray[np.int16] | None, int]:
    """Differences to the largest of each row in units of 2^shift scores; MASK: no part at all.

    What all keys of a query have in common cancels.
    """
    if table is None:
        return None, 0
    real = table.array.astype(np.float64)
    below = real - real.max(axis=3, keepdims=True)
    masked = below < -MASKED
    steps = np.where(masked, 0.0, below) / unit
    most = float(-steps.min(initial=0.0))
    shift = _doublings(max(most, 1.0) / -(MASK + 1))
    rounded = np.floor(steps / 2.0**shift + 0.5)
    return np.where(masked, MASK, rounded).astype(np.int16), shift


def _factor(real: float, keys: int, fewer: int) -> tuple[int, int]:
    """`real` as (multiplier, shift); small ones with fewer bits, so that shifts stay below 63."""
    multiplier, shift = fixed_point(real, FACTOR_BITS)
    zeros = 32 - (keys * (LARGEST >> fewer)).bit_length()  # at least, of a sum of weights
    most = 62 - (47 - zeros)
    while shift > most:
        multiplier, shift = (multiplier + 1) >> 1, shift - 1
    if 47 - 31 + shift < 1:
        raise ValueError(f"a factor of {real:g} from values to the output")
    return multiplier, shift


@dataclass(frozen=True, eq=False)
class AttentionKernel(Kernel):
    """Attention on int8. `shapes` are those of k and v, `width` that of the output.

    A sum of weights is written as 16 bits times 2^(16 - zeros); its reciprocal, times the 15 bits
    of `factor`, is the multiplier of all outputs of a query and a head.
    """

    op: Attention
    depth: int
    value_depth: int
    shapes: tuple[tuple[int, int, int], tuple[int, int, int]]
    width: int
    zero_points: tuple[int, int, int]  # q, v, y
    steps: Requant
    fewer_bits: int
    factor: tuple[int, int]
    bias: npt.NDArray[np.int16] | None
    bias_shift: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        zq, zv, zy = self.zero_points
        q, k, v = self.op.split([x.astype(np.float64) for x in inputs])
        scores = ((q - zq) @ k.swapaxes(-1, -2)).astype(np.int64)  # exact: below 2^31
        weights = self._weights(scores)
        total = weights.sum(axis=-1, keepdims=True)
        sums = (weights.astype(np.float64) @ (v - zv)).astype(np.int64)
        multiplier, shift = self._reciprocal(total)
        y = (sums * multiplier + (np.int64(1) << (shift - 1))) >> shift
        joined = HeadLayout.joined(y, inputs[0].shape[:-1])
        return saturate_int8(joined + zy)

    def _weights(self, scores: IntArray) -> IntArray:
        if self.bias is not None:
            bias = self.bias.astype(np.int64).transpose(0, 2, 1, 3)[None]
            scores = np.where(bias == MASK, MASK_SCORE, scores + (bias << self.bias_shift))
        far = self.steps.apply(scores.max(axis=-1, keepdims=True) - scores)
        return weights_at(far, self.fewer_bits)

    def _reciprocal(self, total: IntArray) -> tuple[IntArray, IntArray]:
        """1 / total times the factor, as a multiplier below 2^31 and its shift."""
        zeros = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
        divisor = (total << zeros) >> 16
        reciprocal = ((np.int64(1) << 31) + divisor // 2) // divisor
        return reciprocal * self.factor[0], 47 - zeros + self.factor[1]

    def windows(self, index: int) -> tuple[Window, Window]:
        """A pixel of q; all pixels of k and v, or all of their row."""
        if index == 0:
            return Window(), Window()
        return every_pixel(self.shapes[index - 1], self.width, by_row=self.op.by_row)

    @property
    def keys(self) -> int:
        """How many keys a query looks at."""
        height, width, _ = self.shapes[0]
        return width if self.op.by_row else height * width

    @property
    def macs_per_pixel(self) -> int:
        """Products of scores and of weighted sums."""
        return self.op.heads * self.keys * (self.depth + self.value_depth)

    @property
    def scratch_bytes(self) -> int:
        """Scores (int32) of one head of one query; weights (int16) take their place."""
        return 4 * self.keys

    def in_place(self, index: int) -> bool:
        """A head of a query is read before its output is written, of the same size."""
        return index == 0 and self.depth == self.value_depth

    @property
    def fields(self) -> tuple[tuple[str, int | ConstArray | None], ...]:
        """The parameters of every kernel of attention."""
        zq, zv, zy = self.zero_points
        groups, _, heads, keys = self.bias.shape if self.bias is not None else (1, 1, 1, 0)
        (k_rows, k_columns, _), (v_rows, v_columns, _) = self.shapes
        bias = self.bias if self.bias is not None else None
        return (
            ("heads", self.op.heads),
            ("queries_per_key", self.op.heads // self.op.key_heads),
            ("depth", self.depth),
            ("value_depth", self.value_depth),
            ("k_rows", 1 if self.op.by_row else k_rows),
            ("k_columns", k_columns),
            ("v_rows", 1 if self.op.by_row else v_rows),
            ("v_columns", v_columns),
            ("query_zero_point", zq),
            ("value_zero_point", zv),
            ("steps_multiplier", int(self.steps.multiplier[0])),
            ("steps_shift", int(self.steps.shift[0])),
            ("fewer_bits", self.fewer_bits),
            ("factor", self.factor[0]),
            ("factor_shift", self.factor[1]),
            ("output_zero_point", zy),
            ("bias_row", self.width * heads * keys if groups > 1 or not self.op.by_row else 0),
            ("bias_query", heads * keys),
            ("bias_head", keys if heads > 1 else 0),
            ("bias_shift", self.bias_shift),
            ("bias", None if bias is None else ConstArray("bias", bias)),
            ("powers", ConstArray("powers", np.array(powers(), np.uint16))),
        )

    def call(self) -> KernelCall:
        return KernelCall(KernelId("attention"), self.fields, self.scratch_bytes)

    def describe(self) -> str:
        return str(self.op) if self.bias is None else f"{self.op} with a bias"
