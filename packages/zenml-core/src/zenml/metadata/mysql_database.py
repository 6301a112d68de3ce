"""MySQL and MariaDB as a Database.

The driver is PyMySQL: it is written in Python alone, so it installs wherever Python does, while the drivers in C need a
compiler or a client library of the right version; what a store sends is small, and the server's time outweighs the
driver's.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache, partial
from typing import Any

import pymysql
from pymysql.constants import CR, ER
from sqlalchemy import Connection, Table, bindparam, text
from sqlalchemy.dialects.mysql import insert

from zenml.errors import StoreError
from zenml.metadata import schema
from zenml.metadata.server import ServerMetadataStore
from zenml.metadata.server_database import (
    CONNECTION_MEANINGS,
    LOCK_SECONDS,
    SILENT_SECONDS,
    Meaning,
    ServerDatabase,
)
from zenml.metadata.statement import Statement
from zenml.metadata.tls import tls_context

_SESSION = (
    f"SET SESSION sql_mode = 'STRICT_ALL_TABLES', innodb_lock_wait_timeout = {LOCK_SECONDS}",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
_LOST = frozenset(
    {
        0,  # of a connection that was closed
        CR.CR_CONNECTION_ERROR,
        CR.CR_CONN_HOST_ERROR,
        CR.CR_SERVER_GONE_ERROR,
        CR.CR_SERVER_LOST,
        CR.CR_SERVER_LOST_EXTENDED,
        ER.SERVER_SHUTDOWN,
        ER.NORMAL_SHUTDOWN,
        1927,  # MariaDB: connection was killed
        4031,  # MySQL: disconnected for doing nothing
    }
)


def _fit_schema() -> None:
    """Say what MySQL alone needs to know of the tables; said here, because it makes SQLAlchemy import its dialect."""
    for table in schema.metadata.tables.values():
        options = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
        table.dialect_kwargs.update(options)
        for index in table.indexes:
            texts = {column.name for column in index.columns} & {"string_value", "uri"}
            if texts:
                index.dialect_kwargs.update({"mysql_length": dict.fromkeys(texts, 255)})


_fit_schema()


class MySQLDatabase(ServerDatabase):
    """A MySQL or MariaDB database.

    Transactions that write read what is committed, and lock the run that they write to; those that only read see one
    state. Making tables commits each at once, so one process at a time does it, and the version is written last.

    Args:
        store: where the server is, and how to connect.
        password: to connect with.
    """

    URL = "mysql+pymysql://"
    PORT = 3306
    taken = pymysql.err.IntegrityError
    driver_error = pymysql.err.Error
    commits_tables = True
    TRANSIENT = frozenset(
        {
            ER.LOCK_DEADLOCK,
            ER.LOCK_WAIT_TIMEOUT,
            ER.CON_COUNT_ERROR,
            ER.CHECKREAD,
            ER.TABLE_DEF_CHANGED,  # another process makes the tables
        }
    )
    MEANINGS = (
        Meaning(
            (ER.ACCESS_DENIED_ERROR, 1698),
            "the server refused the user {user}: wrong user name or password",
            "Check --username and --passwd, and --ssl-cert where the server demands one of them",
        ),
        Meaning((ER.BAD_DB_ERROR,), "there is no database {database}", "Make it: CREATE DATABASE {database}"),
        Meaning(
            (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR),
            "the user {user} may not do that in the database {database}: {message}",
            "Grant them all rights on it",
        ),
        Meaning((ER.CON_COUNT_ERROR,), "the server has too many connections", "Let it take more: max_connections"),
        Meaning(
            (ER.TRUNCATED_WRONG_VALUE_FOR_FIELD, ER.CANT_AGGREGATE_2COLLATIONS),
            "the tables cannot hold every character: they were made with another character set than utf8mb4",
            "Use a database made with CHARACTER SET utf8mb4, or convert these tables",
        ),
        Meaning((ER.DATA_TOO_LONG,), "a name or value is too long for the metadata store: {message}"),
        *CONNECTION_MEANINGS,
    )

    def __init__(self, store: ServerMetadataStore, password: str | None) -> None:
        super().__init__(store, partial(_connect, store, store.port or self.PORT, password))
        digest = hashlib.sha256(store.database.encode()).hexdigest()[:32]
        self._lock = {"name": f"zenml.schema.{digest}", "seconds": LOCK_SECONDS * 3}

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Begin a transaction."""
        if write:
            connection.exec_driver_sql("START TRANSACTION")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def lock(self, connection: Connection) -> None:
        """Take a lock of this database's name."""
        if connection.scalar(_GET_LOCK, self._lock) != 1:
            raise StoreError(
                f"another process has been making tables or types for {self._lock['seconds']} s", self.where
            )

    def unlock(self, connection: Connection) -> None:
        """Give the lock back."""
        connection.execute(_RELEASE_LOCK, self._lock)

    def now(self, connection: Connection) -> float:
        """Return the server's time."""
        return float(connection.exec_driver_sql("SELECT UNIX_TIMESTAMP(SYSDATE(6))").scalar_one())

    def table_names(self, connection: Connection) -> set[str]:
        """Return the names of the tables in the database."""
        return set(connection.exec_driver_sql("SHOW TABLES").scalars())

    def upsert(self, table: Table) -> Statement:
        """Return the statement that inserts a row of a property table, or changes its value where it is there."""
        return _upsert(table)

    def code(self, error: BaseException) -> int | str | None:
        """Return the first argument of the driver's errors."""
        return error.args[0] if error.args and isinstance(error.args[0], int) else None

    def message(self, error: BaseException) -> str:
        """Return the second argument of the driver's errors."""
        return str(error.args[1]) if len(error.args) > 1 else str(error)

    def is_lost(self, error: BaseException) -> bool:
        """Say whether the server went away."""
        return isinstance(error, pymysql.err.Error) and self.code(error) in _LOST


