"""Integers of a normalisation: a factor and an offset of a group of values, then of a channel.

Of N values q, in integers (the scale of the input cancels):

    w = N sum q^2 - (sum q)^2 + E,  E = epsilon N^2 / s_x^2
    n = (q N - sum q) / sqrt(w) = q A - B,  A = N / sqrt(w),  B = sum q / sqrt(w)

|n| is at most sqrt(N), so q A - B is right modulo 2^32, and an element costs two products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import IntArray, round_half_up, saturate_int8
from mcucc.numerics.reciprocal_root import reciprocal_root
from mcucc.ops.common.table import Table

Reals = npt.NDArray[np.float64]
MOST_VALUES = 2**22  # of a group
LARGEST = 2.0**62  # of w
NORMAL_SHIFT = 15  # from q A - B to 16 bits
FACTOR = 2**15 - 1
FAR = 512.0  # units of the output: what lies so far outside saturates


@dataclass(frozen=True)
class Normal:
    """The integers of q A - B for groups of `count` values.

    w has `fraction` bits behind the point (even); E is epsilon * 2^epsilon_shift. Without a mean
    (`zero_point` is not None) values are taken about the zero point instead.
    """

    count: int
    fraction: int
    epsilon: int
    epsilon_shift: int
    zero_point: int | None

    @staticmethod
    def of(count: int, epsilon: float, x: Quant, *, centered: bool) -> Normal:
        """ValueError where the group or epsilon is too large for 64 bits."""
        if not 1 <= count <= MOST_VALUES:
            raise ValueError(f"a norm over {count} values (at most {MOST_VALUES})")
        reach = 16 if centered else 18  # bits of the largest square of a difference
        room = 61 - reach - 2 * count.bit_length()
        fraction = max(0, min(16, room)) & ~1
        added = epsilon * (count / x.per_tensor_scale) ** 2 * 2.0**fraction
        if not 0.0 <= added < LARGEST / 2:
            raise ValueError(f"epsilon {epsilon:g} of a norm of values in steps of {x.scale[0]:g}")
        whole = max(0, math.frexp(added)[1] - 31)
        rounded = int(round_half_up(added * 2.0**-whole))
        return Normal(count, fraction, rounded, whole, None if centered else x.zero_point)

    def __call__(self, q: IntArray) -> IntArray:
        """Values (groups, count) to normal ones, at most sqrt(count) times 2^(15 - root_bits)."""
        total, squares = q.sum(axis=1, keepdims=True), (q * q).sum(axis=1, keepdims=True)
        n, z = self.count, self.zero_point
        if z is None:
            spread = n * squares - total * total
        else:
            spread = n * (squares - 2 * z * total + n * z * z)
            total = np.full_like(total, n * z)
        w = (spread << self.fraction) + (np.int64(self.epsilon) << self.epsilon_shift)
        m, zeros = reciprocal_root(np.maximum(w, 1))
        exponent = self.exponent + zeros // 2
        factor, offset = _shifted(n * m, exponent), _shifted(total * m, exponent)
        return (q * factor - offset + (1 << NORMAL_SHIFT - 1)) >> NORMAL_SHIFT

    @property
    def root_bits(self) -> int:
        """sqrt(count) is at most 2^root_bits."""
        return ((self.count - 1).bit_length() + 1) // 2

    @property
    def largest(self) -> int:
        """No normal value is larger: one value alone off the others, the root's error, a unit."""
        off = self.count - (self.zero_point is None)
        return math.ceil(math.sqrt(off) * 2.0 ** (NORMAL_SHIFT - self.root_bits) * (1 + 2**-14) + 1)

    @property
    def exponent(self) -> int:
        """Of A and B: what they are shifted by beside half the zeros of w."""
        return 30 - self.root_bits + self.fraction // 2 - 31

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        """In the order of `mcucc_normal`."""
        return (
            ("count", self.count),
            ("fraction", self.fraction),
            ("epsilon", self.epsilon),
            ("epsilon_shift", self.epsilon_shift),
            ("centered", int(self.zero_point is None)),
            ("zero_point", self.zero_point or 0),
            ("exponent", self.exponent),
        )


