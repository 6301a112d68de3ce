"""ServerSource: what is read from a database server."""

from __future__ import annotations

from dataclasses import dataclass

from zenml.data.sql.server import Server


@dataclass(frozen=True)
class ServerSource:
    """A table or a query.

    Args:
        server: the database.
        table: name of a table or view, also with its schema or database before a dot; or empty.
        query: a SELECT statement, where no table is named.
        key: columns that order the rows; by default a table's primary key.
    """

    server: Server
    table: str
    query: str
    key: tuple[str, ...]

    @property
    def place(self) -> str:
        """Return what to call it in an error."""
        return f"{self.server.place}, table {self.table}" if self.table else f"{self.server.place}, query"
