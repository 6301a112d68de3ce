"""Session: one connection to PostgreSQL, which ends when its context does, and its transaction with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from zenml.data.sql.failures import DatabaseError
from zenml.data.sql.server import Server
from zenml.errors import ConfigError, closest

if TYPE_CHECKING:
    import pyarrow as pa

LOCK_SECONDS = 10
"""How long to wait for a table that somebody else changes: a reader that waits for ever may wait for itself."""

_PARAMETERS = {
    "connect_timeout": "10",
    "application_name": "zenml",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_FORMS = (
    "TimeZone = 'UTC'",
    "DateStyle = 'ISO'",
    "IntervalStyle = 'iso_8601'",
    "extra_float_digits = 1",
    "standard_conforming_strings = on",
    "idle_in_transaction_session_timeout = 0",
)
_PREFIX = re.compile(r"^[A-Z_]+: (\[libpq\] )?(Failed to connect: )?")
_LEVEL = re.compile(r"\b(?:ERROR|FATAL|PANIC):\s+")
_HINT = re.compile(r"^HINT:\s+(.*?)\.?$", re.MULTILINE)
_NO_DATABASE = re.compile(r'database "(.*)" does not exist')


@dataclass(frozen=True)
class Session:
    """A connection; see `connect`."""

    base: Any
    server: Server
    place: str

    def run(self, statement: str) -> None:
        """Execute a statement that gives nothing.

        Raises:
            DatabaseError: the database refuses; so do the other methods.
        """
        with self._errors(), self.base.cursor() as cursor:
            cursor.execute(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return all rows of a small result."""
        with self._errors(), self.base.cursor() as cursor:
            cursor.execute(statement)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def names(self, statement: str) -> list[str]:
        """Return the names of a result's columns."""
        with self._errors(), self.base.cursor() as cursor:
            cursor.execute(statement)
            return [column[0] for column in cursor.description]

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        """Stream a result."""
        with self.base.cursor() as cursor:
            with self._errors():
                cursor.execute(statement)
                reader = cursor.fetch_record_batch()
            while True:
                with self._errors():
                    batch = next(reader, None)
                if batch is None:
                    return
                yield batch

    def begin(self, snapshot: str = "") -> None:
        """Begin a transaction that sees one state of the database, of its own or an exported one, and changes nothing.

        Args:
            snapshot: what `pg_export_snapshot` gave in a transaction that is still open.
        """
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if snapshot:
            try:
                self.run(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
            except DatabaseError as error:
                raise DatabaseError(
                    error.code,
                    error.said,
                    self.place,
                    "A worker's connection does not reach the snapshot that the run exported: let the url name the "
                    "server itself, not a pooler in front of several or a replica, or use one worker",
                ) from None
        for form in (*_FORMS, f"lock_timeout = '{LOCK_SECONDS}s'"):
            self.run(f"SET LOCAL {form}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        # A stream fails with an OSError or ArrowInvalid, a statement with an error of the driver manager's.
        from adbc_driver_manager import Error
        from pyarrow import ArrowException

        try:
            yield
        except (Error, OSError, ArrowException) as error:
            code = getattr(error, "sqlstate", None) or ""
            raise DatabaseError(code, said(str(error)), self.place, _mend(code, str(error))) from None


@contextmanager
def connect(server: Server, place: str) -> Iterator[Session]:
    """Connect to a server.

    Args:
        server: the database.
        place: what to call in errors what is read.

    Raises:
        ConfigError: the driver is missing.
        SecretError: the password is not where its reference says.
        DatabaseError: the server cannot be reached, or refuses.
    """
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql.dbapi import connect as dbapi_connect
    except ImportError:
        raise ConfigError(
            "PostgreSQL is read with adbc-driver-postgresql, which is not installed",
            place,
            "Run: pip install 'zenml-core[postgresql]'",
        ) from None
    try:
        base = dbapi_connect(_uri(server), autocommit=True)
    except Error as error:
        text = said(str(error))
        raise DatabaseError("", text, place, _connecting_mend(text, server)) from None
    with closing(base):
        yield Session(base, server, place)


def _uri(server: Server) -> str:
    parts = urlsplit(server.url)
    parameters = {**_PARAMETERS, **dict(server.parameters), "client_encoding": "UTF8"}
    password = server.reveal()
    if password:
        parameters["password"] = password
    return f"postgresql://{parts.netloc}{parts.path}?{urlencode(parameters, quote_via=quote, safe='')}"


def said(text: str) -> str:
    """Return the first line of what the database itself says in a driver's message."""
    text = _PREFIX.sub("", text)
    found = list(_LEVEL.finditer(text))
    return (text[found[-1].end() :] if found else text).split("\n")[0].strip()


def _mend(code: str, text: str) -> str:
    if code == "55P03":
        return "Another session changes this table, or waits to. Run again when it is done"
    hint = _HINT.search(text)
    return hint[1].strip() if hint else ""


def _connecting_mend(text: str, server: Server) -> str:
    if "password" in text:
        return "Check the user in the url and what password= refers to"
    found = _NO_DATABASE.search(text)
    if found is None or not urlsplit(server.url).path.strip("/"):
        return ""
    other = replace(server, url=urlsplit(server.url)._replace(path="/postgres").geturl())
    if unquote(urlsplit(server.url).path) == "/postgres":
        return ""
    try:
        with connect(other, "") as session:
            rows = session.rows("SELECT datname::text FROM pg_database WHERE datallowconn ORDER BY datname")
    except DatabaseError:
        return ""
    names = [name for (name,) in rows]
    return closest(found[1], names) or f"Databases: {', '.join(names)}"


def literal(text: str) -> str:
    """Return a text as a constant of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
