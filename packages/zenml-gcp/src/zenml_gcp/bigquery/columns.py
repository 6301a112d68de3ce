"""Columns of BigQuery: in which type each is kept, and how its values are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.schema import ELEMENTS, Feature, FeatureType, ListType, LogicalType, Schema
from zenml.data.sql.reading import decimal_problem
from zenml.data.tables.kinds import convertible
from zenml.errors import DataError, Problem, closest

_SPELT = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_TYPES: Mapping[str, tuple[pa.DataType, LogicalType | None]] = {
    "INTEGER": (pa.int64(), LogicalType.INTEGER),
    "FLOAT": (pa.float64(), LogicalType.FLOAT),
    "BOOLEAN": (pa.bool_(), LogicalType.BOOLEAN),
    "STRING": (pa.utf8(), LogicalType.STRING),
    "BYTES": (pa.binary(), LogicalType.BYTES),
    "TIMESTAMP": (pa.timestamp("us", "UTC"), LogicalType.TIMESTAMP),
    "DATETIME": (pa.timestamp("us"), LogicalType.TIMESTAMP),
    "DATE": (pa.date32(), LogicalType.TIMESTAMP),
    "TIME": (pa.time64("us"), None),
    "NUMERIC": (pa.decimal128(38, 9), None),
    "BIGNUMERIC": (pa.decimal256(76, 38), None),
    "JSON": (pa.utf8(), LogicalType.STRING),
    "GEOGRAPHY": (pa.utf8(), None),
}
"""By the name of a type: what the service sends, and what is kept where nobody says otherwise."""

_DECIMALS = ("NUMERIC", "BIGNUMERIC")
_WHOLE_DIGITS, _EXACT_DIGITS = 18, 15
_ELSE = "leave it out by naming the others in columns=[…]"


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        name: its name.
        type: the name of its type, as the service spells it.
        repeated: whether a cell is a list.
        precision: of a decimal, how many digits it has; 0 where nothing bounds them.
        scale: of a decimal, how many of them stand after the point.
    """

    name: str
    type: str
    repeated: bool
    precision: int
    scale: int

    @classmethod
    def of(cls, field: Mapping[str, Any]) -> Column:
        """Return a column as the service describes it."""
        kind = field["type"].upper()
        digits = int(field.get("precision", 0)), int(field.get("scale", 0))
        return cls(field["name"], _SPELT.get(kind, kind), field.get("mode") == "REPEATED", *digits)

    @property
    def written(self) -> str:
        """Return the type as a user writes it."""
        text = "STRUCT" if self.type == "RECORD" else self.type
        return f"ARRAY<{text}>" if self.repeated else text

    @property
    def arrow(self) -> pa.DataType | None:
        """Return the type of its values as the service sends them; None where no type can be made of it."""
        kind = _TYPES[self.type][0] if self.type in _TYPES else None
        return pa.list_(kind) if kind is not None and self.repeated else kind

    @property
    def logical(self) -> FeatureType | None:
        """Return the type in which its values are kept, or None where the user must say it."""
        kind = _TYPES.get(self.type, (None, None))[1]
        if self.type in _DECIMALS and self.precision:
            if not self.scale and self.precision <= _WHOLE_DIGITS:
                kind = LogicalType.INTEGER
            elif self.precision <= _EXACT_DIGITS:
                kind = LogicalType.FLOAT
        if kind is None or not self.repeated:
            return kind
        return ListType.of(kind) if kind in ELEMENTS else None

    def problem(self, place: str) -> Problem:
        """Say why it cannot be kept as it is."""
        if self.type in _DECIMALS and not self.repeated:
            return decimal_problem(self.name, self.written, place)
        where = f"{place}, column {self.name}"
        if self.type == "RECORD":
            what = f"it holds records ({self.written}), which a table of features cannot"
            return Problem(what, where, f"Let a query name their parts, or {_ELSE}")
        what = f"its type ({self.written}) has no counterpart among the types of features"
        if self.repeated or self.arrow is None:
            return Problem(what, where, f"Let a query make something else of it, or {_ELSE}")
        return Problem(what, where, f'Declare it, as in types={{"{self.name}": "string"}}, or {_ELSE}')


def schema_of(
    fields: Sequence[Mapping[str, Any]], names: Sequence[str], declared: Mapping[str, FeatureType], place: str
) -> Schema:
    """Return the schema in which columns are kept.

    Args:
        fields: the columns as the service describes them.
        names: which ones to keep, in that order; all by default.
        declared: types that the user gave.
        place: what to call the source in an error.

    Raises:
        DataError: a name is no column, or a type has no counterpart; all of them are told.
    """
    columns = {field["name"]: Column.of(field) for field in fields}
    problems = [
        Problem(
            f"{given} names a column {name!r} that is not there",
            place,
            closest(name, columns) or f"Columns: {', '.join(columns)}",
        )
        for given, some in (("columns", names), ("types", declared))
        for name in some
        if name not in columns
    ]
    features = []
    for column in (columns[name] for name in names or columns if name in columns):
        kind = declared.get(column.name) or column.logical
        if kind is None:
            problems.append(column.problem(place))
        elif column.arrow is None or not convertible(column.arrow, kind):
            what = f"{column.written} cannot be read as {kind}"
            problems.append(Problem(what, f"{place}, column {column.name}", "Leave it out of types, or use a query"))
        else:
            features.append(Feature(column.name, kind))
    if problems:
        raise DataError(problems)
    return Schema(tuple(features))


def readable(batch: pa.RecordBatch, schema: Schema) -> pa.RecordBatch:
    """Return rows with decimals as texts where texts are kept, every digit and no more."""
    columns = [
        _texts(batch.column(feature.name))
        if pa.types.is_decimal(batch.schema.field(feature.name).type) and feature.type is LogicalType.STRING
        else batch.column(feature.name)
        for feature in schema
    ]
    return pa.RecordBatch.from_arrays(columns, names=list(schema.names))


def _texts(array: pa.Array) -> pa.Array:
    encoded = array.dictionary_encode()
    texts = [f"{value:f}" for value in encoded.dictionary.to_pylist()]
    short = [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
    return pc.take(pa.array(short, pa.utf8()), encoded.indices)
