"""[output.keypoints] behind heat maps and vectors."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.answers.answer import KeypointsAnswer
from mcucc.answers.append import Appended, append
from mcucc.answers.decode import decode
from mcucc.answers.ends import Ends
from mcucc.answers.records import Point
from mcucc.answers.spec import KeypointsSpec, OutputSpec
from mcucc.errors import DataError
from mcucc.quantize.lower import lower
from tests.answers.test_boxes import SCALE, SIZE, Shape, network


def appended(spec: KeypointsSpec, shapes: dict[str, Shape]) -> Appended:
    ends = Ends({n: n for n in shapes}, size=SIZE, where="net.toml")
    return append(network(shapes), OutputSpec(keypoints=(spec,)), ends)


def found(made: Appended, values: dict[str, np.ndarray]) -> tuple[Point, ...]:
    """The points of real values, in float; those of their bytes must be near."""
    (answer,) = made.answers
    assert isinstance(answer, KeypointsAnswer)
    floats = answer.read(decode(made.graph, made.answers, values)[answer.output])
    integer = lower(made.graph)
    q = {
        f"{name}_in": np.round(value / SCALE)
        .astype(np.int8)
        .reshape(1, *integer.activations[f"{name}_in"].shape)
        for name, value in values.items()
    }
    ours = answer.read(integer.run(q)[answer.output][0])
    for a, b in zip(floats, ours, strict=True):
        assert (b.x, b.y) == (pytest.approx(a.x, abs=0.6), pytest.approx(a.y, abs=0.6))
        assert b.score == pytest.approx(a.score, abs=0.01)
    return floats


def test_a_point_is_the_middle_of_the_cell_where_its_channel_is_largest() -> None:
    heat = np.zeros((4, 6, 2))
    heat[1, 2, 0], heat[3, 5, 1] = 0.75, 0.5
    made = appended(KeypointsSpec(names=("a", "b")), {"heat": (4, 6, 2)})
    assert found(made, {"heat": heat}) == (Point(20, 12, 0.75), Point(44, 28, 0.5))


@pytest.mark.parametrize("xy", [False, True])
def test_offsets_move_it_within_the_map(xy: bool) -> None:
    shapes = {"heat": (4, 6, 2), "off": (4, 6, 4)}
    values = {"heat": np.zeros((4, 6, 2)), "off": np.zeros((4, 6, 4))}
    values["heat"][1, 2, 0] = 1
    y, x = (2, 0) if xy else (0, 2)
    values["off"][1, 2, y], values["off"][1, 2, x] = 0.5, -0.25
    spec = KeypointsSpec(heatmap="heat", offsets="off", xy=xy)
    assert found(appended(spec, shapes), values)[0] == Point(14, 12, 1)


def test_numbers_of_a_vector_are_shares_of_the_picture_with_a_score() -> None:
    made = appended(KeypointsSpec(tensor="v"), {"v": (1, 2, 3)})
    values = {"v": np.array([0.5, 0.25, 0.75, 1, 1, 0.5])}
    assert found(made, values) == (Point(12, 16, 0.75), Point(48, 32, 0.5))
    made = appended(KeypointsSpec(tensor="v", xy=True, pixels=True, names=("a",)), {"v": (2,)})
    assert found(made, {"v": np.array([7.0, 5.0])}) == (Point(7, 5, 1),)


@pytest.mark.parametrize(
    "spec, shapes, message",
    [
        (KeypointsSpec(names=("a",)), {"m": (4, 6, 2)}, "output.keypoints.names: 1 names"),
        (
            KeypointsSpec("m", "o"),
            {"m": (4, 6, 2), "o": (4, 6, 2)},
            "offsets: o is 4x6x2, .* 4x6x4",
        ),
        (KeypointsSpec(), {"m": (4, 6, 2), "o": (4,)}, "output.keypoints: which output"),
        (KeypointsSpec(tensor="v"), {"v": (10,)}, "output.keypoints.tensor: .* add names"),
    ],
)
def test_messages_name_the_key(spec: KeypointsSpec, shapes: dict[str, Shape], message: str) -> None:
    with pytest.raises(DataError, match=message):
        appended(spec, shapes)
