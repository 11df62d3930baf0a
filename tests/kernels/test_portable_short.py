"""The portable kernels with 32-bit requantization equal the reference, under UBSan."""

from __future__ import annotations

import ctypes
import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.kernels.select import NodeContext, choose
from mcucc.numerics.fixed_point import Rounding
from tests.kernels import driver
from tests.ops import draw
from tests.ops.draw import SEEDS, Case, Scales

pytestmark = pytest.mark.host
SHORT = Scales(draw.dyadic_scale, draw.power_of_two)
CASES: dict[str, st.SearchStrategy[Case]] = {
    "conv2d": draw.conv_cases(SHORT),
    "depthwise_conv2d": draw.depthwise_cases(SHORT),
    "fully_connected": draw.fully_connected_cases(SHORT),
}


@pytest.mark.parametrize("name", CASES)
def test_short_requantization_computes_the_reference(name: str, library: ctypes.CDLL) -> None:
    proved = 0

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=60,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=CASES[name], rounding=st.sampled_from(list(Rounding)), seed=SEEDS)
    def check(case: Case, rounding: Rounding, seed: int) -> None:
        nonlocal proved
        kernel = case.kernel(rounding)
        expected = kernel.run(case.images)[0]
        choice = choose(kernel, NodeContext(), InstructionSet.PORTABLE)
        if choice.form is not Form.SHORT:
            return
        proved += 1
        images = [image[0] for image in case.images]
        recorded = driver.record(kernel, images, expected.shape, np.random.default_rng(seed))
        calls = dataclasses.replace(recorded, call=choice.call)
        np.testing.assert_array_equal(driver.replay(library, calls), expected)

    check()
    assert proved > 10, "short factors are hardly drawn"
