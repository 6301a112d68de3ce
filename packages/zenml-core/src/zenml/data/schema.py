"""Schema: the names and logical types of the columns of a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import pyarrow as pa

from zenml.errors import DataError, Problem, closest

FORMAT = 1


class LogicalType(StrEnum):
    """What the cells of a column mean, whatever the source stored them as."""

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    STRING = "string"
    BYTES = "bytes"
    TIMESTAMP = "timestamp"

    @property
    def arrow(self) -> pa.DataType:
        """Return the Arrow type in which a snapshot keeps such a column."""
        return _ARROW[self]

    @property
    def numeric(self) -> bool:
        """Say whether the cells are numbers to calculate with."""
        return self in (LogicalType.INTEGER, LogicalType.FLOAT)


_ARROW = {
    LogicalType.INTEGER: pa.int64(),
    LogicalType.FLOAT: pa.float64(),
    LogicalType.BOOLEAN: pa.bool_(),
    LogicalType.STRING: pa.utf8(),
    LogicalType.BYTES: pa.binary(),
    LogicalType.TIMESTAMP: pa.timestamp("us"),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: its name and its logical type."""

    name: str
    type: LogicalType


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order; names are unique."""

    features: tuple[Feature, ...]

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def __len__(self) -> int:
        return len(self.features)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Feature:
        """Return the feature called `name`.

        Raises:
            DataError: there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            mend = closest(name, self.names) or f"Columns: {', '.join(self.names)}"
            raise DataError(Problem(f"there is no column {name!r}", mend=mend)) from None

    @cached_property
    def _by_name(self) -> dict[str, Feature]:
        return {feature.name: feature for feature in self.features}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(feature.name for feature in self.features)

    def to_arrow(self) -> pa.Schema:
        """Return the Arrow schema of the shards."""
        return pa.schema([pa.field(feature.name, feature.type.arrow) for feature in self.features])

    @classmethod
    def from_arrow(cls, schema: pa.Schema) -> Schema:
        """Return the logical schema of an Arrow schema; narrow numbers and large strings count as their wide kin.

        Raises:
            DataError: columns of types that a snapshot does not keep; all of them are named.
        """
        found = [(field, _logical(field.type)) for field in schema]
        problems = [
            Problem(f"Arrow type {field.type} is not supported", field.name) for field, kind in found if not kind
        ]
        if problems:
            raise DataError(problems)
        return cls(tuple(Feature(field.name, kind) for field, kind in found if kind))

    def to_json(self) -> str:
        """Return the text of `schema.json`."""
        rows = [{"name": feature.name, "type": feature.type.value} for feature in self.features]
        return json.dumps({"format": FORMAT, "features": rows}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Schema:
        """Read what `to_json` wrote."""
        rows = json.loads(text)["features"]
        return cls(tuple(Feature(row["name"], LogicalType(row["type"])) for row in rows))


def _logical(kind: pa.DataType) -> LogicalType | None:
    checks = (
        (pa.types.is_integer, LogicalType.INTEGER),
        (pa.types.is_floating, LogicalType.FLOAT),
        (pa.types.is_boolean, LogicalType.BOOLEAN),
        (pa.types.is_string, LogicalType.STRING),
        (pa.types.is_large_string, LogicalType.STRING),
        (pa.types.is_binary, LogicalType.BYTES),
        (pa.types.is_large_binary, LogicalType.BYTES),
        (pa.types.is_timestamp, LogicalType.TIMESTAMP),
    )
    return next((logical for check, logical in checks if check(kind)), None)
