"""PostgreSQL as a Database.

The driver is pg8000: it is written in Python alone, so it installs wherever Python does; see `PostgreSQLConnection` for
what is added to it.
"""

from __future__ import annotations

import getpass
from functools import cache, partial
from typing import Any, ClassVar

import pg8000
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert

from zenml.metadata.postgresql_connection import PostgreSQLConnection, ServerError, UniqueViolationError
from zenml.metadata.postgresql_wire import ConnectionLost, open_wire
from zenml.metadata.server import ServerMetadataStore
from zenml.metadata.server_database import (
    CONNECTION_MEANINGS,
    LOCK_SECONDS,
    SILENT_SECONDS,
    Meaning,
    ServerDatabase,
)
from zenml.metadata.statement import Statement

_SCHEMA_LOCK = 0x7A656E6D6C  # any number that nobody else takes: "zenml"


class PostgreSQLDatabase(ServerDatabase):
    """A PostgreSQL database.

    Transactions that write read what is committed, and lock the run that they write to; those that only read see one
    state. A property is indexed whole there, and an entry of an index takes 2,704 bytes: longer texts are cut.

    Args:
        store: where the server is, and how to connect.
        password: to connect with.
    """

    URL = "postgresql+pg8000://"
    PORT = 5432
    taken = UniqueViolationError
    driver_error = pg8000.Error
    text_bytes = 1600
    TRANSIENT = frozenset({"40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03"})
    OPTIONS: ClassVar[dict[str, Any]] = {"paramstyle": "numeric_dollar"}
    MEANINGS = (
        Meaning(
            ("28P01", "28000"),
            "the server refused the user {user}: wrong user name or password",
            "Check --username and --passwd",
            text="password|role .* does not exist",
        ),
        Meaning(
            ("28000", "42501"),
            "the server refused the user {user}: {message}",
            "Check --ssl, --ssl-cert and --ssl-key, and the server's pg_hba.conf",
            text="pg_hba.conf|certificate",
        ),
        Meaning(("3D000",), "there is no database {database}", "Make it: CREATE DATABASE {database}"),
        Meaning(
            ("42501",),
            "the user {user} may not do that in the database {database}: {message}",
            "Grant them CREATE and USAGE on its schema, and all rights on the tables",
        ),
        Meaning(("53300",), "the server has too many connections", "Let it take more: max_connections"),
        Meaning(("57P03",), "the server takes no connections at the moment: {message}", "Wait until it does"),
        Meaning(
            ("25006", "0A000"),
            "the server only reads: {message}",
            "Name the server that is written to in --host, not one that follows it",
            text="read-only|recovery",
        ),
        Meaning(("22001",), "a name or value is too long for the metadata store: {message}"),
        *CONNECTION_MEANINGS,
    )

    def __init__(self, store: ServerMetadataStore, password: str | None) -> None:
        super().__init__(store, partial(_connect, store, store.port or self.PORT, password))

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a transaction."""
        kind = "READ COMMITTED READ WRITE" if write else "REPEATABLE READ READ ONLY"
        connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL {kind}")

    def lock(self, connection: Connection) -> None:
        """Take an advisory lock, which the end of the transaction gives back."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

    def unlock(self, connection: Connection) -> None:
        """Do nothing: the end of the transaction gave the lock back."""

    def now(self, connection: Connection) -> float:
        """Return the server's time."""
        return float(connection.exec_driver_sql("SELECT EXTRACT(EPOCH FROM clock_timestamp())").scalar_one())

    def table_names(self, connection: Connection) -> set[str]:
        """Return the names of the tables in the schema that is written to."""
        query = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        return set(connection.exec_driver_sql(query).scalars())

    def upsert(self, table: Table) -> Statement:
        """Return the statement that inserts a row of a property table, or changes its value where it is there."""
        return _upsert(table)

    def code(self, error: BaseException) -> int | str | None:
        """Return the SQLSTATE; what goes wrong on the way to the server has none."""
        return error.sqlstate if isinstance(error, ServerError) else None

    def is_lost(self, error: BaseException) -> bool:
        """Say whether the server went away."""
        return isinstance(error, ConnectionLost)


def _connect(store: ServerMetadataStore, port: int, password: str | None) -> PostgreSQLConnection:
    wire = open_wire(store, port)
    connection = PostgreSQLConnection(
        wire,
        user=store.username or getpass.getuser(),
        password=password,
        database=store.database,
        application_name="zenml-metadata",
        startup_params={
            "client_encoding": "UTF8",
            "extra_float_digits": "3",  # numbers to their last digit, which servers before version 12 round
            "lock_timeout": f"{LOCK_SECONDS}s",
        },
    )
    wire.wait_at_most(SILENT_SECONDS)
    return connection


@cache
def _upsert(table: Table) -> Statement:
    construct = insert(table)
    values = ("int_value", "double_value", "string_value")
    key = [column.name for column in table.primary_key.columns]
    changed = {name: construct.excluded[name] for name in values}
    return Statement(construct.on_conflict_do_update(index_elements=key, set_=changed), (*key, *values))
