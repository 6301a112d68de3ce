"""Reading: the rows of a source in one transaction, and the rules that all databases share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from zenml.data.schema import LogicalType, Schema
from zenml.errors import DataError, Problem, closest

KEY = "Name the columns that order the rows and tell them apart"
_SELECTS = ("select", "with", "values", "table")
_NOT_YET = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)


@dataclass(frozen=True)
class Reading:
    """Rows that stream out of a transaction.

    Args:
        schema: the columns.
        batches: the rows in the order of the key, with the columns of the schema in any convertible type.
        untyped: columns whose type neither the database nor their values say.
    """

    schema: Schema
    batches: Iterator[pa.RecordBatch]
    untyped: tuple[str, ...] = ()


class Source(Protocol):
    """A table or query of a database."""

    @property
    def place(self) -> str:
        """Return what to call it in an error."""

    def reading(self, declared: Mapping[str, LogicalType]) -> AbstractContextManager[Reading]:
        """Open a transaction that sees one state of the database, and close it when the context ends.

        Args:
            declared: types that the user gave, by column.

        Raises:
            DataError: the source cannot be read; also while the batches are drawn.
        """


def bare_query(query: str, place: str) -> str:
    """Return a query without the semicolon at its end.

    Raises:
        DataError: it does not select.
    """
    words = query[_NOT_YET.match(query).end() :].split(None, 1)  # type: ignore[union-attr] # it matches the empty text
    if not words or not words[0].lower().startswith(_SELECTS):
        raise DataError(f"the query is no SELECT statement, it starts with {' '.join(words[:1])!r}", place)
    return query.strip().rstrip(";")


def name_problems(names: Sequence[str], key: Iterable[str], declared: Iterable[str], place: str) -> list[Problem]:
    """Return the problems of columns that share a name, and of names in key and types that are no column."""
    problems = [
        Problem(f"{names.count(name)} columns are called {name!r}", place, "Rename them by AS")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    for field, given in (("key", key), ("types", declared)):
        for name in given:
            if name not in names:
                mend = closest(name, names) or f"Columns: {', '.join(names)}"
                problems.append(Problem(f"{field} names a column {name!r} that is not there", place, mend))
    return problems


def type_problem(name: str, kind: str, place: str) -> Problem:
    """Return the problem of a column whose type has no counterpart."""
    mend = f'Declare it, as in types={{"{name}": "string"}}, or leave it out: query="SELECT …"'
    return Problem(f"its type ({kind}) has no counterpart among the types of features", f"{place}, column {name}", mend)


def decimal_problem(name: str, kind: str, place: str) -> Problem:
    """Return the problem of a column of decimals that a float may not keep exactly."""
    mend = f'Declare it: types={{"{name}": "float"}} rounds them, "string" keeps every digit'
    return Problem(f"its numbers ({kind}) may have more digits than a float keeps", f"{place}, column {name}", mend)
