"""Columns of MySQL and MariaDB: in which type each is kept, and how a statement reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.sql.mysql.session import quoted
from zenml.data.sql.reading import decimal_problem, type_problem
from zenml.errors import DataError, Problem

_TINY, _FLOAT, _BIT, _DECIMAL, _GEOMETRY = 1, 4, 16, 246, 255
_NAMES = {
    0: "decimal",
    _TINY: "tinyint",
    2: "smallint",
    3: "int",
    _FLOAT: "float",
    5: "double",
    6: "null",
    7: "timestamp",
    8: "bigint",
    9: "mediumint",
    10: "date",
    11: "time",
    12: "datetime",
    13: "year",
    14: "date",
    15: "varchar",
    _BIT: "bit",
    242: "vector",
    245: "json",
    _DECIMAL: "decimal",
    247: "enum",
    248: "set",
    249: "text",
    250: "text",
    251: "text",
    252: "text",
    253: "varchar",
    254: "char",
    _GEOMETRY: "geometry",
}
"""Type codes of the protocol."""

_LOGICAL = {
    **dict.fromkeys(("tinyint", "smallint", "int", "mediumint", "bigint", "year"), LogicalType.INTEGER),
    **dict.fromkeys(("float", "double"), LogicalType.FLOAT),
    **dict.fromkeys(("timestamp", "date", "datetime"), LogicalType.TIMESTAMP),
    **dict.fromkeys(("text", "varchar", "char", "enum", "set", "json", "null"), LogicalType.STRING),
}
_TEXTS = ("text", "varchar", "char")
_WHOLE_DIGITS, _EXACT_DIGITS = 18, 15


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        name: its name.
        code: the code of its type.
        length: the most characters that a value has.
        scale: of a decimal, the digits after the point.
        charset: the character set of its texts; `binary` where they are bytes.
    """

    name: str
    code: int
    length: int
    scale: int
    charset: str

    @property
    def type(self) -> str:
        """Return the name of its type."""
        name = _NAMES.get(self.code, f"number {self.code}")
        # What a query gives as NULL comes as bytes that may have no length.
        return "null" if name in _TEXTS and self.charset == "binary" and not self.length else name

    @property
    def sql(self) -> str:
        """Return the column in a statement that calls its source `s`."""
        return f"s.{quoted(self.name)}"

    @property
    def logical(self) -> LogicalType | None:
        """Return the type in which its values are kept, or None where the user must say it."""
        if self.code in (_TINY, _BIT) and self.length == 1:
            return LogicalType.BOOLEAN
        if self.code == _DECIMAL:
            precision = self.length - 1 - (self.scale > 0)  # the length counts a sign and a point
            if not self.scale and precision <= _WHOLE_DIGITS:
                return LogicalType.INTEGER
            return LogicalType.FLOAT if precision <= _EXACT_DIGITS else None
        if self.type in _TEXTS and self.charset == "binary":
            return LogicalType.BYTES
        return _LOGICAL.get(self.type)

    @property
    def read(self) -> str:
        """Return the expression that gives the values as texts without loss."""
        if self.code == _FLOAT:
            return f"{self.sql} + 0e0"  # as a double: a float is printed with six digits
        if self.code == _BIT:
            return f"{self.sql} + 0"
        return f"ST_AsText({self.sql})" if self.code == _GEOMETRY else self.sql

    @property
    def order(self) -> tuple[str, ...]:
        """Return what orders the rows by the column: first as its index does, then so that no two texts are equal."""
        if self.type in _TEXTS and self.charset != "binary":
            return (self.sql, f"CAST({self.sql} AS BINARY)")
        return (self.sql,)


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
        elif column.code == _DECIMAL:
            problems.append(decimal_problem(column.name, f"decimal of {column.length} characters", place))
        else:
            problems.append(type_problem(column.name, column.type, place))
    if problems:
        raise DataError(problems)
    return Schema(tuple(features))
