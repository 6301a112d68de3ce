from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.shards import decode_state, encode_state
from zenml.data.statistics import TableState, TableStatistics, sample_size
from zenml.errors import DataError


def state_of(
    kind: LogicalType, values: Sequence[Any], shard: int = 0, batch: int = 1 << 16, **config: Any
) -> TableState:
    schema = Schema((Feature("x", kind),))
    state = TableState(schema, shard, **config)
    array = pa.array(values, kind.arrow)
    for start in range(0, len(array), batch):
        state.update(pa.record_batch([array.slice(start, batch)], schema=schema.to_arrow()))
    return state


def folded(kind: LogicalType, parts: Sequence[Any], **config: Any) -> TableStatistics:
    """Return the statistics of shards, after their states went through messages."""
    states = [state_of(kind, part, shard, **config) for shard, part in enumerate(parts)]
    messages = [encode_state(state.to_state()) for state in states]
    return TableState.fold(states[0].schema, [decode_state(message) for message in messages]).result()


finite = st.floats(-1e12, 1e12)


@given(st.lists(st.lists(finite | st.none(), max_size=20), min_size=1, max_size=5))
def test_numbers_agree_with_numpy_however_the_rows_are_cut(parts: list[list[float | None]]) -> None:
    column = folded(LogicalType.FLOAT, parts)["x"]
    values = np.array([value for part in parts for value in part if value is not None])
    assert column.count == len(values)
    assert column.missing == sum(len(part) for part in parts) - len(values)
    assert column.distinct == len(set(values.tolist()))
    if not len(values):
        assert column.numbers is None
        return
    assert column.numbers is not None
    scale = max(1.0, float(np.abs(values).max()))
    assert column.numbers.mean == pytest.approx(values.mean(), abs=1e-9 * scale)
    assert (column.numbers.min, column.numbers.max) == (values.min(), values.max())
    for share, quantile in column.numbers.quantiles.items():
        assert quantile == pytest.approx(np.quantile(values, float(share)), abs=1e-9 * scale)
    if len(values) > 1:
        assert column.numbers.std == pytest.approx(values.std(ddof=1), rel=1e-6, abs=1e-7 * scale)
    assert sum(column.numbers.histogram.counts) == len(values)
    assert column.numbers.sampled is None


@given(st.lists(st.lists(st.sampled_from(["a", "b", "ç", ""]) | st.none(), max_size=15), min_size=1, max_size=4))
def test_texts_are_counted_exactly(parts: list[list[str | None]]) -> None:
    column = folded(LogicalType.STRING, parts)["x"]
    values = [value for part in parts for value in part if value is not None]
    assert column.top == tuple(sorted(((v, values.count(v)) for v in set(values)), key=lambda row: (-row[1], row[0])))
    assert column.distinct_exact
    if values:
        assert column.lengths is not None
        assert column.lengths.mean == pytest.approx(np.mean([len(value) for value in values]))
        assert column.lengths.max == max(len(value) for value in values)


@pytest.mark.parametrize("kind", [LogicalType.INTEGER, LogicalType.STRING, LogicalType.BYTES])
def test_distinct_is_exact_while_few_and_close_when_many(kind: LogicalType) -> None:
    make: Any = {LogicalType.INTEGER: int, LogicalType.STRING: str, LogicalType.BYTES: lambda n: str(n).encode()}[kind]
    few = folded(kind, [[make(n % 4096) for n in range(5000)], [make(n) for n in range(100)]])["x"]
    assert (few.distinct, few.distinct_exact) == (4096, True)
    many = folded(kind, [[make(n) for n in range(30_000)], [make(n) for n in range(20_000, 60_000)], [make(1)]])["x"]
    assert not many.distinct_exact
    assert many.top is None
    assert many.distinct == pytest.approx(60_000, rel=0.05)


def test_just_too_many_values_are_still_counted_closely() -> None:
    column = folded(LogicalType.INTEGER, [range(4000), range(3000, 4500)])["x"]
    assert column.distinct == pytest.approx(4500, rel=0.05)


def test_long_texts_are_not_kept() -> None:
    column = folded(LogicalType.STRING, [["x" * 600_000], ["y" * 600_000], ["x" * 600_000]])["x"]
    assert column.top is None
    assert column.distinct == 2


def test_distinct_does_not_depend_on_how_the_rows_are_cut() -> None:
    values = [str(n % 9000) for n in range(20_000)]
    whole = folded(LogicalType.STRING, [values])["x"].distinct
    assert folded(LogicalType.STRING, [values[:1], values[1:7000], values[7000:]])["x"].distinct == whole


