"""Problems: what shards found wrong with the files of a source, in the words of the user's files, rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from zenml.data.shards import State
from zenml.data.source_files import SourceFile
from zenml.errors import DataError, Problem

SHOWN = 20
"""How many bad cells of a column, and how many bad rows, a shard tells in full."""


def changed_files(files: Sequence[SourceFile]) -> list[Problem]:
    """Return a problem for each file that is not as it was when it was listed."""
    problems: list[Problem] = []
    for file in files:
        try:
            same = file.again() == file
        except DataError as error:
            problems += error.problems
            continue
        if not same:
            problems.append(
                Problem("the file changed while it was read", file.place, "Run again when nothing writes to it")
            )
    return problems


def shard_problems(
    files: Sequence[SourceFile], shards: Sequence[Mapping[str, Any]], states: Sequence[State]
) -> list[Problem]:
    """Return the ragged rows and bad cells of all shards in the order of files and rows, the first 20 one by one.

    Row numbers count the data rows of a file from 1.
    """
    rows: list[tuple[int, int, Problem]] = []
    counts: dict[tuple[int, str], int] = {}
    order = {file.url: place for place, file in enumerate(files)}
    before = dict.fromkeys(order, 0)
    for shard, state in zip(shards, states, strict=True):
        url = shard["file"]["url"]
        place = shard["file"].get("label") or url
        findings = state.get("findings", {})
        if findings.get("changed"):
            rows.append((order[url], 0, Problem("the file changed while it was read", place)))
        if findings.get("failed"):
            rows.append((order[url], before[url], Problem(findings["failed"], place, findings.get("mend", ""))))
        for row, problem, kind, count in _problems(place, findings, before[url]):
            rows.append((order[url], row, problem))
            counts[order[url], kind] = counts.get((order[url], kind), 0) + count
        before[url] += state["rows"] + state.get("left_out", {}).get("rows", 0)
    shown = sorted(rows, key=lambda found: found[:2])[:SHOWN]
    total = sum(counts.values())
    problems = _mended_once([problem for _, _, problem in shown])
    if total > len(shown):
        kinds = [f"{count} {kind} in {files[place].name}" for (place, kind), count in counts.items()]
        problems.append(Problem(f"these are the first {len(shown)} of {total}: {', '.join(kinds)}"))
    return problems


def _problems(url: str, findings: Mapping[str, Any], before: int) -> list[tuple[int, Problem, str, int]]:
    """Return row, problem, kind of problem, and for the first of its kind how many there are in the shard."""
    found: list[tuple[int, Problem, str, int]] = []
    ragged = findings.get("ragged", {"count": 0, "first": []})
    for place, (row, expected, actual) in enumerate(ragged["first"]):
        names = ragged.get("names", "the header has")
        what = f"{actual} {'cell' if actual == 1 else 'cells'} where {names} {expected}"
        problem = Problem(what, f"{url}, row {before + row}")
        found.append((before + row, problem, "ragged rows", ragged["count"] if not place else 0))
    bad = findings.get("rows", {"count": 0, "first": []})
    for place, (row, what, mend) in enumerate(bad["first"]):
        problem = Problem(what, f"{url}, row {before + row}", mend)
        found.append((before + row, problem, "bad rows", bad["count"] if not place else 0))
    for name, cells in findings.get("cells", {}).items():
        for place, (row, value, reason) in enumerate(cells["first"]):
            other = _other_type(cells["type"])
            mend = f'If the column holds something else, declare it, as in types={{"{name}": "{other}"}}'
            problem = Problem(f"{value!r} is {reason}", f"{url}, row {before + row}, column {name}", mend)
            found.append((before + row, problem, f"bad cells of {name}", cells["count"] if not place else 0))
    return found


def _other_type(kind: str) -> str:
    """Return a type that more cells fit."""
    if kind.startswith("list"):
        return kind.replace("integer", "float") if kind.endswith(">") else kind[: kind.index("[")]
    return "bytes" if kind == "string" else "string"


def cell_problems(cells: Mapping[str, Any], place: str) -> list[Problem]:
    """Return a problem for each bad cell told in full, in the order of columns, where no file is to be named."""
    return [
        Problem(f"{value!r} is {reason}", f"{place}, row {row}, column {name}")
        for name, column in cells.items()
        for row, value, reason in column["first"]
    ]


def _mended_once(problems: Sequence[Problem]) -> list[Problem]:
    """Say what to do only where it is said for the first time."""
    told: set[str] = set()
    once: list[Problem] = []
    for problem in problems:
        once.append(replace(problem, mend="") if problem.mend in told else problem)
        told.add(problem.mend)
    return once
