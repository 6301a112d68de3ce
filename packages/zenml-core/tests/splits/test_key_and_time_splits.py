"""Splits by key and by time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.artifacts.handles import StoredArtifact
from zenml.data import nth_value
from zenml.data.keys import key_hashes
from zenml.data.schema import Schema
from zenml.data.shards import ShardJob, State, fold_order
from zenml.data.snapshot import Snapshot
from zenml.data.splits import fold_split, shard_writer, write_schema
from zenml.data.statistics import sample_size
from zenml.data.times import ordered, parse_time, read_times
from zenml.errors import ConfigError, DataError
from zenml.steps.split.key_split import KeySplit
from zenml.steps.split.time_split import TimeSplit


def store(folder: Path, *tables: pa.Table) -> StoredArtifact:
    """Commit tables as the shards of one split."""
    schema = Schema.from_arrow(tables[0].schema)
    states = []
    for number, table in enumerate(tables):
        with shard_writer(folder, "all", number, schema, sample=sample_size(1), tfrecord=False) as writer:
            for batch in table.cast(schema.to_arrow()).to_batches(max_chunksize=97):
                writer.write(batch)
        states.append(writer.state)
    write_schema(folder, schema)
    properties = {"splits": {"all": fold_split(folder, "all", schema, states)}}
    return StoredArtifact("Examples", folder.as_uri(), f"sha256:{'0' * 64}", folder, properties)


def rows(stored: StoredArtifact, split: str, column: str) -> list[Any]:
    return [n for batch in Snapshot.of(stored).batches(split, [column]) for n in batch.column(0).to_pylist()]


def customers(count: int) -> pa.Table:
    numbers = np.arange(count)
    return pa.table(
        {
            "n": numbers,
            "customer": pa.array([f"c{n % 401}" if n % 50 else None for n in numbers], pa.utf8()),
            "shop": pa.array(numbers % 3),
        }
    )


def test_a_key_is_never_in_two_splits_and_shares_are_met(tmp_path: Path, run_step: Any) -> None:
    step = KeySplit(key_columns=["customer"], split_map={"train": 0.6, "eval": 0.4})
    split = run_step(step, {"examples": store(tmp_path / "t", customers(4000), customers(4000))})
    train, evaluation = ({*rows(split, name, "customer")} for name in ("train", "eval"))
    assert not train & evaluation
    assert len(train) / 402 == pytest.approx(0.6, abs=0.08)
    assert run_step.notes.warnings == ["160 rows have no 'customer'; they count as one key and stay together"]
    assert step.split_names({}) == ("train", "eval")


def test_appended_rows_join_those_of_their_key(tmp_path: Path, run_step: Any) -> None:
    step = KeySplit(key_columns=["shop", "customer"])
    before, after = (
        run_step(step, {"examples": store(tmp_path / f"t{count}", customers(count))}) for count in (1000, 1500)
    )
    for name in ("train", "eval"):
        assert rows(after, name, "n")[: len(rows(before, name, "n"))] == rows(before, name, "n")
    assert rows(run_step(step, {"examples": store(tmp_path / "s", customers(1000))}, seed=2), "train", "n") != rows(
        before, "train", "n"
    )


def test_missing_key_columns_are_all_named(tmp_path: Path, run_step: Any) -> None:
    with pytest.raises(DataError) as error:
        run_step(KeySplit(key_columns=["custmer", "shoop"]), {"examples": store(tmp_path / "t", customers(10))})
    assert "Did you mean customer?" in str(error.value)
    assert "Did you mean shop?" in str(error.value)


def test_bad_key_splits_are_refused() -> None:
    with pytest.raises(ConfigError, match="a column is listed twice"):
        KeySplit(key_columns=["a", "a"])
    with pytest.raises(ConfigError, match="key_columns"):
        KeySplit(key_columns=[])


cell = st.one_of(st.none(), st.integers(-(2**53), 2**53))


@given(st.lists(st.tuples(cell, st.one_of(st.none(), st.text(max_size=5)), st.one_of(st.none(), st.booleans()))))
def test_equal_keys_have_equal_hashes_in_every_batch(found: list[tuple[Any, ...]]) -> None:
    numbers, texts, flags = ([row[place] for row in found] for place in range(3))
    table = {"i": pa.array(numbers, pa.int64()), "s": pa.array(texts, pa.utf8()), "b": pa.array(flags, pa.bool_())}
    whole = key_hashes(pa.record_batch(table), ["i", "s", "b"], 7)
    alone = [int(key_hashes(pa.record_batch(table).slice(n, 1), ["i", "s", "b"], 7)[0]) for n in range(len(found))]
    assert whole.tolist() == alone
    assert len({*found}) == len({*alone})
    wide = {**table, "i": table["i"].cast(pa.float64())}
    assert key_hashes(pa.record_batch(wide), ["i", "s", "b"], 7).tolist() == alone


def test_keys_of_all_types_have_hashes() -> None:
    batch = pa.record_batch(
        {
            "t": pa.array([1, 2, None], pa.timestamp("us")),
            "y": pa.array([b"a", b"", None], pa.binary()),
            "f": pa.array([float("nan"), 0.5, -0.0]),
        }
    )
    for name in batch.schema.names:
        assert len({*key_hashes(batch, [name], 1).tolist()}) == 3
    zeros = pa.record_batch({"f": pa.array([0.0, -0.0, 1e300])})
    assert len({*key_hashes(zeros, ["f"], 1).tolist()}) == 2


def times(kind: str, count: int) -> pa.Array:
    chance = np.random.default_rng(3)
    seconds = 1_600_000_000 + chance.permutation(count) * 60
    if kind == "integer":
        return pa.array(seconds)
    if kind == "float":
        return pa.array(seconds / 7 - 3e8)
    stamps = pa.array(seconds).cast(pa.timestamp("s"))
    return stamps.cast(pa.timestamp("us")) if kind == "timestamp" else stamps.cast(pa.utf8())


@pytest.mark.parametrize("kind", ["integer", "float", "timestamp", "string"])
def test_shares_cut_the_sorted_times_exactly(kind: str, tmp_path: Path, run_step: Any) -> None:
    table = pa.table({"when": times(kind, 1000)})
    step = TimeSplit(time_column="when", splits=["train", "test", "eval"], shares=[0.5, 0.2, 0.3])
    split = run_step(step, {"examples": store(tmp_path / "t", table.slice(0, 300), table.slice(300))})
    parts = [rows(split, name, "when") for name in step.split_names({})]
    assert [len(part) for part in parts] == [500, 200, 300]
    assert [cell for part in parts for cell in sorted(part)] == sorted(table["when"].to_pylist())


@pytest.mark.parametrize(
    ("kind", "border"),
    [
        ("integer", 1_600_012_000),
        ("integer", 1_600_011_999.5),
        ("float", 1_600_012_000 / 7 - 3e8),
        ("timestamp", "2020-09-13T15:46:40"),
        ("string", "2020-09-13 15:46:40"),
    ],
)
def test_borders_begin_the_next_split(kind: str, border: Any, tmp_path: Path, run_step: Any) -> None:
    step = TimeSplit(time_column="when", borders=[border])
    before, after = (
        run_step(step, {"examples": store(tmp_path / f"t{number}", *tables)})
        for number, tables in enumerate(
            [[pa.table({"when": times(kind, 1000)})], [pa.table({"when": times(kind, 1000)})] * 2]
        )
    )
    assert len(rows(before, "train", "when")) == 200
    assert rows(after, "train", "when")[:200] == rows(before, "train", "when")


def test_rows_of_one_time_stay_together_and_those_without_one_are_told(tmp_path: Path, run_step: Any) -> None:
    table = pa.table({"when": pa.array([1, 2, 2, 2, 3, None])})
    split = run_step(TimeSplit(time_column="when", shares=[0.6, 0.4]), {"examples": store(tmp_path / "t", table)})
    assert rows(split, "train", "when") == [1]
    assert rows(split, "eval", "when") == [2, 2, 2, 3]
    assert "1 rows have no 'when': skip" in run_step.notes.warnings
    step = TimeSplit(time_column="when", shares=[0.6, 0.4], missing_time_policy="train")
    split = run_step(step, {"examples": store(tmp_path / "u", table)})
    assert rows(split, "train", "when") == [1, None]


def test_texts_that_are_no_times_are_refused(tmp_path: Path, run_step: Any) -> None:
    stored = store(tmp_path / "t", pa.table({"when": ["2020-01-01", "soon", "2020-01-02T10:00:00Z", "later"]}))
    for step in (
        TimeSplit(time_column="when", shares=[0.5, 0.5]),
        TimeSplit(time_column="when", borders=["2020-01-02"]),
    ):
        with pytest.raises(DataError, match="2 cells of 'when' are no time in ISO 8601, as 'soon'"):
            run_step(step, {"examples": stored})


@pytest.mark.parametrize(
    ("table", "config", "messages"),
    [
        ({"when": [1]}, {"time_column": "wen", "borders": [1]}, ["Did you mean when?"]),
        ({"when": [True]}, {"borders": [1]}, ["type boolean. It takes: integer, float, timestamp, string"]),
        ({"when": [1]}, {"borders": ["2020-01-01"]}, ["type integer, so a border is a number"]),
        ({"when": ["2020-01-01"]}, {"borders": [7]}, ["type string, so a border is a text in ISO 8601"]),
        ({"when": ["2020-01-01"]}, {"borders": ["tomorrow"]}, ["'tomorrow' is not a time in ISO 8601"]),
        ({"when": [1]}, {"borders": [float("inf")]}, ["inf cannot be a border"]),
        ({"when": [1]}, {"borders": [1e300]}, ["beyond the integers"]),
        ({"when": [1]}, {"splits": ["a", "b", "c"], "borders": [2, 1]}, ["borders must rise"]),
        ({"when": pa.array([None], pa.int64())}, {"shares": [0.5, 0.5]}, ["no row has a value of 'when'"]),
    ],
)
def test_what_does_not_fit_the_column_is_refused(
    table: dict[str, Any], config: dict[str, Any], messages: list[str], tmp_path: Path, run_step: Any
) -> None:
    step = TimeSplit(**{"time_column": "when", **config})
    with pytest.raises(DataError) as error:
        run_step(step, {"examples": store(tmp_path / "t", pa.table(table))})
    assert all(message in str(error.value) for message in messages)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "give either shares or borders"),
        ({"shares": [0.5, 0.5], "borders": [1]}, "give either shares or borders"),
        ({"shares": [1.0]}, "2 splits need as many shares, not 1"),
        ({"shares": [0.9, 0.9]}, "the shares sum to 1.8"),
        ({"borders": [1, 2]}, "2 splits have 1 borders, not 2"),
        ({"borders": [1], "missing_time_policy": "evel"}, "Did you mean eval"),
        ({"splits": ["a", "A"], "borders": [1]}, "must differ by more than case"),
    ],
)
def test_bad_time_splits_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TimeSplit(time_column="when", **config)


def run_here(job: ShardJob) -> list[State]:
    opened = job.open()
    return fold_order(job, (opened.work(number) for number in range(len(job.shards))))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_nth_value_is_that_of_the_sorted_column(data: st.DataObject, tmp_path_factory: Any) -> None:
    numbers = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1))
    floats = st.floats(allow_nan=False)
    column = data.draw(st.one_of(st.lists(numbers, min_size=1), st.lists(floats, min_size=1)))
    ranks = data.draw(st.lists(st.integers(0, len(column) - 1), min_size=1, max_size=3))
    folder = tmp_path_factory.mktemp("nth")
    array = pa.array(column)
    cut = len(column) // 2
    stored = store(folder / "t", pa.table({"x": array.slice(0, cut)}), pa.table({"x": array.slice(cut)}))
    shards = Snapshot.of(stored).shard_rows()
    limit, nth_value.COLLECT = nth_value.COLLECT, 2
    try:
        extent = nth_value.measure(shards, "x", folder, run_here, 0)
        found = nth_value.nth_values(shards, "x", ranks, extent, folder, run_here, 0)
    finally:
        nth_value.COLLECT = limit
    values = np.sort(ordered(array.to_numpy()))
    assert found == [int(values[rank]) for rank in ranks]


@given(st.lists(st.floats(allow_nan=False), min_size=2))
def test_ordered_numbers_keep_the_order(values: list[float]) -> None:
    array = np.array(values)
    keys = ordered(array)
    assert ((array[:-1] < array[1:]) == (keys[:-1] < keys[1:])).all()
    assert ((array[:-1] == array[1:]) == (keys[:-1] == keys[1:])).all()


def test_texts_are_read_with_and_without_a_zone() -> None:
    texts = [" 2020-01-01", "2020-01-01T00:00:00+01:00", "2020-01-01T00:00:00Z", "x", None, "2020-01-01"]
    found = read_times(pa.array(texts))
    assert found.missing.tolist() == [False, False, False, True, True, False]
    assert (found.bad, found.bad_rows) == (("x",), 1)
    new_year = parse_time("2020-01-01")
    assert found.values[[0, 1, 2, 5]].tolist() == [new_year, new_year - 3_600_000_000, new_year, new_year]
    zoned = read_times(pa.array(["2020-01-01T00:00:00Z", None]))
    assert zoned.values.tolist() == [new_year, 0]
    with pytest.raises(ValueError, match="is not a time"):
        parse_time("")


def test_where_keys_go_stays_as_it_is_in_this_cache_version() -> None:
    batch = pa.record_batch(
        {
            "s": pa.array(["", "a", "Zürich", None]),
            "i": pa.array([0, -1, None, 1 << 62]),
            "f": pa.array([0.5, None, float("nan"), -3.0]),
            "b": pa.array([True, False, None, True]),
        }
    )
    found = [int(key_hashes(batch, [name], 1729)[row]) % 1_000_003 for name in batch.schema.names for row in range(4)]
    assert found == GOLDEN, "raise the CACHE_VERSION of KeySplit and StandardSequencer when hashes change"


GOLDEN = [
    201608,
    911963,
    888861,
    55852,
    294736,
    161731,
    55852,
    153625,
    422313,
    55852,
    978516,
    378702,
    75606,
    294736,
    55852,
    75606,
]
