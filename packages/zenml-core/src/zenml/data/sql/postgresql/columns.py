"""Columns of PostgreSQL: in which type each is kept, and how a statement reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zenml.data.schema import Feature, FeatureType, LogicalType, Schema
from zenml.data.sql.postgresql.session import Session, quoted
from zenml.data.sql.reading import decimal_problem, type_problem
from zenml.errors import DataError, Problem

_TYPES = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), LogicalType.INTEGER),
    **dict.fromkeys(("float4", "float8"), LogicalType.FLOAT),
    "bool": LogicalType.BOOLEAN,
    "bytea": LogicalType.BYTES,
    **dict.fromkeys(("timestamp", "timestamptz", "date"), LogicalType.TIMESTAMP),
    **dict.fromkeys(("text", "varchar", "bpchar", "char", "name", "citext", "ltree"), LogicalType.STRING),
    **dict.fromkeys(("json", "jsonb", "uuid", "xml"), LogicalType.STRING),
    **dict.fromkeys(("inet", "cidr", "macaddr", "macaddr8"), LogicalType.STRING),
}
_EXACT = {"int2", "int4", "int8", "oid", "bool", "bytea", "timestamp", "timestamptz", "date", "uuid"}
"""Types whose values are equal only when they are the same."""

_WHOLE_DIGITS, _EXACT_DIGITS = 18, 15

_WALK = """
WITH RECURSIVE walk(number, oid, mod) AS (
  VALUES {rows}
  UNION ALL
  SELECT number, t.typbasetype::int8, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE mod END
  FROM walk JOIN pg_type t ON t.oid = walk.oid::oid WHERE t.typtype = 'd'
)
SELECT t.typname::text, t.typtype::text, mod::int8, format_type(t.oid, mod)
FROM walk JOIN pg_type t ON t.oid = walk.oid::oid WHERE t.typtype <> 'd' ORDER BY number
"""


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        name: its name.
        type: name of its type in the catalogue, behind any domain.
        kind: `b` for a plain type, `e` for an enum, and so on, as the catalogue has it.
        modifier: of a numeric, its precision and scale; -1 where there is none.
        written: its type as SQL writes it.
    """

    name: str
    type: str
    kind: str
    modifier: int
    written: str

    @property
    def sql(self) -> str:
        """Return the column in a statement that calls its source `s`."""
        return f"s.{quoted(self.name)}"

    @property
    def digits(self) -> tuple[int, int] | None:
        """Return precision and scale of a numeric, where it has them."""
        if self.type != "numeric" or self.modifier < 4:
            return None
        packed = self.modifier - 4
        return (packed >> 16) & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024

    @property
    def logical(self) -> LogicalType | None:
        """Return the type in which its values are kept, or None where the user must say it."""
        if self.kind == "e":
            return LogicalType.STRING
        if self.digits is not None:
            precision, scale = self.digits
            if scale == 0 and precision <= _WHOLE_DIGITS:
                return LogicalType.INTEGER
            return LogicalType.FLOAT if scale >= 0 and precision <= _EXACT_DIGITS else None
        return _TYPES.get(self.type)

    def read_as(self, kind: FeatureType) -> str:
        """Return the expression that gives the values for a logical type, in a form that the driver reads exactly."""
        if kind is LogicalType.STRING and self.type != "bytea":
            return f"{self.sql}::text"
        if self.type == "numeric":
            if kind is LogicalType.FLOAT:
                return f"{self.sql}::float8"
            return f"{self.sql}::{'int8' if kind is self.logical else 'text'}"
        if self.type == "oid":
            return f"{self.sql}::int8"
        plain = self.kind != "e" and self.logical not in (None, LogicalType.STRING)
        return self.sql if plain else f"{self.sql}::text"

    @property
    def order(self) -> tuple[str, ...]:
        """Return what orders the rows by the column: first as its index does, then so that no two texts are equal."""
        if self.kind == "e" or self.type in _EXACT:
            return (self.sql,)
        return (self.sql, f'{self.sql}::text COLLATE "C"')


def typed_columns(session: Session, columns: Iterable[tuple[str, int, int]]) -> tuple[Column, ...]:
    """Return columns with their types.

    Args:
        session: a transaction.
        columns: name, type and modifier of each.
    """
    found = list(columns)
    if not found:
        return ()
    rows = ", ".join(f"({place}, {oid}::int8, {mod})" for place, (_, oid, mod) in enumerate(found))
    types = session.rows(_WALK.format(rows=rows))
    return tuple(Column(name, *row) for (name, _, _), row in zip(found, types, strict=True))


def schema_of(columns: Sequence[Column], declared: Mapping[str, LogicalType], place: str) -> Schema:
    """Return the schema in which columns are kept.

    Raises:
        DataError: a type has no counterpart; all such columns are named.
    """
    problems: list[Problem] = []
    features: list[Feature] = []
    for column in columns:
        kind = declared.get(column.name) or column.logical
        if kind is not None:
            features.append(Feature(column.name, kind))
        elif column.type == "numeric":
            problems.append(decimal_problem(column.name, column.written, place))
        else:
            problems.append(type_problem(column.name, column.written, place))
    if problems:
        raise DataError(problems)
    return Schema(tuple(features))
