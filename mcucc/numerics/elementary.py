"""exp, log, sin and their kind in float64, with the same last bit on every machine for tables.

A table rounds these values to integers: where one is next to half a step, the last bit of a libm
(or of NumPy's vectorised one, which goes by the processor) would decide. Here only what IEEE 754
defines to the last bit is used: +, -, *, /, sqrt, rint and powers of two. Series are cut where
their rest is below 2^-56; errors stay below 4 units in the last place (erf: 20; `power` and
`power_of`: 2 times the logarithm of the result, where nothing is exact).

Arrays of more than TABLE values are no table but maps of the float network, whose last bits no
integer depends on: NumPy computes them, ten times as fast.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
_Function = Callable[[Reals], Reals]
TABLE = 512  # values

# Constants of decimal digits: no function is asked for them.
LN2 = 0.6931471805599453
_LN2_HIGH = 0.693147180369123816490  # its upper 33 bits: whole multiples are exact
_LN2_LOW = 1.90821492927058770002e-10
_HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)  # 33 bits each
_TWO_BY_PI = 0.6366197723675814
_TWO_BY_ROOT_PI = 1.1283791670955126
_ROOT_HALF = 0.7071067811865476
_LARGEST = 800.0  # exp of more is infinite, of less than -800 zero
_ERF_ONE = 6.0  # 1 - erf(6) is 2^-55
_INTEGER_POWERS = 64  # exponents up to here are products
_ERF = np.frompyfunc(math.erf, 1, 1)


def _fast_maps(by_numpy: Callable[[Reals], Reals]) -> Callable[[_Function], _Function]:
    """NumPy's function for what is no table."""

    def choose(exactly: _Function) -> _Function:
        @functools.wraps(exactly)
        def function(x: Reals) -> Reals:
            x = np.asarray(x, np.float64)
            return exactly(x) if x.size <= TABLE else by_numpy(x)

        return function

    return choose


def _series(first: int, step: int, last: int, sign: int) -> tuple[float, ...]:
    """sign^i / (first + i step)!, i = 0 .. last, each rounded once."""
    return tuple(float(Fraction(sign**i, math.factorial(first + i * step))) for i in range(last))


_EXP = _series(2, 1, 14, 1)  # of r^2, |r| < 0.35
_SIN = _series(3, 2, 9, -1)  # of -r^3, |r| < 0.79
_COS = _series(2, 2, 9, -1)
_ATANH = tuple(float(Fraction(1, 2 * i + 1)) for i in range(1, 13))  # of s^3, |s| < 0.172


def _polynomial(x: Reals, coefficients: tuple[float, ...]) -> Reals:
    value = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


def _reduced(x: Reals) -> tuple[Reals, npt.NDArray[np.int64]]:
    """exp(r) - 1 and k, x = r + k ln 2."""
    clipped = np.clip(x, -_LARGEST, _LARGEST)
    whole = np.rint(clipped / LN2)
    r = (clipped - whole * _LN2_HIGH) - whole * _LN2_LOW
    return r + r * r * _polynomial(r, _EXP), np.nan_to_num(whole).astype(np.int64)


@_fast_maps(np.exp)
def exp(x: Reals) -> Reals:
    """e^x."""
    less, power_of_two = _reduced(x)
    return np.ldexp(1.0 + less, power_of_two)


@_fast_maps(np.expm1)
def expm1(x: Reals) -> Reals:
    """e^x - 1, exact to the last places near 0 too."""
    less, whole = _reduced(x)
    return np.ldexp(less, whole) + (np.ldexp(1.0, whole) - 1.0)


@_fast_maps(np.log)
def log(x: Reals) -> Reals:
    """The natural logarithm; -infinity of 0, NaN below."""
    mantissa, whole = np.frexp(x)
    small = mantissa < _ROOT_HALF
    mantissa, whole = np.where(small, 2.0 * mantissa, mantissa), whole - small
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    rest = 2.0 * s * square * _polynomial(square, _ATANH)
    value = whole * _LN2_HIGH + (2.0 * s + (rest + whole * _LN2_LOW))
    value = np.where(np.isposinf(x), np.inf, value)
    return np.where(x > 0, value, np.where(x == 0, -np.inf, np.nan))


