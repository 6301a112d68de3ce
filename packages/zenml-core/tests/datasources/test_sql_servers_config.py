"""SQLDatasource for servers, as far as no server is needed."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from zenml.data.identity import IdentityMemo
from zenml.data.sql.blocks import blocks
from zenml.data.sql.key_check import KeyCheck
from zenml.data.sql.reading import bare_query
from zenml.data.sql.refresh import refresh_seconds
from zenml.datasources.sql import SQLDatasource
from zenml.errors import ConfigError, DataError

URL = "postgresql://user@db.example.org:5432/sales"


def make(**config: Any) -> SQLDatasource:
    return SQLDatasource(**{"name": "t", "url": URL, "table": "orders", **config})


@pytest.mark.parametrize(
    "config",
    [
        {"url": "postgresql://user:hunter2@db/sales"},
        {"url": "mysql://user:hunter2@db:port/sales"},
        {"url": "mysql://user@db/sales?passwd=hunter2"},
        {"url": "postgresql://db/sales?sslmode=require&password=hunter2"},
        {"url": "oracle://user:hunter2@db/sales"},
        {"url": ["hunter2"]},
        {"password": ["hunter2"]},
        {"url": "sqlite:///base.db", "password": "hunter2"},
    ],
)
def test_a_password_in_the_config_is_refused_and_not_repeated(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        make(**config)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"url": "postgresql://user:x@db/sales"}, "the url holds a password.*Leave it out, and give password="),
        ({"url": "oracle://db"}, "the url begins with none of sqlite://, postgresql://"),
        ({"url": "sqlite://base.db"}, "the url of an SQLite database is sqlite:/// and its path"),
        ({"url": "mysql://db:99999/sales"}, "the url's port is not a number from 1 to 65535"),
        ({"url": "mysql://db:0/sales"}, "the url's port is not a number from 1 to 65535"),
        ({"url": "mysql://a:1,b:2/sales"}, "the url's port is not a number from 1 to 65535"),
        ({"url": "postgresql://[::1/sales"}, "the url's host is not a name or an address"),
        ({"refresh": "sometimes"}, "refresh is 'always', 'never' or an age such as '30m'"),
        ({"refresh": 7}, "refresh is 'always', 'never' or an age"),
        ({"url": "sqlite:///base.db", "refresh": "1h"}, "an SQLite database has no password"),
    ],
)
def test_config_is_checked(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**config)


def test_a_config_keeps_the_reference(project: Path) -> None:
    datasource = make(password="env:DB", refresh="1h")
    assert datasource.written_config()["password"] == "env:DB"
    assert datasource.resolve(project) == datasource.relative_to(project) == datasource
    assert datasource.fingerprint_config() == {"table": "orders"}
    literal = make(password="hunter2")
    assert "hunter2" not in f"{literal!r}{literal}{literal.to_config()}"
    assert make(**literal.written_config()).password.reveal() == "hunter2"


def test_only_what_this_machine_reaches_is_named_as_local() -> None:
    assert make().local_paths() == []
    assert make(url="postgresql://service-name/sales?service=remote").local_paths() == []
    assert make(url="postgresql://localhost:1,db:2/sales").local_paths() == []
    for url in (
        "postgresql://user@localhost/sales",
        "postgresql://127.0.0.1:5433/sales",
        "postgresql:///sales?host=/run/postgresql&port=5433",
        "mysql://user@[::1]:3306/sales",
        "postgresql://user@%2Frun%2Fpostgresql/sales",
        "postgresql:///sales",
        "mysql://user@db/sales?unix_socket=/run/mysql",
    ):
        assert make(url=url).local_paths() == [url.replace("user@", "")]


@pytest.mark.parametrize(
    ("url", "module", "package"),
    [(URL, "adbc_driver_manager", "postgresql"), ("mysql://db.example.org/sales", "pymysql", "mysql")],
)
def test_a_missing_driver_is_named(
    url: str, module: str, package: str, run_step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"which is not installed. Run: pip install 'zenml-core\[{package}\]'"):
        run_step(make(url=url))


def test_refresh_says_when_a_reading_counts_as_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("zenml.data.identity.time.time", lambda: now)
    always, never, hourly = make(), make(refresh="never"), make(refresh="1h")
    assert always.identity() != always.identity()
    assert never.identity() == make(refresh="never", url=URL.replace("user", "other")).identity()
    assert never.identity() != make(refresh="never", url=URL.replace("sales", "other")).identity()
    assert never.identity() != make(refresh="never", types={"x": "float"}).identity()
    path = tmp_path / "sources.json"
    first = hourly.identity(IdentityMemo(path))
    assert hourly.identity(IdentityMemo(path)) != first, "a reading counts once it succeeded"
    planned = hourly._plan()
    IdentityMemo(path).remember_reading(planned.source, planned.identity, now)
    now += 3600
    assert make(refresh="1h").identity(IdentityMemo(path)) == planned.identity
    assert make(refresh="1h", table="other").identity(IdentityMemo(path)) != planned.identity
    now += 1
    assert make(refresh="1h").identity(IdentityMemo(path)) != planned.identity
    assert make(refresh="2h").identity(IdentityMemo(path)) == planned.identity
    now = 0
    assert make(refresh="2h").identity(IdentityMemo(path)) != planned.identity, "a clock that went back says nothing"


def test_ages() -> None:
    assert [refresh_seconds(age) for age in ("always", "1s", "2m", "3h", "4d", "1w")] == [
        0,
        1,
        120,
        10_800,
        345_600,
        604_800,
    ]


@pytest.mark.parametrize(
    "query",
    ["SELECT 1", "select 1;", " -- why\n(SELECT 1)", "/* a\n b */ WITH x AS (SELECT 1) TABLE x", "# why\nvalues (1)"],
)
def test_queries_that_select_are_taken(query: str) -> None:
    assert bare_query(query, "here") == query.strip().rstrip(";")


@pytest.mark.parametrize("query", ["", "-- SELECT", "DROP TABLE t", "/* SELECT */ UPDATE t SET n = 1"])
def test_other_queries_are_refused(query: str) -> None:
    with pytest.raises(DataError, match="here: the query is no SELECT statement, it starts with"):
        bare_query(query, "here")


def test_keys_are_compared_across_batches() -> None:
    check = KeyCheck(["a", "b"], "here")
    for a, b in ((1, "x"), (1, "y"), (2, "y")):
        check.look_at(pa.RecordBatch.from_pydict({"a": [a], "b": [b], "c": [0]}))
    check.look_at(pa.RecordBatch.from_pydict({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}))
    with pytest.raises(DataError, match="here: several rows have the key a=2, b='y'"):
        check.look_at(pa.RecordBatch.from_pydict({"a": [2, 3], "b": ["y", "y"]}))


@pytest.mark.parametrize(("wide", "expected"), [([], [100, 100, 50]), ([1], [32, 112, 106])])
def test_blocks_end_where_they_are_large(wide: list[int], expected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zenml.data.sql.blocks.ROWS", 100)
    monkeypatch.setattr("zenml.data.sql.blocks.BYTES", 1000)
    rows = iter([(n, b"x" * 900 if n in (7, 20) else None) for n in range(250)])
    found = list(blocks(lambda count: list(itertools.islice(rows, count)), wide))
    assert [row[0] for block in found for row in block] == list(range(250))
    assert [len(block) for block in found] == expected
