"""Relation: a table or view of PostgreSQL, as its catalogue describes it."""

from __future__ import annotations

from dataclasses import dataclass

from zenml.data.sql.postgresql.columns import Column, typed_columns
from zenml.data.sql.postgresql.session import Session, literal, quoted
from zenml.errors import DataError, closest

_FIND = """
SELECT c.oid::int8, c.relkind::text, format('%I.%I', n.nspname, c.relname), CASE
  WHEN c.relkind = 'p' THEN (
    SELECT CASE WHEN bool_or(leaf.relkind = 'f') THEN -1 ELSE sum(pg_table_size(leaf.oid)) END::int8
    FROM pg_partition_tree(c.oid) part JOIN pg_class leaf ON leaf.oid = part.relid)
  WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid) ELSE -1 END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid = coalesce({names})
"""
_ALL = """
SELECT n.nspname::text, c.relname::text, pg_table_is_visible(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1, 2
"""
_COLUMNS = """
SELECT attname::text, atttypid::int8, atttypmod FROM pg_attribute
WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_KEY = """
SELECT a.attname::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS part(number, place), pg_attribute a
WHERE i.indrelid = {oid} AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = part.number ORDER BY place
"""


@dataclass(frozen=True)
class Relation:
    """A table or view.

    Args:
        oid: its number in the catalogue.
        kind: what it is: `r` for a table, `p` for a partitioned one, `m` for a materialised view, and so on.
        sql: its name with its schema, as SQL has it.
        size: its bytes, or -1 where its rows do not lie in this database alone.
    """

    oid: int
    kind: str
    sql: str
    size: int

    @property
    def locks(self) -> bool:
        """Say whether it can be locked."""
        return self.kind in ("r", "p")

    @property
    def reads_by_range(self) -> bool:
        """Say whether several transactions of one snapshot see the same rows, each reading its own alone.

        A view would run its query for every range, and a foreign table has snapshots of its own.
        """
        return self.size >= 0

    def columns(self, session: Session) -> tuple[Column, ...]:
        """Return its columns."""
        return typed_columns(session, session.rows(_COLUMNS.format(oid=self.oid)))

    def primary_key(self, session: Session) -> tuple[str, ...]:
        """Return the columns of its primary key, if it has one."""
        return tuple(name for (name,) in session.rows(_KEY.format(oid=self.oid)))


def find_relation(session: Session, table: str) -> Relation:
    """Return the table or view with a name.

    Raises:
        DataError: there is none.
    """
    schema, dot, name = table.partition(".")
    names = [quoted(table)] + ([f"{quoted(schema)}.{quoted(name)}"] if dot else [])
    found = session.rows(_FIND.format(names=", ".join(f"to_regclass({literal(name)})" for name in names)))
    if found:
        return Relation(*found[0])
    rows = session.rows(_ALL)
    tables = [f"{schema}.{name}" if dot or not visible else name for schema, name, visible in rows]
    mend = closest(table, tables) or f"Tables: {', '.join(tables) or 'none'}"
    raise DataError(f"there is no table or view {table!r}", session.server.place, mend)
