"""The StandardSequencer: defaults, splits, engines, and everything that does not fit."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zenml.artifacts.handles import StoredArtifact
from zenml.data.shuffle import partition
from zenml.data.snapshot import Snapshot
from zenml.errors import ConfigError, DataError
from zenml.pipelines import TrainingPipeline
from zenml.steps.sequencer.durations import nanoseconds
from zenml.steps.sequencer.standard import StandardSequencer
from zenml.steps.split.key_split import KeySplit
from zenml.testing.hostile import HostileProcessingBackend


def rows(stored: StoredArtifact, split: str = "all") -> list[dict[str, Any]]:
    return [row for batch in Snapshot.of(stored).batches(split) for row in batch.to_pylist()]


def readings(count: int = 3000) -> pa.Table:
    chance = np.random.default_rng(2)
    return pa.table(
        {
            "room": [f"room {n}" for n in chance.integers(0, 40, count)],
            "at": chance.integers(0, 5000, count),
            "heat": pa.array(chance.normal(20, 3, count).round(3), mask=chance.random(count) < 0.1),
            "open": pa.array(chance.random(count) < 0.5),
            "note": pa.array([None if n % 7 else f"n{n}" for n in range(count)], pa.utf8()),
        }
    )


def test_by_default_rows_become_windows_with_a_column_per_cell(store: Any, run_step: Any) -> None:
    table = pa.table({"at": [3, 1, 2], "x": [30, 10, 20], "word": ["c", "a", None]})
    made = run_step(StandardSequencer(time_column="at", sequence_length=2), {"examples": store(table)})
    assert rows(made) == [
        {"at": 2, "x_t-1": 10, "x_t": 20, "word_t-1": "a", "word_t": None},
        {"at": 3, "x_t-1": 20, "x_t": 30, "word_t-1": None, "word_t": "c"},
    ]
    assert made.properties["splits"]["all"] == {"shards": [2], "rows": 2}
    assert Snapshot.of(made).statistics("all")["x_t"].numbers.max == 30
    assert "2 windows from 1 sequences in split 'all'" in run_step.notes.logs


def test_by_default_cells_of_a_grid_take_the_mean_or_the_last_value_and_are_filled_forward(
    store: Any, run_step: Any
) -> None:
    table = pa.table({"at": [0, 30, 190], "x": [1, 2, 5], "word": ["a", "b", "c"]})
    step = StandardSequencer(time_column="at", resampling_rate="1min", gap_threshold="1h", sequence_length=1)
    assert rows(run_step(step, {"examples": store(table)})) == [
        {"at": 0, "x_t": 1.5, "word_t": "b"},
        {"at": 60, "x_t": 1.5, "word_t": "b"},
        {"at": 120, "x_t": 1.5, "word_t": "b"},
        {"at": 180, "x_t": 5.0, "word_t": "c"},
    ]


def test_the_mean_that_fills_is_that_of_the_training_rows(store: Any, run_step: Any) -> None:
    train = pa.table({"at": [0, 20], "x": [1, 2]})
    evaluation = pa.table({"at": [0, 20], "x": [7, 8]})
    config = {"x": {"filling": [{"method": "mean"}]}}
    step = StandardSequencer(
        time_column="at", resampling_rate=10, gap_threshold=100, sequence_length=3, overwrite=config
    )
    made = run_step(step, {"examples": store(train=[train], eval=[evaluation])})
    assert rows(made, "train") == [{"at": 20, "x_t-2": 1.0, "x_t-1": 1.5, "x_t": 2.0}]
    assert rows(made, "eval") == [{"at": 20, "x_t-2": 7.0, "x_t-1": 1.5, "x_t": 8.0}]
    own = run_step(step, {"examples": store(evaluation)})
    assert rows(own) == [{"at": 20, "x_t-2": 7.0, "x_t-1": 7.5, "x_t": 8.0}]


def test_floats_that_are_no_number_are_missing(store: Any, run_step: Any) -> None:
    table = pa.table({"at": [0, 1, 20], "x": [1.0, float("nan"), float("nan")]})
    step = StandardSequencer(time_column="at", resampling_rate=10, gap_threshold=100, sequence_length=3)
    assert rows(run_step(step, {"examples": store(table)})) == [{"at": 20, "x_t-2": 1.0, "x_t-1": 1.0, "x_t": 1.0}]


def test_timestamps_in_nanoseconds_are_cut_exactly(store: Any, run_step: Any) -> None:
    table = pa.table({"at": [1, 100, 250], "x": [1, 2, 3]})
    step = StandardSequencer(
        time_column="at", time_unit="ns", resampling_rate="100ns", gap_threshold="1us", sequence_length=1
    )
    assert [row["at"] for row in rows(run_step(step, {"examples": store(table)}))] == [0, 100, 200]


@pytest.mark.parametrize("engine", [HostileProcessingBackend(seed=4, processes=1)])
def test_engines_give_the_same_bytes(
    engine: Any, store: Any, run_step: Any, files_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "PARTITION_BYTES", 30_000)
    table = readings()
    stored = store(table.slice(0, 700), table.slice(700, 1500), table.slice(2200))
    step = StandardSequencer(
        time_column="at", category_column="room", resampling_rate=60, gap_threshold=600, tfrecord=True
    )
    plain = run_step(step, {"examples": stored})
    other = run_step(step, {"examples": stored}, engine=engine)
    assert len(plain.properties["splits"]["all"]["shards"]) > 3
    assert files_of(other.path) == files_of(plain.path)
    assert other.properties == plain.properties
    assert plain.properties["tfrecord_casts"]


def test_the_output_of_this_cache_version_stays_as_it_is(store: Any, run_step: Any) -> None:
    step = StandardSequencer(time_column="at", category_column="room", resampling_rate=60, gap_threshold=600)
    made = run_step(step, {"examples": store(readings())})
    text = repr([[round(v, 6) if isinstance(v, float) else v for v in row.values()] for row in rows(made)]).encode()
    assert hashlib.sha256(text).hexdigest() == GOLDEN, "raise CACHE_VERSION when the output changes"


GOLDEN = "80706d0915170448db705a0486f35cc83d3ac17da91a7fd44e29d5369ff59aa6"


def test_windows_of_a_key_stay_together_in_a_split_by_key(store: Any, run_step: Any) -> None:
    made = run_step(
        StandardSequencer(time_column="at", category_column="room", sequence_length=3), {"examples": store(readings())}
    )
    split = run_step(KeySplit(key_columns=["room"]), {"examples": made})
    homes = {name: {row["room"] for row in rows(split, name)} for name in ("train", "eval")}
    assert not homes["train"] & homes["eval"]
    names = Snapshot.of(split).schema.names
    assert names[:5] == ("room", "at", "heat_t-2", "heat_t-1", "heat_t")


def test_a_sequencer_stands_between_the_data_and_the_split() -> None:
    pipeline = TrainingPipeline("windows")
    pipeline.add_split(KeySplit(key_columns=["room"]))
    pipeline.add_sequencer(StandardSequencer(time_column="at", category_column="room"))
    assert [*pipeline.steps] == ["sequencer", "split"]


def test_rows_without_a_place_are_refused_all_at_once_or_left_out(store: Any, run_step: Any) -> None:
    table = pa.table(
        {
            "at": ["2020-01-01", "2020-01-02", None, "2020-01-03"],
            "room": ["a", None, "a", "a"],
            "floor": [1, None, None, 1],
            "x": [1, 2, 3, 4],
        }
    )
    config: dict[str, Any] = {"time_column": "at", "category_column": ["room", "floor"], "sequence_length": 2}
    with pytest.raises(DataError) as error:
        run_step(StandardSequencer(**config), {"examples": store(table)})
    for message in ("1 rows have no 'at'", "1 rows have no 'room'", "2 rows have no 'floor'", 'missing_policy="skip"'):
        assert message in str(error.value)
    made = run_step(StandardSequencer(**config, missing_policy="skip"), {"examples": store(table)})
    assert [(row["x_t-1"], row["x_t"]) for row in rows(made)] == [(1, 4)]
    assert "1 rows have no 'room', and are left out" in run_step.notes.warnings


@pytest.mark.parametrize(
    ("times", "example"),
    [
        (["2020-01-01", "soon"], "'soon'"),
        ([1, 1 << 62], "'4611686018427387904'"),
        ([1.0, float("inf")], "'inf'"),
    ],
)
def test_times_that_are_none_are_refused(times: list[Any], example: str, store: Any, run_step: Any) -> None:
    step = StandardSequencer(time_column="at", missing_policy="skip")
    with pytest.raises(DataError, match="1 rows have no time that can be read in 'at'") as error:
        run_step(step, {"examples": store(pa.table({"at": times, "x": [1, 2]}))})
    assert example in str(error.value)


def test_sequences_that_are_all_too_short_are_refused(store: Any, run_step: Any) -> None:
    table = pa.table({"at": [0, 1, 100, 200], "x": [1, 2, 3, 4]})
    with pytest.raises(DataError, match="none of 3 sequences has 4 cells; the longest has 2") as error:
        run_step(StandardSequencer(time_column="at", gap_threshold=50), {"examples": store(table)})
    assert "a longer gap_threshold" in str(error.value)


def overwriting(**methods: Any) -> dict[str, Any]:
    return {"resampling_rate": 1, "gap_threshold": 9, "overwrite": {"heat": methods}}


@pytest.mark.parametrize(
    ("config", "messages"),
    [
        (
            {"time_column": "att", "category_column": "rom", "features": ["heet"]},
            ["Did you mean at?", "Did you mean room?", "Did you mean heat?"],
        ),
        ({"time_column": "open"}, ["column 'open' is of type boolean. It takes: integer, float, timestamp, string"]),
        ({"category_column": "heat"}, ["column 'heat' is of type float. It takes: integer, boolean, string, bytes"]),
        ({"resampling_rate": 0.5, "gap_threshold": 5}, ["column 'at' holds whole numbers"]),
        ({"resampling_rate": "5ns", "gap_threshold": "9us"}, ["times are counted in microseconds, and 5 ns"]),
        ({"overwrite": {"heatt": {}}}, ["'heatt' is not among the features. Did you mean heat?"]),
        (overwriting(resampling=[{"method": "maen"}]), ["has no method 'maen'. Did you mean mean?"]),
        (overwriting(resampling=[{"method": "max", "parameters": {"a": 1}}]), ["'max' takes no parameters"]),
        (overwriting(filling=[{"method": "foward"}]), ["there is no method 'foward'. Did you mean forward?"]),
        (overwriting(filling=[{"method": "constant"}]), ["'constant' takes the parameter 'value'"]),
        (
            overwriting(filling=[{"method": "constant", "parameters": {"value": "a"}}]),
            ["'a' cannot fill a column of type float"],
        ),
        ({"overwrite": {"note": {"filling": [{"method": "mean"}]}}}, ["a column of type string has no mean"]),
        (
            {"resampling_rate": 1, "gap_threshold": 9, "overwrite": {"note": {"resampling": [{"method": "sum"}]}}},
            ["a column of type string has no method 'sum'"],
        ),
    ],
)
def test_what_does_not_fit_the_columns_is_all_named(
    config: dict[str, Any], messages: list[str], store: Any, run_step: Any
) -> None:
    step = StandardSequencer(**{"time_column": "at", **config})
    with pytest.raises(DataError) as error:
        run_step(step, {"examples": store(readings(10))})
    assert all(message in str(error.value) for message in messages), str(error.value)


def test_columns_that_would_get_one_name_are_refused(store: Any, run_step: Any) -> None:
    table = pa.table({"at": [1], "x_t": [1], "x": [1]})
    step = StandardSequencer(time_column="at", category_column="x_t", sequence_length=1)
    with pytest.raises(DataError, match="two columns of the windows would be called 'x_t'"):
        run_step(step, {"examples": store(table)})
    with pytest.raises(DataError, match="there is no column but the key and the time"):
        run_step(StandardSequencer(time_column="at"), {"examples": store(table.select(["at"]))})


@pytest.mark.parametrize(
    ("config", "messages"),
    [
        ({"resampling_rate": 5}, ["resampling_rate needs a gap_threshold"]),
        ({"resampling_rate": "5m", "gap_threshold": -1}, ["write min for minutes", "-1.0 must be above 0"]),
        ({"resampling_rate": "1ms", "gap_threshold": "1d"}, ["more than 1,000,000 times"]),
        ({"sequence_length": 0}, ["sequence_length"]),
        ({"features": ["x", "x"]}, ["column 'x' is named twice"]),
        ({"category_column": "at"}, ["column 'at' is named twice"]),
        ({"overwrite": {"x": {"resampling": [{"method": "max"}]}}}, ["there is no resampling_rate"]),
        ({"overwrite": {"x": {"fill": []}}}, ["overwrite.x.fill"]),
    ],
)
def test_bad_parameters_are_refused_with_all_that_is_wrong(config: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        StandardSequencer(**{"time_column": "at", **config})
    assert all(message in str(error.value) for message in messages), str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (2, 2e9),
        (0.5, 5e8),
        ("min", 6e10),
        ("1h30min", 5.4e12),
        (" 250 ms ", 2.5e8),
        ("1.5D", 1.296e14),
        ("1w", 6.048e14),
    ],
)
def test_durations_are_read(text: float | str, expected: float) -> None:
    assert nanoseconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "1 fortnight", "1min!", float("nan"), 0, "0s", "9999999w"])
def test_what_is_no_duration_is_refused(text: float | str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit|must be"):
        nanoseconds(text)
