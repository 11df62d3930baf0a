"""exp and its kind against correctly rounded decimals, and bit for bit against stored results."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt
import pytest

from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics import elementary, litert_fixed, litert_tables
from mcucc.numerics.fixed_point import INT8, Rounding
from mcucc.ops.common.lookup import Unary
from mcucc.ops.elu import Elu
from mcucc.ops.function import Function
from mcucc.ops.gelu import Gelu
from mcucc.ops.mish import Mish
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softplus import Softplus

Reals = npt.NDArray[np.float64]
RNG = np.random.default_rng(0)
DRAWN = np.concatenate([RNG.normal(0, scale, 100) for scale in (1e-6, 0.3, 3, 60)])
ONE = Decimal(1)


def _tanh(x: Decimal) -> Decimal:
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


# Name: the argument to draw, the function by correctly rounded exp and ln, most units apart.
CASES: dict[str, tuple[Reals, Callable[[Decimal], Decimal], float]] = {
    "exp": (DRAWN, Decimal.exp, 2),
    "expm1": (DRAWN, lambda x: x.exp() - 1, 4),
    "log": (np.abs(DRAWN), Decimal.ln, 4),
    "softplus": (DRAWN, lambda x: (ONE + x.exp()).ln(), 5),
    "tanh": (DRAWN, _tanh, 5),
}
# The bytes of every function of 512 numbers: another processor, libm or NumPy gives these too.
DIGEST = "9b1a68ddead101669f464b08a8bba70274fd3463eb72fc5d70e6635f71a4949a"


@pytest.mark.parametrize("name", CASES)
def test_errors_are_a_few_units(name: str) -> None:
    x, exact, units = CASES[name]
    found = getattr(elementary, name)(x)
    with localcontext() as context:
        context.prec = 150
        want = np.array([float(exact(Decimal(value))) for value in x.tolist()])
    off = np.abs(found - want) / np.spacing(np.abs(want))
    assert off.max() <= units


@pytest.mark.parametrize(("name", "least_digits"), [("sin", 1e-15), ("cos", 1e-15), ("erf", 3e-15)])
def test_waves_and_erf_are_those_of_libm(name: str, least_digits: float) -> None:
    found = getattr(elementary, name)(DRAWN)
    want = np.array([getattr(math, name)(value) for value in DRAWN.tolist()])
    assert np.abs(found - want).max() <= least_digits


@pytest.mark.parametrize("exponent", [0.5, 1.5, 2.0, 3.0, -1.0, -2.5, 0.3, 2.2, 71.0])
def test_powers(exponent: float) -> None:
    x = np.abs(DRAWN) + 1e-3
    np.testing.assert_allclose(elementary.power(x, exponent), x**exponent, rtol=3e-13)
    np.testing.assert_allclose(
        elementary.power_of(exponent + 3, x / 9), (exponent + 3) ** (x / 9), rtol=1e-13
    )


def test_what_is_exact_is_exact() -> None:
    """Ties of a table are often such values: half a step must stay half a step."""
    whole = np.arange(1.0, 9.0)
    assert elementary.exp(np.zeros(1)).tolist() == [1.0]
    assert elementary.log(np.ones(1)).tolist() == [0.0]
    assert elementary.tanh(np.array([0.0, 40.0, -40.0])).tolist() == [0.0, 1.0, -1.0]
    assert elementary.erf(np.array([0.0, 9.0, -9.0])).tolist() == [0.0, 1.0, -1.0]
    np.testing.assert_array_equal(elementary.power(whole, 3.0), whole**3)
    np.testing.assert_array_equal(elementary.power(-whole, 2.0), whole**2)
    np.testing.assert_array_equal(elementary.power(whole**2, -0.5), 1.0 / whole)
    np.testing.assert_array_equal(elementary.power_of(2.0, -whole), 0.5**whole)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_ends_of_the_reals() -> None:
    ends = np.array([np.inf, -np.inf, np.nan])
    expected = {
        "exp": [np.inf, 0.0, np.nan],
        "expm1": [np.inf, -1.0, np.nan],
        "log": [np.inf, np.nan, np.nan],
        "softplus": [np.inf, 0.0, np.nan],
        "tanh": [1.0, -1.0, np.nan],
        "erf": [1.0, -1.0, np.nan],
        "sin": [np.nan] * 3,
        "cos": [np.nan] * 3,
    }
    for name, want in expected.items():
        np.testing.assert_array_equal(getattr(elementary, name)(ends), want, err_msg=name)
    assert elementary.log(np.zeros(1)).tolist() == [-np.inf]


def test_tables_have_the_same_bytes_on_every_machine() -> None:
    x = np.linspace(-20.0, 20.0, elementary.TABLE)
    digest = hashlib.sha256()
    for name in ("exp", "expm1", "softplus", "tanh", "sin", "cos", "erf"):
        digest.update(getattr(elementary, name)(x).astype("<f8").tobytes())
    digest.update(elementary.log(np.abs(x)).astype("<f8").tobytes())
    for exponent in (0.3, -1.5, 3.0):
        digest.update(elementary.power(np.abs(x), exponent).astype("<f8").tobytes())
        digest.update(elementary.power_of(exponent + 2, x).astype("<f8").tobytes())
    assert digest.hexdigest() == DIGEST


@pytest.mark.parametrize(
    "op",
    [
        *(Sigmoid(), Gelu(), Gelu(tanh=True), Mish(), Softplus(), Elu()),
        *(Function(name) for name in ("Exp", "Log", "Cos", "Sin", "LogSigmoid")),
        *(Function("Pow", (2.2,)), Function("PowOf", (10.0,)), Function("Selu", (1.6, 1.1))),
    ],
    ids=str,
)
def test_tables_are_those_of_numpy_but_for_ties(op: Unary) -> None:
    """The map of many values is NumPy's: rounded, both give one table, or are half a step apart."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        quant = Quant((float(rng.uniform(0.001, 0.2)),), int(rng.integers(-128, 128)))
        made = Quant((float(rng.uniform(0.001, 0.2)),), int(rng.integers(-128, 128)))
        x, y = Tensor("x", (1, 1), INT8, quant), Tensor("y", (1, 1), INT8, made)
        table = op.table(x, y, Rounding.SINGLE)
        real = (np.arange(-128, 128) - quant.zero_point) * quant.per_tensor_scale
        many = np.tile(real, 3)
        assert many.size > elementary.TABLE
        steps = op.function(many)[:256] / made.per_tensor_scale
        tie = np.abs(steps - np.floor(steps) - 0.5) < 1e-9 * np.maximum(np.abs(steps), 1.0)
        want = np.clip(np.floor(steps + 0.5) + made.zero_point, -128, 127)
        np.testing.assert_array_equal(table[~tie], want[~tie])


def test_no_entry_of_litert_s_fixed_tables_is_near_a_tie() -> None:
    """They are made by the libm of the machine: 10^-6 of a unit is 10^5 of its last bits."""
    for power in range(-2, litert_fixed.EXP_INTEGER_BITS):
        value = math.exp(-(2.0**power)) * 2**31
        assert abs(value - math.floor(value) - 0.5) > 1e-6
    exact = [65536.0 / (1.0 + math.exp(-i / 48)) for i in range(513)]
    for i in range(255):
        here, middle, there = exact[2 * i], exact[2 * i + 1], exact[2 * i + 2]
        value = here - ((here + there) / 2 - middle) / 2 + 0.5
        assert abs(value - round(value)) > 1e-6
        assert litert_tables.logistic_table()[i] == min(math.floor(value), 65535)
