"""Keeps what PostgreSQL holds as a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from zenml.data.schema import LogicalType
from zenml.data.shards import RunJob
from zenml.data.sql.commit import spill
from zenml.data.sql.postgresql.ranges import keep_ranges
from zenml.data.sql.postgresql.source import PostgreSQLSource
from zenml.data.tables.read import TableRead


def keep_postgresql(
    source: PostgreSQLSource,
    declared: Mapping[str, LogicalType],
    tfrecord: bool,
    out: Path,
    scratch: Path,
    run_job: RunJob,
    warn: Callable[[str], None],
) -> TableRead:
    """Write the snapshot of a source into `out`: workers read ranges of a table, a view or query streams once.

    For arguments and errors see `zenml.data.sql.commit.keep_query`.
    """
    with source.open(declared) as found:
        if found.relation is not None and found.relation.reads_by_range:
            return keep_ranges(found, tfrecord, out, run_job)
        spilled = spill(found.reading(), source.place, scratch)
    return spilled.keep(declared, tfrecord, out, run_job, warn)
