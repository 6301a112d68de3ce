"""MySQLSource: a table or query of MySQL or MariaDB, read in one transaction and one order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa

from zenml.data.schema import LogicalType
from zenml.data.sql.key_check import KeyCheck
from zenml.data.sql.mysql.columns import Column, schema_of
from zenml.data.sql.mysql.session import Session, connect, quoted
from zenml.data.sql.reading import KEY, Reading, bare_query, name_problems
from zenml.data.sql.server_source import ServerSource
from zenml.errors import DataError, closest

_WIDE = 256
"""Characters from which on a column is looked at for its size."""

_FIND = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE (table_schema = DATABASE() AND table_name = %s) OR (table_schema = %s AND table_name = %s)
"""
_ALL = """
SELECT IF(table_schema <=> DATABASE(), table_name, CONCAT(table_schema, '.', table_name))
FROM information_schema.tables
WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY 1
"""
_KEY = """
SELECT column_name FROM information_schema.statistics
WHERE table_schema = %s AND table_name = %s AND index_name = 'PRIMARY' ORDER BY seq_in_index
"""


class MySQLSource(ServerSource):
    """A table or a query of a MySQL server."""

    @contextmanager
    def reading(self, declared: Mapping[str, LogicalType]) -> Iterator[Reading]:
        """Stream the rows out of one statement; see `Source`."""
        query = bare_query(self.query, self.place) if self.query else ""
        with connect(self.server, self.place) as session:
            session.run("SET time_zone = '+00:00'")
            session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            schema, name = self._find(session) if self.table else ("", "")
            # Only the newline ends a comment in the query's last line.
            origin = f"{quoted(schema)}.{quoted(name)} s" if self.table else f"({query}\n) s"
            key = self.key or tuple(str(column) for (column,) in session.rows(_KEY, (schema, name)))
            columns = self._columns(session, origin, key, declared)
            features = schema_of(columns, declared, self.place)
            by_name = {column.name: column for column in columns}
            orders = [by_name[column].order for column in key]
            order = ", ".join([part[0] for part in orders] + [part[1] for part in orders if part[1:]])
            names = ", ".join(f"{column.read} AS {quoted(column.name)}" for column in columns)
            statement = f"SELECT {names} FROM {origin} ORDER BY {order}"  # noqa: S608 - the user's own query
            untyped = tuple(column.name for column in columns if column.type == "null")
            yield Reading(features, self._batches(session, statement, columns, key), untyped)

    def _find(self, session: Session) -> tuple[str, str]:
        """Return database and name of the table."""
        schema, _, name = self.table.partition(".")
        found = session.rows(_FIND, (self.table, schema, name))
        if found:
            return str(found[0][0]), str(found[0][1])
        tables = [str(table) for (table,) in session.rows(_ALL)]
        mend = closest(self.table, tables) or f"Tables: {', '.join(tables) or 'none'}"
        raise DataError(f"there is no table or view {self.table!r}", self.server.place, mend)

    def _columns(
        self, session: Session, origin: str, key: Sequence[str], declared: Mapping[str, LogicalType]
    ) -> list[Column]:
        described = session.described(f"SELECT * FROM {origin} LIMIT 0")  # noqa: S608 - the user's own query
        problems = name_problems([row[0] for row in described], key, declared, self.place)
        if problems:
            raise DataError(problems)
        if not key:
            what = "it has no primary key, so the order of its rows is not known"
            raise DataError(what, self.place, f"{KEY}: key=[…]")
        charsets = ", ".join(f"CHARSET(s.{quoted(row[0])})" for row in described)
        # A join with no row gives one row of typed nulls, without reading the table.
        nothing = f"(SELECT 1) one LEFT JOIN (SELECT * FROM {origin} LIMIT 0) s ON TRUE"  # noqa: S608 - see above
        (found,) = session.rows(f"SELECT {charsets} FROM {nothing}")  # noqa: S608 - see above
        return [Column(*row, str(charset)) for row, charset in zip(described, found, strict=True)]

    def _batches(
        self, session: Session, statement: str, columns: Sequence[Column], key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        check = KeyCheck(key, self.place)
        names = [column.name for column in columns]
        wide = [place for place, column in enumerate(columns) if column.length > _WIDE]
        for rows in session.stream(statement, wide):
            arrays = [pa.array(values, pa.binary()) for values in zip(*rows, strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, names=names)
            check.look_at(batch)
            yield batch
