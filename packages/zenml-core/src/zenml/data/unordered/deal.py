"""DealRows: the first half, in which the rows of a stream become sorted runs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from zenml.data.hashing import Hashes
from zenml.data.schema import Schema
from zenml.data.shards import ShardOp, State, atomic_file
from zenml.data.tables.writing import BadCells
from zenml.data.unordered.content import content_hashes, sorted_rows

RUN_BYTES = 1 << 25
"""Bytes of rows that are sorted at a time."""

RANGE_BITS = 12
"""The hashes are counted in so many bits' number of ranges of equal length."""


class DealRows(ShardOp):
    """Write the rows of one stream into a file of sorted runs, each a record batch with the hashes as first column.

    Params: `schema` (JSON text), and what the subclass needs. The state has `rows`, `file`, `counts` (rows by range of
    hashes) and `cells`, those that do not fit the schema; where there are any, the other rows do not count.
    """

    @abstractmethod
    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one stream, with the columns of the schema in any convertible type."""

    def work(self, shard: Mapping[str, Any]) -> State:
        """Sort the rows of one stream."""
        schema = Schema.from_json(self.params["schema"])
        cells = BadCells()
        counts = np.zeros(1 << RANGE_BITS, np.int64)
        name = f"stream-{shard['number']:05d}.arrow"
        kept = pa.schema([pa.field("", pa.uint64()), *schema.to_arrow()])
        with atomic_file(self.out / name) as file, pa.ipc.new_file(file, kept) as writer:
            for rows in _lots(cells.convert(batch, schema, 0) for batch in self.read(shard)):
                batch, hashes = sorted_rows(rows, content_hashes(rows))
                counts += _counted(hashes)
                arrays = [pa.array(hashes), *batch.columns]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=kept))
        return {"rows": int(counts.sum()), "file": name, "counts": counts, "cells": cells.found}


def _counted(hashes: Hashes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.bincount((hashes >> np.uint64(64 - RANGE_BITS)).astype(np.int64), minlength=1 << RANGE_BITS)


def _lots(batches: Iterator[pa.RecordBatch | None]) -> Iterator[pa.RecordBatch]:
    """Join batches until they hold so many bytes; after a bad cell nothing more comes of them."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if batch is None:
            held = []
            continue
        held.append(batch)
        size += batch.nbytes
        if size >= RUN_BYTES:
            yield pa.concat_batches(held)
            held, size = [], 0
    if held:
        yield pa.concat_batches(held)
