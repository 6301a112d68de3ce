"""SQLDatasource on a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from database_servers import PASSWORD, DatabaseServer

from zenml.backends.processing import ProcessingBaseBackend
from zenml.data.shards import ShardJob
from zenml.data.snapshot import Snapshot
from zenml.datasources import SQLDatasource
from zenml.errors import DataError
from zenml.runtime.worker_pool import POOL
from zenml.testing.hostile import HostileProcessingBackend

pytestmark = pytest.mark.xdist_group("postgresql")
pytest.importorskip("adbc_driver_postgresql", reason="needs zenml-core[postgresql]")


@pytest.fixture
def server(postgresql_server: DatabaseServer) -> Iterator[DatabaseServer]:
    postgresql_server.run("CREATE SCHEMA AUTHORIZATION zenml;", "zenml")
    yield postgresql_server
    POOL.close()
    assert sessions(postgresql_server) == 0
    postgresql_server.run("SET client_min_messages = error; DROP SCHEMA zenml CASCADE;", "zenml")


def sessions(server: DatabaseServer) -> int:
    """Return how many connections of the datasource are still open; the server notices an end a little later."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zenml'"
    wait = f"EXIT WHEN ({count}) = 0; PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();"
    return int(server.run(f"DO $$ BEGIN FOR i IN 1..3000 LOOP {wait} END LOOP; END $$;\n{count};", "postgres"))


def make(server: DatabaseServer, statements: str) -> None:
    server.run(f"SET SESSION AUTHORIZATION zenml; SET search_path = zenml; {statements}", "zenml")


def source(server: DatabaseServer, **config: Any) -> SQLDatasource:
    config = {"url": server.url("zenml"), "password": "env:DATABASE_PASSWORD", **config}
    return SQLDatasource(name="t", **config)


def test_reads_a_table_in_the_types_of_its_columns(server: DatabaseServer, reader: Any) -> None:
    make(
        server,
        """
        CREATE TYPE mood AS ENUM ('sad', 'happy');
        CREATE DOMAIN cents AS numeric(12, 2);
        CREATE TABLE t (
          id int PRIMARY KEY, small smallint, big bigint, r real, x double precision, price cents, whole numeric(18),
          flag boolean, word text, short char(3), raw bytea, at timestamp, "at zone" timestamptz, day date,
          doc json, docb jsonb, who uuid, m mood, address inet, number oid);
        INSERT INTO t VALUES
          (1, -32768, 9223372036854775807, 0.5, 1e300, 1234567890.12, 999999999999999999, true, 'ü"''', 'a', '\\x00ff',
           '2024-02-29 12:30:00.000001', '2024-02-29 12:30:00+02', '1969-12-31', '{"a": 1}', '{"b":  2}',
           '00000000-0000-0000-0000-00000000000f', 'happy', '10.0.0.1', 4294967295),
          (2, NULL, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        """,
    )
    one, two = reader.rows(source(server, table="t"))
    assert one == {
        "id": 1,
        "small": -32768,
        "big": 2**63 - 1,
        "r": 0.5,
        "x": 1e300,
        "price": 1234567890.12,
        "whole": 10**18 - 1,
        "flag": True,
        "word": "ü\"'",
        "short": "a",
        "raw": b"\x00\xff",
        "at": dt.datetime.fromisoformat("2024-02-29 12:30:00.000001"),
        "at zone": dt.datetime.fromisoformat("2024-02-29 10:30"),
        "day": dt.datetime.fromisoformat("1969-12-31"),
        "doc": '{"a": 1}',
        "docb": '{"b": 2}',
        "who": "00000000-0000-0000-0000-00000000000f",
        "m": "happy",
        "address": "10.0.0.1/32",
        "number": 2**32 - 1,
    }
    assert two == {**dict.fromkeys(one), "id": 2}


