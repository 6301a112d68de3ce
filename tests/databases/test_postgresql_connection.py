"""The connection to PostgreSQL beneath the metadata store: statements, batches, values, and what breaks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pg8000
import pytest
from database_servers import PASSWORD, DatabaseServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from metadata_databases import new_database

from zenml.metadata import PostgreSQLMetadataStore
from zenml.metadata.postgresql_connection import PostgreSQLConnection, ServerError, UniqueViolationError
from zenml.metadata.postgresql_wire import ConnectionLost, open_wire

pytestmark = pytest.mark.xdist_group("postgresql")

Connect = Callable[..., PostgreSQLConnection]


@pytest.fixture
def connect(postgresql_server: DatabaseServer) -> Iterator[Connect]:
    """Opens connections, and closes them."""
    with ExitStack() as opened:

        def make(host: str = "127.0.0.1", user: str = "zenml", password: str | None = PASSWORD) -> PostgreSQLConnection:
            port = postgresql_server.port
            wire = open_wire(PostgreSQLMetadataStore(host=host), port)
            connection = PostgreSQLConnection(wire, user=user, password=password, database="zenml")
            opened.callback(connection.close)
            return connection

        yield make


@pytest.fixture
def connection(connect: Connect) -> PostgreSQLConnection:
    return connect()


def ask(connection: PostgreSQLConnection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def test_a_statement_is_prepared_once_and_not_too_many_are(connection: PostgreSQLConnection) -> None:
    for _ in range(3):
        for size in range(1, 200):
            marks = ", ".join(f"${number}" for number in range(1, size + 1))
            query = f"SELECT count(*) FROM generate_series(1, 1000) n WHERE n IN ({marks})"
            found = ask(connection, query, *range(size))
            assert found == [(size - 1,)]
    ((prepared,),) = ask(connection, "SELECT count(*) FROM pg_prepared_statements")
    assert prepared == 128


def test_many_rows_go_in_batches(connection: PostgreSQLConnection) -> None:
    ask(connection, "CREATE TEMPORARY TABLE t (n INT PRIMARY KEY, word TEXT)")
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES ($1, $2)", [])
    cursor.executemany("INSERT INTO t VALUES ($1, $2)", [(number, "x" * 1000) for number in range(2_001)])
    assert cursor.rowcount == 2_001
    assert ask(connection, "SELECT count(*), sum(n) FROM t") == [(2_001, 2_001_000)]


def test_a_row_that_is_refused_undoes_what_its_transaction_did(connection: PostgreSQLConnection) -> None:
    ask(connection, "CREATE TEMPORARY TABLE t (n INT PRIMARY KEY)")
    ask(connection, "INSERT INTO t VALUES ($1)", 700)
    ask(connection, "BEGIN")
    with pytest.raises(UniqueViolationError, match=r"duplicate key .* \(Key \(n\)=\(700\) already exists.\)") as caught:
        connection.cursor().executemany("INSERT INTO t VALUES ($1)", [(number,) for number in range(1_500)])
    assert caught.value.sqlstate == "23505"
    with pytest.raises(ServerError, match="current transaction is aborted"):
        ask(connection, "SELECT 1")
    connection.rollback()
    connection.rollback()
    assert ask(connection, "SELECT n FROM t") == [(700,)]


def test_a_result_is_read_as_the_database_interface_says(connection: PostgreSQLConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT n, n::text AS word FROM generate_series(1, 5) n WHERE n < $1", (5,))
    assert [column[0] for column in cursor.description or ()] == ["n", "word"]
    assert cursor.fetchone() == (1, "1")
    assert cursor.fetchmany() == [(2, "2")]
    assert cursor.fetchmany(5) == [(3, "3"), (4, "4")]
    assert cursor.fetchone() is None
    cursor.execute("SET application_name = 'other'")
    assert cursor.description is None
    assert cursor.fetchall() == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    number=st.floats(allow_nan=False),
    integer=st.integers(-(2**63), 2**63 - 1),
    flag=st.booleans(),
    data=st.binary(),
)
def test_values_come_back_as_they_went(
    connection: PostgreSQLConnection, text: str, number: float, integer: int, flag: bool, data: bytes
) -> None:
    query = "SELECT $1::text, $2::double precision, $3::bigint, $4::boolean, $5::bytea, $6::text"
    ((*found, none),) = ask(connection, query, text, number, integer, flag, data, None)
    assert found == [text, number, integer, flag, data]
    assert none is None
    assert math.copysign(1, found[1]) == math.copysign(1, number)


def test_what_cannot_be_sent_leaves_nothing_behind(connection: PostgreSQLConnection) -> None:
    ask(connection, "CREATE TEMPORARY TABLE t (word TEXT)")
    with pytest.raises(UnicodeEncodeError):
        connection.cursor().executemany("INSERT INTO t VALUES ($1)", [("a",), ("\ud800",)])
    assert ask(connection, "SELECT * FROM t") == []
    with pytest.raises(ServerError, match="invalid byte sequence"):
        ask(connection, "INSERT INTO t VALUES ($1)", "a\0b")
    ask(connection, "INSERT INTO t VALUES ($1)", "b")
    assert ask(connection, "SELECT * FROM t") == [("b",)]


def test_an_answer_that_was_not_read_to_its_end_is_nobody_else_s(connection: PostgreSQLConnection) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    ask(connection, "BEGIN")
    connection.message_types[b"D"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        ask(connection, "SELECT $1::int", 1)
    with pytest.raises(ConnectionLost, match="the connection is closed"):
        ask(connection, "SELECT 2")
    connection.rollback()
    connection.close()


def test_a_session_that_the_server_ends_is_lost_with_its_reason(
    connection: PostgreSQLConnection, postgresql_server: DatabaseServer
) -> None:
    ((process,),) = ask(connection, "SELECT pg_backend_pid()")
    with pytest.raises(ConnectionLost, match="terminating connection due to administrator command"):
        ask(connection, "SELECT pg_terminate_backend($1)", process)


def test_a_socket_is_named_by_itself_or_by_its_folder(connect: Connect, postgresql_server: DatabaseServer) -> None:
    folder = str(postgresql_server.folder)
    for host in (folder, f"{folder}/.s.PGSQL.{postgresql_server.port}"):
        assert ask(connect(host, "postgres", None), "SELECT inet_client_addr()") == [(None,)]
    with pytest.raises(ConnectionLost, match="No such file"):
        connect(f"{folder}/nothing")


def test_a_password_that_is_asked_for_and_not_given_is_refused(connect: Connect) -> None:
    with pytest.raises(ServerError, match="the server asks for a password") as caught:
        connect(password=None)
    assert caught.value.sqlstate == "28P01"


def test_a_server_that_cannot_prove_that_it_knows_the_password_is_no_server_of_ours(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scramp import ScramClient

    def another(client: Any, message: str) -> None:
        final(client, message[:-4] + "AAA=")

    final = ScramClient.set_server_final
    monkeypatch.setattr(ScramClient, "set_server_final", another)
    with pytest.raises(pg8000.InterfaceError, match="the server cannot be authenticated"):
        connect()


def test_the_user_of_this_system_connects_where_none_is_named(
    postgresql_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "zenml")
    with new_database(postgresql_server) as name:
        host, port = str(postgresql_server.folder), postgresql_server.port
        assert PostgreSQLMetadataStore(host=host, port=port, database=name).list_runs() == []
