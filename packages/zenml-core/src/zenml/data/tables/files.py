"""What the readers of files share: the columns of many files that belong together, and a check of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from zenml.data.schema import Feature, FeatureType, ListType, LogicalType, Schema
from zenml.data.shards import State
from zenml.data.source_files import SourceFile
from zenml.data.tables.kinds import convertible, logical_type, plain_type, refusal
from zenml.data.tables.problems import changed_files, shard_problems
from zenml.errors import DataError, Problem, closest


@dataclass(frozen=True)
class Typed:
    """A table, or a part of one, that tells the Arrow types of its columns.

    Args:
        place: what to call it in an error.
        schema: its columns.
    """

    place: str
    schema: pa.Schema


def check_files(files: Sequence[SourceFile], shards: Sequence[Mapping[str, Any]], states: Sequence[State]) -> None:
    """Raise a DataError with all that shards found wrong, or if a file changed meanwhile."""
    problems = changed_files(files) or shard_problems(files, shards, states)
    if problems:
        raise DataError(problems)


def unknown_names(names: Iterable[str], known: Sequence[str], parameter: str, where: str) -> list[Problem]:
    """Return a problem for each name in a parameter that is no column."""
    mends = {name: closest(name, known) or f"Columns: {', '.join(known)}" for name in names if name not in known}
    return [Problem(f"{parameter} names a column {name!r} that is not there", where, mends[name]) for name in mends]


def common_schema(
    parts: Sequence[Typed], declared: Mapping[str, FeatureType], columns: Sequence[str] | None
) -> tuple[Schema, list[str]]:
    """Return the columns of parts that belong together, and the names of those that hold nothing but nulls.

    Args:
        parts: the parts, in order; the first one's columns are expected of all.
        declared: types that the user gave, by column.
        columns: names of the columns to read, in that order; all by default.

    Raises:
        DataError: columns that cannot be kept, other columns or types in another part, unknown names in the
            parameters; all of them.
    """
    first = parts[0]
    names = first.schema.names
    problems = [
        Problem(f"{count} columns are called {name!r}", first.place, "Give each column a name of its own")
        for name, count in ((name, names.count(name)) for name in dict.fromkeys(names))
        if count > 1
    ]
    problems += [Problem("a column has no name", first.place)] if "" in names else []
    problems += unknown_names(declared, names, "types", first.place)
    problems += unknown_names(columns or (), names, "columns", first.place)
    for part in parts[1:]:
        problems += _other_names(part, first)
    if problems:
        raise DataError(problems)
    if not names:
        raise DataError("there is no column", first.place)
    features: list[Feature] = []
    empty: list[str] = []
    for name in columns or names:
        found = _column_type(name, parts, declared.get(name))
        if isinstance(found, LogicalType | ListType):
            features.append(Feature(name, found))
        elif found is None:
            features.append(Feature(name, LogicalType.STRING))
            empty.append(name)
        else:
            problems += found
    if problems:
        raise DataError(problems)
    return Schema(tuple(features)), empty


def _other_names(part: Typed, first: Typed) -> list[Problem]:
    names, expected = part.schema.names, first.schema.names
    more = [name for name in names if name not in expected]
    less = [name for name in expected if name not in names]
    if not more and not less and len(names) == len(expected):
        return []
    parts = ([f"has also {', '.join(more)}"] if more else []) + ([f"lacks {', '.join(less)}"] if less else [])
    what = f"its columns differ from those of {first.place}: it {' and '.join(parts) or 'repeats some'}"
    return [Problem(what, part.place, "Files that are read together need the same columns")]


def _column_type(name: str, parts: Sequence[Typed], declared: FeatureType | None) -> FeatureType | list[Problem] | None:
    """Return the type of a column, None where it holds nothing but nulls, or what is wrong with it."""
    kinds = [(part.place, part.schema.field(name).type) for part in parts]
    if declared is not None:
        return [
            Problem(f"Arrow type {kind} cannot be read as {declared}", f"{place}, column {name}")
            for place, kind in kinds
            if not convertible(kind, declared)
        ] or declared
    known = [(place, kind) for place, kind in kinds if not pa.types.is_null(plain_type(kind))]
    problems = [refusal(name, kind, place) for place, kind in known if logical_type(kind) is None]
    if problems:
        return problems[:1]
    if not known:
        return None
    (place, kind), *others = known
    expected = logical_type(kind)
    different = [(other, more) for other, more in others if logical_type(more) != expected]
    if different:
        general = ListType.of(expected.element) if isinstance(expected, ListType) else LogicalType.FLOAT
        mend = f'Declare its type, as in types={{"{name}": "{general}"}}'
        return [
            Problem(f"it is of type {more}, and of type {kind} in {place}", f"{other}, column {name}", mend)
            for other, more in different
        ]
    return expected


def unknown_type_warning(name: str) -> str:
    """Say that nothing tells the type of a column."""
    return (
        f"column {name!r} has no value in the first rows and is read as text; "
        f'declare its type if it is another one, as in types={{"{name}": "float"}}'
    )
