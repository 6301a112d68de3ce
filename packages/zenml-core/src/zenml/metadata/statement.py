"""Statement: a SQL statement that is compiled once and then goes to the driver as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Insert
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.expression import ClauseElement


class Cursor:
    """A driver's cursor within a transaction.

    Args:
        connection: with the transaction begun.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = cast("DefaultDialect", connection.dialect)
        self.driver: DBAPICursor = connection.connection.cursor()


class Statement:
    """A construct of SQLAlchemy Core, quick to run again and again.

    Running a Core construct costs several times what SQLite needs for the work itself, because the construct is looked
    up and its parameters and results are processed each time. Here it is compiled once for each dialect; the columns
    used need no processing.

    Args:
        construct: an insert, update, delete or select; no `IN` with a list of unknown length.
        columns: of an insert or an update, the columns that it sets.
    """

    def __init__(self, construct: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._construct = construct
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def run(self, cursor: Cursor, **values: Any) -> None:
        """Run it with these parameters."""
        compiled = self._for(cursor.dialect)
        cursor.driver.execute(compiled.sql, compiled.parameters(values))

    def run_many(self, cursor: Cursor, rows: Iterable[dict[str, Any]]) -> None:
        """Run it once for each row of parameters."""
        compiled = self._for(cursor.dialect)
        parameters = [compiled.parameters(row) for row in rows]
        if parameters:
            cursor.driver.executemany(compiled.sql, parameters)

    def all(self, cursor: Cursor, **values: Any) -> Sequence[Any]:
        """Run a select, and return its rows."""
        self.run(cursor, **values)
        return cursor.driver.fetchall()

    def first(self, cursor: Cursor, **values: Any) -> Any:
        """Run a select, and return its first row or None."""
        rows = self.all(cursor, **values)
        return rows[0] if rows else None

    def scalar(self, cursor: Cursor, **values: Any) -> Any:
        """Run a select, and return the first value of its first row or None."""
        row = self.first(cursor, **values)
        return None if row is None else row[0]

    def insert(self, cursor: Cursor, **values: Any) -> int:
        """Run an insert, and return the id that the row got."""
        self.run(cursor, **values)
        if cursor.dialect.postfetch_lastrowid:
            return int(cursor.driver.lastrowid)
        (row,) = cursor.driver.fetchall()
        return int(row[0])

    def _for(self, dialect: DefaultDialect) -> _Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            construct = self._construct
            if isinstance(construct, Insert) and not dialect.postfetch_lastrowid and "id" in construct.table.c:
                construct = construct.returning(construct.table.c.id)
            found = self._compiled[dialect.name] = _Compiled(
                construct.compile(dialect=dialect, column_keys=self._columns)
            )
        return found


class _Compiled:
    """SQL text, and how its parameters are handed over."""

    def __init__(self, compiled: Any) -> None:
        constants = {name: bind.value for bind, name in compiled.bind_names.items()}
        names = compiled.positiontup if compiled.positional else constants
        self.sql = str(compiled)
        self._binds = tuple((name, constants[name]) for name in names)
        self._positional = bool(compiled.positional)

    def parameters(self, values: dict[str, Any]) -> Any:
        """Return the parameters in the driver's own form."""
        get = values.get
        if self._positional:
            return [get(name, constant) for name, constant in self._binds]
        return {name: get(name, constant) for name, constant in self._binds}
