"""PostgreSQLCursor: a DB-API cursor on a PostgreSQLConnection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml.metadata.postgresql_connection import PostgreSQLConnection


class PostgreSQLCursor:
    """What SQLAlchemy and `Statement` use of a DB-API cursor.

    Args:
        connection: that the statements go to.
    """

    arraysize = 1

    def __init__(self, connection: PostgreSQLConnection) -> None:
        self._connection = connection
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        run_many = self._connection.run_many
        self._take(run_many(sql, [parameters]) if parameters else self._connection.run(sql))

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement with each row of parameters."""
        self._take(self._connection.run_many(sql, rows))

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return so many rows."""
        return list(islice(self._rows, self.arraysize if size is None else size))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        return list(self._rows)

    def close(self) -> None:
        """Forget the rows."""
        self._rows = iter(())

    def setinputsizes(self, sizes: Any) -> None:
        """Do nothing: the server knows the types of its parameters."""

    def _take(self, context: Any) -> None:
        self._rows = iter(context.rows or ())
        columns = context.columns
        self.description = [(c["name"], c["type_oid"], *[None] * 5) for c in columns] if columns else None
        self.rowcount = context.row_count