@_fast_maps(lambda x: np.logaddexp(0.0, x))
def softplus(x: Reals) -> Reals:
    """log(1 + e^x)."""
    small = exp(-np.abs(x))
    whole = 1.0 + small
    lost = np.where(whole == 1.0, 1.0, whole - 1.0)  # what the sum kept of `small`
    return np.maximum(x, 0.0) + np.where(whole == 1.0, small, log(whole) * (small / lost))


@_fast_maps(np.tanh)
def tanh(x: Reals) -> Reals:
    """The hyperbolic tangent."""
    less = expm1(-2.0 * np.abs(x))
    return np.copysign(-less / (2.0 + less), x)


def _quadrant(x: Reals) -> tuple[Reals, Reals, npt.NDArray[np.int64]]:
    """sin and cos of what is left of whole quarters of a turn, and how many those were, mod 4."""
    whole = np.rint(x * _TWO_BY_PI)
    r = x
    for part in _HALF_PI:
        r = r - whole * part
    square = r * r
    sine = r - r * square * _polynomial(square, _SIN)
    cosine = 1.0 - square * _polynomial(square, _COS)
    return sine, cosine, np.nan_to_num(np.remainder(whole, 4.0)).astype(np.int64)


@_fast_maps(np.sin)
def sin(x: Reals) -> Reals:
    """The sine; of less than some 10^6, whole quarters are subtracted exactly."""
    sine, cosine, quadrant = _quadrant(x)
    value = np.where(quadrant % 2 == 0, sine, cosine)
    return np.where(quadrant >= 2, -value, value)


@_fast_maps(np.cos)
def cos(x: Reals) -> Reals:
    """The cosine, as `sin`."""
    sine, cosine, quadrant = _quadrant(x)
    value = np.where(quadrant % 2 == 0, cosine, sine)
    return np.where((quadrant == 1) | (quadrant == 2), -value, value)


@_fast_maps(lambda x: np.asarray(_ERF(x), np.float64))
def erf(x: Reals) -> Reals:
    """The error function: 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (1 3 .. 2n+1), none negative.

    Source of the series: Abramowitz and Stegun, 7.1.6.
    """
    size = np.minimum(np.abs(x), _ERF_ONE)
    square = size * size
    term, total = size.copy(), size.copy()
    odd = 1.0
    while term.size and float(np.nan_to_num(term / np.maximum(total, 1e-300)).max()) > 2.0**-60:
        odd += 2.0
        term = term * (2.0 * square / odd)
        total = total + term
    value = np.minimum(_TWO_BY_ROOT_PI * exp(-square) * total, 1.0)
    value = np.where(size >= _ERF_ONE, 1.0, value)
    return np.where(np.isnan(x), np.nan, np.copysign(value, x))


def power(x: Reals, exponent: float) -> Reals:
    """x^exponent: products and roots for multiples of 1/2, so that what is exact stays exact."""
    if x.size > TABLE:
        return np.power(x, exponent)
    twice = 2.0 * exponent
    if float(twice).is_integer() and abs(exponent) <= _INTEGER_POWERS:
        whole, half = divmod(abs(int(twice)), 2)
        value = _product(x, whole) * (np.sqrt(x) if half else 1.0)
        return value if exponent >= 0 else 1.0 / value
    if float(exponent).is_integer():
        size = exp(exponent * log(np.abs(x)))
        return np.where((x < 0) & (exponent % 2 == 1), -size, size)
    return exp(exponent * log(x))


def power_of(base: float, x: Reals) -> Reals:
    """base^x; whole powers of two are exact."""
    if x.size > TABLE:
        return np.power(base, x)
    if base == 2.0:
        whole = np.rint(np.clip(x, -1100.0, 1100.0))
        return np.ldexp(exp((x - whole) * LN2), np.nan_to_num(whole).astype(np.int64))
    return exp(x * log(np.array([base], np.float64)))


def _product(x: Reals, count: int) -> Reals:
    """x^count by squares."""
    value, square = np.ones_like(x), x
    while count:
        if count & 1:
            value = value * square
        square = square * square
        count >>= 1
    return value
