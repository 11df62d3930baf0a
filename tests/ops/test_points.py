"""Points from heat maps and vectors against the float decode."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from mcucc.answers.answer import KeypointsAnswer
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8, Rounding
from mcucc.ops.common.detection import Anchor, Curve
from mcucc.ops.peaks import Peaks, PeaksKernel
from mcucc.ops.points import Points, PointsKernel
from tests.ops.draw import Case
from tests.ops.draw_detect import peaks_cases, points_cases

CASES = {"peaks": peaks_cases(), "points": points_cases()}


@pytest.mark.parametrize("name", CASES)
def test_points_and_scores_are_those_of_the_float_decode(name: str) -> None:
    """Of one largest value, and of several: then the first is meant by both."""

    @settings(
        derandomize=True, deadline=None, max_examples=80, suppress_health_check=list(HealthCheck)
    )
    @given(case=CASES[name])
    def run(case: Case) -> None:
        kernel = case.kernel()
        assert isinstance(kernel, PeaksKernel | PointsKernel)
        error = kernel.places.error
        assert error < 0.6
        answer = KeypointsAnswer("y", ("x",), (), 0.0)
        ours, real = answer.read(case.run()), answer.read(case.real())
        assert len(ours) == len(real) == case.output.shape[1] // 6
        for a, b in zip(ours, real, strict=True):
            assert abs(a.x - b.x) <= error / 16 + 1e-3
            assert abs(a.y - b.y) <= error / 16 + 1e-3
            assert abs(a.score - b.score) <= 1 / 65535

    run()


def run_peaks(op: Peaks, *maps: np.ndarray) -> list[list[int]]:
    """x and y in sixteenths, score, of maps with the scale 1/4."""
    tensors = [Tensor(f"x{i}", (1, *x.shape), INT8, Quant((0.25,))) for i, x in enumerate(maps)]
    y = Tensor("y", op.infer([x.type for x in tensors]).shape, INT8, op.fixed_quant())
    made = op.lower(tensors, y, Rounding.SINGLE).run([x[None].astype(np.int8) for x in maps])
    words = made.reshape(-1).view("<u2").reshape(-1, 3)
    return [[*map(int, row[:2].view("<i2")), int(row[2])] for row in words]


def test_a_peak_is_the_first_of_the_largest_moved_by_its_offset() -> None:
    heat = np.zeros((2, 3, 2), np.int8)
    heat[0, 2, 0] = heat[1, 0, 0] = 3
    heat[1, 1, 1] = 4
    offsets = np.zeros((2, 3, 4), np.int8)
    offsets[0, 2] = [-4, 0, 8, 0]  # y of both, then x of both: -1 and 2 cells
    op = Peaks(2, (8.0, 4.0), Anchor(2.0, 4.0, 4.0, 8.0), offsets=True)
    assert run_peaks(op, heat, offsets) == [[16 * 18, 16 * -4, 49151], [16 * 6, 16 * 12, 65535]]


def test_what_points_cannot_be() -> None:
    with pytest.raises(ValueError, match="2 maps where there are 1"):
        run_peaks(Peaks(1, (1.0, 1.0), Anchor(0.0, 0.0)), *[np.zeros((1, 1, 1))] * 2)
    with pytest.raises(ValueError, match="3 channels, not 2"):
        run_peaks(Peaks(2, (1.0, 1.0), Anchor(0.0, 0.0)), np.zeros((1, 1, 3)))
    with pytest.raises(ValueError, match="offsets of shape"):
        op = Peaks(2, (1.0, 1.0), Anchor(0.0, 0.0), offsets=True)
        run_peaks(op, np.zeros((1, 1, 2)), np.zeros((1, 1, 2)))
    vector = Tensor("x", (1, 7), INT8, Quant((0.25,)))
    with pytest.raises(ValueError, match="6 numbers of 3 points"):
        Points(3, Anchor(0.0, 0.0)).infer([vector.type])
    with pytest.raises(ValueError, match="9 numbers of 3 points"):
        Points(3, Anchor(0.0, 0.0), score_curve=Curve.SIGMOID).infer([vector.type])
    with pytest.raises(ValueError, match="0 points"):
        Points(0, Anchor(0.0, 0.0))
