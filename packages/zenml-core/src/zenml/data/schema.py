"""Schema: the names, logical types and shapes of the columns of a table."""

from __future__ import annotations

import json
import re
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

    @property
    def element(self) -> LogicalType:
        """Return the type of one value."""
        return self

    @property
    def shape(self) -> Shape:
        """Return the shape of a cell: it is a scalar, without any dimension."""
        return ()


Shape = tuple[int | None, ...]
"""The shape of the cells of a column: `()` for one value, `(n,)` for lists of n values, `(None,)` for lists of any."""

ELEMENTS = (LogicalType.INTEGER, LogicalType.FLOAT, LogicalType.STRING, LogicalType.BYTES)
"""Types of values that a list can have."""

_LIST = re.compile(r"list<(\w+)>(?:\[([1-9][0-9]*)\])?")


class ListType(str):
    """The type of a column of lists, one in each cell: `list<float>`, or `list<float>[3]` for lists of three values.

    It is its own text, as a `LogicalType` is.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> ListType:
        """Read the text of a type.

        Raises:
            ValueError: it is no list of integers, floats, strings or bytes.
        """
        found = _LIST.fullmatch(text)
        if found is None or found[1] not in ELEMENTS:
            raise ValueError(f"{text!r} is no type of lists: those are list<{'>, list<'.join(ELEMENTS)}>, or with [n]")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, element: LogicalType, length: int | None = None) -> ListType:
        """Return the type of lists of a length, or of any."""
        return cls(f"list<{element}>" + (f"[{length}]" if length else ""))

    @property
    def value(self) -> str:
        """Return the text of the type."""
        return str(self)

    @property
    def element(self) -> LogicalType:
        """Return the type of the values in a list."""
        return LogicalType(self[len("list<") : self.index(">")])

    @property
    def length(self) -> int | None:
        """Return how many values each list has, or None where lists vary."""
        return int(self[self.index("[") + 1 : -1]) if self.endswith("]") else None

    @property
    def shape(self) -> Shape:
        """Return the shape of a cell."""
        return (self.length,)

    @property
    def arrow(self) -> pa.DataType:
        """Return the Arrow type in which a snapshot keeps such a column."""
        return pa.list_(self.element.arrow, self.length or -1)

    @property
    def numeric(self) -> bool:
        """Say that a cell is no number to calculate with."""
        return False


FeatureType = LogicalType | ListType
"""What the cells of a column mean: one value, or a list of values."""


def feature_type(text: str, shape: Shape = ()) -> FeatureType:
    """Return the type that a text names, or that of lists of it.

    Raises:
        ValueError: there is no such type.
    """
    if shape:
        (length,) = shape
        return ListType.of(LogicalType(text), length)
    return ListType(text) if text.startswith("list") else LogicalType(text)


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
    """One column: its name and its type."""

    name: str
    type: FeatureType

    @property
    def shape(self) -> Shape:
        """Return the shape of its cells: `()` for one value, `(n,)` or `(None,)` for a list."""
        return self.type.shape


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
        rows = [{"name": feature.name, "type": feature.type.element.value} | _shape_row(feature) for feature in self]
        return json.dumps({"format": FORMAT, "features": rows}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Schema:
        """Read what `to_json` wrote."""
        rows = json.loads(text)["features"]
        return cls(tuple(Feature(row["name"], feature_type(row["type"], tuple(row.get("shape", ())))) for row in rows))


def _shape_row(feature: Feature) -> dict[str, list[int | None]]:
    return {"shape": list(feature.shape)} if feature.shape else {}


def _logical(kind: pa.DataType) -> FeatureType | None:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        element = _logical(kind.value_type)
        length = kind.list_size if pa.types.is_fixed_size_list(kind) else None
        return ListType.of(element, length) if isinstance(element, LogicalType) and element in ELEMENTS else None
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
