"""Session: one connection to MySQL or MariaDB, which ends when its context does, and its transaction with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from zenml.data.sql.blocks import Row, blocks
from zenml.data.sql.failures import DatabaseError
from zenml.data.sql.server import Server
from zenml.errors import ConfigError, Problem, closest

_TEXTS = ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key")
_FLAGS = ("ssl_verify_cert", "ssl_verify_identity", "ssl_disabled")
_NUMBERS = ("connect_timeout",)
_DENIED, _NO_DATABASE = "1045", "1049"


@dataclass(frozen=True)
class Session:
    """A connection; see `connect`."""

    base: Any
    place: str

    def run(self, statement: str) -> None:
        """Execute a statement that gives nothing.

        Raises:
            DatabaseError: the database refuses; so do the other methods.
        """
        self.rows(statement)

    def rows(self, statement: str, values: Sequence[str] = ()) -> list[tuple[str | None, ...]]:
        """Return all rows of a small result, as texts."""
        with self._errors(), self.base.cursor() as cursor:
            cursor.execute(statement, tuple(values) or None)
            return [
                tuple(value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in row)
                for row in cursor.fetchall()
            ]

    def described(self, statement: str) -> list[tuple[str, int, int, int]]:
        """Return name, type code, length and scale of each column of a result."""
        with self._errors(), self.base.cursor() as cursor:
            cursor.execute(statement)
            return [(name, code, length or 0, scale or 0) for name, code, _, length, _, scale, _ in cursor.description]

    def stream(self, statement: str, wide: Sequence[int]) -> Iterator[Sequence[Row]]:
        """Yield the rows of a result, some at a time, as the server sends them.

        Args:
            statement: what to execute.
            wide: places of the columns whose values may be large.
        """
        from pymysql.cursors import SSCursor

        cursor = self.base.cursor(SSCursor)
        try:
            with self._errors():
                cursor.execute(statement)
            yield from blocks(lambda rows: self._fetched(cursor, rows), wide)
        finally:
            # PyMySQL would read whatever is left, even out of a connection that is closed; it goes with the connection.
            if cursor._result is not None:  # noqa: SLF001 - there is no public way to drop a result
                cursor._result.unbuffered_active = False  # noqa: SLF001 - see above

    def _fetched(self, cursor: Any, rows: int) -> Sequence[Row]:
        with self._errors():
            found: Sequence[Row] = cursor.fetchmany(rows)
            return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from pymysql.err import Error

        try:
            yield
        except Error as error:
            code, said = _told(error)
            raise DatabaseError(code, said, self.place) from None


@contextmanager
def connect(server: Server, place: str) -> Iterator[Session]:
    """Connect to a server.

    Args:
        server: the database.
        place: what to call in errors what is read.

    Raises:
        ConfigError: the driver is missing, or the url has unknown parameters.
        SecretError: the password is not where its reference says.
        DatabaseError: the server cannot be reached, or refuses.
    """
    try:
        import pymysql
        from pymysql.converters import conversions
    except ImportError:
        raise ConfigError(
            "MySQL and MariaDB are read with PyMySQL, which is not installed",
            place,
            "Run: pip install 'zenml-core[mysql]'",
        ) from None
    given = _arguments(server)
    # Without decoders every value stays the bytes that the server sent.
    encoders = {kind: encode for kind, encode in conversions.items() if not isinstance(kind, int)}
    try:
        base = pymysql.connect(
            **given,
            read_timeout=given["connect_timeout"],
            password=server.reveal().encode(),  # of a text PyMySQL would take Latin-1
            charset="utf8mb4",
            use_unicode=False,
            conv=encoders,
            autocommit=True,
        )
    except (pymysql.Error, OSError, RuntimeError) as error:  # a RuntimeError tells that a way to log in lacks a package
        code, said = _told(error)
        raise DatabaseError(code, said, place, _mend(code, server, place)) from None
    # The time-out was for logging in; a query may think for longer.
    base._read_timeout = None  # noqa: SLF001 - there is no other way to end it
    try:
        yield Session(base, place)
    finally:
        # The server ends the transaction with the connection, which may be broken already.
        with suppress(pymysql.Error, OSError):
            base.close()


def _arguments(server: Server) -> dict[str, Any]:
    parts = urlsplit(server.url)
    found: dict[str, Any] = {"connect_timeout": 10, "host": unquote(parts.hostname or "localhost")}
    for name, value in (("user", parts.username), ("database", parts.path.strip("/"))):
        if value:
            found[name] = unquote(value)
    if parts.port:
        found["port"] = parts.port
    problems: list[Problem] = []
    for name, text in server.parameters:
        if name in _TEXTS:
            found[name] = text
        elif name in _FLAGS and text in ("true", "false"):
            found[name] = text == "true"
        elif name in _NUMBERS and text.isdecimal():
            found[name] = int(text)
        elif name in (*_FLAGS, *_NUMBERS):
            what = "takes a number of seconds" if name in _NUMBERS else "is true or false"
            problems.append(Problem(f"the url's parameter {name} {what}", server.place))
        else:
            known = (*_TEXTS, *_FLAGS, *_NUMBERS)
            mend = closest(name, known) or f"Known: {', '.join(known)}"
            problems.append(Problem(f"the url's parameter {name!r} is unknown", server.place, mend))
    if problems:
        raise ConfigError(problems)
    return found


def _told(error: Exception) -> tuple[str, str]:
    code, said = (error.args[0], error.args[1]) if len(error.args) > 1 else ("", str(error))
    return str(code), str(said)


def _mend(code: str, server: Server, place: str) -> str:
    if code == _DENIED:
        return "Check the user in the url and what password= refers to"
    if code != _NO_DATABASE:
        return ""
    parts = urlsplit(server.url)
    try:
        with connect(Server(parts._replace(path="").geturl(), server.password), place) as session:
            names = [str(name) for (name,) in session.rows("SHOW DATABASES")]
    except DatabaseError:
        return ""
    return closest(unquote(parts.path.strip("/")), names) or f"Databases: {', '.join(names)}"


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"