_GET_LOCK = text("SELECT GET_LOCK(:name, :seconds)")
_RELEASE_LOCK = text("SELECT RELEASE_LOCK(:name)").bindparams(bindparam("name"))


class _Connection(pymysql.connections.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection that gives up as soon on a server that says nothing as on one that cannot be reached."""

    def __init__(self, **options: Any) -> None:
        self._made_by = os.getpid()
        super().__init__(**options)

    def close(self) -> None:
        """Take leave of the server, but not from a fork of the process that came."""
        if self._made_by == os.getpid():
            super().close()
        else:
            self._force_close()

    def connect(self, sock: Any = None) -> None:
        self._read_timeout = self.connect_timeout
        super().connect(sock)
        self._read_timeout = SILENT_SECONDS


def _connect(store: ServerMetadataStore, port: int, password: str | None) -> Any:
    where = {"unix_socket": store.host} if store.host.startswith("/") else {"host": store.host, "port": port}
    demanded = store.ssl not in ("disable", "prefer")
    try:
        connection = _Connection(
            **where,
            user=store.username,
            password=(password or "").encode(),  # text would go as Latin-1
            database=store.database,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=store.connect_timeout,
            write_timeout=SILENT_SECONDS,
            ssl=tls_context(store) if demanded else None,  # None: encrypts where the server can
            ssl_disabled=store.ssl == "disable",
        )
    except RuntimeError as error:  # how the driver says that it lacks the package cryptography
        raise pymysql.err.OperationalError(CR.CR_SSL_CONNECTION_ERROR, f"{error}: pip install cryptography") from error
    with connection.cursor() as cursor:
        for statement in _SESSION:
            cursor.execute(statement)
        if demanded:
            cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
            if not (cursor.fetchone() or ("", ""))[1]:
                raise pymysql.err.OperationalError(CR.CR_SSL_CONNECTION_ERROR, "the server does not encrypt")
    return connection


@cache
def _upsert(table: Table) -> Statement:
    values = ("int_value", "double_value", "string_value")
    key = [column.name for column in table.primary_key.columns]
    changed = {name: text(f"VALUES({name})") for name in values}
    return Statement(insert(table).on_duplicate_key_update(changed), (*key, *values))
