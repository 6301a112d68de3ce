"""PostgreSQLSource: a table or query of PostgreSQL, in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from zenml.data.schema import LogicalType, Schema
from zenml.data.sql.key_check import KeyCheck
from zenml.data.sql.postgresql.columns import Column, schema_of, typed_columns
from zenml.data.sql.postgresql.relation import Relation, find_relation
from zenml.data.sql.postgresql.session import Session, connect
from zenml.data.sql.postgresql.times import refuse_wrapped_times
from zenml.data.sql.reading import KEY, Reading, bare_query, name_problems
from zenml.data.sql.server_source import ServerSource
from zenml.errors import DataError


class PostgreSQLSource(ServerSource):
    """A table or a query of a PostgreSQL server."""

    @contextmanager
    def open(self, declared: Mapping[str, LogicalType]) -> Iterator[OpenSource]:
        """Open a transaction that sees one state of the database.

        Raises:
            DataError: the source cannot be read in this way.
        """
        query = bare_query(self.query, self.place) if self.query else ""
        with connect(self.server, self.place) as session:
            relation = find_relation(session, self.table) if self.table else None
            session.begin()
            if relation is not None and relation.locks:
                # The lock comes before the snapshot: a TRUNCATE between them would leave no row to see.
                session.run(f"LOCK TABLE {relation.sql} IN ACCESS SHARE MODE")
            columns = relation.columns(session) if relation else _query_columns(session, query, self, declared)
            key = self.key or (relation.primary_key(session) if relation else ())
            problems = name_problems([column.name for column in columns], key, declared, self.place)
            if problems:
                raise DataError(problems)
            if not key:
                raise DataError("it has no primary key, so the order of its rows is not known", self.place, _MEND)
            schema = schema_of(columns, declared, self.place)
            # Only the newline ends a comment in the query's last line.
            origin = relation.sql if relation else f"({query}\n)"
            yield OpenSource(self, session, relation, f"{origin} s", columns, key, schema)


_MEND = f"{KEY}: key=[…]"


def read(session: Session, statement: str, key: Sequence[str], first: int = 0) -> Iterator[pa.RecordBatch]:
    """Yield the ordered rows of a statement.

    Args:
        session: a transaction.
        statement: what to execute.
        key: the columns that order the rows.
        first: how many rows of the source come before.

    Raises:
        DataError: the statement fails; the key does not tell rows apart; a time cannot be kept.
    """
    check = KeyCheck(key, session.place)
    rows = first
    for batch in session.batches(statement):
        check.look_at(batch)
        refuse_wrapped_times(batch, rows, session.place)
        rows += batch.num_rows
        yield batch


@dataclass(frozen=True)
class OpenSource:
    """A source in an open transaction.

    Args:
        source: the source.
        session: the transaction.
        relation: the table, if it is one.
        origin: what stands after FROM; the columns are those of `s`.
        columns: the columns.
        key: the columns that order the rows.
        schema: the columns as they are kept.
    """

    source: PostgreSQLSource
    session: Session
    relation: Relation | None
    origin: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    schema: Schema

    @property
    def key_columns(self) -> list[Column]:
        """Return the columns of the key."""
        by_name = {column.name: column for column in self.columns}
        return [by_name[name] for name in self.key]

    @property
    def order(self) -> str:
        """Return what stands after ORDER BY: the key, then what tells texts apart that compare as equal."""
        orders = [column.order for column in self.key_columns]
        return ", ".join([order[0] for order in orders] + [order[1] for order in orders if order[1:]])

    def reading(self) -> Reading:
        """Return the rows as they stream out of one statement."""
        return Reading(self.schema, read(self.session, self.statement(), self.key))

    def statement(self, where: str = "") -> str:
        """Return the statement that reads the rows, or those for which a condition holds."""
        kept = zip(self.columns, self.schema, strict=True)
        names = ", ".join(f"{column.read_as(feature.type)} AS {_name(column)}" for column, feature in kept)
        return f"SELECT {names} FROM {self.origin}{f' WHERE {where}' if where else ''} ORDER BY {self.order}"  # noqa: S608 - the user's own query


def _name(column: Column) -> str:
    return column.sql.removeprefix("s.")


def _query_columns(
    session: Session, query: str, source: PostgreSQLSource, declared: Iterable[str]
) -> tuple[Column, ...]:
    names = session.names(f"SELECT * FROM ({query}\n) s LIMIT 0")  # noqa: S608 - the user's own query
    problems = name_problems(names, source.key, declared, source.place)
    if problems:
        raise DataError(problems)
    columns = [Column(name, "", "", -1, "") for name in names]
    types = ", ".join(f"pg_typeof({column.sql})::oid::int8" for column in columns)
    # A join with no row gives one row of typed nulls, without running the query.
    nothing = f"(SELECT 1) one LEFT JOIN (SELECT * FROM ({query}\n) q LIMIT 0) s ON true"  # noqa: S608 - see above
    (oids,) = session.rows(f"SELECT {types} FROM {nothing}")  # noqa: S608 - see above
    return typed_columns(session, [(name, oid, -1) for name, oid in zip(names, oids, strict=True)])
