from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.schema import Feature, LogicalType
from zenml.errors import ConfigError
from zenml.steps.evaluator import columns, slicing
from zenml.steps.evaluator.columns import MOST_NUMBERS, Coded, coder
from zenml.steps.evaluator.slicing import MOST_GROUPS, KnownRows, SliceGroups


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Let a few rows fill several blocks."""
    for module in (columns, slicing):
        monkeypatch.setattr(module, "BLOCK", 7)


@contextmanager
def coding(kind: LogicalType, *batches: list):
    with TemporaryDirectory() as folder:
        made = coder(Feature("column", kind), Path(folder) / "column")
        for batch in batches:
            made.update(pa.array(batch, kind.arrow))
        yield made.result(), sum(map(len, batches))


def coded(kind: LogicalType, *batches: list) -> Coded:
    """Return a column whose codes are in memory."""
    with coding(kind, *batches) as (column, rows):
        every = column.codes(0, rows)
    return Coded(lambda start, stop: every[start:stop], column.values, column.notes)


def every(start: int, stop: int) -> np.ndarray:
    return np.ones(stop - start, bool)


def sliced(rows: int, **named: Coded) -> SliceGroups:
    return SliceGroups(named, rows, every)


def rows_by_value(rows: int, **named: Coded):
    groups = sliced(rows, **named)
    numbers = groups.numbers(0, rows)
    found = {tuple(v.values()): np.flatnonzero(numbers == n).tolist() for n, v in enumerate(groups.values)}
    assert list(map(len, found.values())) == list(groups.sizes)
    return found


def test_texts_make_groups_in_their_order_with_missing_ones_last():
    column = coded(LogicalType.STRING, ["male", None], ["female", "male"])
    assert column.values == ("female", "male", None)
    assert rows_by_value(4, sex=column) == {("female",): [2], ("male",): [0, 3], (None,): [1]}


def test_booleans_and_times_make_groups():
    assert coded(LogicalType.BOOLEAN, [True, False, None]).values == (False, True, None)
    moment = dt.datetime(2020, 1, 2, 3)  # noqa: DTZ001 - a snapshot's timestamps have no zone
    assert coded(LogicalType.TIMESTAMP, [moment]).values == ("2020-01-02 03:00:00.000000",)


def test_few_numbers_make_a_group_each():
    column = coded(LogicalType.INTEGER, [3, 1, None], [3])
    assert column.values == (1, 3, None)
    assert rows_by_value(4, n=column) == {(1,): [1], (3,): [0, 3], (None,): [2]}
    assert coded(LogicalType.FLOAT, [1.5, float("nan")]).values == (1.5, None)


def test_many_numbers_make_quarters_and_say_so():
    column = coded(LogicalType.INTEGER, list(range(100)))
    assert column.values == ("[0, 24)", "[24, 49)", "[49, 74)", "[74, 99]")
    assert column.notes == ("column has more than 32 values: its rows are sliced by quarters",)
    assert [len(rows) for rows in rows_by_value(100, n=column).values()] == [24, 25, 25, 26]


def test_quarters_of_numbers_that_are_mostly_equal_are_fewer():
    column = coded(LogicalType.INTEGER, [0] * 1000 + list(range(1, MOST_NUMBERS + 2)))
    assert column.values == ("[0, 33]",)


def test_crossed_columns_make_groups_of_all_their_values():
    found = rows_by_value(
        4,
        island=coded(LogicalType.STRING, ["Dream", "Biscoe", "Dream", "Biscoe"]),
        sex=coded(LogicalType.STRING, ["m", "f", "m", None]),
    )
    assert found == {("Biscoe", "f"): [1], ("Biscoe", None): [3], ("Dream", "m"): [0, 2]}


def test_only_the_largest_groups_are_told():
    names = [f"n{number:03d}" for number in range(MOST_GROUPS + 7)]
    cells = names[::-1] + names[3:]
    groups = sliced(len(cells), name=coded(LogicalType.STRING, cells))
    assert [values["name"] for values in groups.values] == names[3 : MOST_GROUPS + 3]
    assert (groups.left_out, groups.rows_left_out) == (7, 3 + 2 * 4)


def test_rows_that_do_not_count_are_in_no_group():
    column = coded(LogicalType.STRING, ["a", "b", "a", "c"])
    groups = SliceGroups({"name": column}, 4, lambda start, stop: np.array([True, True, False, False])[start:stop])
    assert ([dict(values) for values in groups.values], groups.sizes) == ([{"name": "a"}, {"name": "b"}], [1, 1])
    assert groups.numbers(0, 4).tolist() == [0, 1, -1, -1]
    known = KnownRows(2, lambda start, stop: np.array([True, True, False, False])[start:stop])
    assert known.numbers(0, 4).tolist() == [0, 0, -1, -1]


def test_a_column_of_very_many_texts_keeps_the_later_ones_together():
    column = coded(LogicalType.STRING, [str(number) for number in range(65_540)] + [None])
    assert column.values[-2:] == ("(other)", None)
    assert np.count_nonzero(column.codes(0, 65_541) == len(column.values) - 2) == 4
    assert "later are one group" in column.notes[0]


def test_columns_with_too_many_values_cannot_be_crossed():
    wide = Coded(lambda start, stop: np.zeros(stop - start, np.int64), tuple(range(65_536)))
    with pytest.raises(ConfigError, match="the columns a, b, c, d have too many values together to be crossed"):
        sliced(4, a=wide, b=wide, c=wide, d=wide)


def test_no_rows_make_no_groups():
    for kind in (LogicalType.STRING, LogicalType.FLOAT):
        groups = sliced(0, name=coded(kind))
        assert (groups.values, groups.sizes, groups.left_out) == ([], [], 0)
        assert groups.numbers(0, 0).tolist() == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=80), st.integers(1, 80))
def test_each_row_is_in_one_group_however_it_was_batched(cells, size):
    rows = len(cells)
    whole = coded(LogicalType.FLOAT, cells)
    parts = coded(LogicalType.FLOAT, *(cells[start : start + size] for start in range(0, rows, size)))
    assert np.array_equal(whole.codes(0, rows), parts.codes(0, rows))
    assert whole.values == parts.values
    found = [row for group in rows_by_value(rows, column=whole).values() for row in group]
    assert sorted(found) == list(range(rows))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=MOST_NUMBERS + 1, max_size=90, unique=True)
    | st.lists(st.floats(allow_nan=False), min_size=MOST_NUMBERS + 1, max_size=90, unique=True)
)
def test_quarters_are_those_of_the_sorted_column(cells):
    kind = LogicalType.INTEGER if isinstance(cells[0], int) else LogicalType.FLOAT
    array = np.array(cells, np.int64 if kind is LogicalType.INTEGER else np.float64)
    with coding(kind, cells) as (column, rows):
        codes = column.codes(0, rows)
    ordered = np.sort(array)
    cut = ordered[[max(0, -(-rows * quarter // 4) - 1) for quarter in range(5)]]
    assert column.values[0] == f"[{cut[0].item()}, {cut[1].item()})"
    assert np.array_equal(codes, np.minimum(np.searchsorted(cut, array, side="right") - 1, 3))
