from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.schema import Feature, LogicalType
from zenml.steps.evaluator.slicing import MOST_GROUPS, MOST_NUMBERS, coder, groups


def coded(kind: LogicalType, *batches: list):
    made = coder(Feature("column", kind))
    for batch in batches:
        made.update(pa.array(batch, kind.arrow))
    return made.result()


def rows_by_value(**columns):
    told, _ = groups(columns)
    return {tuple(group.values.values()): group.rows.tolist() for group in told}


def test_texts_make_groups_in_their_order_with_missing_ones_last():
    column = coded(LogicalType.STRING, ["male", None], ["female", "male"])
    assert column.values == ("female", "male", None)
    assert rows_by_value(sex=column) == {("female",): [2], ("male",): [0, 3], (None,): [1]}


def test_booleans_and_times_make_groups():
    assert coded(LogicalType.BOOLEAN, [True, False, None]).values == (False, True, None)
    moment = dt.datetime(2020, 1, 2, 3)  # noqa: DTZ001 - a snapshot's timestamps have no zone
    assert coded(LogicalType.TIMESTAMP, [moment]).values == ("2020-01-02 03:00:00.000000",)


def test_few_numbers_make_a_group_each():
    column = coded(LogicalType.INTEGER, [3, 1, None], [3])
    assert column.values == (1, 3, None)
    assert rows_by_value(n=column) == {(1,): [1], (3,): [0, 3], (None,): [2]}
    assert coded(LogicalType.FLOAT, [1.5, float("nan")]).values == (1.5, None)


def test_many_numbers_make_quarters_and_say_so():
    column = coded(LogicalType.INTEGER, list(range(100)))
    assert column.values == ("[0, 24)", "[24, 49)", "[49, 74)", "[74, 99]")
    assert column.notes == ("column has 100 values: its rows are sliced by quarters",)
    assert [len(rows) for rows in rows_by_value(n=column).values()] == [24, 25, 25, 26]


def test_quarters_of_numbers_that_are_mostly_equal_are_fewer():
    column = coded(LogicalType.INTEGER, [0] * 1000 + list(range(1, MOST_NUMBERS + 2)))
    assert column.values == ("[0, 33]",)


def test_crossed_columns_make_groups_of_all_their_values():
    found = rows_by_value(
        island=coded(LogicalType.STRING, ["Dream", "Biscoe", "Dream", "Biscoe"]),
        sex=coded(LogicalType.STRING, ["m", "f", "m", None]),
    )
    assert found == {("Biscoe", "f"): [1], ("Biscoe", None): [3], ("Dream", "m"): [0, 2]}


def test_only_the_largest_groups_are_told():
    names = [f"n{number:03d}" for number in range(MOST_GROUPS + 7)]
    told, left_out = groups({"name": coded(LogicalType.STRING, names[::-1] + names[3:])})
    assert [group.values["name"] for group in told] == names[3 : MOST_GROUPS + 3]
    assert [group.values["name"] for group in left_out] == names[:3] + names[MOST_GROUPS + 3 :]


def test_a_column_of_very_many_texts_keeps_the_later_ones_together():
    column = coded(LogicalType.STRING, [str(number) for number in range(65_540)] + [None])
    assert column.values[-2:] == ("(other)", None)
    assert np.count_nonzero(column.codes == len(column.values) - 2) == 4
    assert "later are one group" in column.notes[0]


def test_no_rows_make_no_groups():
    assert groups({"name": coded(LogicalType.STRING)}) == ([], [])
    assert groups({"age": coded(LogicalType.FLOAT)}) == ([], [])


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=80), st.integers(1, 80))
def test_each_row_is_in_one_group_however_it_was_batched(cells, size):
    whole = coded(LogicalType.FLOAT, cells)
    parts = coded(LogicalType.FLOAT, *(cells[start : start + size] for start in range(0, len(cells), size)))
    assert np.array_equal(whole.codes, parts.codes)
    assert whole.values == parts.values
    told, left_out = groups({"column": whole})
    rows = [row for group in (*told, *left_out) for row in group.rows.tolist()]
    assert sorted(rows) == list(range(len(cells)))