def test_reads_views_and_queries_in_the_order_of_their_key(server: DatabaseServer, reader: Any) -> None:
    make(
        server,
        """
        CREATE TABLE "odd ""name" (id int, word text);
        INSERT INTO "odd ""name" SELECT n * 7 % 10, 'w' || n FROM generate_series(0, 9) n;
        CREATE VIEW seen AS SELECT id, upper(word) AS word FROM "odd ""name" WHERE id < 4;
        CREATE MATERIALIZED VIEW kept AS TABLE seen;
        CREATE TABLE parts (id int PRIMARY KEY, word text) PARTITION BY RANGE (id);
        CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (2);
        CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (2) TO (9);
        INSERT INTO parts TABLE seen;
        """,
    )
    expected = [{"id": n, "word": f"W{n * 3 % 10}"} for n in range(4)]
    assert reader.rows(source(server, table="seen", key=["id"])) == expected
    assert reader.rows(source(server, table="zenml.kept", key=["id"])) == expected
    assert reader.rows(source(server, table="parts")) == expected
    query = '/* all */ SELECT id, upper(word) AS word FROM "odd ""name" WHERE id < 4; -- the end'.replace(";", "")
    assert reader.rows(source(server, query=query, key=["id"])) == expected
    assert len(reader.rows(source(server, table='odd "name', key=["word"]))) == 10
    assert reader.rows(source(server, query="SELECT 1 AS n;", key=["n"])) == [{"n": 1}]


def test_tables_whose_rows_lie_elsewhere_are_read_as_one_stream(server: DatabaseServer, reader: Any) -> None:
    make(
        server,
        """
        RESET SESSION AUTHORIZATION;
        CREATE EXTENSION file_fdw;
        CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
        CREATE TABLE parts (id int, word text) PARTITION BY RANGE (id);
        CREATE TABLE near PARTITION OF parts FOR VALUES FROM (0) TO (2);
        CREATE FOREIGN TABLE far PARTITION OF parts FOR VALUES FROM (2) TO (9)
          SERVER files OPTIONS (program 'echo 2,b', format 'csv');
        INSERT INTO parts VALUES (1, 'a');
        GRANT SELECT ON ALL TABLES IN SCHEMA zenml TO zenml;
        """,
    )
    jobs: list[ShardJob] = []
    reader(source(server, table="near", key=["id"]), before=jobs.append)
    reader(source(server, table="parts", key=["id"]), before=jobs.append)
    reader(source(server, table="far", key=["id"]), before=jobs.append)
    assert [job.op.rpartition(":")[2] for job in jobs] == ["ReadRange", "KeepQuery", "KeepQuery"]
    server.run("DROP EXTENSION file_fdw CASCADE;", "zenml")


def test_declared_types_stand_over_those_of_columns(server: DatabaseServer, reader: Any) -> None:
    make(
        server,
        """
        CREATE TABLE t (
          id int PRIMARY KEY, n numeric, span interval, list int[], raw bytea, day text, flag int, d date);
        INSERT INTO t VALUES (1, 12345678901234567890.5, '1 day', '{1,2}', 'abc', '2024-02-29', 1, 'infinity');
        """,
    )
    with pytest.raises(DataError) as error:
        reader(source(server, table="t"))
    assert [(problem.where.split(", ")[-1], problem.what) for problem in error.value.problems] == [
        ("column n", "its numbers (numeric) may have more digits than a float keeps"),
        ("column span", "its type (interval) has no counterpart among the types of features"),
        ("column list", "its type (integer[]) has no counterpart among the types of features"),
    ]
    types = dict.fromkeys(["span", "list", "raw", "d"], "string") | {
        "n": "float",
        "day": "timestamp",
        "flag": "boolean",
    }
    assert reader.rows(source(server, table="t", types=types)) == [
        {
            "id": 1,
            "n": 12345678901234567000.0,
            "span": "P1D",
            "list": "{1,2}",
            "raw": "abc",
            "day": dt.datetime.fromisoformat("2024-02-29"),
            "flag": True,
            "d": "infinity",
        }
    ]
    assert reader.rows(source(server, query="SELECT id, n FROM t", key=["id"], types={"n": "string"})) == [
        {"id": 1, "n": "12345678901234567890.5"}
    ]
    with pytest.raises(DataError, match=r"row 1, column n: '12345678901234567890.5' is not a 64-bit integer"):
        reader(source(server, query="SELECT id, n FROM t", key=["id"], types={"n": "integer"}))
    with pytest.raises(DataError, match=r"types names a column 'spam' that is not there. Did you mean span\?"):
        reader(source(server, table="t", types={"spam": "string"}))


@pytest.mark.parametrize(
    "value",
    ["'infinity'::date", "'5000000-01-01'::date", "'-infinity'::timestamptz", "'294276-12-31'::timestamp"],
)
def test_times_that_do_not_fit_are_refused(server: DatabaseServer, reader: Any, value: str) -> None:
    make(
        server, f"CREATE TABLE t AS SELECT n AS id, CASE n WHEN 2 THEN {value} END AS at FROM generate_series(1, 3) n;"
    )
    with pytest.raises(DataError, match="table t, row 2, column at: a time is infinite, or too late for microseconds"):
        reader(source(server, table="t", key=["id"]))


