from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zenml.data.snapshot import Snapshot
from zenml.datasources.parquet import ParquetDatasource
from zenml.errors import ConfigError, DataError
from zenml.testing.hostile import HostileProcessingBackend

at = dt.datetime.fromisoformat


@pytest.fixture
def table(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that writes columns as a Parquet file, reads it with the datasource, and gives the snapshot."""

    def read(data: dict[str, Any], *, row_group_size: int | None = None, **config: Any) -> Snapshot:
        path = tmp_path / "table.parquet"
        pq.write_table(pa.table(data), path, row_group_size=row_group_size)
        return Snapshot.of(run_step(ParquetDatasource(name="Table", path=str(path), **config)))

    return read


def types(snapshot: Snapshot) -> dict[str, str]:
    return {feature.name: feature.type.value for feature in snapshot.schema}


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


def problems(error: pytest.ExceptionInfo[DataError]) -> list[str]:
    """Return the problems, with file names cut to their last part."""
    return [str(problem).split("/")[-1] for problem in error.value.problems]


def test_keeps_values_of_every_width_and_their_nulls(table: Any) -> None:
    snapshot = table(
        {
            "small": pa.array([1, None, -3], pa.int8()),
            "unsigned": pa.array([1, None, (1 << 63) - 1], pa.uint64()),
            "half": pa.array([1.5, None, 2.5], pa.float32()),
            "flag": [True, None, False],
            "word": pa.array(["a", None, "ü"], pa.large_string()),
            "raw": pa.array([b"ab", None, b"cd"], pa.binary(2)),
            "kind": pa.array(["x", None, "y"]).dictionary_encode(),
            "nothing": pa.nulls(3),
        }
    )
    assert types(snapshot) == {
        "small": "integer",
        "unsigned": "integer",
        "half": "float",
        "flag": "boolean",
        "word": "string",
        "raw": "bytes",
        "kind": "string",
        "nothing": "string",
    }
    first, second, third = rows(snapshot)
    assert set(second.values()) == {None}
    assert list(first.values()) == [1, 1, 1.5, True, "a", b"ab", "x", None]
    assert list(third.values()) == [-3, (1 << 63) - 1, 2.5, False, "ü", b"cd", "y", None]


def test_dates_and_instants_become_timestamps_in_utc(table: Any) -> None:
    snapshot = table(
        {
            "day": [dt.date(2024, 2, 29), None],
            "local": pa.array([at("2024-01-02T03:04:05.000006"), None], pa.timestamp("ns")),
            "instant": pa.array([at("2024-01-01T00:00:00+01:00"), None], pa.timestamp("ms", "+01:00")),
        }
    )
    assert set(types(snapshot).values()) == {"timestamp"}
    assert rows(snapshot)[0] == {
        "day": at("2024-02-29"),
        "local": at("2024-01-02T03:04:05.000006"),
        "instant": at("2023-12-31T23:00:00"),
    }
    assert snapshot.statistics("all").rows == 2


def test_decimals_that_a_float_or_an_integer_keeps_are_numbers(table: Any) -> None:
    snapshot = table(
        {
            "price": pa.array([decimal.Decimal("12.34"), None], pa.decimal128(10, 2)),
            "count": pa.array([decimal.Decimal(7), None], pa.decimal128(18, 0)),
        }
    )
    assert types(snapshot) == {"price": "float", "count": "integer"}
    assert rows(snapshot)[0] == {"price": 12.34, "count": 7}


def test_columns_without_a_counterpart_are_refused_by_name_all_at_once(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table(
            {
                "tags": [[["a"]], [["b"]]],
                "place": [{"x": 1}, {"x": 2}],
                "money": pa.array([decimal.Decimal(1)] * 2, pa.decimal128(38, 9)),
                "clock": [dt.time(1), dt.time(2)],
                "fine": [1, 2],
            }
        )
    assert [problem.split(": ")[0] for problem in problems(error)] == [
        f"table.parquet, column {name}" for name in ("tags", "place", "money", "clock")
    ]
    assert "nested values" in problems(error)[0]
    assert "columns=[…]" in problems(error)[1]
    assert 'types={"money": "float"} rounds them, "string" keeps every digit' in problems(error)[2]


def test_declared_types_read_what_would_be_refused(table: Any) -> None:
    snapshot = table(
        {
            "money": pa.array([decimal.Decimal("1.5")], pa.decimal128(38, 9)),
            "clock": [dt.time(1)],
            "n": [3],
            "when": ["2024-02-29T10:00:00+02:00"],
        },
        types={"money": "string", "clock": "string", "n": "float", "when": "timestamp"},
    )
    assert rows(snapshot) == [
        {"money": "1.500000000", "clock": "01:00:00.000000", "n": 3.0, "when": at("2024-02-29T08:00:00")}
    ]


def test_columns_can_be_chosen_and_ordered(table: Any) -> None:
    snapshot = table({"tags": [["a"]], "a": [1], "b": ["x"]}, columns=["b", "a"])
    assert rows(snapshot) == [{"b": "x", "a": 1}]
    assert snapshot.schema.names == ("b", "a")


def test_cells_that_do_not_fit_are_told_by_row(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table(
            {
                "big": pa.array([1, 1 << 63, 2, 3], pa.uint64()),
                "when": pa.array([1000, 2000, 3001, None], pa.timestamp("ns")),
                "day": ["2024-02-29", "2023-02-29", None, "soon"],
            },
            row_group_size=2,
            types={"day": "timestamp"},
        )
    no_date = "is not a date or time that exists, in ISO 8601 and microseconds"
    fine = "is finer than a microsecond, or too far away for microseconds in 64 bits"
    assert [problem.split(". If")[0] for problem in problems(error)] == [
        "table.parquet, row 2, column big: '9223372036854775808' is not a 64-bit integer",
        f"table.parquet, row 2, column day: '2023-02-29' {no_date}",
        f"table.parquet, row 3, column when: '3001 ns since 1970' {fine}",
        f"table.parquet, row 4, column day: 'soon' {no_date}",
    ]


def test_text_that_is_no_utf8_is_told_by_row(table: Any) -> None:
    text = pa.array([b"ok", b"caf\xe9"]).view(pa.string())
    with pytest.raises(DataError, match=r"row 2, column word: 'caf\\\\xe9' is not UTF-8 text"):
        table({"word": text})


def test_not_a_number_is_missing(table: Any) -> None:
    assert rows(table({"x": [1.0, float("nan"), float("inf")]})) == [{"x": 1.0}, {"x": None}, {"x": float("inf")}]


def test_small_row_groups_make_up_one_shard_and_large_ones_a_shard_each(table: Any, monkeypatch: Any) -> None:
    columns = {"n": list(range(100))}
    assert len(table(columns, row_group_size=10).shards("all")) == 1
    monkeypatch.setattr("zenml.data.parquet.commit.TARGET", 1)
    snapshot = table(columns, row_group_size=10)
    assert len(snapshot.shards("all")) == 10
    assert [row["n"] for row in rows(snapshot)] == list(range(100))


def test_glob_reads_files_in_the_order_of_names_and_they_must_agree(tmp_path: Path, run_step: Any) -> None:
    def write(name: str, columns: dict[str, Any]) -> None:
        pq.write_table(pa.table(columns), tmp_path / name)

    write("1.parquet", {"a": pa.array([1], pa.int32()), "b": pa.nulls(1)})
    write("2.parquet", {"b": ["x"], "a": [2]})
    datasource = ParquetDatasource(name="t", path=str(tmp_path / "*.parquet"))
    assert rows(Snapshot.of(run_step(datasource))) == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]
    write("3.parquet", {"a": [1.5], "b": ["x"]})
    with pytest.raises(DataError, match="column a: it is of type double, and of type int32 in"):
        run_step(datasource)
    write("4.parquet", {"a": [1], "c": ["x"]})
    with pytest.raises(DataError, match="it has also c and lacks b"):
        run_step(datasource)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "the file is empty"), (b"a,b\n1,2\n" * 10, "no Parquet file"), (b"PAR1" + b"\0" * 40, "no Parquet file")],
)
def test_files_that_are_no_table_are_refused(tmp_path: Path, run_step: Any, content: bytes, message: str) -> None:
    for name in ("1.parquet", "2.parquet"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        run_step(ParquetDatasource(name="t", path=str(tmp_path / "*.parquet")))
    assert len(error.value.problems) == 2


def test_a_damaged_row_group_is_told_and_nothing_is_written(tmp_path: Path, run_step: Any) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [f"{number:032d}" for number in range(4000)]}), path, use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[40:4000] = b"\xff" * 3960
    path.write_bytes(data)
    with pytest.raises(DataError, match="a row group cannot be read"):
        run_step(ParquetDatasource(name="t", path=str(path)))
    assert [file for file in (run_step.root / "step-1" / "out").rglob("*") if file.is_file()] == []


def test_a_file_without_rows_or_columns_is_refused(table: Any) -> None:
    with pytest.raises(DataError, match="there is no row"):
        table({"a": pa.array([], pa.int64())})
    with pytest.raises(DataError, match="there is no column"):
        table({})


def test_unknown_names_in_parameters_are_told_with_the_closest(table: Any) -> None:
    with pytest.raises(DataError) as error:
        table({"age": [1]}, types={"agee": "float"}, columns=["aeg"])
    assert problems(error) == [
        "table.parquet: types names a column 'agee' that is not there. Did you mean age?",
        "table.parquet: columns names a column 'aeg' that is not there. Did you mean age?",
    ]
    with pytest.raises(DataError, match=r"Arrow type date32.* cannot be read as boolean"):
        table({"day": [dt.date(2024, 1, 1)]}, types={"day": "boolean"})
    with pytest.raises(ConfigError):
        ParquetDatasource(name="t", path="t.parquet", columns=[])


def test_url_is_read_through_fsspec(run_step: Any) -> None:
    import fsspec

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": [1, 2]}), sink)
    fsspec.filesystem("memory").pipe("/parquet-datasource/one.parquet", sink.getvalue().to_pybytes())
    datasource = ParquetDatasource(name="t", path="memory://parquet-datasource/*.parquet")
    assert rows(Snapshot.of(run_step(datasource))) == [{"n": 1}, {"n": 2}]


def test_identity_depends_on_content_types_and_columns(tmp_path: Path) -> None:
    path = str(tmp_path / "t.parquet")
    pq.write_table(pa.table({"a": [1], "b": [2]}), path)
    plain = ParquetDatasource(name="x", path=path).identity()
    assert ParquetDatasource(name="y", path=path, tfrecord=False).identity() == plain
    assert ParquetDatasource(name="x", path=path, columns=["a"]).identity() != plain
    assert ParquetDatasource(name="x", path=path, types={"a": "float"}).identity() != plain


def test_every_engine_gives_the_same_bytes(tmp_path: Path, run_step: Any, files_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("zenml.data.parquet.commit.TARGET", 1)
    path = tmp_path / "t.parquet"
    columns = {"n": list(range(3000)), "x": [None if n % 7 == 0 else n / 3 for n in range(3000)]}
    pq.write_table(pa.table({**columns, "word": [f"w{n % 11}" for n in range(3000)]}), path, row_group_size=500)
    datasource = ParquetDatasource(name="t", path=str(path))
    here = run_step(datasource)
    there = run_step(datasource, engine=HostileProcessingBackend(seed=7))
    assert files_of(here.path) == files_of(there.path)
    assert here.properties == there.properties
