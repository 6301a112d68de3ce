"""PostgreSQL as a Database, through psycopg 3."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import Any, ClassVar

import psycopg
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert

from zenml.metadata.server import ServerMetadataStore
from zenml.metadata.server_database import LOCK_SECONDS, SILENT_SECONDS, Meaning, ServerDatabase
from zenml.metadata.statement import Statement

_SCHEMA_LOCK = 0x7A656E6D6C  # any number that nobody else takes: "zenml"
_NOT_NOW = re.compile("starting up|shutting down|in recovery mode|too many clients|remaining connection slots")
_LOST = frozenset({"57P01", "57P02", "57P05"})  # ended by the administrator, by a crash, or for doing nothing


class PostgreSQLDatabase(ServerDatabase):
    """A PostgreSQL database.

    Transactions that write read what is committed, and lock the run that they write to; those that only read see one
    state. A property is indexed whole there, and an entry of an index takes 2,704 bytes: longer texts are cut.

    Args:
        store: where the server is, and how to connect.
        password: to connect with.
    """

    URL = "postgresql+psycopg://"
    PORT = 5432
    taken = psycopg.errors.UniqueViolation
    driver_error = psycopg.Error
    text_bytes = 1600
    TRANSIENT = frozenset({"40001", "40P01", "55P03", "53300", "57P03"})
    OPTIONS: ClassVar[dict[str, Any]] = {"use_native_hstore": False}
    MEANINGS = (
        Meaning(
            (),
            "the server refused the user {user}: wrong user name or password",
            "Check --username and --passwd",
            text="password authentication failed|no password supplied|authentication failed|role .* does not exist",
        ),
        Meaning(
            (),
            "there is no database {database}",
            "Make it: CREATE DATABASE {database}",
            text='database ".*" does not exist',
        ),
        Meaning(
            (),
            "the server did not answer within {seconds} s",
            "Check --host and --port, and the network between",
            text="timeout expired|timed out",
        ),
        Meaning((), "there is no such host", "Check --host", text="failed to resolve host|could not translate host"),
        Meaning((), "no encrypted connection could be made: {message}", "Check --ssl", text="SSL|certificate|root.crt"),
        Meaning(
            ("42501",),
            "the user {user} may not do that in the database {database}: {message}",
            "Grant them CREATE and USAGE on its schema, and all rights on the tables",
        ),
        Meaning(("22001",), "a name or value is too long for the metadata store: {message}"),
    )

    _REFUSALS = MEANINGS[:2]

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
        """Return the SQLSTATE; errors on connecting have none."""
        return error.sqlstate if isinstance(error, psycopg.Error) else None

    def is_transient(self, error: BaseException) -> bool:
        """Say so too of a server that is about to take connections, which it tells without a code."""
        return super().is_transient(error) or bool(_is_nameless(error) and _NOT_NOW.search(str(error)))

    def is_lost(self, error: BaseException) -> bool:
        """Say whether the server went away: then its errors have no code, or say that it ends."""
        if _is_nameless(error):
            return not any(not meaning.codes and re.search(meaning.text, str(error)) for meaning in self._REFUSALS)
        code = self.code(error)
        return isinstance(code, str) and (code in _LOST or code.startswith("08"))


def _is_nameless(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and error.sqlstate is None


def _connect(store: ServerMetadataStore, port: int, password: str | None) -> Any:
    return psycopg.connect(
        autocommit=True,
        host=store.host,
        port=port,
        user=store.username,
        password=password,
        dbname=store.database,
        sslmode=store.ssl,
        sslrootcert=store.ssl_ca,
        sslcert=store.ssl_cert,
        sslkey=store.ssl_key,
        connect_timeout=store.connect_timeout,
        tcp_user_timeout=SILENT_SECONDS * 1000,
        keepalives_idle=SILENT_SECONDS // 2,
        application_name="zenml-metadata",
        options=f"-c lock_timeout={LOCK_SECONDS}s",
    )


@cache
def _upsert(table: Table) -> Statement:
    construct = insert(table)
    values = ("int_value", "double_value", "string_value")
    key = [column.name for column in table.primary_key.columns]
    changed = {name: construct.excluded[name] for name in values}
    return Statement(construct.on_conflict_do_update(index_elements=key, set_=changed), (*key, *values))
