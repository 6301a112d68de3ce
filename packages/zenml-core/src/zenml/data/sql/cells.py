"""Cells of a source that do not fit the type of their column, as one error."""

from __future__ import annotations

from collections.abc import Sequence

from zenml.data.shards import State
from zenml.data.tables.problems import SHOWN
from zenml.errors import DataError, Problem


def refuse_cells(place: str, states: Sequence[State]) -> None:
    """Refuse the bad cells of all shards in the order of rows, the first 20 told one by one.

    Args:
        place: what to call the source.
        states: what the shards left.

    Raises:
        DataError: there are any.
    """
    found: list[tuple[int, Problem]] = []
    told: set[str] = set()
    before = 0
    for state in states:
        for name, column in state.get("findings", {}).get("cells", {}).items():
            for row, value, reason in column["first"]:
                mend = "" if name in told else declare_mend(name, column["type"])
                told.add(name)
                problem = Problem(f"{value!r} is {reason}", f"{place}, row {before + row}, column {name}", mend)
                found.append((before + row, problem))
        before += state["rows"]
    if not found:
        return
    found.sort(key=lambda row: row[0])
    more = [Problem(f"these are the first {SHOWN} of at least {len(found)} bad cells")] if len(found) > SHOWN else []
    raise DataError([problem for _, problem in found[:SHOWN]] + more)


def declare_mend(name: str, kind: str) -> str:
    """Return what to do about cells that do not fit the type of their column."""
    other = {"string": "bytes", "boolean": "integer"}.get(kind, "string")
    return f'If the column holds something else, declare it, as in types={{"{name}": "{other}"}}'
