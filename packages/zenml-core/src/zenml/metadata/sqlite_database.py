"""SQLite as a Database: one file, shared by any number of processes."""

from __future__ import annotations

import sqlite3
import time
from functools import cache, partial
from pathlib import Path

from sqlalchemy import URL, Connection, Table, create_engine
from sqlalchemy.dialects.sqlite import insert

from zenml.errors import StoreError
from zenml.metadata.database import Database
from zenml.metadata.statement import Statement

_BUSY_SECONDS = 60.0

_MEANINGS = (
    ("SQLITE_NOTADB", "the file is not a SQLite database", "Choose another path, or move the file away"),
    ("SQLITE_CORRUPT", "the SQLite database is corrupt", "Restore it from a copy, or move it away to begin a new one"),
    ("SQLITE_CANTOPEN", "the file cannot be opened or made", "Choose a path in a folder that you may write to"),
    ("SQLITE_READONLY", "the database cannot be written", "Make the file and its folder writable, or choose another"),
    ("SQLITE_PERM", "the database may not be accessed", "Make the file and its folder writable, or choose another"),
    ("SQLITE_FULL", "the disk is full", "Free some space and run again"),
    ("SQLITE_IOERR", "the disk failed to read or write the database", "Check the disk and its free space"),
    ("SQLITE_BUSY", f"another process kept the database locked for {_BUSY_SECONDS:.0f} s", "Run again when it is done"),
)
"""SQLite's error by the beginning of its name: what it means, and what to do."""


class SQLiteDatabase(Database):
    """A SQLite file in WAL mode, so that readers and a writer never wait for each other.

    With `synchronous=NORMAL` a commit outlives the death of the process; a power cut may undo the last ones, never
    damage the file.

    Args:
        path: the file; it and its folder are made when missing.
    """

    taken = sqlite3.IntegrityError
    driver_error = sqlite3.Error

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder of the metadata store cannot be made: {error.strerror}",
                str(path),
                "Choose a path in a folder that you may write to",
            ) from error
        url = URL.create("sqlite", database=str(path))
        super().__init__(create_engine(url, creator=partial(_connect, path)), str(path))

    def begin(self, connection: Connection, *, write: bool) -> None:
        """Take the lock for writing at once, so that no transaction fails half-way because another one wrote."""
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    def table_names(self, connection: Connection) -> set[str]:
        """Return the names of the tables in the file."""
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in rows if not name.startswith("sqlite_")}

    def upsert(self, table: Table) -> Statement:
        """Return the statement that inserts a row of a property table, or changes its value where it is there."""
        return _upsert(table)

    def lock(self, connection: Connection) -> None:
        """Do nothing: a transaction that writes has the file to itself."""

    def unlock(self, connection: Connection) -> None:
        """Do nothing: the end of the transaction let others write."""

    def explain(self, error: BaseException) -> StoreError:
        """Say what SQLite's error code means."""
        code = getattr(error, "sqlite_errorname", "")
        for prefix, what, mend in _MEANINGS:
            if code.startswith(prefix):
                return StoreError(what, self.where, mend)
        return StoreError(f"the metadata store failed: {error}", self.where)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.OperationalError as error:  # the first switch to WAL does not wait for other processes
            if error.sqlite_errorname.startswith("SQLITE_BUSY") and time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            connection.close()
            raise
        except sqlite3.Error:
            connection.close()
            raise
        return connection


@cache
def _upsert(table: Table) -> Statement:
    construct = insert(table)
    values = ("int_value", "double_value", "string_value")
    key = [column.name for column in table.primary_key.columns]
    changed = {name: construct.excluded[name] for name in values}
    return Statement(construct.on_conflict_do_update(index_elements=key, set_=changed), (*key, *values))
