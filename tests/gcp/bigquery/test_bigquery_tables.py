"""BigQueryDatasource: tables, their types, their versions and the order of their rows."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bigquery_double import Break, World
from bigquery_double.world import real_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.data.identity import IdentityMemo
from zenml.data.snapshot import Snapshot
from zenml.datasources import BigQueryDatasource
from zenml.errors import ConfigError, DataError
from zenml.testing.hostile import HostileProcessingBackend
from zenml.testing.remote_engine import FreshProcessBackend

HERE = {"project": "birds", "dataset": "zoo", "table": "t"}


def source(**config: Any) -> BigQueryDatasource:
    return BigQueryDatasource(name="data", **{**HERE, **config})


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


def files(snapshot: Snapshot) -> dict[str, bytes]:
    found = sorted(path for path in snapshot.path.rglob("*") if path.is_file() and path.suffix != ".partial")
    return {path.relative_to(snapshot.path).as_posix(): path.read_bytes() for path in found}


TYPES = {
    "whole": {"type": "NUMERIC", "precision": "18"},
    "cents": {"type": "NUMERIC", "precision": "12", "scale": "2"},
    "doc": {"type": "JSON"},
    "place": {"type": "GEOGRAPHY"},
}


def every_type() -> pa.Table:
    """Return a row of all types, and one of nothing."""
    day, moment = dt.date(1969, 12, 31), dt.datetime.fromisoformat("2024-02-29 12:30:00.000001")
    columns = {
        "number": pa.array([2**63 - 1, None]),
        "float": pa.array([-0.0, None]),
        "nan": pa.array([float("nan"), None]),
        "flag": pa.array([True, None]),
        "text": pa.array(["ü\"'", None]),
        "raw": pa.array([b"\x00\xff", None]),
        "at": pa.array([moment, None], pa.timestamp("us", "UTC")),
        "local": pa.array([moment, None], pa.timestamp("us")),
        "day": pa.array([day, None], pa.date32()),
        "time": pa.array([dt.time(1, 2, 3), None], pa.time64("us")),
        "whole": pa.array([decimal.Decimal(10**18 - 1), None], pa.decimal128(38, 9)),
        "cents": pa.array([decimal.Decimal("1234567890.12"), None], pa.decimal128(38, 9)),
        "exact": pa.array([decimal.Decimal("0.000000001"), None], pa.decimal128(38, 9)),
        "big": pa.array([decimal.Decimal("100." + "1" * 38), None], pa.decimal256(76, 38)),
        "doc": pa.array(['{"a":1}', None]),
        "place": pa.array(["POINT(1 2)", None]),
        "numbers": pa.array([[1, 2], []], pa.list_(pa.int64())),
        "floats": pa.array([[0.5], []], pa.list_(pa.float64())),
        "texts": pa.array([["a", ""], []], pa.list_(pa.utf8())),
    }
    return pa.table(columns)


def test_each_type_has_its_own_outcome(bigquery: World, read: Any) -> None:
    bigquery.warehouse.put("birds.zoo.t", every_type(), TYPES)
    types = {"time": "string", "exact": "string", "big": "string", "place": "string"}
    found = read(source(types=types))
    full, empty = sorted(rows(found), key=lambda row: row["number"] is None)
    assert full == {
        "number": 2**63 - 1,
        "float": 0.0,
        "nan": None,
        "flag": True,
        "text": "ü\"'",
        "raw": b"\x00\xff",
        "at": dt.datetime.fromisoformat("2024-02-29 12:30:00.000001"),
        "local": dt.datetime.fromisoformat("2024-02-29 12:30:00.000001"),
        "day": dt.datetime.fromisoformat("1969-12-31"),
        "time": "01:02:03.000000",
        "whole": 10**18 - 1,
        "cents": 1234567890.12,
        "exact": "0.000000001",
        "big": "100." + "1" * 38,
        "doc": '{"a":1}',
        "place": "POINT(1 2)",
        "numbers": [1, 2],
        "floats": [0.5],
        "texts": ["a", ""],
    }
    assert str(full["float"]) == "-0.0"
    assert empty == {**dict.fromkeys(full), "numbers": [], "floats": [], "texts": []}
    rounded = read(
        source(columns=["big", "exact", "time"], types={"big": "float", "exact": "float", "time": "integer"})
    )
    (full, _) = sorted(rows(rounded), key=lambda row: row["time"] is None)
    assert full == {"big": pytest.approx(100.1111111111), "exact": 1e-9, "time": 3723 * 10**6}


def test_what_has_no_counterpart_is_told_column_by_column(bigquery: World, read: Any) -> None:
    table = every_type().append_column("parts", pa.array([{"a": 1}, None]))
    table = table.append_column("span", pa.array([None, None], pa.utf8())).append_column(
        "days", pa.array([[dt.date(2024, 1, 1)], []], pa.list_(pa.date32()))
    )
    bigquery.warehouse.put("birds.zoo.t", table, {**TYPES, "span": {"type": "RANGE"}})
    with pytest.raises(DataError) as error:
        read(source(types={"numbers": "float", "tekst": "bytes"}))
    told = {problem.where.partition("column ")[2]: problem for problem in error.value.problems}
    assert set(told) == {"", "time", "exact", "big", "place", "parts", "span", "days", "numbers"}
    assert "types names a column 'tekst' that is not there. Did you mean text?" in str(told[""])
    assert 'types={"exact": "float"} rounds them, "string" keeps every digit' in str(told["exact"])
    assert (
        'its type (GEOGRAPHY) has no counterpart among the types of features. Declare it, as in types={"place"'
        in str(told["place"])
    )
    assert "it holds records (STRUCT)" in str(told["parts"])
    assert "its type (RANGE) has no counterpart" in str(told["span"])
    assert "its type (ARRAY<DATE>) has no counterpart" in str(told["days"])
    assert "ARRAY<INTEGER> cannot be read as float" in str(told["numbers"])
    assert bigquery.storage.sessions == []


def test_only_what_is_asked_for_is_read(bigquery: World, read: Any) -> None:
    found = read(source(table="penguins", columns=["year", "species"], row_filter="island = 'Dream' AND year > 2008"))
    assert found.schema.names == ("year", "species")
    assert {row["year"] for row in rows(found)} == {2009}
    assert found.rows("all") == 44
    (session,) = bigquery.storage.sessions
    assert list(session.read_session.read_options.selected_fields) == ["year", "species"]
    assert session.max_stream_count == 16
    assert session.parent == "projects/birds"
    read(source(table="penguins", billing_project="purse", max_streams=2))
    assert bigquery.storage.sessions[-1].parent == "projects/purse"
    assert bigquery.storage.sessions[-1].max_stream_count == 2


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_files_are_the_same_however_the_rows_come(data: st.DataObject, bigquery: World, read: Any) -> None:
    """Streams, their number and order, the answers in them, where they break off, and the order in the table."""
    table = real_table("penguins")
    bigquery.storage.streams = 1
    first = read(source(table="penguins"))
    assert first.rows("all") == 344
    bigquery.storage.streams = data.draw(st.integers(1, 9))
    bigquery.storage.random.seed(data.draw(st.integers(0, 1000)))
    hows = st.sampled_from(["unavailable", "reset", "throttled"])
    bigquery.storage.breaks = [
        Break(how, after) for how, after in data.draw(st.lists(st.tuples(hows, st.integers(0, 300)), max_size=4))
    ]
    order = data.draw(st.permutations(range(344)))
    bigquery.warehouse.put("birds.zoo.penguins", table.take(pa.array(order)), hours_ago=1.5)
    assert files(read(source(table="penguins"))) == files(first)


def test_an_engine_that_may_do_anything_gives_the_same_files(bigquery: World, read: Any) -> None:
    bigquery.storage.streams = 5
    here = read(source(table="penguins"))
    there = read(source(table="penguins"), engine=HostileProcessingBackend())
    assert files(there) == files(here)


def test_machines_that_share_nothing_give_the_same_files(bigquery: World, read: Any, tmp_path: Path) -> None:
    here = read(source(table="penguins"))
    away = FreshProcessBackend(staging_location=str(tmp_path / "staging"), environment=bigquery.environment)
    assert files(read(source(table="penguins"), engine=away)) == files(here)


def test_a_limit_draws_always_the_same_rows(bigquery: World, read: Any) -> None:
    every = rows(read(source(table="penguins")))
    bigquery.storage.streams = 7
    few = rows(read(source(table="penguins", limit=50)))
    assert few == every[:50]
    assert len({row["species"] for row in few}) == 3


def test_a_table_is_a_new_source_when_it_changes_and_only_then(bigquery: World) -> None:
    table = real_table("penguins")
    before = source(table="penguins").identity()
    assert source(table="penguins").identity() == before
    assert source(table="penguins", billing_project="purse", max_streams=3).identity() == before
    assert source(table="penguins", columns=["year"]).identity() != before
    assert source(table="penguins", row_filter="year = 2007").identity() != before
    bigquery.warehouse.put("birds.zoo.penguins", table.slice(0, 10), hours_ago=0.5)
    assert source(table="penguins").identity() != before


def test_a_table_is_read_as_it_was_when_it_was_identified(bigquery: World, read: Any) -> None:
    step = source(table="penguins")
    step.identity()
    bigquery.warehouse.put("birds.zoo.penguins", real_table("penguins").slice(0, 10), hours_ago=0)
    assert read(step).rows("all") == 344
    assert read(source(table="penguins")).rows("all") == 10


def test_a_table_is_read_as_of_a_time(bigquery: World, read: Any) -> None:
    bigquery.warehouse.put("birds.zoo.penguins", real_table("penguins").slice(0, 10), hours_ago=1)
    past = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1.5)
    step = source(table="penguins", snapshot_time=past)
    assert read(step).rows("all") == 344
    bigquery.google.calls.clear()
    assert BigQueryDatasource.from_config(step.to_config()).identity() == step.identity()
    assert bigquery.google.calls == []
    with pytest.raises(DataError, match=r"Invalid snapshot time.*in the last 7 days"):
        read(source(table="penguins", snapshot_time=past - dt.timedelta(days=9)))


def test_a_table_into_which_rows_stream_is_read_in_each_run(bigquery: World, read: Any) -> None:
    stored = bigquery.warehouse.put("birds.zoo.penguins", real_table("penguins"), hours_ago=1)
    stored.streaming = True
    assert source(table="penguins").identity() != source(table="penguins").identity()
    read(source(table="penguins"))
    assert not bigquery.storage.sessions[-1].read_session.table_modifiers.snapshot_time


def test_refresh_says_when_a_table_is_looked_at(bigquery: World, read: Any, tmp_path: Path) -> None:
    memo = IdentityMemo(tmp_path / "sources.json")
    step = source(table="penguins", refresh="1h")
    before = step.identity(memo)
    read(step)
    bigquery.warehouse.put("birds.zoo.penguins", real_table("penguins").slice(0, 10), hours_ago=0.5)
    bigquery.google.calls.clear()
    memo = IdentityMemo(tmp_path / "sources.json")
    assert source(table="penguins", refresh="1h").identity(memo) == before
    assert (
        source(table="penguins", refresh="never").identity(memo) == source(table="penguins", refresh="never").identity()
    )
    assert bigquery.google.calls == []
    assert source(table="penguins").identity(memo) != before


def test_snapshots_of_tables_are_read(bigquery: World, read: Any) -> None:
    bigquery.warehouse.put("birds.zoo.saved", real_table("penguins"), kind="SNAPSHOT")
    assert read(source(table="saved")).rows("all") == 344


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED_VIEW", "EXTERNAL"])
def test_what_has_no_rows_of_its_own_needs_a_query(bigquery: World, kind: str) -> None:
    bigquery.warehouse.put("birds.zoo.seen", real_table("penguins"), kind=kind)
    with pytest.raises(DataError, match=r'Use query="SELECT \* FROM `birds.zoo.seen`" instead'):
        source(table="seen").identity()


def test_a_table_without_rows_is_refused(bigquery: World, read: Any) -> None:
    bigquery.warehouse.put("birds.zoo.t", real_table("penguins").slice(0, 0))
    with pytest.raises(DataError, match=r"BigQuery table birds.zoo.t: there is no row"):
        read(source())
    with pytest.raises(DataError, match="there is no row"):
        read(source(table="penguins", row_filter="year = 1900"))


def test_cells_that_do_not_fit_a_declared_type_are_told(bigquery: World, read: Any) -> None:
    with pytest.raises(DataError, match=r"BigQuery table birds.zoo.penguins, column island: 'Biscoe' is not a 64-bit"):
        read(source(table="penguins", types={"island": "integer"}))


def test_the_names_that_zenml_0_3_gave_are_understood() -> None:
    former = BigQueryDatasource(
        name="data", query_project="birds", query_dataset="zoo", query_table="t", query_limit=5, dest_project="purse"
    )
    assert former == source(limit=5, billing_project="purse")
    with pytest.raises(ConfigError, match="leave gcs_location out"):
        source(gcs_location="gs://bucket/dir")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"query": "SELECT 1"}, "name either a table or a query"),
        ({"table": None}, "name either a table or a query"),
        ({"dataset": None}, "name the dataset of the table"),
        ({"table": None, "query": "SELECT 1", "limit": 3, "columns": ["a"]}, "leave out columns, limit"),
        ({"location": "EU"}, "are for queries"),
        ({"table": "t$20240101"}, "table"),
        ({"snapshot_time": "2024-01-01T00:00:00"}, "snapshot_time"),
        ({"snapshot_time": "2024-01-01T00:00:00Z", "refresh": "1h"}, "leave refresh out"),
        ({"refresh": "sometimes"}, "refresh is 'always', 'never' or an age"),
        ({"columns": ["a", "a"]}, "names a column twice"),
        ({"max_streams": 0}, "max_streams"),
        ({"types": {"a": "number"}}, "types.a"),
        ({"tabel": "t"}, "Did you mean table"),
    ],
)
def test_config_that_does_not_fit_is_refused(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        source(**config)
