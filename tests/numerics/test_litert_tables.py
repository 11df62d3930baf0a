"""LOGISTIC, TANH and SOFTMAX of int16 against LiteRT's reference kernels, element by element."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.numerics.litert_tables import (
    OUTPUT_SCALE,
    TableInput,
    logistic,
    softmax,
    softmax_factor,
    tanh,
)
from tests.numerics.litert_int16 import all_int16, drawn, float32, run_op

FUNCTIONS = {"LOGISTIC": logistic, "TANH": tanh}
# 1/4096 is LiteRT's own case; the others have multipliers of 14 bits and more.
SCALES = [2.0**-12, 2.0**-15, 2.0**-11, 2.0**-13, 6 / 32768, 1e-5, 1e-3, 3.3e-4, 0.02]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("code", FUNCTIONS)
def test_all_inputs_of_a_function(code: str, scale: float) -> None:
    x, scale = all_int16(), float32(scale)
    theirs = run_op(code, None, [(x, scale)], (x.shape, OUTPUT_SCALE), version=3)
    ours = FUNCTIONS[code](x.astype(np.int64), TableInput.of(scale))
    np.testing.assert_array_equal(ours, theirs)


def test_the_default_path_is_the_reference_but_for_one_scale() -> None:
    x, scale = all_int16(), float32(1e-3)
    theirs = run_op("TANH", None, [(x, scale)], (x.shape, OUTPUT_SCALE), version=3, reference=False)
    np.testing.assert_array_equal(tanh(x.astype(np.int64), TableInput.of(scale)), theirs)


def test_an_input_scale_beyond_what_litert_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        TableInput.of(10.0)


@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("channels", [2, 10, 300])
def test_softmax(channels: int, reference: bool) -> None:
    rng = np.random.default_rng(channels)
    for scale in np.exp(rng.uniform(-13, -3, 8)):
        x, scale, beta = drawn(rng, (1, 8, 8, channels)), float32(scale), rng.choice([1.0, 0.5])
        theirs = run_op(
            "SOFTMAX",
            "SoftmaxOptions",
            [(x, scale)],
            (x.shape, OUTPUT_SCALE),
            version=3,
            reference=reference,
            beta=float(beta),
        )
        ours = softmax(x.astype(np.int64), softmax_factor(scale, float(beta)))
        np.testing.assert_array_equal(ours, theirs)
