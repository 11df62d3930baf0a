"""Groups of pictures: figures, intervals and the test that marks a group which int8 loses."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.evaluate.groups import BOOTSTRAP, MCNEMAR, Rated, f1_of, group_rows, ordered
from mcucc.evaluate.intervals import (
    bootstrap_p,
    exact_mcnemar,
    holm,
    percentiles,
    resampled,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
        (1, 29, 0.0061, 0.1718),
        (15, 148, 0.0624, 0.1605),
        (81, 263, 0.2553, 0.3662),
        (29, 29, 1 - 0.1170, 1.0),
    ],
)
def test_wilson_has_the_published_limits(hits, count, low, high):
    assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("hits", "count"), [(-1, 3), (4, 3), (0, 0)])
def test_a_share_of_nothing_has_no_interval(hits, count):
    with pytest.raises(ValueError, match="of"):
        wilson(hits, count)


@pytest.mark.parametrize(
    ("lost", "won", "p"),
    [(0, 0, 1.0), (5, 0, 2 / 32), (6, 0, 2 / 64), (1, 7, 2 * 9 / 256), (3, 3, 1.0), (4000, 1, 0.0)],
)
def test_mcnemar_is_the_exact_binomial_test_of_the_pictures_that_changed(lost, won, p):
    assert exact_mcnemar(lost, won) == exact_mcnemar(won, lost) == pytest.approx(p)


def test_holm_makes_p_values_larger_as_more_are_read_together():
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, 0.06, 0.06]
    assert holm([]) == []


def test_a_bootstrap_of_equal_figures_says_nothing_and_of_worse_ones_something():
    assert bootstrap_p([0.0] * 99) == 1.0
    assert bootstrap_p([-0.1] * 99) == pytest.approx(0.02)  # no less is known from 99
    assert percentiles(np.arange(1001) / 1000) == pytest.approx((0.025, 0.975))


def test_resamples_are_of_the_group_and_always_the_same():
    places = np.array([3, 5, 8])
    drawn = resampled(places, 50)
    assert all(set(each.tolist()) <= {3, 5, 8} and len(each) == 3 for each in drawn)
    assert all((a == b).all() for a, b in zip(drawn, resampled(places, 50), strict=True))


def two_groups(near_lost=0, far_lost=0, count=60):
    """Float is right on all; int8 is wrong on the first of near and of far."""
    distance = ["near"] * count + ["far"] * count
    after = np.ones(2 * count, bool)
    after[:near_lost] = False
    after[count : count + far_lost] = False
    return {"distance": distance}, {"float": Rated(np.ones(2 * count, bool)), "int8": Rated(after)}


def test_a_group_that_int8_loses_is_marked_and_the_others_are_not():
    rows = group_rows(*two_groups(near_lost=1, far_lost=12))
    assert [(r.column, r.value, r.count, r.lost) for r in rows] == [
        ("", "", 120, True),
        ("distance", "far", 60, True),
        ("distance", "near", 60, False),
    ]
    far = rows[1]
    assert far.test == MCNEMAR and far.changed == (12, 0) and far.p == exact_mcnemar(12, 0)
    assert far.figures["float"].value == 1.0 and far.figures["int8"].value == 0.8
    assert far.figures["int8"].interval == wilson(48, 60)


def test_many_groups_do_not_make_one_of_them_a_loss_by_chance():
    columns, ways = two_groups(far_lost=6)  # p = 0.03: a loss alone, not among two columns
    assert [row.lost for row in group_rows(columns, ways)] == [True, False, False]
    (alone,) = [r for r in group_rows({"x": ["", *["a"] * 119]}, ways) if r.column]
    assert alone.lost and alone.count == 119


def test_a_gain_is_no_loss():
    columns, ways = two_groups(far_lost=20)
    turned = {"float": ways["int8"], "int8": ways["float"]}
    rows = group_rows(columns, turned)
    assert rows[1].p < 1e-4 and not any(row.lost for row in rows)


def test_pictures_without_a_value_are_in_no_group():
    columns, ways = two_groups(count=2)
    rows = group_rows({"light": ["dark", "", "", "day"], **columns}, ways)
    assert [(r.value, r.count) for r in rows] == [
        ("", 4),
        ("dark", 1),
        ("day", 1),
        ("far", 2),
        ("near", 2),
    ]


def test_f1_is_that_of_the_positive_class_and_undefined_without_any():
    truth, found = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    measure = f1_of(truth, found).measure
    assert measure(np.arange(5)) == pytest.approx(4 / 6)
    assert measure(np.array([0, 0, 3])) == pytest.approx(4 / 5)  # repeated ones count again
    assert measure(np.array([3, 4])) is None
    columns = {"light": ["a", "a", "a", "b", "b"]}
    rated = f1_of(truth, found)
    rows = group_rows(columns, {"float": rated, "int8": rated})
    assert rows[1].figures["float"].value == pytest.approx(4 / 5) and rows[1].test == MCNEMAR
    low, high = wilson(2, 3)
    assert rows[1].figures["float"].interval == (2 * low / (1 + low), 2 * high / (1 + high))
    assert rows[2].figures["int8"].value is None and rows[2].figures["int8"].interval is None


def test_f1_of_eight_right_ones_is_not_sure_to_be_1():
    low, high = f1_of(np.ones(8, bool), np.ones(8, bool)).interval(np.arange(8))
    assert high == 1.0 and low == pytest.approx(0.806, abs=1e-3)
    perfect = Rated(measure=lambda places: 1.0)
    (row,) = group_rows({"x": ["a"] * 8}, {"float": perfect}, resamples=20)[1:]
    assert row.figures["float"].value == 1.0 and row.figures["float"].interval is None


def test_figures_without_a_right_and_wrong_are_tested_by_a_paired_bootstrap():
    quality = np.linspace(0.4, 0.9, 40)
    ways = {
        name: Rated(measure=lambda places, by=by: float((quality[places] - by).mean()))
        for name, by in (("float", 0.0), ("int8", 0.05))
    }
    rows = group_rows({"light": ["a", "b"] * 20}, ways, resamples=200)
    assert all(row.test == BOOTSTRAP and row.lost and row.changed is None for row in rows)
    assert rows == group_rows({"light": ["a", "b"] * 20}, ways, resamples=200)
    same = group_rows({"light": ["a", "b"] * 20}, {"float": ways["int8"], "int8": ways["int8"]})
    assert not any(row.lost for row in same)


def test_one_way_alone_is_not_tested():
    columns, ways = two_groups()
    (whole, *_) = group_rows(columns, {"int8": ways["int8"]})
    assert whole.p is None and not whole.lost
    assert whole.to_dict()["figures"]["int8"]["value"] == 1.0


def test_values_are_in_the_order_of_numbers_and_then_of_words():
    assert ordered({"10", "9", "b", "a", "-1.5"}) == ["-1.5", "9", "10", "a", "b"]
