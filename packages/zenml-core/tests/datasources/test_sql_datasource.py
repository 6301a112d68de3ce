from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from zenml.data.snapshot import Snapshot
from zenml.data.sql.source import OpenQuery
from zenml.datasources.sql import SQLDatasource
from zenml.errors import ConfigError, DataError
from zenml.testing.hostile import HostileProcessingBackend


@pytest.fixture
def base(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return an open database `base.db`, whose statements are committed one by one."""
    with closing(sqlite3.connect(tmp_path / "base.db", isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def read(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that reads `base.db` with the datasource, and gives the rows."""

    def read(**config: Any) -> list[dict[str, Any]]:
        stored = run_step(SQLDatasource(name="t", url=f"sqlite:///{tmp_path / 'base.db'}", **config))
        return [row for batch in Snapshot.of(stored).batches("all") for row in batch.to_pylist()]

    return read


def test_reads_a_table_in_the_types_of_its_values(base: sqlite3.Connection, read: Any) -> None:
    base.execute('CREATE TABLE t (n, x, word, raw, empty, "odd ""name""")')
    base.executemany("INSERT INTO t VALUES (?,?,?,?,?,?)", [(1, 2, "ü", b"\xff", None, 1), (None,) * 6])
    base.execute("INSERT INTO t VALUES (3, 0.5, 'a', NULL, NULL, 2)")
    assert read(table="t") == [
        {"n": 1, "x": 2.0, "word": "ü", "raw": b"\xff", "empty": None, 'odd "name"': 1},
        {"n": None, "x": None, "word": None, "raw": None, "empty": None, 'odd "name"': None},
        {"n": 3, "x": 0.5, "word": "a", "raw": None, "empty": None, 'odd "name"': 2},
    ]


def test_reads_a_query_in_the_order_of_its_key(base: sqlite3.Connection, read: Any) -> None:
    base.execute("CREATE TABLE t (id, word)")
    base.executemany("INSERT INTO t VALUES (?, ?)", [(n * 7 % 10, f"w{n}") for n in range(10)])
    found = read(query="SELECT id, upper(word) AS word FROM t WHERE id < 4;", key=["id"])
    assert found == [{"id": n, "word": f"W{n * 3 % 10}"} for n in range(4)]


def test_keys_that_do_not_tell_rows_apart_are_refused(base: sqlite3.Connection, read: Any) -> None:
    base.execute("CREATE TABLE t (id, word)")
    base.executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, "b"), (2, "c")])
    with pytest.raises(DataError, match=r"several rows have the key id=2. Name the columns that order"):
        read(table="t", key=["id"])
    assert len(read(table="t", key=["id", "word"])) == 3
    base.execute("INSERT INTO t VALUES (NULL, 'd')")
    with pytest.raises(DataError, match=r"a row has no value in its key \(id=None, word='d'\)"):
        read(table="t", key=["id", "word"])
    with pytest.raises(DataError, match=r"key names a column 'wrod' that is not there. Did you mean word\?"):
        read(table="t", key=["wrod"])


def test_declared_types_stand_over_stored_ones(base: sqlite3.Connection, read: Any) -> None:
    base.execute("CREATE TABLE t (flag, day, n)")
    base.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1, "2024-02-29", 7), (0, None, 8)])
    types = {"flag": "boolean", "day": "timestamp", "n": "string"}
    assert read(table="t", types=types) == [
        {"flag": True, "day": dt.datetime.fromisoformat("2024-02-29"), "n": "7"},
        {"flag": False, "day": None, "n": "8"},
    ]
    base.execute("INSERT INTO t VALUES (2, '2023-02-29', 9)")
    with pytest.raises(DataError) as error:
        read(table="t", types=types)
    assert [problem.where.split("/")[-1] for problem in error.value.problems] == [
        "base.db, table t, row 3, column flag",
        "base.db, table t, row 3, column day",
    ]
    with pytest.raises(DataError, match=r"types names a column 'dya' that is not there. Did you mean day\?"):
        read(table="t", types={"dya": "string"})


def test_columns_of_several_types_are_refused(base: sqlite3.Connection, read: Any) -> None:
    base.execute("CREATE TABLE t (a, b)")
    base.executemany("INSERT INTO t VALUES (?, ?)", [(1, 1), ("x", 2), (b"y", 3.5)])
    with pytest.raises(DataError) as error:
        read(table="t")
    (problem,) = error.value.problems
    assert problem.what == "it holds values of several types: 1 of type integer and 1 of type text and 1 of type blob"
    assert problem.where.endswith("base.db, table t, column a")


def test_text_that_is_no_utf8_is_told_by_row(base: sqlite3.Connection, read: Any) -> None:
    base.execute("CREATE TABLE t (word)")
    base.execute("INSERT INTO t VALUES ('a'), (CAST(X'ff' AS TEXT))")
    with pytest.raises(DataError, match=r"table t, row 2, column word: '\\\\xff' is not UTF-8 text"):
        read(table="t")


