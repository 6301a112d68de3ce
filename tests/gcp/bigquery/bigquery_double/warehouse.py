"""Warehouse: tables by project and dataset, each with what it was like before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

WINDOW_MS = 7 * 86_400_000
"""How long a table's past is kept."""

Key = tuple[str, str, str]


@dataclass
class Stored:
    """A table.

    Args:
        key: project, dataset and name.
        kind: as the service names kinds of tables.
        fields: its columns, as the service describes them.
        states: what it was like from which time on, in milliseconds since 1970.
        streaming: whether rows stream into it.
    """

    key: Key
    kind: str
    fields: list[dict[str, Any]]
    states: list[tuple[float, pa.Table]] = field(default_factory=list)
    streaming: bool = False

    @property
    def now(self) -> pa.Table:
        """Return what it is like now."""
        return self.states[-1][1]

    def at(self, moment: float) -> pa.Table | None:
        """Return what it was like at a time; None before it was made."""
        found = [table for since, table in self.states if since <= moment]
        return found[-1] if found else None


class Warehouse:
    """Tables of any project."""

    def __init__(self) -> None:
        self.tables: dict[Key, Stored] = {}

    def put(
        self,
        name: str,
        table: pa.Table,
        types: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        kind: str = "TABLE",
        hours_ago: float = 2,
    ) -> Stored:
        """Make a table, or change the one that has the name.

        Args:
            name: `project.dataset.table`.
            table: the rows.
            types: what the service says of columns where their Arrow type does not.
            kind: as the service names kinds of tables.
            hours_ago: when that was.
        """
        project, dataset, own = name.split(".")
        key = (project, dataset, own)
        fields = [describe(column) | dict((types or {}).get(column.name, {})) for column in table.schema]
        stored = self.tables.setdefault(key, Stored(key, kind, fields))
        stored.fields = fields
        stored.states.append((int(time.time() * 1000 - hours_ago * 3_600_000), table))
        return stored

    def names(self, project: str, dataset: str | None = None) -> list[str]:
        """Return the datasets of a project, or the tables of a dataset."""
        place = 1 if dataset is None else 2
        return sorted({key[place] for key in self.tables if key[0] == project and dataset in (None, key[1])})


def describe(column: pa.Field) -> dict[str, Any]:
    """Return what the service says of a column."""
    kind, mode = column.type, "NULLABLE"
    if pa.types.is_list(kind):
        kind, mode = kind.value_type, "REPEATED"
    told: dict[str, Any] = {"name": column.name, "type": _type(kind), "mode": mode}
    if pa.types.is_struct(kind):
        told["fields"] = [describe(kind.field(place)) for place in range(kind.num_fields)]
    return told


def _type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    checks = {
        "INTEGER": pa.types.is_integer,
        "FLOAT": pa.types.is_floating,
        "BOOLEAN": pa.types.is_boolean,
        "BYTES": pa.types.is_binary,
        "DATE": pa.types.is_date,
        "TIME": pa.types.is_time,
        "NUMERIC": pa.types.is_decimal128,
        "BIGNUMERIC": pa.types.is_decimal256,
        "RECORD": pa.types.is_struct,
    }
    return next((name for name, check in checks.items() if check(kind)), "STRING")


def as_sent(table: pa.Table) -> pa.Table:
    """Return a table in the types that the service sends."""
    fields = []
    for column in table.schema:
        inner = column.type.value_type if pa.types.is_list(column.type) else column.type
        if pa.types.is_integer(inner):
            inner = pa.int64()
        elif pa.types.is_floating(inner):
            inner = pa.float64()
        elif pa.types.is_decimal128(inner):
            inner = pa.decimal128(38, 9)
        elif pa.types.is_timestamp(inner):
            inner = pa.timestamp("us", "UTC" if inner.tz else None)
        elif pa.types.is_null(inner):
            inner = pa.int64()
        elif pa.types.is_large_string(inner) or pa.types.is_string_view(inner):
            inner = pa.utf8()
        fields.append(pa.field(column.name, pa.list_(inner) if pa.types.is_list(column.type) else inner))
    return table.cast(pa.schema(fields)).combine_chunks()
