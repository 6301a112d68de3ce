"""SQLDatasource on a real MariaDB."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import pytest
from database_servers import PASSWORD, DatabaseServer

from zenml.backends.processing import ProcessingBaseBackend
from zenml.data.snapshot import Snapshot
from zenml.data.sql.mysql import source as mysql_source
from zenml.datasources import SQLDatasource
from zenml.errors import ConfigError, DataError
from zenml.runtime.worker_pool import POOL

pytestmark = pytest.mark.xdist_group("mariadb")
pytest.importorskip("pymysql", reason="needs zenml-core[mysql]")


@pytest.fixture
def server(mariadb_server: DatabaseServer) -> Iterator[DatabaseServer]:
    mariadb_server.run("CREATE DATABASE d CHARACTER SET utf8mb4;")
    yield mariadb_server
    POOL.close()
    # This would wait for ever, and so fail, were a transaction of the datasource still open.
    mariadb_server.run("SET lock_wait_timeout = 20; DROP DATABASE d;")


def source(server: DatabaseServer, **config: Any) -> SQLDatasource:
    config = {"url": server.url("d"), "password": "env:DATABASE_PASSWORD", **config}
    return SQLDatasource(name="t", **config)


def test_reads_a_table_in_the_types_of_its_columns(server: DatabaseServer, reader: Any) -> None:
    server.run(
        """
        CREATE TABLE t (
          id int PRIMARY KEY, small tinyint, big bigint, huge bigint unsigned, r float, x double, price decimal(15, 2),
          whole decimal(18), flag boolean, bits bit(1), word varchar(9), latin text CHARACTER SET latin1, raw blob,
          fixed binary(2), at datetime(6), `at zone` timestamp(6) NULL, day date, y year, doc json, who uuid,
          m enum('sad', 'happy'), s set('a', 'b'), address inet6);
        SET time_zone = '+02:00';
        INSERT INTO t VALUES
          (1, -128, -9223372036854775808, 9223372036854775807, 0.1, 1e300, -1234567890123.12, 999999999999999999, true,
           b'1', 'ü"''', 'é', x'00ff', 'ab', '2024-02-29 12:30:00.000001', '2024-02-29 12:30:00', '1969-12-31', 2024,
           '{"a": 1}', '00000000-0000-0000-0000-00000000000f', 'happy', 'a,b', '::1');
        INSERT INTO t (id) VALUES (2);
        """,
        "d",
    )
    one, two = reader.rows(source(server, table="t"))
    assert one == {
        "id": 1,
        "small": -128,
        "big": -(2**63),
        "huge": 2**63 - 1,
        "r": 0.10000000149011612,
        "x": 1e300,
        "price": -1234567890123.12,
        "whole": 10**18 - 1,
        "flag": True,
        "bits": True,
        "word": "ü\"'",
        "latin": "é",
        "raw": b"\x00\xff",
        "fixed": b"ab",
        "at": dt.datetime.fromisoformat("2024-02-29 12:30:00.000001"),
        "at zone": dt.datetime.fromisoformat("2024-02-29 10:30"),
        "day": dt.datetime.fromisoformat("1969-12-31"),
        "y": 2024,
        "doc": '{"a": 1}',
        "who": "00000000-0000-0000-0000-00000000000f",
        "m": "happy",
        "s": "a,b",
        "address": "::1",
    }
    assert two == {**dict.fromkeys(one), "id": 2}


def test_doubles_keep_every_bit(server: DatabaseServer, reader: Any) -> None:
    values = [math.pi, 1 / 3, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 123456789.12345679, 1e22, 2.0**53 + 2]
    rows = ", ".join(f"({number}, {value!r}e0)" for number, value in enumerate(values) if "e" not in repr(value))
    rows += "".join(f", ({number}, {value!r})" for number, value in enumerate(values) if "e" in repr(value))
    server.run(f"CREATE TABLE t (id int PRIMARY KEY, x double); INSERT INTO t VALUES {rows};", "d")
    assert [row["x"] for row in reader.rows(source(server, table="t"))] == values


def test_reads_views_and_queries_in_the_order_of_their_key(server: DatabaseServer, reader: Any) -> None:
    server.run(
        """
        CREATE TABLE `odd ``name` (id int, word text);
        INSERT INTO `odd ``name` SELECT seq * 7 % 10, CONCAT('w', seq) FROM seq_0_to_9;
        CREATE VIEW seen AS SELECT id, upper(word) AS word FROM `odd ``name` WHERE id < 4;
        """,
        "d",
    )
    expected = [{"id": n, "word": f"W{n * 3 % 10}"} for n in range(4)]
    assert reader.rows(source(server, table="seen", key=["id"])) == expected
    assert reader.rows(source(server, table="d.seen", key=["id"])) == expected
    query = "SELECT id, upper(word) AS word FROM `odd ``name` WHERE id < 4 # the end"
    assert reader.rows(source(server, query=query, key=["id"])) == expected
    assert len(reader.rows(source(server, table="odd `name", key=["word"]))) == 10
    query = "SELECT 1 AS n, NULL AS nothing, 0.5 AS half, 100 % 7 AS rest, 'a%s' AS word;"
    assert reader.rows(source(server, query=query, key=["n"])) == [
        {"n": 1, "nothing": None, "half": 0.5, "rest": 2, "word": "a%s"}
    ]
    (warning,) = reader.warnings
    assert "nothing" in warning


def test_values_that_do_not_fit_are_told_by_row(server: DatabaseServer, reader: Any) -> None:
    server.run(
        """
        SET sql_mode = '';
        CREATE TABLE t (id int PRIMARY KEY, huge bigint unsigned, at datetime, flag tinyint(1));
        INSERT INTO t VALUES (1, 0, '2024-01-01', 1), (2, 18446744073709551615, '0000-00-00', 0), (3, NULL, NULL, 2);
        """,
        "d",
    )
    with pytest.raises(DataError) as error:
        reader(source(server, table="t"))
    assert [(problem.where.split(", ", 1)[1], problem.what, problem.mend) for problem in error.value.problems] == [
        (
            "table t, row 2, column huge",
            "'18446744073709551615' is not a 64-bit integer",
            'If the column holds something else, declare it, as in types={"huge": "string"}',
        ),
        (
            "table t, row 2, column at",
            "'0000-00-00 00:00:00' is not a date or time that exists, in ISO 8601 and microseconds",
            'If the column holds something else, declare it, as in types={"at": "string"}',
        ),
        (
            "table t, row 3, column flag",
            "'2' is neither true nor false",
            'If the column holds something else, declare it, as in types={"flag": "integer"}',
        ),
    ]
    types = {"huge": "float", "at": "string", "flag": "integer"}
    assert reader.rows(source(server, table="t", types=types))[1:] == [
        {"id": 2, "huge": 2.0**64, "at": "0000-00-00 00:00:00", "flag": 0},
        {"id": 3, "huge": None, "at": None, "flag": 2},
    ]


def test_types_without_a_counterpart_are_refused(server: DatabaseServer, reader: Any) -> None:
    server.run(
        """
        CREATE TABLE t (id int PRIMARY KEY, n decimal(30, 3), span time, p point, bits bit(9));
        INSERT INTO t VALUES (1, 123456789012345678901234567.125, '10:00:00', ST_PointFromText('POINT(1 2)'), b'1');
        """,
        "d",
    )
    with pytest.raises(DataError) as error:
        reader(source(server, table="t"))
    assert [(problem.where.split(", ")[-1], problem.what) for problem in error.value.problems] == [
        ("column n", "its numbers (decimal of 32 characters) may have more digits than a float keeps"),
        ("column span", "its type (time) has no counterpart among the types of features"),
        ("column p", "its type (geometry) has no counterpart among the types of features"),
        ("column bits", "its type (bit) has no counterpart among the types of features"),
    ]
    types = {"n": "string", "span": "string", "p": "string", "bits": "integer"}
    assert reader.rows(source(server, table="t", types=types)) == [
        {"id": 1, "n": "123456789012345678901234567.125", "span": "10:00:00", "p": "POINT(1 2)", "bits": 1}
    ]


def test_keys_that_do_not_tell_rows_apart_are_refused(server: DatabaseServer, reader: Any) -> None:
    server.run("CREATE TABLE t (id int, word text); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (2, 'B'), (2, 'b ');", "d")
    with pytest.raises(DataError, match=r"several rows have the key id='2'. Name the columns that order"):
        reader(source(server, table="t", key=["id"]))
    found = reader.rows(source(server, table="t", key=["word"]))
    assert [row["word"] for row in found] == ["a", "B", "b", "b "], "texts that compare as equal have one order"
    server.run("INSERT INTO t VALUES (NULL, 'd');", "d")
    with pytest.raises(DataError, match=r"a row has no value in its key \(id=None, word='d'\)"):
        reader(source(server, table="t", key=["id", "word"]))
    with pytest.raises(DataError, match="it has no primary key, so the order of its rows is not known"):
        reader(source(server, table="t"))
    with pytest.raises(DataError, match=r"key names a column 'wrod' that is not there. Did you mean word\?"):
        reader(source(server, table="t", key=["wrod"]))


def test_what_is_not_there_is_told_with_the_closest(server: DatabaseServer, reader: Any) -> None:
    server.run("CREATE TABLE orders (id int PRIMARY KEY, price int);", "d")
    cases = [
        ({"table": "oders"}, r"there is no table or view 'oders'. Did you mean orders\?"),
        ({"table": "e.orders"}, r"there is no table or view 'e.orders'"),
        ({"query": "SELECT * FROM oders", "key": ["id"]}, "the database says: Table 'd.oders' doesn't exist"),
        ({"query": "SELECT id, pric FROM orders", "key": ["id"]}, "the database says: Unknown column 'pric'"),
        ({"query": "SELECT id, id FROM orders", "key": ["id"]}, "the database says: Duplicate column name 'id'"),
        ({"query": "SELECT FROM WHERE", "key": ["id"]}, "the database says: You have an error in your SQL syntax"),
        ({"query": "DELETE FROM orders", "key": ["id"]}, "the query is no SELECT statement, it starts with 'DELETE'"),
        ({"query": "SELECT NEXTVAL(s) AS id", "key": ["id"]}, "the database says: "),
        ({"table": "orders"}, "there is no row"),
        ({"table": "orders", "types": {"pric": "float"}}, r"types names a column 'pric'.*Did you mean price\?"),
    ]
    for config, message in cases:
        with pytest.raises(DataError, match=message):
            reader(source(server, **config))


def test_a_server_that_refuses_is_told_without_the_password(
    server: DatabaseServer, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [
        (server.url("zenmo"), r"Unknown database 'zenmo'. Did you mean zenml\?"),
        (
            server.url("zenml") + "?ssl_cb=x&connect_timeout=y",
            r"2 problems:\n.*'ssl_cb' is unknown. Did you mean ssl_ca\?",
        ),
        (server.url("zenml") + "?ssl_ca=/no-such-file", "No such file"),
        ("mysql://zenml@127.0.0.1:1/d", "Can't connect to MySQL server"),
        ("mariadb://zenml@no-such-host.invalid/d", "Can't connect to MySQL server on 'no-such-host.invalid'"),
    ]
    for url, message in cases:
        with pytest.raises((DataError, ConfigError), match=message) as error:
            reader(source(server, url=url, table="t"))
        assert PASSWORD not in str(error.value)
    monkeypatch.setenv("DATABASE_PASSWORD", "wr0ng-password")
    with pytest.raises(DataError, match=r"Access denied for user .*Check the user in the url") as error:
        reader(source(server, table="t"))
    assert "wr0ng-password" not in str(error.value)


def test_every_engine_gives_the_same_bytes(
    server: DatabaseServer, reader: Any, files_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenml.data.sql.commit.ROWS", 700)
    server.run(
        """
        CREATE TABLE t (id bigint PRIMARY KEY, x double, word varchar(9), at datetime);
        INSERT INTO t SELECT seq, seq / 3.0, CONCAT('w', seq % 11), IF(seq % 7, FROM_UNIXTIME(seq), NULL)
        FROM seq_1_to_5000;
        """,
        "d",
    )
    here = reader(source(server, table="t"))
    assert here.properties["splits"]["all"]["shards"] == [700] * 7 + [100]
    assert files_of(reader(source(server, table="t"), ProcessingBaseBackend(workers=2))) == files_of(here)


def test_one_state_is_read_whatever_others_do(
    server: DatabaseServer, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);", "d")
    find = mysql_source.MySQLSource._columns

    def columns(*arguments: Any) -> Any:
        server.run("DELETE FROM t WHERE id < 3; INSERT INTO t VALUES (9);", "d")
        found = find(*arguments)
        with pytest.raises(AssertionError, match="Lock wait timeout exceeded"):
            server.run("SET lock_wait_timeout = 0; DROP TABLE t;", "d")
        return found

    monkeypatch.setattr(mysql_source.MySQLSource, "_columns", columns)
    assert [row["id"] for row in reader.rows(source(server, table="t"))] == [1, 2, 3]


def test_a_table_that_vanishes_before_it_is_read_is_told(
    server: DatabaseServer, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);", "d")
    find = mysql_source.MySQLSource._find

    def found(*arguments: Any) -> Any:
        names = find(*arguments)
        server.run("DROP TABLE t;", "d")
        return names

    monkeypatch.setattr(mysql_source.MySQLSource, "_find", found)
    with pytest.raises(DataError, match=r"the database says: Table 'd\.t' doesn't exist"):
        reader(source(server, table="t"))


def test_a_connection_that_is_cut_midway_is_told(server: DatabaseServer, reader: Any) -> None:
    query = "SELECT seq AS id, REPEAT('x', 1000) AS filler, IF(seq = 19999, SLEEP(9), 0) AS wait FROM seq_1_to_20000"
    kill = (
        "BEGIN NOT ATOMIC REPEAT SELECT MAX(id) INTO @victim FROM information_schema.processlist "
        "WHERE user = 'zenml' AND info LIKE '%filler%ORDER%'; UNTIL @victim END REPEAT; KILL @victim; END"
    )
    killing = server.start(kill, "d")
    with pytest.raises(
        DataError, match=r"the database says: (Lost connection|Connection was killed|Query execution was)"
    ):
        reader(source(server, query=query, key=["id"]))
    assert killing.wait(30) == 0


def test_two_hundred_thousand_rows_are_read(server: DatabaseServer, reader: Any) -> None:
    server.run(
        "CREATE TABLE t (id int PRIMARY KEY, x double, word char(32));"
        "INSERT INTO t SELECT seq, seq * 0.5, MD5(seq) FROM seq_1_to_200000;",
        "d",
    )
    stored = reader(source(server, table="t", tfrecord=False))
    statistics = Snapshot.of(stored).statistics("all")
    assert stored.properties["splits"]["all"]["rows"] == 200_000
    assert (statistics["id"].numbers.min, statistics["id"].numbers.max) == (1, 200_000)
