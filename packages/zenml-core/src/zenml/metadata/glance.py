"""Glance: names in a SQLite metadata store, read in a few milliseconds because no library is imported for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zenml.metadata.model import Field, Kind, Name, step_name

_PATIENCE = 0.5
"""Seconds to wait for a database that is locked."""

_TYPE = "(SELECT id FROM Type WHERE name = ? AND type_kind = ?)"
_DECLARED = "(SELECT string_value FROM {0}Property WHERE {1}_id = n.id AND name = ? AND is_custom_property = 0)"
_OF_CONTEXT = _DECLARED.format("Context", "context")
_OF_EXECUTION = _DECLARED.format("Execution", "execution")
_RUNS = f"""SELECT name, {_OF_CONTEXT}, {_OF_CONTEXT} FROM Context AS n
    WHERE type_id = {_TYPE} AND name >= ? AND name < ? ORDER BY name DESC LIMIT ?"""  # noqa: S608 - constants
_PIPELINES = f"SELECT name FROM Context WHERE type_id = {_TYPE} ORDER BY id"  # noqa: S608 - constants
_STEPS = f"""SELECT name, {_OF_EXECUTION} FROM Execution AS n
    WHERE type_id = {_TYPE} AND name >= ? AND name < ? ORDER BY id"""  # noqa: S608 - constants


class Glance:
    """Reads names; every method may raise sqlite3.Error.

    Args:
        path: the database; nothing is made or changed there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def runs(self, prefix: str, limit: int) -> list[tuple[str, str, str]]:
        """Return id, pipeline and recorded state of the newest runs whose ids begin so."""
        given = (Field.PIPELINE, Field.STATE, Name.RUN, Kind.CONTEXT, *_between(prefix), limit)
        return [(run, pipeline or "", state or "") for run, pipeline, state in self._all(_RUNS, given)]

    def steps(self, run: str) -> list[tuple[str, str]]:
        """Return id and type of each step of a run."""
        given = (Field.STEP_TYPE, Name.STEP, Kind.EXECUTION, *_between(step_name(run, "")))
        return [(name.partition("/")[2], type_ or "") for name, type_ in self._all(_STEPS, given)]

    def pipelines(self) -> list[str]:
        """Return the names of all pipelines, in order of their first run."""
        return [name for (name,) in self._all(_PIPELINES, (Name.PIPELINE, Kind.CONTEXT))]

    def _all(self, query: str, given: Sequence[Any]) -> list[Any]:
        uri = f"file:{quote(str(self._path))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE)) as connection:
            return connection.execute(query, given).fetchall()


def _between(prefix: str) -> tuple[str, str]:
    """Return the bounds of the names that begin so; `~` comes after all that such names are made of."""
    return prefix, f"{prefix}~"
