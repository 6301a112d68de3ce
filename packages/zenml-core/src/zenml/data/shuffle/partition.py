"""PartitionRows: the first half of a shuffle, in which each shard's rows are written into hash partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from zenml.data.keys import key_hashes
from zenml.data.shards import RunJob, ShardJob, ShardOp, State, atomic_file
from zenml.data.snapshot import shard_batches

PARTITION_BYTES = 32 << 20
"""Bytes of data for which there is a partition."""

MOST_PARTITIONS = 1024
CHUNK_BYTES = 32 << 20
"""Bytes of a shard that are dealt out to the partitions at a time."""

_SEED = 0x5A454E4D4C


def partition_count(size: int) -> int:
    """Return the number of partitions for data of so many bytes; the workers play no part in it."""
    return max(1, min(MOST_PARTITIONS, -(-size // PARTITION_BYTES)))


class PartitionRows(ShardOp):
    """Write the rows of shard k into one file, whose batches p, p + n, p + 2n … are partition p of n.

    Every row of a chunk of the shard is in one of n batches, in the order of the rows; a shard larger than a chunk has
    several times n batches.

    Params: `keys` (names of columns), `columns` (those to keep), `partitions` (n), `chunk` (bytes).
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Deal out the rows of one Arrow shard."""
        columns: list[str] = self.params["columns"]
        count = self.params["partitions"]
        with pa.memory_map(shard["file"]) as source, pa.ipc.open_file(source) as reader:
            schema = pa.schema([reader.schema.field(name) for name in columns])
        name = f"{shard['split']}-{shard['number']:05d}.arrow"
        with atomic_file(self.out / name) as file, pa.ipc.new_file(file, schema) as writer:
            for chunk in _chunks(shard_batches(shard["file"], columns), self.params["chunk"]):
                hashes = key_hashes(chunk, self.params["keys"], _SEED)
                places = (hashes % np.uint64(count)).astype(np.uint16)
                counts = np.bincount(places, minlength=count).tolist()
                dealt = chunk.take(pa.array(np.argsort(places, kind="stable")))
                first = 0
                for rows in counts:
                    writer.write_batch(dealt.slice(first, rows))
                    first += rows
        return {"file": name}


def partition_rows(
    shards: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    columns: Sequence[str],
    partitions: int,
    out: Path,
    run_job: RunJob,
    *,
    size: int = 0,
    chunk: int = CHUNK_BYTES,
) -> list[str]:
    """Shuffle the rows of some shards into partitions by the hash of their keys; return the files, in shard order.

    One partition needs no shuffle: then these are the files of the shards themselves.

    Args:
        shards: Arrow shards, with `file`, `split` and `number`.
        keys: names of the key columns.
        columns: names of the columns to keep.
        partitions: from `partition_count`.
        out: the folder for the files.
        run_job: runs a job.
        size: bytes of the shards.
        chunk: bytes that are dealt out at a time.
    """
    if partitions == 1:
        return [str(shard["file"]) for shard in shards]
    params = {"keys": list(keys), "columns": list(columns), "partitions": partitions, "chunk": chunk}
    job = ShardJob(f"{__name__}:PartitionRows", tuple(shards), str(out), params, "shuffle rows", size)
    return [str(out / state["file"]) for state in run_job(job)]


def partition_batches(
    files: Sequence[str], partition: int, of: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Stream a partition's batches in the order of the shards."""
    for file in files:
        with pa.memory_map(file) as source, pa.ipc.open_file(source) as reader:
            for number in range(partition, reader.num_record_batches, of):
                batch = reader.get_batch(number).select(list(columns))
                if batch.num_rows:
                    yield batch


def _chunks(batches: Iterator[pa.RecordBatch], limit: int) -> Iterator[pa.RecordBatch]:
    """Join batches until they hold so many bytes."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= limit:
            yield pa.concat_batches(held)
            held, size = [], 0
    if held:
        yield pa.concat_batches(held)
