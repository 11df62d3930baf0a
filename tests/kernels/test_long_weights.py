"""Weights of 9 bits: the portable kernel equals its NumPy reference, under UBSan."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcucc.ir import Quant, Tensor
from mcucc.ir.kernel_id import InstructionSet
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.fully_connected import FullyConnected
from tests.kernels import driver
from tests.kernels.cases import ROUNDINGS, chosen, everyday, long, recording
from tests.ops import draw
from tests.ops.draw import SEEDS, Case

CASES: dict[str, st.SearchStrategy[Case]] = {
    "conv2d": long(draw.conv_cases()),
    "depthwise_conv2d": long(draw.depthwise_cases()),
    "fully_connected": long(draw.fully_connected_cases(by_pixel=True)),
}


@pytest.mark.host
@pytest.mark.parametrize("name", CASES)
def test_an_offset_of_all_weights_computes_the_reference(name: str, library: ctypes.CDLL) -> None:
    @everyday(60)
    @given(case=CASES[name], rounding=ROUNDINGS, seed=SEEDS)
    def check(case: Case, rounding: Rounding, seed: int) -> None:
        choice, _ = chosen(case, rounding, seed, InstructionSet.PORTABLE)
        assert choice.call.id.op == "conv2d_offset"
        calls = recording(case, rounding, choice, seed)
        expected = case.kernel(rounding).run(case.images)[0]
        np.testing.assert_array_equal(driver.replay(library, calls), expected)

    check()


def test_weights_beyond_a_byte_and_an_offset_are_refused() -> None:
    x = draw.activation("x", (1, 1, 1, 2), 0.1, 0)
    weights = Tensor.const("w", np.array([[-200, 56]], np.int16), Quant((0.1,)))
    y = draw.activation("y", (1, 1, 1, 1), 1.0, 0)
    kernel = FullyConnected(by_pixel=True).lower([x, weights], y, Rounding.SINGLE)
    with pytest.raises(ValueError, match="from -200 to 56"):
        kernel.call()
