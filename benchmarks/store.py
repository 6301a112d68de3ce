"""How long a metadata store of 100,000 runs takes for what `run list` and a cache look-up ask."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.timing import Row
from zenml.metadata.sql import SQLMetadataStore

RUNS = 100_000
STEPS = ("data", "split", "trainer")
REAL = 10
"""Every tenth run made its artifacts; the others were served from the cache."""

PIECE = 2_000


def fill(store: SQLMetadataStore, runs: int = RUNS) -> None:
    """Insert runs in bulk, as so many calls of the store would have left them, into a store that holds none."""
    from sqlalchemy import insert

    from zenml.metadata import schema
    from zenml.metadata.statement import Cursor, Statement

    database = store._open()  # noqa: SLF001 - fills tables, which no store offers
    database.add_artifact_types(["Examples"])
    tables = schema.metadata.tables
    for first in range(0, runs, PIECE):
        rows: dict[str, list[dict[str, Any]]] = {}
        for table, row in _rows(database.types, first, min(first + PIECE, runs)):
            rows.setdefault(table, []).append(row)
        with database.transaction(write=True) as connection:
            for table, found in rows.items():
                Statement(insert(tables[table]), tuple(found[0])).run_many(Cursor(connection), found)


def _rows(types: Any, first: int, last: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (table, row) of the runs from `first` to `last`; ids are given, so that rows can refer to each other."""
    from zenml.metadata.model import Kind

    run_type, step_type = types[Kind.CONTEXT, "zenml.Run"], types[Kind.EXECUTION, "zenml.Step"]
    end_type, artifact_type = types[Kind.CONTEXT, "zenml.AttemptEnd"], types[Kind.ARTIFACT, "zenml.Examples"]
    stamp = {"create_time_since_epoch": 1, "last_update_time_since_epoch": 1}
    for number in range(first, last):
        name, pipeline = f"r{number:019d}", f"Pipeline {number % 50}"
        run = 1_000 + number * 4
        yield (
            "Context",
            {"id": run, "type_id": run_type, "name": name, "external_id": f"{pipeline}/{name}", **stamp},
        )
        values = {
            "zenml_state": "COMPLETE", "pipeline": pipeline, "spec": f"sha256:{number % 50:064d}", "owner_host": "host",
            "owner_pid": "77", "owner_started": "1.5", "started": f"{number}.5", "finished": f"{number}.75",
        }  # fmt: skip
        yield from _properties("ContextProperty", "context_id", run, values)
        made = number - number % REAL
        for place, step in enumerate(STEPS):
            execution = 1 + number * len(STEPS) + place
            fingerprint = f"{step}-{made:060d}"
            cached = made != number
            state = "CACHED" if cached else "COMPLETE"
            yield (
                "Execution",
                {
                    "id": execution, "type_id": step_type, "last_known_state": 5 if cached else 3,
                    "name": f"{name}/{step}", **stamp,
                },
            )  # fmt: skip
            yield "Association", {"context_id": run, "execution_id": execution}
            key = "cached_fingerprint" if cached else "fingerprint"
            values = {
                "zenml_state": state, "step_type": f"{step.title()}Step", key: fingerprint, "attempt": "a1",
                "started": f"{number}.5", "finished": f"{number}.6",
            }  # fmt: skip
            yield from _properties("ExecutionProperty", "execution_id", execution, values)
            artifact = 1 + made * len(STEPS) + place
            if not cached:
                end = {"id": run + 1 + place, "type_id": end_type, "name": f"{name}/{step}/a1", "external_id": None}
                yield "Context", {**end, **stamp}
                uri = f"/artifacts/examples/{fingerprint}/a1"
                yield "Artifact", {"id": artifact, "type_id": artifact_type, "uri": uri, "state": 2, **stamp}
                yield from _properties("ArtifactProperty", "artifact_id", artifact, {"digest": f"sha256:{number:064d}"})
            event = {"artifact_id": artifact, "execution_id": execution, "type": 4, "milliseconds_since_epoch": 1}
            yield "Event", {"id": execution, **event}
            path = {"event_id": execution, "is_index_step": False, "step_index": None, "step_key": "examples"}
            yield "EventPath", path


def _properties(table: str, key: str, owner: int, values: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in values.items():
        yield table, {key: owner, "name": name, "is_custom_property": False, "string_value": value}


def ask(store: SQLMetadataStore, runs: int = RUNS, times: int = 21) -> tuple[float, float]:
    """Return the median milliseconds of the query of `run list --limit 50` and of one cache look-up, store open."""
    listing, looking = [], []
    for number in range(times):
        begin = time.perf_counter()
        assert len(store.list_runs(limit=50)) == 50
        listing.append(time.perf_counter() - begin)
        made = number * 997 % (runs // REAL) * REAL
        begin = time.perf_counter()
        assert len(store.find_step(f"trainer-{made:060d}")) == 1
        looking.append(time.perf_counter() - begin)
    return sorted(listing)[times // 2] * 1e3, sorted(looking)[times // 2] * 1e3


def measure() -> list[Row]:
    """Measure a SQLite file."""
    from zenml.metadata.sqlite import SQLiteMetadataStore

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metadata.db"
        store = SQLiteMetadataStore(path=str(path))
        began = time.perf_counter()
        fill(store)
        spent = time.perf_counter() - began
        listing, looking = ask(store)
        note = f"made in {spent:.0f} s, {path.stat().st_size / 1e6:.0f} MB"
    runs = f"{RUNS:,} runs in SQLite"
    return [
        Row(f"`run list --limit 50`, {runs}", listing, 50, "ms", note),
        Row(f"a cache look-up, {runs}", looking, 50, "ms"),
    ]


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(f"{row.what}: {row.measured:.1f} {row.unit} {row.note}\n")