@dataclass(frozen=True, eq=False)
class ChannelScale:
    """y = (n * factors[c] + offsets[c]) >> shift, all within int32."""

    factors: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int32]
    shift: int

    @staticmethod
    def of(gamma: Reals, beta: Reals, normal: Normal, y: Quant) -> ChannelScale:
        """Factors of 15 bits, fewer where offsets need the room; ValueError for absurd ones."""
        factors = gamma / y.per_tensor_scale
        offsets = beta / y.per_tensor_scale
        bits = NORMAL_SHIFT - normal.root_bits  # behind the point of n
        reach = np.abs(factors) * 2.0**normal.root_bits + FAR
        offsets = np.clip(offsets, -reach, reach) + y.zero_point
        largest = float(np.abs(factors).max())
        shift = min(30, bits + (math.frexp(FACTOR / largest)[1] - 1 if largest else 30))
        while shift > 0:
            fixed = round_half_up(factors * 2.0 ** (shift - bits))
            added = round_half_up(offsets * 2.0**shift) + (1 << (shift - 1))
            most = np.abs(fixed) * (2**NORMAL_SHIFT + 4) + np.abs(added)
            if int(most.max()) < 2**31 and int(np.abs(fixed).max()) <= FACTOR:
                return ChannelScale(fixed.astype(np.int16), added.astype(np.int32), shift)
            shift -= 1
        raise ValueError(f"a norm whose deviation is {largest:.3g} output units")

    def __call__(self, n: IntArray) -> npt.NDArray[np.int8]:
        """Normal values, channels last, to the output."""
        sums = n * self.factors.astype(np.int64) + self.offsets.astype(np.int64)
        return saturate_int8(sums >> self.shift)

    @property
    def fields(self) -> tuple[tuple[str, int | ConstArray], ...]:
        """In the order of the parameters of the kernels."""
        return (
            ("factors", ConstArray("factors", self.factors)),
            ("offsets", ConstArray("offsets", self.offsets)),
            ("shift", self.shift),
        )


def channel_numbers(table: Table | None, channels: int, otherwise: float) -> Reals:
    """The numbers of a table, one a channel; `otherwise` for none. ValueError where they differ."""
    if table is None:
        return np.full(channels, otherwise)
    if table.array.shape != (channels,) or not np.isfinite(table.array).all():
        raise ValueError(f"{table} numbers for {channels} channels")
    return table.array.astype(np.float64)


def normalized(
    x: Reals, epsilon: float, axes: tuple[int, ...], *, centered: bool
) -> tuple[Reals, Reals]:
    """(x - mean) / sqrt(variance + epsilon) over axes, and 1 / sqrt(variance + epsilon)."""
    d = x - x.mean(axis=axes, keepdims=True) if centered else x
    variance = (d * d).mean(axis=axes, keepdims=True) + epsilon
    root = 1.0 / np.sqrt(np.where(variance > 0, variance, 1.0))
    return d * root, root


def normal_pullback(
    n: Reals,
    root: Reals,
    g: Reals,
    axes: tuple[int, ...],
    *,
    centered: bool,
) -> npt.NDArray[np.float32]:
    """The gradient of x from that of n = normalized(x): g less what mean and deviation take."""
    along = n * (g * n).mean(axis=axes, keepdims=True)
    mean = g.mean(axis=axes, keepdims=True) if centered else 0.0
    found: npt.NDArray[np.float32] = (root * (g - mean - along)).astype(np.float32)
    return found


def _shifted(value: IntArray, exponent: IntArray) -> IntArray:
    left, right = np.maximum(exponent, 0), np.maximum(-exponent, 0)
    half: IntArray = (np.int64(1) << right) >> 1
    found: IntArray = ((value << left) + half) >> right
    return found
