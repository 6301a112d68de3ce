"""Keeps the rows of a query as a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from zenml.data.schema import LogicalType
from zenml.data.shards import RunJob, State, atomic_file
from zenml.data.snapshot import shard_batches
from zenml.data.sql.source import SQLiteQuery
from zenml.data.tables.files import unknown_type_warning
from zenml.data.tables.problems import SHOWN
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob, WriteTable
from zenml.errors import DataError, Problem

ROWS = 1 << 18
"""Rows of a shard, about, whatever the number of workers."""


class KeepQuery(WriteTable):
    """Write one shard from the Arrow file that holds a range of keys."""

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the file."""
        yield from shard_batches(shard["path"])


def keep_query(
    source: SQLiteQuery,
    declared: Mapping[str, LogicalType],
    tfrecord: bool,
    out: Path,
    scratch: Path,
    run_job: RunJob,
    warn: Callable[[str], None],
) -> TableRead:
    """Write the snapshot of a query into `out`.

    One transaction reads the rows in the order of the key into Arrow files, each with a range of keys; these are the
    shards. So all shards see one state of the database, and no worker needs it.

    Args:
        source: the query.
        declared: types that the user gave, by column.
        tfrecord: whether to write TFRecord copies.
        out: the snapshot's folder.
        scratch: takes the Arrow files.
        run_job: runs a job on the step's engine.
        warn: tells the user what may need attention.

    Raises:
        DataError: the query fails, or its rows cannot be kept.
    """
    shards: list[dict[str, Any]] = []
    size = 0
    with source.open() as query:
        schema, stored = query.columns(query.names(), declared)
        batches = query.batches(stored)
        batch = next(batches, None)
        while batch is not None:
            path = scratch / f"rows-{len(shards):05d}.arrow"
            shards.append({"path": str(path), "number": len(shards)})
            with atomic_file(path) as file, pa.ipc.new_file(file, batch.schema) as writer:
                rows = 0
                while batch is not None and rows < ROWS:
                    writer.write_batch(batch)
                    rows += batch.num_rows
                    size += batch.nbytes
                    batch = next(batches, None)
    if not shards:
        raise DataError("there is no row", source.place)
    for name, kind in stored.items():
        if not kind and name not in declared:
            warn(unknown_type_warning(name))

    def check(states: Sequence[State]) -> None:
        problems = _cell_problems(source.place, states)
        if problems:
            raise DataError(problems)

    job = TableJob("zenml.data.sql.commit:KeepQuery", shards, schema, {}, tfrecord, "keep rows", size)
    return job.write(out, run_job, check)


def _cell_problems(place: str, states: Sequence[State]) -> list[Problem]:
    """Return the bad cells of all shards in the order of rows, the first 20 one by one."""
    found: list[tuple[int, Problem]] = []
    before = 0
    for state in states:
        for name, column in state.get("findings", {}).get("cells", {}).items():
            for row, value, reason in column["first"]:
                what = f"{value!r} is {reason}"
                found.append((before + row, Problem(what, f"{place}, row {before + row}, column {name}")))
        before += state["rows"]
    found.sort(key=lambda row: row[0])
    more = [Problem(f"these are the first {SHOWN} of at least {len(found)} bad cells")] if len(found) > SHOWN else []
    return [problem for _, problem in found[:SHOWN]] + more
