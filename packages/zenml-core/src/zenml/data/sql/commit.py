"""Keeps the rows that stream out of a transaction as a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from zenml.data.schema import LogicalType, Schema
from zenml.data.shards import RunJob, atomic_file
from zenml.data.snapshot import shard_batches
from zenml.data.sql.cells import refuse_cells
from zenml.data.sql.reading import Reading, Source
from zenml.data.sql.trimming import trimmed
from zenml.data.tables.files import unknown_type_warning
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob, WriteTable
from zenml.errors import DataError

ROWS = 1 << 18
"""Rows of a shard, whatever the number of workers."""


class KeepQuery(WriteTable):
    """Write one shard from the Arrow file that holds a range of keys."""

    READS: ClassVar[tuple[str, ...]] = ("path",)

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the file."""
        yield from map(trimmed, shard_batches(shard["path"]))


@dataclass(frozen=True)
class Spilled:
    """Rows that were read, in Arrow files each with a range of keys.

    Args:
        place: what to call the source in an error.
        schema: the columns.
        untyped: columns whose type is not known.
        shards: the files, as shards of a job.
        size: bytes of all.
    """

    place: str
    schema: Schema
    untyped: tuple[str, ...]
    shards: list[dict[str, Any]]
    size: int

    def keep(
        self,
        declared: Mapping[str, LogicalType],
        tfrecord: bool,
        out: Path,
        run_job: RunJob,
        warn: Callable[[str], None],
    ) -> TableRead:
        """Write the snapshot of the rows into `out`; see `keep_query`."""
        for name in self.untyped:
            if name not in declared:
                warn(unknown_type_warning(name))
        job = TableJob(
            "zenml.data.sql.commit:KeepQuery", self.shards, self.schema, {}, tfrecord, "keep rows", self.size
        )
        return job.write(out, run_job, lambda states: refuse_cells(self.place, states))


def keep_query(
    source: Source,
    declared: Mapping[str, LogicalType],
    tfrecord: bool,
    out: Path,
    scratch: Path,
    run_job: RunJob,
    warn: Callable[[str], None],
) -> TableRead:
    """Write the snapshot of a source into `out`.

    One transaction reads the rows in the order of the key into Arrow files, each with a range of keys; these are the
    shards. So all shards see one state of the database, and no worker needs it.

    Args:
        source: the table or query.
        declared: types that the user gave, by column.
        tfrecord: whether to write TFRecord copies.
        out: the snapshot's folder.
        scratch: takes the Arrow files.
        run_job: runs a job on the step's engine.
        warn: tells the user what may need attention.

    Raises:
        DataError: the query fails, or its rows cannot be kept.
    """
    with source.reading(declared) as reading:
        spilled = spill(reading, source.place, scratch)
    return spilled.keep(declared, tfrecord, out, run_job, warn)


def spill(reading: Reading, place: str, scratch: Path) -> Spilled:
    """Write rows into Arrow files of `ROWS` rows each.

    Raises:
        DataError: there is no row, or the reading fails.
    """
    shards: list[dict[str, Any]] = []
    size = 0
    pieces = _pieces(reading.batches)
    piece = next(pieces, None)
    while piece is not None:
        batch, number = piece
        path = scratch / f"rows-{number:05d}.arrow"
        shards.append({"path": str(path), "number": number})
        with atomic_file(path) as file, pa.ipc.new_file(file, batch.schema) as writer:
            while piece is not None and piece[1] == number:
                writer.write_batch(piece[0])
                size += piece[0].nbytes
                piece = next(pieces, None)
    if not shards:
        raise DataError("there is no row", place)
    return Spilled(place, reading.schema, reading.untyped, shards, size)


def _pieces(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield slices of batches, each with the number of the shard that it belongs to."""
    rows = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, ROWS - rows % ROWS)
            yield piece, rows // ROWS
            start += piece.num_rows
            rows += piece.num_rows
