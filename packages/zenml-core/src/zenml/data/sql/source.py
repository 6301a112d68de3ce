"""SQLiteQuery: a table or query of an SQLite database, read in one transaction and one order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.sql.blocks import blocks
from zenml.data.sql.key_check import KeyCheck
from zenml.data.sql.reading import KEY, Reading, name_problems
from zenml.errors import DataError, Problem, closest

_ROW_ID = "_rowid_"
_STORED = ("integer", "real", "text", "blob")
_ARROW = {"integer": pa.int64(), "real": pa.float64(), "text": pa.binary(), "blob": pa.binary(), "": pa.null()}
_LOGICAL = {
    "integer": LogicalType.INTEGER,
    "real": LogicalType.FLOAT,
    "text": LogicalType.STRING,
    "blob": LogicalType.BYTES,
    "": LogicalType.STRING,
}


@dataclass(frozen=True)
class SQLiteQuery:
    """A table or a query.

    Args:
        path: the database.
        table: name of a table or view, or empty.
        query: a SELECT statement, where no table is named.
        key: columns that order the rows; each combination of their values stands in one row.
    """

    path: str
    table: str
    query: str
    key: tuple[str, ...]

    @property
    def place(self) -> str:
        """Return what to call it in an error."""
        return f"{self.path}, table {self.table}" if self.table else f"{self.path}, query"

    @contextmanager
    def open(self) -> Iterator[OpenQuery]:
        """Open the database for reading, in one transaction that sees one state of it.

        Raises:
            DataError: it cannot be opened, or a statement fails; also within the context.
        """
        try:
            with closing(sqlite3.connect(f"file:{quote(self.path)}?mode=ro", uri=True, isolation_level=None)) as base:
                base.text_factory = bytes
                base.execute("BEGIN")
                yield OpenQuery(self, base)
        except sqlite3.Error as error:
            raise DataError(self._problem(error)) from None

    @contextmanager
    def reading(self, declared: Mapping[str, LogicalType]) -> Iterator[Reading]:
        """Stream the rows out of one transaction; see `Source`."""
        with self.open() as query:
            schema, stored = query.columns(query.names(declared), declared)
            untyped = tuple(name for name, kind in stored.items() if not kind)
            yield Reading(schema, query.batches(stored), untyped)

    def _problem(self, error: sqlite3.Error) -> Problem:
        if "no such table" not in str(error):
            return Problem(f"the database says: {error}", self.place)
        try:
            with closing(sqlite3.connect(f"file:{quote(self.path)}?mode=ro", uri=True)) as base:
                rows = base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name")
                names = [name for (name,) in rows]
        except sqlite3.Error:
            names = []
        near = closest(self.table, names) if self.table else ""
        return Problem(str(error), self.path, near or f"Tables: {', '.join(names) or 'none'}")


@dataclass(frozen=True)
class OpenQuery:
    """A query in a transaction."""

    source: SQLiteQuery
    base: sqlite3.Connection

    @property
    def _from(self) -> str:
        return _name(self.source.table) if self.source.table else f"({self._bare})"

    @property
    def _bare(self) -> str:
        return self.source.query.strip().rstrip(";")

    def names(self, declared: Iterable[str]) -> list[str]:
        """Return the names of the columns.

        Raises:
            DataError: two have one name, or a name in the key or among the declared types is none of them.
        """
        # A query is looked at as it stands: inside of another one, SQLite renames columns of one name.
        statement = self._bare if self.source.query else f"SELECT * FROM {self._from} LIMIT 0"  # noqa: S608 - the user's own table
        found = self.base.execute(statement).description
        if found is None:
            raise DataError("the query gives no rows; write a SELECT statement", self.source.place)
        names = [column[0] for column in found]
        problems = name_problems(names, self.source.key, declared, self.source.place)
        if not self.source.key and not self._has_row_ids(names):
            what = "it has no row ids, so the order of its rows is not known"
            problems.append(Problem(what, self.source.place, f"{KEY}: key=[…]"))
        if problems:
            raise DataError(problems)
        return names

    def _has_row_ids(self, names: Sequence[str]) -> bool:
        if _ROW_ID in (name.lower() for name in names):
            return False
        kind = self.base.execute("SELECT type FROM sqlite_master WHERE lower(name) = lower(?)", [self.source.table])
        if kind.fetchone() != (b"table",):
            return False
        try:
            self.base.execute(f"SELECT {_ROW_ID} FROM {self._from} LIMIT 0")  # noqa: S608 - the user's own table
        except sqlite3.OperationalError:
            return False
        return True

    def columns(self, names: Sequence[str], declared: Mapping[str, LogicalType]) -> tuple[Schema, dict[str, str]]:
        """Return the columns in their types, and how the database stores the values of each.

        Raises:
            DataError: columns that hold values of several kinds.
        """
        place = self.source.place
        sums = [f"total(typeof({_name(name)}) = '{kind}')" for name in names for kind in _STORED]
        counts: list[float] = []
        for start in range(0, len(sums), 400):
            row = self.base.execute(f"SELECT {', '.join(sums[start : start + 400])} FROM {self._from}")  # noqa: S608 - the user's own query
            counts += row.fetchone()
        problems: list[Problem] = []
        features: list[Feature] = []
        stored: dict[str, str] = {}
        for at, name in enumerate(names):
            own = zip(_STORED, counts[len(_STORED) * at :], strict=False)
            found = {kind: int(count) for kind, count in own if count}
            kinds = {*found}
            if kinds == {"integer", "real"}:
                kinds = {"real"}
            if len(kinds) > 1:
                told = " and ".join(f"{count} of type {kind}" for kind, count in found.items())
                mend = f"Let the query make them one, as in CAST({_name(name)} AS TEXT)"
                problems.append(Problem(f"it holds values of several types: {told}", f"{place}, column {name}", mend))
                continue
            stored[name] = next(iter(kinds), "")
            features.append(Feature(name, declared.get(name, _LOGICAL[stored[name]])))
        if problems:
            raise DataError(problems)
        return Schema(tuple(features)), stored

    def batches(self, stored: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the order of the key.

        Args:
            stored: how the values of each column are stored, from `columns`.

        Raises:
            DataError: two rows have one key, or a key has no value.
        """
        names = list(stored)
        order = ", ".join(map(_name, self.source.key)) or _ROW_ID
        wide = [place for place, kind in enumerate(stored.values()) if kind in ("text", "blob")]
        cursor = self.base.execute(f"SELECT {', '.join(map(_name, names))} FROM {self._from} ORDER BY {order}")  # noqa: S608 - the user's own query
        check = KeyCheck(self.source.key, self.source.place)
        for rows in blocks(cursor.fetchmany, wide):
            arrays = [_array(values, stored[name]) for name, values in zip(names, zip(*rows, strict=True), strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, names=names)
            check.look_at(batch)
            yield batch


def _array(values: Sequence[Any], kind: str) -> pa.Array:
    if kind == "real":
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, _ARROW[kind])


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
