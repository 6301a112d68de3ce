"""Keeps a table in memory as a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from zenml.data.memory.frame import Frame
from zenml.data.shards import RunJob, State, atomic_file
from zenml.data.snapshot import shard_batches
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob, WriteTable

ROWS = 1 << 18
"""Rows of a shard, whatever the number of workers."""

_BATCH = 1 << 16


class KeepRows(WriteTable):
    """Write one shard from an Arrow file."""

    READS: ClassVar[tuple[str, ...]] = ("path",)

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the file."""
        yield from shard_batches(shard["path"])


def keep(frame: Frame, out: Path, scratch: Path, tfrecord: bool, run_job: RunJob) -> TableRead:
    """Write the snapshot of a frame into `out`.

    Args:
        frame: the table.
        out: the snapshot's folder.
        scratch: takes the table as files that workers read.
        tfrecord: whether to write TFRecord copies.
        run_job: runs a job on the step's engine.
    """
    shards = []
    for number, start in enumerate(range(0, frame.table.num_rows, ROWS)):
        path = scratch / f"rows-{number:05d}.arrow"
        part = frame.table.slice(start, ROWS)
        with atomic_file(path) as file, pa.ipc.new_file(file, part.schema) as writer:
            writer.write_table(part, _BATCH)
        shards.append({"path": str(path), "number": number})
    op = "zenml.data.memory.commit:KeepRows"
    job = TableJob(op, shards, frame.schema, {}, tfrecord, "keep rows", frame.table.nbytes)
    return job.write(out, run_job, _nothing_to_check)


def _nothing_to_check(_: Sequence[State]) -> None:
    """A frame was checked when it was made."""
