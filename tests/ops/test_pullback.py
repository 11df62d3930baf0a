"""Every op's gradients against difference quotients of its own float result.

For a direction d of the inputs and a gradient g of the output, <g, J d> = <J^T g, d>. The left side
is measured, (y(x + h d) - y(x - h d)) / 2h; where y bends between the two (a clamp, a maximum), g
is 0, for there the quotient says nothing.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.ops.common.record import Finder
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.registry import registry
from mcucc.ops.reshape import Reshape
from mcucc.ops.scalar_operand import Arithmetic, ScalarOperand
from tests.ops.draw import LOOKUPS, Case, activation, lookup_cases
from tests.ops.test_float import CASES

STEP = 2.0**-8
BEND = 0.05  # of a step: a second difference above it is a bend
LARGEST = 1e3  # outputs beyond it have too few digits left for a difference
SHARE = 1e-2  # of the lengths of both factors
# They read bits, in jumps so small that a difference quotient takes them for a slope.
OF_BYTES = ("BayerBin", "CameraPicture")
SCALARS = (
    ScalarOperand(Arithmetic.MUL, -70, 0.02, 3),
    ScalarOperand(Arithmetic.SUB, 20, 0.02, comes_first=True),
)


@st.composite
def reshape_cases(draw: st.DrawFn) -> Case:
    """A picture as a vector."""
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 5)))
    flat = (1, int(np.prod(shape)))
    x, y = activation("x", shape, 1.0, 0), activation("y", flat, 1.0, 0)
    return Case(Reshape(flat), (x,), y, (np.zeros(shape, np.int8),))


def strategy(name: str) -> st.SearchStrategy[Case]:
    """Drawn cases of the op: only shapes and attributes are used."""
    if name == "Reshape":
        return reshape_cases()
    if name in CASES:
        return CASES[name]
    return lookup_cases(tuple(op for op in (*LOOKUPS, *SCALARS) if op.kind == name))


def operands(case: Case, rng: np.random.Generator) -> list[np.ndarray]:
    """Ordinary real values for every input, weights such that outputs are ordinary too."""
    shapes = [tensor.shape for tensor in case.inputs]
    if isinstance(case.op, Conv2d | DepthwiseConv2d) and len(shapes) == 3:
        channels = case.output.shape[-1]
        shapes += [(*case.op.window.kernel, channels)] * int(rng.integers(0, 2))
    made = []
    for index, shape in enumerate(shapes):
        taps = 1.0
        if index == 1 and case.op.WEIGHT_AXIS is not None:
            taps = np.prod(shape) / shape[case.op.WEIGHT_AXIS]
        made.append((rng.normal(0, 1.5, shape) / taps**0.5).astype(np.float32))
    return made


LEARNING = [
    name for name, op in registry().items() if not issubclass(op, Finder) and name not in OF_BYTES
]


@pytest.mark.parametrize("name", LEARNING)
def test_pullback_is_the_transpose_of_the_derivative(name: str) -> None:
    used = 0

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=25,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy(name), seed=st.integers(0, 2**32 - 1))
    def run(case: Case, seed: int) -> None:
        nonlocal used
        rng = np.random.default_rng(seed)
        x = operands(case, rng)
        d = [rng.normal(0, 1, each.shape).astype(np.float32) for each in x]
        y = case.op.evaluate(x)
        ahead, behind = (
            case.op.evaluate([a + np.float32(h) * b for a, b in zip(x, d, strict=True)])
            for h in (STEP, -STEP)
        )
        straight = np.abs(ahead + behind - 2 * y) <= BEND * STEP * np.maximum(1, np.abs(y))
        g = rng.normal(0, 1, y.shape) * straight * (np.abs(y) < LARGEST)
        found = case.op.pullback(x, y, g.astype(np.float32))
        assert [each.shape for each in found] == [each.shape for each in x]
        slope = (ahead.astype(np.float64) - behind) / (2 * STEP) * straight
        measured = float((g * slope).sum())
        told = sum(float((a.astype(np.float64) * b).sum()) for a, b in zip(found, d, strict=True))
        lengths = float(np.linalg.norm(g) * np.linalg.norm(slope * (np.abs(y) < LARGEST)))
        assert abs(measured - told) <= SHARE * lengths + 1e-3 * float(np.linalg.norm(g))
        used += int(np.count_nonzero(g)) > y.size // 2

    run()
    assert used > 12  # of 25: most outputs took part


@settings(derandomize=True, deadline=None, max_examples=5)
@given(case=st.one_of(*(CASES[name] for name in OF_BYTES)))
def test_bytes_of_a_camera_have_no_gradient(case: Case) -> None:
    x = case.images[0].astype(np.float32)
    y = case.op.evaluate([x])
    (found,) = case.op.pullback([x], y, np.ones_like(y))
    assert found.shape == x.shape and not found.any()


def test_of_equal_maxima_one_has_the_gradient() -> None:
    """Drawn floats never tie; quantized and clamped values do."""
    op = MaxPool(Window2d((2, 2), (2, 2)))
    x = np.zeros((1, 4, 4, 2), np.float32)
    g = np.arange(1, 9, dtype=np.float32).reshape(1, 2, 2, 2)
    (found,) = op.pullback([x], op.evaluate([x]), g)
    assert found.sum() == g.sum()
    assert np.count_nonzero(found) == g.size