def test_what_is_not_there_is_told_with_the_closest(base: sqlite3.Connection, read: Any, tmp_path: Path) -> None:
    base.execute("CREATE TABLE orders (id)")
    with pytest.raises(DataError, match=r"no such table: oders\. Did you mean orders\?"):
        read(table="oders")
    with pytest.raises(DataError, match=r"no such table: missing\. Tables: orders"):
        read(query="SELECT * FROM missing", key=["id"])
    with pytest.raises(DataError, match="the database says: near"):
        read(query="SELECT FROM WHERE", key=["id"])
    base.execute("CREATE VIEW seen AS SELECT * FROM orders")
    base.execute("CREATE TABLE without (id PRIMARY KEY) WITHOUT ROWID")
    for name in ("seen", "without"):
        with pytest.raises(DataError, match=f"table {name}: it has no row ids, so the order of its rows is not known"):
            read(table=name)
    with pytest.raises(DataError, match="there is no row"):
        read(table="orders")
    with pytest.raises(DataError, match="columns are called 'id'"):
        read(query="SELECT id, id FROM orders", key=["id"])
    with pytest.raises(DataError, match="the database says: attempt to write a readonly database"):
        read(query="CREATE TABLE other (id)", key=["id"])
    (tmp_path / "base.db").write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match="the database says: file is not a database"):
        read(table="orders")
    with pytest.raises(DataError, match=r"there is no such file. Did you mean base.db\?"):
        SQLDatasource(name="t", url=f"sqlite:///{tmp_path / 'bas.db'}", table="t").identity()


def test_one_state_of_the_database_is_read_and_a_change_is_told(
    base: sqlite3.Connection, tmp_path: Path, run_step: Any
) -> None:
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE t (n)")
    base.execute("INSERT INTO t VALUES (1)")
    datasource = SQLDatasource(name="t", url=f"sqlite:///{tmp_path / 'base.db'}", table="t")
    first = datasource.identity()
    assert Snapshot.of(run_step(datasource)).rows("all") == 1
    base.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(DataError, match="the database changed since this run was planned"):
        run_step(datasource)
    assert datasource.identity() != first
    assert Snapshot.of(run_step(datasource)).rows("all") == 2


def test_identity_stands_for_the_place(base: sqlite3.Connection, tmp_path: Path) -> None:
    base.execute("CREATE TABLE t (n)")
    (tmp_path / "copy.db").write_bytes((tmp_path / "base.db").read_bytes())
    one = SQLDatasource(name="x", url="sqlite:///base.db", table="t").resolve(tmp_path)
    two = SQLDatasource(name="y", url="sqlite:///copy.db", table="t").resolve(tmp_path)
    assert one.identity() == two.identity()
    assert one.fingerprint_config() == two.fingerprint_config() == {"table": "t"}
    assert one.relative_to(tmp_path).url == "sqlite:///base.db"
    assert one.local_paths() == [str(tmp_path / "base.db")]
    assert one.model_copy(update={"key": ["n"]}).identity() != one.identity()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "name either a table or a query"),
        ({"table": "t", "query": "SELECT 1"}, "name either a table or a query"),
        ({"query": "SELECT 1"}, "a query needs a key"),
        ({"table": "t", "url": "oracle://x"}, "SQLDatasource.url"),
    ],
)
def test_config_is_checked(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SQLDatasource(**{"name": "t", "url": "sqlite:///t.db", **config})


def test_every_engine_gives_the_same_bytes(
    base: sqlite3.Connection, tmp_path: Path, run_step: Any, files_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenml.data.sql.commit.ROWS", 500)
    monkeypatch.setattr("zenml.data.sql.blocks.ROWS", 300)
    base.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, x, word)")
    values = [(n, None if n % 7 == 0 else n / 3, f"w{n % 11}") for n in range(3000)]
    base.executemany("INSERT INTO t VALUES (?, ?, ?)", values)
    datasource = SQLDatasource(name="t", url=f"sqlite:///{tmp_path / 'base.db'}", table="t")
    here = run_step(datasource)
    assert len(here.properties["splits"]["all"]["shards"]) == 6
    assert files_of(here.path) == files_of(run_step(datasource, engine=HostileProcessingBackend(seed=3)).path)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_table_that_vanishes_midway_is_told(
    base: sqlite3.Connection, tmp_path: Path, run_step: Any, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    base.execute(f"PRAGMA journal_mode={mode}")
    base.execute("PRAGMA busy_timeout=0")
    base.execute("CREATE TABLE t (n)")
    base.execute("INSERT INTO t VALUES (1), (2)")
    datasource = SQLDatasource(name="t", url=f"sqlite:///{tmp_path / 'base.db'}", table="t")
    columns = OpenQuery.columns

    def then_drop(*arguments: Any) -> Any:
        found = columns(*arguments)
        if mode == "wal":
            base.execute("DROP TABLE t")
        else:
            with pytest.raises(sqlite3.OperationalError, match="database is locked"):
                base.execute("DROP TABLE t")
        return found

    monkeypatch.setattr(OpenQuery, "columns", then_drop)
    if mode == "wal":
        with pytest.raises(DataError, match="the database changed since this run was planned"):
            run_step(datasource)
    else:
        assert Snapshot.of(run_step(datasource)).rows("all") == 2