def test_large_columns_are_sampled_and_say_so() -> None:
    values = np.random.default_rng(3).permutation(200_000)
    column = folded(LogicalType.INTEGER, np.array_split(values, 4))["x"]
    assert column.numbers is not None
    assert column.numbers.sampled == 16_384
    for share, quantile in column.numbers.quantiles.items():
        assert quantile == pytest.approx(float(share) * 200_000, abs=0.02 * 200_000)
    assert sum(column.numbers.histogram.counts) == 200_000
    assert all(count == pytest.approx(10_000, rel=0.15) for count in column.numbers.histogram.counts)


def test_sample_of_a_merge_is_the_sample_of_the_rows_below_the_smallest_limit() -> None:
    size = sample_size(8)
    assert size == 8192
    uneven = [np.arange(20_000), *[np.arange(10)] * 7]
    column = folded(LogicalType.INTEGER, uneven, size=size)["x"]
    assert column.numbers is not None
    assert column.numbers.sampled is not None
    assert 8192 <= column.numbers.sampled <= 8192 + 70


def test_up_to_the_sample_size_quantiles_are_exact() -> None:
    values = np.random.default_rng(5).normal(size=16_384)
    column = folded(LogicalType.FLOAT, np.array_split(values, 3))["x"]
    assert column.numbers is not None
    assert column.numbers.sampled is None
    assert column.numbers.quantiles["0.25"] == np.quantile(values, 0.25)


@pytest.mark.parametrize(("shards", "size"), [(0, 16_384), (1, 16_384), (4, 16_384), (8, 8192), (1000, 1024)])
def test_many_shards_sample_less_each(shards: int, size: int) -> None:
    assert sample_size(shards) == size


def test_infinities_are_counted_apart_and_not_a_number_is_missing() -> None:
    inf = float("inf")
    column = folded(LogicalType.FLOAT, [[1.0, inf, None], [float("nan"), -inf, 3.0]])["x"]
    assert (column.count, column.missing, column.distinct) == (4, 2, 2)
    assert column.numbers is not None
    assert (column.numbers.infinite, column.numbers.mean, column.numbers.max) == (2, 2.0, 3.0)
    only = folded(LogicalType.FLOAT, [[inf]])["x"]
    assert (only.count, only.numbers) == (1, None)


def test_booleans_and_timestamps_have_their_counts() -> None:
    flags = folded(LogicalType.BOOLEAN, [[True, None], [True, False]])["x"]
    assert flags.top == ((True, 2), (False, 1))
    times = folded(LogicalType.TIMESTAMP, [[10, 30], [None, 20]])["x"]
    assert times.numbers is not None
    assert (times.numbers.min, times.numbers.mean, times.numbers.max) == (10, 20.0, 30)


def test_zero_has_one_value_whatever_its_sign() -> None:
    assert folded(LogicalType.FLOAT, [[0.0], [-0.0]])["x"].distinct == 1
    many = [float(n) for n in range(1, 5000)]
    assert folded(LogicalType.FLOAT, [[0.0, *many], [-0.0, *many]])["x"].distinct == pytest.approx(5000, rel=0.05)


def test_constant_column_has_one_bar() -> None:
    column = folded(LogicalType.INTEGER, [[7, 7], [7]])["x"]
    assert column.numbers is not None
    assert column.numbers.histogram.counts == (3,)
    assert column.numbers.std == 0


@settings(max_examples=30)
@given(st.lists(finite | st.just(float("inf")) | st.none(), max_size=30), st.lists(st.text(max_size=3), max_size=30))
def test_summary_survives_json(numbers: list[float | None], texts: list[str]) -> None:
    for kind, values in ((LogicalType.FLOAT, numbers), (LogicalType.STRING, texts)):
        summary = folded(kind, [values])
        assert TableStatistics.from_json(summary.to_json()) == summary


def test_unknown_column_names_the_closest() -> None:
    with pytest.raises(DataError, match=r"no column 'y'"):
        folded(LogicalType.FLOAT, [[1.0]])["y"]


def test_extreme_numbers_neither_warn_nor_fail() -> None:
    column = folded(LogicalType.FLOAT, [[1.7e308, -1.7e308], [1.7e308, 5e-324]])["x"]
    assert column.numbers is not None
    assert column.numbers.infinite == 0
    assert (column.numbers.min, column.numbers.max) == (-1.7e308, 1.7e308)