def test_keys_that_do_not_tell_rows_apart_are_refused(server: DatabaseServer, reader: Any) -> None:
    make(server, "CREATE TABLE t (id int, word text); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (2, 'c');")
    for what in ({"table": "t"}, {"query": "SELECT * FROM t"}):
        with pytest.raises(DataError, match=r"several rows have the key id=2. Name the columns that order"):
            reader(source(server, **what, key=["id"]))
        assert len(reader.rows(source(server, **what, key=["id", "word"]))) == 3
    make(server, "INSERT INTO t VALUES (NULL, 'd');")
    with pytest.raises(DataError, match=r"1 rows have no value in their key, such as \(id=None, word='d'\)"):
        reader(source(server, table="t", key=["id", "word"]))
    with pytest.raises(DataError, match=r"a row has no value in its key \(id=None\)"):
        reader(source(server, query="SELECT * FROM t WHERE id IS NULL", key=["id"]))
    with pytest.raises(DataError, match="it has no primary key, so the order of its rows is not known"):
        reader(source(server, table="t"))
    with pytest.raises(DataError, match=r"key names a column 'wrod' that is not there. Did you mean word\?"):
        reader(source(server, table="t", key=["wrod"]))


def test_texts_that_compare_as_equal_have_one_order(
    server: DatabaseServer, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(
        server,
        """
        CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE t (word text COLLATE alike);
        INSERT INTO t VALUES ('b'), ('A'), ('a'), ('B'), ('c');
        """,
    )
    monkeypatch.setattr("zenml.data.sql.commit.ROWS", 2)
    assert [row["word"] for row in reader.rows(source(server, table="t", key=["word"]))] == ["A", "a", "B", "b", "c"]


def test_what_is_not_there_is_told_with_the_closest(server: DatabaseServer, reader: Any) -> None:
    make(server, "CREATE TABLE orders (id int PRIMARY KEY, price int);")
    cases = [
        ({"table": "oders"}, r"there is no table or view 'oders'. Did you mean orders\?"),
        ({"table": "zenml.oders"}, r"there is no table or view 'zenml.oders'. Did you mean zenml.orders\?"),
        ({"table": "xyz"}, r"Tables: orders"),
        ({"query": "SELECT * FROM oders", "key": ["id"]}, 'the database says: relation "oders" does not exist'),
        (
            {"query": "SELECT id, pric FROM orders", "key": ["id"]},
            r'column "pric" does not exist. Perhaps you meant .*price',
        ),
        ({"query": "SELECT id, id FROM orders", "key": ["id"]}, "2 columns are called 'id'"),
        ({"query": "SELECT FROM WHERE", "key": ["id"]}, "the database says: syntax error at or near"),
        ({"query": "DELETE FROM orders", "key": ["id"]}, "the query is no SELECT statement, it starts with 'DELETE'"),
        ({"query": "WITH gone AS (DELETE FROM orders RETURNING id) TABLE gone", "key": ["id"]}, "the database says: "),
        ({"table": "orders"}, "there is no row"),
        ({"query": "SELECT 1 AS id WHERE false", "key": ["id"]}, "there is no row"),
        ({"query": "SELECT 1/0 AS id", "key": ["id"]}, "the database says: division by zero"),
        ({"query": "SELECT '{}'::json AS id", "key": ["id"]}, "could not identify an ordering operator for type json"),
    ]
    for config, message in cases:
        with pytest.raises(DataError, match=message):
            reader(source(server, **config))


def test_a_server_that_refuses_is_told_without_the_password(
    server: DatabaseServer, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [
        (server.url("zenmo"), r'database "zenmo" does not exist. Did you mean zenml\?'),
        (server.url("zenml") + "?sslmod=require", 'invalid URI query parameter: "sslmod"'),
        ("postgresql://zenml@127.0.0.1:1/zenml", "Connection refused"),
        ("postgresql://zenml@no-such-host.invalid/zenml", "could not translate host name"),
    ]
    for url, message in cases:
        with pytest.raises(DataError, match=message) as error:
            reader(source(server, url=url, table="t"))
        assert PASSWORD not in str(error.value)
    monkeypatch.setenv("DATABASE_PASSWORD", "wr0ng-password")
    with pytest.raises(DataError, match=r"password authentication failed for user .zenml.. Check the user") as error:
        reader(source(server, table="t"))
    assert "wr0ng-password" not in str(error.value)


@pytest.mark.parametrize(
    ("engine", "key"),
    [(ProcessingBaseBackend(workers=2), ["id"]), (HostileProcessingBackend(seed=3), ["word", "id"])],
)
def test_every_engine_gives_the_same_bytes(
    server: DatabaseServer, reader: Any, files_of: Any, engine: Any, key: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenml.data.sql.commit.ROWS", 700)
    make(
        server,
        """
        CREATE TABLE t (id bigint PRIMARY KEY, x float8, word varchar(9), at timestamptz);
        INSERT INTO t SELECT n, n / 3.0, 'w' || n % 11, CASE WHEN n % 7 > 0 THEN to_timestamp(n) END
        FROM generate_series(1, 5000) n ORDER BY md5(n::text);
        """,
    )
    here = reader(source(server, table="t", key=key))
    assert here.properties["splits"]["all"]["shards"] == [700] * 7 + [100]
    jobs: list[ShardJob] = []
    there = reader(source(server, table="t", key=key), engine, jobs.append)
    assert files_of(there) == files_of(here)
    assert PASSWORD not in jobs[0].to_json()
    streamed = reader(source(server, query="SELECT * FROM t", key=key))
    assert files_of(streamed) == files_of(here)


def test_one_state_is_read_whatever_others_write(server: DatabaseServer, reader: Any) -> None:
    make(server, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10);")

    def write(job: ShardJob) -> None:
        make(server, "DELETE FROM t WHERE id < 6; INSERT INTO t VALUES (99); UPDATE t SET id = 98 WHERE id = 7;")

    found = Snapshot.of(reader(source(server, table="t"), before=write))
    assert [row["id"] for batch in found.batches("all") for row in batch.to_pylist()] == list(range(1, 11))
    assert [row["id"] for row in reader.rows(source(server, table="t"))] == [6, 8, 9, 10, 98, 99]


def test_a_table_that_is_dropped_midway_waits_or_is_told(
    server: DatabaseServer, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(server, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);")

    def drop(job: ShardJob) -> None:
        with pytest.raises(AssertionError, match="canceling statement due to lock timeout"):
            make(server, "SET lock_timeout = '50ms'; DROP TABLE t;")

    assert Snapshot.of(reader(source(server, table="t"), before=drop)).rows("all") == 1

    monkeypatch.setattr("zenml.data.sql.postgresql.session.LOCK_SECONDS", 1)
    waiting: list[Any] = []

    def wait_to_drop(job: ShardJob) -> None:
        waiting.append(server.start("DROP TABLE zenml.t;", "zenml"))
        server.run(
            "DO $$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted); END LOOP; END $$;", "zenml"
        )

    with pytest.raises(DataError, match="Another session changes this table, or waits to"):
        reader(source(server, table="t"), before=wait_to_drop)
    assert waiting[0].wait(30) == 0
    with pytest.raises(DataError, match="there is no table or view 't'"):
        reader(source(server, table="t"))


def test_a_connection_that_is_cut_midway_is_told(server: DatabaseServer, reader: Any) -> None:
    make(server, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);")
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zenml';"

    def cut(job: ShardJob) -> None:
        server.run(kill, "postgres")

    with pytest.raises(DataError, match="A worker's connection does not reach the snapshot that the run exported"):
        reader(source(server, table="t"), before=cut)
    end = "pg_terminate_backend(CASE n WHEN 9 THEN pg_backend_pid() ELSE 0 END)"
    query = f"SELECT n AS id, {end} FROM generate_series(1, 9) n"
    with pytest.raises(DataError, match="terminating connection due to administrator command"):
        reader(source(server, query=query, key=["id"]))


def test_two_hundred_thousand_rows_are_read(server: DatabaseServer, reader: Any) -> None:
    make(
        server,
        "CREATE TABLE t AS SELECT n AS id, n * 0.5::float8 AS x, md5(n::text) AS word "
        "FROM generate_series(1, 200000) n;"
        "ALTER TABLE t ADD PRIMARY KEY (id);",
    )
    stored = reader(source(server, table="t", tfrecord=False))
    statistics = Snapshot.of(stored).statistics("all")
    assert stored.properties["splits"]["all"]["rows"] == 200_000
    assert (statistics["id"].numbers.min, statistics["id"].numbers.max) == (1, 200_000)
