"""Ranges of hashes: which rows of all runs are in one, in order, in memory that does not grow with the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from zenml.data.hashing import Hashes
from zenml.data.unordered.content import all_alike, sorted_rows
from zenml.data.unordered.deal import RANGE_BITS

SORT_BYTES = 1 << 26
"""Bytes that are sorted at a time."""

_END = 1 << 64


@dataclass(frozen=True)
class _Run:
    """A slice of a sorted run.

    Args:
        rows: the rows.
        hashes: their hashes, in order.
    """

    rows: pa.RecordBatch
    hashes: Hashes

    def between(self, low: int, high: int) -> _Run:
        """Return the rows whose hashes are at least `low` and less than `high`."""
        first = int(np.searchsorted(self.hashes, np.uint64(low)))
        last = len(self.hashes) if high == _END else int(np.searchsorted(self.hashes, np.uint64(high)))
        return _Run(self.rows.slice(first, last - first), self.hashes[first:last])


@contextmanager
def open_runs(files: Sequence[str], low: int, high: int) -> Iterator[Iterator[pa.RecordBatch]]:
    """Open the rows of all runs in the ranges `low` to `high - 1` of hashes; they stream in order.

    Args:
        files: what `DealRows` wrote.
        low: number of the first range.
        high: number of the range after the last one.
    """
    shift = 64 - RANGE_BITS
    with ExitStack() as stack:
        runs: list[_Run] = []
        for file in files:
            reader = stack.enter_context(pa.ipc.open_file(stack.enter_context(pa.memory_map(file))))
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                run = _Run(batch.select(list(range(1, batch.num_columns))), batch.column(0).to_numpy())
                runs.append(run.between(low << shift, high << shift))
        yield _merged([run for run in runs if len(run.hashes)], low << shift, high << shift)


def _merged(runs: Sequence[_Run], low: int, high: int) -> Iterator[pa.RecordBatch]:
    """Sort a range in memory where it fits, else each half of it."""
    if not runs:
        return
    if sum(run.rows.nbytes for run in runs) <= SORT_BYTES:
        yield _sorted(runs)
    elif high - low == 1:
        yield from _one_hash(runs)
    else:
        middle = (low + high) // 2
        for first, last in ((low, middle), (middle, high)):
            halves = [run.between(first, last) for run in runs]
            yield from _merged([half for half in halves if len(half.hashes)], first, last)


def _sorted(runs: Sequence[_Run]) -> pa.RecordBatch:
    rows = pa.concat_batches([run.rows for run in runs])
    return sorted_rows(rows, np.concatenate([run.hashes for run in runs]))[0]


def _one_hash(runs: Sequence[_Run]) -> Iterator[pa.RecordBatch]:
    """Yield many rows with one hash: nearly always one row many times."""
    one = runs[0].rows.slice(0, 1)
    if all(all_alike(run.rows, one) for run in runs):
        yield from (run.rows for run in runs)
    else:
        yield _sorted(runs)
