"""Columns of labels.csv as groups: which do, which are cut, which are refused."""

from __future__ import annotations

from collections import Counter

import pytest

from mcucc.errors import DataError
from mcucc.evaluate.group_columns import columns_of
from mcucc.evaluate.groups import ordered

ROWS = [
    {
        "distance": ["near", "far", ""][i % 3],
        "area": str(i / 40),
        "name": f"name{i}",
        "set": "test",
    }
    for i in range(40)
]


def test_columns_of_few_values_are_groups_by_themselves_and_the_others_are_named():
    found = columns_of(ROWS, None)
    assert list(found.values) == ["distance"]
    assert found.values["distance"][:3] == ("near", "far", "")
    assert found.notes == (
        "column area has 40 values: it makes no groups (numbers: --groups area cuts them into "
        "quarters)",
        "column name has 40 values: it makes no groups",
    )


def test_numbers_that_are_asked_for_are_cut_into_quarters_of_the_pictures():
    found = columns_of([*ROWS, {"area": ""}], ["area"])
    assert len(found.notes) == 1 and "cut into quarters" in found.notes[0]
    counts = Counter(found.values["area"])
    assert counts.pop("") == 1
    assert list(counts.values()) == [10, 10, 10, 10]
    assert ordered(set(counts))[0].startswith("0 to 0.24")
    assert found.values["area"][0] == ordered(set(counts))[0]
    assert found.values["area"][39] == ordered(set(counts))[-1]  # the largest is in the last


def test_many_equal_numbers_make_fewer_groups():
    rows = [{"n": str(max(0, i - 30))} for i in range(60)]
    counts = Counter(columns_of(rows, ["n"]).values["n"])
    assert sum(counts.values()) == 60 and 1 < len(counts) < 4


def test_a_column_of_one_value_is_a_group_only_where_it_is_asked_for():
    assert "set" not in columns_of(ROWS, None).values
    assert set(columns_of(ROWS, ["set"]).values["set"]) == {"test"}


@pytest.mark.parametrize("wanted", ["age", ""])
def test_a_column_that_is_not_there_is_an_error_that_names_those_that_are(wanted):
    with pytest.raises(DataError, match="distance, area, name, set") as caught:
        columns_of(ROWS, [wanted], "labels.csv")
    assert "first line" in caught.value.hint
    with pytest.raises(DataError, match="there are none"):
        columns_of([{}, {}], [wanted])


@pytest.mark.parametrize("cell", ["x{}", "nan", "1e999", "{}" + "x" * 50])
def test_texts_of_too_many_values_are_refused(cell):
    rows = [{"a": cell.format(i)} for i in range(3)] + [{"a": str(i)} for i in range(20)]
    with pytest.raises(DataError, match="at most 16 values"):
        columns_of(rows, ["a"])
    assert columns_of(rows, None).values == {}
